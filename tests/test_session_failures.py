"""The failure that a run over one body or many ends with."""

import pytest

from gstream.errors import (
    BadDataError,
    GstreamError,
    NetworkError,
    RateLimitedError,
    RequiresActionError,
    TruncatedError,
)
from gstream.session import Session
from gstream.sink import Sink
from gstream.views import VIEWS, JsonView
from tests.sessions import Running, ran
from tests.support import (
    answer,
    block,
    completed,
    created,
    delta,
    event,
    line,
    ndjson,
    start,
    stop,
    stream,
)

TRUNCATED = stream(created(), start(), delta(text="a"), done=False)
ERROR = line({"error": {"code": 503, "message": "gone"}})

SILENT = "the answer holds no text; --json shows what it holds"

# --- the failure


def test_arguments_that_are_no_json_are_bad_data() -> None:
    call = start("function_call", id="c1", name="f")
    broken = delta("arguments_delta", arguments="{")
    events = [created(), call, broken, stop()]

    whole, failure = ran(stream(*events, completed()))
    assert isinstance(failure, BadDataError)
    assert str(failure).startswith("the arguments of f")
    assert whole.reports == [SILENT]

    waiting, failure = ran(stream(*events, completed("requires_action")))
    assert isinstance(failure, RequiresActionError)
    assert waiting.reports[0].startswith("the arguments of f")


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        pytest.param(b"HTTP/1.1 502 x\r\n\r\n<html>no", GstreamError, id="html"),
        pytest.param(b"HTTP/1.1 429 x\r\n\r\n[{} x", RateLimitedError, id="json-that-is-none"),
        pytest.param(b"HTTP/1.1 200 x\r\n\r\n<html>no", BadDataError, id="no-refusal"),
        pytest.param(b"<html>no", BadDataError, id="no-header-lines"),
        pytest.param(b"words", BadDataError, id="words"),
        pytest.param(b"[{} x", BadDataError, id="no-array"),
    ],
)
def test_input_that_cannot_be_read_is_a_refusal_if_its_status_says_so(
    body: bytes, failure: type[GstreamError]
) -> None:
    for chunks in ([body], [body[at : at + 1] for at in range(len(body))]):
        with pytest.raises(failure):
            ran(chunks)


def test_an_event_that_is_too_large_ends_the_run() -> None:
    written: list[bytes] = []
    session = Session(VIEWS["text"](), Sink(written.append), report=print, max_event_size=100)

    session.feed(block(start()) + block(delta(text="a")) + b"data: " + b"x" * 200)
    with pytest.raises(BadDataError, match="larger than 100 bytes"):
        session.feed(b"x")
    assert written == [b"a"]


# --- turns


class UnwritableView(JsonView):
    """A view whose output JSON cannot hold."""

    def end(self, *, whole: bool, ended: bool) -> bytes:
        super().end(whole=whole, ended=ended)
        raise BadDataError("JSON that is nested too deeply to be written")


def test_what_cannot_be_written_is_bad_data() -> None:
    written: list[bytes] = []
    session = Session(UnwritableView(), Sink(written.append), report=print)
    session.feed(stream(created(), completed()))

    assert str(session.close()) == "JSON that is nested too deeply to be written"
    assert written == []


def test_an_answered_turn_is_no_failure() -> None:
    running = Running("json", flush="end")
    running.session.feed(stream(created(), completed("requires_action")))
    running.session.end_turn()
    assert running.written == []

    running.session.feed(stream(created("i2"), completed()))
    assert running.session.close() is None
    assert running.out.count(b"\n") == 2


def test_a_turn_whose_answer_never_comes_is_truncated() -> None:
    running = Running()
    running.session.feed(stream(created(), completed("requires_action")))
    running.session.end_turn()

    assert isinstance(running.session.close(), TruncatedError)
    assert isinstance(running.session.close(NetworkError("lost")), NetworkError)


def test_turns_in_a_file_of_ndjson_answer_each_other() -> None:
    turns = [created(), completed("requires_action"), created("i2"), completed()]

    assert ran(ndjson(*turns))[1] is None
    assert isinstance(ran(stream(*turns, done=False))[1], RequiresActionError)
    stopped = [*turns[:2], event("gstream.exit", status=10), *turns[2:]]
    assert isinstance(ran(ndjson(*stopped))[1], RequiresActionError)


def test_an_array_without_its_end_is_truncated_even_behind_a_whole_interaction() -> None:
    whole = b'{"id":"a","status":"completed","steps":[]}'
    _, failure = ran(b"[" + whole + b',{"id":"b","status":"comp', view="json")
    assert isinstance(failure, TruncatedError)
    assert str(failure) == "the input ended inside a JSON array"

    assert ran(b"[" + whole + b"]", view="json")[1] is None


def test_the_words_of_the_server_are_told_even_where_something_else_weighs_more() -> None:
    running = Running()
    told: list[GstreamError] = []
    running.session.files.tell_failure = told.append
    broken = b"data: {x\n\n"
    running.session.feed(stream(created(), done=False) + broken + ERROR)
    running.session.end_input()
    failure = running.session.close()

    assert isinstance(failure, BadDataError)
    assert [str(one) for one in told] == ["the server broke off the stream: gone (503)"]


NAMELESS = {"event_type": "interaction.created", "interaction": {"id": "i2"}}


@pytest.mark.parametrize("done", [False, True])
def test_an_interaction_inherits_nothing_of_the_one_before(done: bool) -> None:
    first = stream({**created("i1"), "event_id": "e9"}, *answer("a")[1:], done=done)
    second = stream(NAMELESS, start(), delta(text="b"))
    running = Running("json")
    running.session.feed(first + second)
    running.session.end_input()
    failure = running.session.close()

    assert isinstance(failure, TruncatedError)
    progress = running.session.progress
    assert (progress.interaction_id, progress.status, progress.last_event_id) == ("i2", "", "")


def test_the_next_hop_has_no_event_yet() -> None:
    running = Running()
    first = {**created("i1"), "event_id": "e9"}
    running.session.feed(stream(first, completed("requires_continuation"), created("i2")))

    assert running.session.progress.last_event_id == ""


def test_what_is_not_stored_is_answered_as_such_behind_what_is() -> None:
    call = start("function_call", id="c1", name="f", arguments={})
    second = stream(created(""), call, stop(), completed("requires_action", id=""))
    _, failure = ran(stream(*answer("a")) + second)

    assert isinstance(failure, RequiresActionError)
    assert failure.hint.startswith("it is not stored")


def test_an_error_right_before_an_interaction_is_one_of_it() -> None:
    _, failure = ran(stream(event("error", error={"message": "gone"}), created(), done=False))

    assert failure is not None
    assert failure.exit_code == 14
