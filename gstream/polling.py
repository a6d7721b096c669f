"""Ask for an interaction until it has ended, where streaming it does not work (DESIGN 7.3).

Pure: connect, sleep, clock and randomness are arguments, as for `resume.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from .documents import error_in_body
from .errors import BadDataError, TruncatedError
from .events import Event, loads
from .ledger import Ledger
from .outcome import RUNNING, error_text
from .retry import is_retried
from .sse import MAX_EVENT_SIZE
from .transport import Answer, Connect, Request, UnansweredError

OK = 200
GONE = frozenset({401, 403, 404, 410})
"""Refusals after which no other request can help."""

_SECONDS = 5.0
_SECONDS_AGENT = 10.0
_LONGEST = 3600.0


class Requests(Protocol):
    """The requests about one interaction."""

    def stream(self, interaction_id: str, last_event_id: str) -> Request:
        """Its events after an id; all of them if that is empty."""
        ...

    def get(self, interaction_id: str) -> Request:
        """The interaction as it is now."""
        ...


@dataclass(frozen=True, slots=True)
class Resuming:
    """How to go on after a dropped connection.

    Attributes:
        enabled: Whether to go on at all.
        retries: Most failures in a row without progress.
        sleep: Waits some seconds.
        clock: Seconds that only go forward.
        now: Seconds since the epoch.
        random: A number from 0 up to 1.
        tell: Is told in a line before each new connection.
        handed_on: Is called after events were handed on.
        bytes_read: Is told the size of each chunk.
    """

    enabled: bool
    retries: int
    sleep: Callable[[float], None]
    clock: Callable[[], float]
    now: Callable[[], float]
    random: Callable[[], float]
    tell: Callable[[str], None]
    handed_on: Callable[[Ledger], None] | None = None
    bytes_read: Callable[[int], None] = lambda _size: None


class FailedPollError(Exception):
    """The interaction could not be learnt this time.

    Attributes:
        final: Whether it never will be.
    """

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message)
        self.final = final


def poll(connect: Connect, request: Request, resuming: Resuming, failures: int) -> Event:
    """The interaction once it has ended: asked for every 5 s (an agent's: 10 s), for an hour.

    Args:
        connect: Sends a request.
        request: For the interaction as it is now.
        resuming: Gives the clock, and the most failures in a row.
        failures: How many there have been in a row already.

    Raises:
        TruncatedError: It does not end, or cannot be had.
    """
    deadline = resuming.clock() + _LONGEST
    while resuming.clock() < deadline:
        interaction: Event = {}
        try:
            interaction = get(connect, request)
            failures = 0
        except FailedPollError as exc:
            failures += 1
            if exc.final or failures > resuming.retries:
                raise TruncatedError(f"the stream broke and could not be resumed: {exc}") from exc
        if interaction and str(interaction.get("status") or "") not in RUNNING:
            return interaction
        resuming.sleep(_SECONDS_AGENT if "agent" in interaction else _SECONDS)
    raise TruncatedError("the interaction did not end within an hour")


def get(connect: Connect, request: Request) -> Event:
    """The interaction as it is now.

    Raises:
        FailedPollError: It could not be learnt.
    """
    try:
        answer = connect(request)
    except UnansweredError as exc:
        raise FailedPollError(str(exc)) from exc
    if answer.status != OK:
        why = f"HTTP {answer.status}: {error_text(error_in_body(answer.read()))}"
        raise FailedPollError(why, final=answer.status in GONE or not is_retried(answer.status))
    return interaction_in(answer, request)


def interaction_in(answer: Answer, request: Request) -> Event:
    """The interaction in the body of an answer.

    Raises:
        FailedPollError: There is none in it.
    """
    try:
        value = loads(answer.read(MAX_EVENT_SIZE))
    except BadDataError as exc:
        raise FailedPollError(f"{request}: {exc}") from exc
    if not isinstance(value, dict):
        raise FailedPollError(f"{request}: the answer is no interaction")
    return value
