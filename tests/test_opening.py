"""Which refusals are tried again, when, and what they are in the end."""

from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from gstream.errors import (
    FailedError,
    GstreamError,
    NetworkError,
    RateLimitedError,
    RefusedError,
    RejectedError,
    ServerFailedError,
)
from gstream.opening import Retrying, open_stream
from gstream.transport import Answer, BrokenStreamError, Request, UnansweredError

REQUEST = Request("POST", "https://host/interactions", b"{}")
NOW = 1_700_000_000.0
RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "13.25s"}
USED_UP = "the quota of the day is used up: it is of no use to try again today"
PER_DAY = {
    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
    "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}],
}
PER_MINUTE = {
    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
    "violations": [{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel"}],
}

Outcome = Callable[[], Answer]


def _answering(status: int, body: bytes = b"", **headers: str) -> Outcome:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda: Answer(status, named, iter([body]), lambda: None)


def _refusing(status: int, error: dict[str, Any], **headers: str) -> Outcome:
    return _answering(status, orjson.dumps({"error": error}), **headers)


def _unanswered(*, sent: bool, final: bool = False) -> Outcome:
    def fail() -> Answer:
        raise UnansweredError("Connection refused", sent=sent, final=final)

    return fail


OK = _answering(200, b"the stream")


class FakeServer:
    """Answers each request with the next of its outcomes; time passes only by being told."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.slept: list[float] = []
        self.told: list[str] = []
        self.verbose: list[str] = []
        self.requests: list[Request] = []
        self._outcomes = iter(outcomes)

    def open(self, *, retries: int = 4, request: Request = REQUEST) -> Answer:
        retrying = Retrying(
            retries,
            self.slept.append,
            lambda: NOW + sum(self.slept),
            lambda: 0.5,
            self.told.append,
            self.verbose.append,
        )
        return open_stream(self._connect, request, retrying)

    def _connect(self, request: Request) -> Answer:
        self.requests.append(request)
        return next(self._outcomes)()


def _failure(*outcomes: Outcome, retries: int = 4) -> GstreamError:
    with pytest.raises(GstreamError) as caught:
        FakeServer(*outcomes).open(retries=retries)
    return caught.value


# --- what a refusal is


def test_an_answer_with_200_is_handed_over_unread() -> None:
    answer = FakeServer(OK).open()

    assert list(answer.chunks) == [b"the stream"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, RejectedError),
        (400, RejectedError),
        (404, RejectedError),
        (401, RefusedError),
        (403, RefusedError),
        (429, RateLimitedError),
        (500, ServerFailedError),
        (503, ServerFailedError),
    ],
)
def test_the_status_says_which_failure_it_is(status: int, kind: type[GstreamError]) -> None:
    failure = _failure(_refusing(status, {"message": "no such luck"}), retries=0)

    assert type(failure) is kind
    assert str(failure) == f"{REQUEST}: HTTP {status}: no such luck"


@pytest.mark.parametrize("code", ["prohibited_content", "SAFETY", "recitation"])
def test_blocked_content_is_a_failed_interaction(code: str) -> None:
    failure = _failure(_refusing(400, {"message": "no", "code": code}))

    assert type(failure) is FailedError


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(b"", "the answer is empty", id="empty"),
        pytest.param(b" \n", "the answer is empty", id="blank"),
        pytest.param(
            b"<html>\n<h1>Bad", "the answer begins with: <html> <h1>Bad", id="html-in-one-line"
        ),
        pytest.param(b"\xff", "the answer begins with: \ufffd", id="no-utf8"),
        pytest.param(b"x" * 101, f"the answer begins with: {'x' * 100}", id="long"),
        pytest.param(b'{"a":1}', 'the answer begins with: {"a":1}', id="other-json"),
        pytest.param(b'[{"error":{"message":"listed"}}]', "listed", id="list"),
        pytest.param(b'{"error":"bare"}', "bare", id="text"),
        pytest.param(
            b'{"error":{"message":"m","code":400,"status":"INVALID_ARGUMENT"}}',
            "m (400 INVALID_ARGUMENT)",
            id="code-and-status",
        ),
    ],
)
def test_a_body_of_any_kind_gives_words(body: bytes, words: str) -> None:
    failure = _failure(_answering(400, body))

    assert str(failure) == f"{REQUEST}: HTTP 400: {words}"


def test_a_body_that_breaks_off_gives_the_words_that_came() -> None:
    def breaking() -> Iterator[bytes]:
        yield b"Bad Gate"
        raise BrokenStreamError("reset")

    failure = _failure(lambda: Answer(400, {}, breaking(), lambda: None))

    assert str(failure).endswith("the answer begins with: Bad Gate")


def test_a_refusal_closes_its_connection() -> None:
    closed = []
    refusal = Answer(400, {}, iter([b""]), lambda: closed.append(True))

    _failure(lambda: refusal)

    assert closed == [True]


# --- trying again


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_what_may_pass_is_tried_again(status: int) -> None:
    server = FakeServer(_refusing(status, {"message": "later"}), OK)

    assert server.open().status == 200
    assert server.requests == [REQUEST, REQUEST]


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 405, 410, 422])
def test_what_stays_is_not_tried_again(status: int) -> None:
    server = FakeServer(_refusing(status, {"message": "never"}))

    with pytest.raises(GstreamError):
        server.open()

    assert (len(server.requests), server.slept, server.told) == (1, [], [])


def test_the_waits_double_up_to_eight_seconds_with_jitter() -> None:
    busy = [_refusing(503, {"message": "busy"})] * 7
    server = FakeServer(*busy, OK)

    server.open(retries=7)

    assert server.slept == [0.25, 0.5, 1.0, 2.0, 4.0, 4.0, 4.0]


def test_each_wait_is_told_in_a_line() -> None:
    server = FakeServer(_refusing(503, {"message": "busy"}), OK)

    server.open()

    assert server.told == [f"{REQUEST}: HTTP 503: busy; try 2 of 5 in 0.2 s"]


def test_the_tries_come_to_an_end() -> None:
    server = FakeServer(*[_refusing(503, {"message": "busy"})] * 3)

    with pytest.raises(ServerFailedError, match="HTTP 503: busy"):
        server.open(retries=2)

    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("outcome", "wait"),
    [
        pytest.param(_refusing(429, {}, retry_after="7"), 7.0, id="seconds"),
        pytest.param(_refusing(429, {}, retry_after="0"), 0.0, id="at-once"),
        pytest.param(
            _refusing(429, {}, retry_after="Tue, 14 Nov 2023 22:13:50 GMT"), 30.0, id="date"
        ),
        pytest.param(
            _refusing(429, {}, retry_after="Wed, 21 Oct 2015 07:28:00 GMT"), 0.0, id="past"
        ),
        pytest.param(_refusing(429, {}, retry_after_ms="1500"), 1.5, id="milliseconds"),
        pytest.param(_refusing(429, {}, retry_after_ms="1500", retry_after="9"), 1.5, id="both"),
        pytest.param(_refusing(429, {"details": [RETRY_INFO]}), 13.25, id="retry-info"),
        pytest.param(
            _refusing(429, {"details": [RETRY_INFO]}, retry_after="2"), 2.0, id="header-first"
        ),
        pytest.param(
            _refusing(429, {"details": [PER_MINUTE, RETRY_INFO]}), 13.25, id="minute-quota"
        ),
        pytest.param(_refusing(503, {}, retry_after="60"), 60.0, id="the-longest"),
        pytest.param(_refusing(429, {}, retry_after="soon"), 0.25, id="no-sense"),
        pytest.param(_refusing(429, {"details": "soon"}), 0.25, id="no-details"),
    ],
)
def test_the_server_says_how_long_to_wait(outcome: Outcome, wait: float) -> None:
    server = FakeServer(outcome, OK)

    server.open()

    assert server.slept == [wait]


@pytest.mark.parametrize(
    ("outcome", "hint"),
    [
        pytest.param(
            _refusing(429, {}, retry_after="61"), "the server asks to wait 61 s", id="seconds"
        ),
        pytest.param(
            _refusing(429, {"details": [{**RETRY_INFO, "retryDelay": "3600s"}]}),
            "the server asks to wait 3600 s",
            id="retry-info",
        ),
        pytest.param(_refusing(429, {"details": [PER_DAY]}), USED_UP, id="daily-quota"),
        pytest.param(
            _refusing(429, {"details": [PER_DAY, RETRY_INFO]}), USED_UP, id="daily-quota-with-delay"
        ),
    ],
)
def test_what_takes_too_long_is_not_waited_for(outcome: Outcome, hint: str) -> None:
    server = FakeServer(outcome)

    with pytest.raises(RateLimitedError) as caught:
        server.open()

    assert (server.slept, caught.value.hint) == ([], hint)


def test_a_redirect_is_told_and_not_followed() -> None:
    server = FakeServer(_refusing(302, {}, location="https://login.h/\x1b[2J"))

    with pytest.raises(RejectedError) as caught:
        server.open()

    assert str(caught.value) == f"{REQUEST}: HTTP 302: redirected to 'https://login.h/\\x1b[2J'"
    assert "redirects are not followed" in caught.value.hint
    assert server.slept == []


# --- no answer


def test_a_connection_that_fails_is_tried_again() -> None:
    server = FakeServer(_unanswered(sent=False), OK)

    assert server.open().status == 200
    assert server.told == [f"{REQUEST}: Connection refused; try 2 of 5 in 0.2 s"]
    assert server.verbose == []


def test_a_request_that_may_have_been_received_names_the_double_run() -> None:
    server = FakeServer(_unanswered(sent=True), OK)

    server.open()

    assert server.verbose == ["the server may have received the request: it could run twice"]


def test_asking_twice_for_what_is_there_is_no_double_run() -> None:
    server = FakeServer(_unanswered(sent=True), OK)

    server.open(request=Request("GET", "https://host/interactions/v1_a?stream=true"))

    assert server.verbose == []


def test_a_request_that_would_be_paid_for_twice_is_not_tried_again() -> None:
    server = FakeServer(_unanswered(sent=True, final=True))

    with pytest.raises(NetworkError):
        server.open()

    assert len(server.requests) == 1


def test_no_answer_at_all_is_a_network_failure() -> None:
    failure = _failure(*[_unanswered(sent=False)] * 5)

    assert type(failure) is NetworkError
    assert str(failure) == f"{REQUEST}: Connection refused"
