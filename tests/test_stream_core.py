"""What kept an interaction from its end, for whoever reads it as a library."""

from types import SimpleNamespace

import pytest

from gstream.errors import (
    BadDataError,
    CancelledError,
    ErrorEventError,
    EventTooLargeError,
    FailedError,
    GstreamError,
    NetworkError,
    RateLimitedError,
    RefusedError,
    RejectedError,
    ServerFailedError,
    TruncatedError,
)
from gstream.events import Event
from gstream.stream_core import StreamCore
from tests.sessions import ran
from tests.support import (
    STREAMS,
    answer,
    completed,
    created,
    delta,
    event,
    ndjson,
    start,
    stop,
    stream,
)

WHOLE = stream(*answer("a", "b"))
OPEN = stream(*answer("a")[:-2], done=False)
CHUNKS = (STREAMS / "generate_content" / "text_thought.sse").read_bytes()
BAD_LINE = b"event: step.delta\ndata: {broken\n\n"
CALL = [
    created(),
    start("function_call", id="c", name="sum"),
    delta("arguments_delta", arguments="["),
]


def core(*chunks: bytes | None, status: int = 0, size: int = 10_000) -> StreamCore:
    reading = StreamCore(SimpleNamespace(status_code=status), size)
    for chunk in chunks:
        reading.feed(chunk)
    return reading


def outcome(*chunks: bytes, status: int = 0, size: int = 10_000) -> GstreamError | None:
    reading = core(*chunks, status=status, size=size)
    reading.feed(None)
    assert reading.over
    try:
        reading.check()
    except GstreamError as exc:
        return exc
    return None


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(WHOLE, id="completed"),
        pytest.param(stream(*answer("a"), done=False), id="without-done"),
        pytest.param(ndjson(*answer("a")), id="ndjson"),
        pytest.param(stream(*answer("a", status="requires_action")), id="requires-action"),
        pytest.param(stream(*answer("a", status="incomplete")), id="incomplete"),
        pytest.param(
            stream(*answer("a", status="requires_continuation")), id="requires-continuation"
        ),
        pytest.param(stream(*answer("a", status="new_status")), id="unknown-status"),
        pytest.param(WHOLE + stream(event("x"), done=False), id="noise-after-done"),
    ],
)
def test_an_end_is_no_failure(body: bytes) -> None:
    assert outcome(body) is None


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        pytest.param(b"", TruncatedError, id="nothing"),
        pytest.param(OPEN, TruncatedError, id="truncated"),
        pytest.param(WHOLE[:-40], TruncatedError, id="cut-in-the-last-event"),
        pytest.param(OPEN + b'{"error":{"code":503}}\n', TruncatedError, id="raw-503"),
        pytest.param(stream(*answer("a", status="failed")), FailedError, id="failed"),
        pytest.param(stream(*answer("a", status="cancelled")), CancelledError, id="cancelled"),
        pytest.param(
            stream(created(), event("error", error={"code": "api_error"}), done=False),
            ErrorEventError,
            id="error-event",
        ),
        pytest.param(
            stream(created(), event("error", error={"code": "safety"}), done=False),
            FailedError,
            id="blocked",
        ),
        pytest.param(b'{"error":{"code":429}}', RateLimitedError, id="error-body"),
        pytest.param(BAD_LINE + WHOLE, BadDataError, id="broken-event"),
        pytest.param(OPEN + BAD_LINE, BadDataError, id="broken-event-and-truncated"),
        pytest.param(
            BAD_LINE + stream(*answer("a", status="failed")), FailedError, id="broken-and-failed"
        ),
        pytest.param(stream(*CALL, stop(), completed()), BadDataError, id="broken-arguments"),
        pytest.param(
            stream(*CALL, stop(), completed("requires_action")), BadDataError, id="and-asked-for"
        ),
        pytest.param(stream(*CALL, done=False), TruncatedError, id="cut-in-the-arguments"),
        pytest.param(
            stream(*CALL, stop(), done=False), BadDataError, id="broken-arguments-and-truncated"
        ),
        pytest.param(
            stream(*CALL, stop(), completed("failed")),
            FailedError,
            id="broken-arguments-and-failed",
        ),
        pytest.param(b"<html>", BadDataError, id="html"),
        pytest.param(OPEN + stream(created("other")), TruncatedError, id="another-one-begins"),
        pytest.param(b"data: " + b"x" * 20_000, EventTooLargeError, id="too-large"),
    ],
)
def test_what_kept_the_interaction_from_its_end(body: bytes, failure: type[GstreamError]) -> None:
    assert type(outcome(body)) is failure


NO_STEP = "its index is not the number of a step"


@pytest.mark.parametrize(
    ("unusable", "why"),
    [
        pytest.param({"index": "0", "delta": {"type": "text"}}, NO_STEP, id="a-text"),
        pytest.param({"index": 0.0, "delta": {"type": "text"}}, NO_STEP, id="a-fraction"),
        pytest.param({"delta": {"type": "text"}}, NO_STEP, id="none"),
        pytest.param({"index": 0, "delta": "a"}, "its delta is no object", id="no-object"),
    ],
)
def test_an_event_that_cannot_be_used_is_told(unusable: Event, why: str) -> None:
    events = answer("a")

    failure = outcome(stream(*events[:2], event("step.delta", **unusable), *events[2:]))

    assert type(failure) is BadDataError
    assert str(failure).startswith(f"an event cannot be used, {why}: ")


def test_arguments_that_are_broken_are_told_by_the_name_of_their_call() -> None:
    failure = outcome(stream(*CALL, stop(), completed()))

    assert str(failure) == "the arguments of sum are not JSON: they are kept as text"


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (400, RejectedError),
        (401, RefusedError),
        (403, RefusedError),
        (404, RejectedError),
        (429, RateLimitedError),
        (500, ServerFailedError),
        (503, ServerFailedError),
    ],
)
@pytest.mark.parametrize("body", [b'{"error":{"message":"no"}}', b"<html>no</html>", b""])
def test_a_refusal_is_the_failure_of_its_status(
    status: int, failure: type[GstreamError], body: bytes
) -> None:
    found = outcome(body, status=status)

    assert type(found) is failure
    assert str(found).startswith(f"HTTP {status}: ")


def test_a_refusal_is_not_read_without_end() -> None:
    reading = core(b"x" * 2_000_000, status=500)

    assert reading.over


def test_a_successful_status_is_no_refusal() -> None:
    assert outcome(WHOLE, status=200) is None


@pytest.mark.parametrize(
    ("body", "failure"),
    [(OPEN, TruncatedError), (b"", NetworkError), (b": hello\n\n", NetworkError)],
)
def test_a_broken_connection_is_told_with_its_cause(
    body: bytes, failure: type[GstreamError]
) -> None:
    reading = core(body)
    cause = ConnectionResetError("reset by peer")

    reading.broke(cause)

    with pytest.raises(failure, match=r"^the connection broke: reset by peer ") as caught:
        reading.check()
    assert caught.value.__cause__ is cause


def test_a_connection_may_break_after_the_end() -> None:
    reading = core(stream(*answer("a"), done=False))

    reading.broke(ConnectionResetError())

    reading.check()


def test_the_servers_own_words_weigh_more_than_the_break() -> None:
    reading = core(OPEN + b'{"error":{"code":503,"message":"overloaded"}}\n')

    reading.broke(ConnectionResetError())

    with pytest.raises(TruncatedError, match="overloaded"):
        reading.check()


def test_a_failure_is_raised_whenever_it_is_asked_for() -> None:
    reading = core(OPEN)
    reading.feed(None)

    for check in (reading.check, reading.check, reading.check_whole):
        with pytest.raises(TruncatedError):
            check()


def test_events_are_accumulated_as_they_are_handed_on() -> None:
    reading = core(WHOLE)
    texts = []

    while reading.next_event() is not None:
        texts.append(reading.accumulator.text)

    assert texts == ["", "", "a", "ab", "ab", "ab"]


def test_wants_nothing_more_once_it_is_stopped() -> None:
    reading = core(OPEN)

    reading.stop()
    reading.feed(WHOLE)
    reading.broke(ConnectionResetError())

    assert reading.next_event() is None
    reading.check()


def events_read(reading: StreamCore, most: int = 99) -> int:
    return sum(reading.next_event() is not None for _time in range(most))


@pytest.mark.parametrize(
    ("body", "read"),
    [
        pytest.param(OPEN, 99, id="before-the-end"),
        pytest.param(WHOLE, 2, id="before-all-was-handed-on"),
        pytest.param(stream(*answer("a", status="failed")), 2, id="before-a-failure"),
    ],
)
def test_what_was_stopped_early_is_not_whole(body: bytes, read: int) -> None:
    reading = core(body)
    events_read(reading, read)

    reading.stop()
    reading.stop()

    reading.check()
    with pytest.raises(TruncatedError, match=r"^the stream was closed before its end \("):
        reading.check_whole()


def test_what_was_stopped_at_its_end_is_whole() -> None:
    reading = core(stream(*answer("a"), done=False))
    events_read(reading)

    reading.stop()

    reading.check_whole()


def test_what_was_stopped_at_a_bad_end_tells_that() -> None:
    reading = core(stream(*answer("a", status="failed"), done=False))
    events_read(reading)

    reading.stop()

    with pytest.raises(FailedError):
        reading.check_whole()


@pytest.mark.parametrize("done", [False, True])
def test_a_hop_goes_on_after_the_one_before(done: bool) -> None:
    first = stream(*answer("a", status="requires_continuation"), done=done)
    second = stream(created("v1_next"), completed(id="v1_next"))

    reading = core(first + second)
    while reading.next_event() is not None:
        pass

    assert reading.interaction["continuation_ids"] == ["v1_built", "v1_next"]  # type: ignore[typeddict-item]
    reading.check()


def test_a_hop_may_follow_what_a_status_alone_announced() -> None:
    update = event(
        "interaction.status_update", interaction_id="v1_built", status="requires_continuation"
    )
    first = stream(*answer("a")[:-1], update)
    reading = core(first + stream(created("v1_next"), completed(id="v1_next")))
    while reading.next_event() is not None:
        pass

    assert reading.interaction["continuation_ids"] == ["v1_built", "v1_next"]  # type: ignore[typeddict-item]
    reading.check_whole()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(b"HTTP/1.1 503 X\r\n\r\n", 69, id="empty"),
        pytest.param(b'HTTP/1.1 401 U\r\n\r\n{"error":{"message":"no"}}', 77, id="error"),
        pytest.param(b"HTTP/1.1 429 U\r\n\r\n<html>no", 75, id="html"),
        pytest.param(b"HTTP/1.1 200 U\r\n\r\n<html>no", 65, id="html-for-a-stream"),
        pytest.param(
            ndjson(created(), event("gstream.exit", status=75, message="slow")), 75, id="exit-line"
        ),
        pytest.param(
            stream(created(""), event("interaction.status_update", status="failed"), done=False)
            + b'{"error":{"code":503}}\n',
            12,
            id="status-before-the-transport",
        ),
        pytest.param(stream(*answer("a")[:-1]) + b'{"error":{"code":400}}\n', 76, id="behind-done"),
    ],
)
def test_the_exit_code_is_that_of_the_command_line(body: bytes, code: int) -> None:
    try:
        _, failure = ran(body)
    except GstreamError as exc:
        failure = exc

    assert failure is not None
    assert failure.exit_code == code
    of_library = outcome(body)
    assert of_library is not None
    assert of_library.exit_code == code


def test_a_hop_that_is_not_stored_goes_on_as_well() -> None:
    hops = [created(""), start(), delta(text="a"), completed("requires_continuation", id="")]
    hops += [created(""), start(), delta(text="b"), completed(id="")]

    reading = core(stream(*hops))
    while reading.next_event() is not None:
        pass

    assert reading.accumulator.text == "ab"


def test_no_beginning_of_an_array_is_whole() -> None:
    chunks = [line[6:] for line in CHUNKS.splitlines() if line.startswith(b"data: ")]
    array = b"[" + b"\n,\r\n".join(chunks) + b"\n]"

    failures = [outcome(array[:end]) for end in range(len(array) + 1)]

    assert {type(failure) for failure in failures[:-1]} == {TruncatedError}
    assert failures[-1] is None


def test_only_the_first_broken_events_are_told() -> None:
    failure = outcome(BAD_LINE * 5 + WHOLE)

    assert str(failure).count("event ") == 3
