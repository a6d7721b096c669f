"""What may be noise is held back; what is handed on is the stream as it would have been."""

import json

import pytest

from gstream.errors import ErrorEventError
from tests.drawn_faults import stream
from tests.faults import DONE, Fault, FaultModel
from tests.followers import POST, follow, uncut

GONE = Fault(status=404)


def kinds(output: bytes) -> list[str]:
    return [json.loads(line)["event_type"] for line in output.splitlines()]


def test_an_error_is_shown_where_nothing_can_be_had_after_it() -> None:
    model = FaultModel(stream("all"), [Fault(events=11, ending="error"), GONE])

    followed = follow(model, "ndjson")

    assert isinstance(followed.failure, ErrorEventError)
    assert kinds(followed.output) == [each["event_type"] for each in stream("all")[:11]] + ["error"]


def test_an_error_that_more_events_followed_on_another_connection_is_not_shown() -> None:
    faults = [Fault(events=11, ending="error"), Fault(events=4, ending="silent"), GONE]

    followed = follow(FaultModel(stream("all"), faults), "ndjson")

    assert "error" not in kinds(followed.output)
    assert len(followed.output.splitlines()) == 15


@pytest.mark.parametrize("view", ["ndjson", "sse"])
def test_an_error_that_more_events_follow_at_once_is_an_event_like_others(view: str) -> None:
    events = stream("all")
    error = {"event_type": "error", "error": {}}
    events.insert(9, error)

    assert follow(FaultModel(events), view).output == uncut(events, view)
    assert b'"event_type":"error"' in uncut(events, view)


def test_raw_output_of_a_cut_stream_is_all_that_came() -> None:
    fault = Fault(events=9, extra=20, ending="reset")
    model = FaultModel(stream("all"), [fault])

    assert follow(model, "sse", enabled=False).output == model.stream("", fault)


def test_raw_output_holds_no_block_that_cannot_be_read() -> None:
    model = FaultModel(stream("all"), [Fault(events=9)])
    first = model.connect(POST)
    first.chunks = iter([*first.chunks, b"event: step.delta\ndata: {broken\n\n"])

    assert follow(model, "sse", first=first).output == uncut(stream("all"), "sse")


def test_raw_output_has_its_end() -> None:
    assert uncut(stream("all"), "sse").endswith(DONE)


def test_what_follows_done_on_a_connection_does_not_count() -> None:
    model = FaultModel(stream("all"), [Fault(events=9, ending="done", pieces=1 << 20)])
    first = model.connect(POST)
    first.chunks = iter([b"".join(first.chunks) + model.stream("e12", Fault(events=2))])

    followed = follow(model, "ndjson", first=first)

    assert (followed.output, followed.failure) == (uncut(stream("all"), "ndjson"), None)
