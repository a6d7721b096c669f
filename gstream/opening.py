"""Open a stream: send the request, and again where that makes sense (DESIGN 7.1).

Connect, sleep, clock and randomness are arguments.
"""

from collections.abc import Callable
from dataclasses import dataclass

from .documents import error_in_body
from .errors import GstreamError
from .events import shorten
from .outcome import refused_request
from .retry import LONGEST_WAIT, asked_wait, backoff, is_daily_quota, is_retried
from .transport import Answer, Connect, Request, UnansweredError, network_error

OK = 200


@dataclass(frozen=True, slots=True)
class Retrying:
    """How to try again.

    Attributes:
        retries: Most tries after the first.
        sleep: Waits some seconds.
        now: Seconds since the epoch.
        random: A number from 0 up to 1.
        tell: Is told in a line before each wait.
        verbose: Is told what only `-v` shows.
    """

    retries: int
    sleep: Callable[[float], None]
    now: Callable[[], float]
    random: Callable[[], float]
    tell: Callable[[str], None]
    verbose: Callable[[str], None]


def open_stream(connect: Connect, request: Request, retrying: Retrying) -> Answer:
    """Send a request until it is answered with 200, or there is no point in going on.

    Raises:
        NetworkError: No answer came.
        GstreamError: The failure that the server's refusal is.
    """
    attempt = 0
    while True:
        try:
            answer = connect(request)
        except UnansweredError as exc:
            failure: GstreamError = network_error(request, exc)
            wait = None if exc.final else backoff(attempt, retrying.random)
            if exc.sent and wait is not None and request.method == "POST":
                retrying.verbose("the server may have received the request: it could run twice")
        else:
            if answer.status == OK:
                return answer
            failure, wait = _refusal(request, answer, attempt, retrying)
        if wait is None or attempt >= retrying.retries:
            raise failure
        attempt += 1
        retrying.tell(f"{failure}; try {attempt + 1} of {retrying.retries + 1} in {wait:.1f} s")
        retrying.sleep(wait)


def _refusal(
    request: Request, answer: Answer, attempt: int, retrying: Retrying
) -> tuple[GstreamError, float | None]:
    """The failure that a refusal is, and the seconds to wait before another try, if one helps."""
    error = error_in_body(answer.read())
    failure = refused_request(error, answer.status)
    if place := answer.headers.get("location", ""):
        failure.args = (f"HTTP {answer.status}: redirected to {shorten(place.encode())}",)
        failure.hint = "redirects are not followed, or others would get the key; see --base-url"
    failure.args = (f"{request}: {failure}",)
    if is_daily_quota(error):
        failure.hint = "the quota of the day is used up: it is of no use to try again today"
        return failure, None
    if not is_retried(answer.status):
        return failure, None
    wait = asked_wait(answer.headers, error, retrying.now())
    if wait is None:
        return failure, backoff(attempt, retrying.random)
    if wait > LONGEST_WAIT:
        failure.hint = f"the server asks to wait {wait:.0f} s"
        return failure, None
    return failure, wait
