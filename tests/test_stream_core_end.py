"""The end of an interaction is where a stream ends for whoever reads it as a library."""

import pytest

from tests.support import (
    answer,
    block,
    completed,
    created,
    cuts,
    delta,
    event,
    ndjson,
    start,
    stream,
)
from tests.test_stream_core import BAD_LINE, WHOLE, core, outcome

LATE = {
    "text": block(delta(text="LATE")),
    "status": block(event("interaction.status_update", status="in_progress")),
    "end": block(completed("failed")),
    "error": block(event("error", error={"code": "api_error"})),
    "raw-error": b'{"error":{"code":503}}\n',
    "broken": BAD_LINE,
    "another-one": WHOLE,
}


@pytest.mark.parametrize("late", LATE.values(), ids=LATE)
@pytest.mark.parametrize("ended", [stream(*answer("a"), done=False), stream(*answer("a"))])
def test_what_follows_the_end_counts_for_nothing(ended: bytes, late: bytes) -> None:
    for chunks in cuts(ended[-60:] + late):
        reading = core(ended[:-60], *chunks, None)
        events = [*iter(reading.next_event, None)]

        assert events == answer("a")
        assert reading.interaction["status"] == "completed"
        reading.check_whole()


@pytest.mark.parametrize("end", [b"\r\n", b"\r", b"\n"], ids=["crlf", "cr", "lf"])
def test_what_follows_the_end_is_not_even_read(end: bytes) -> None:
    body = (WHOLE + BAD_LINE).replace(b"\n", end)

    assert {outcome(*chunks) for chunks in cuts(body)} == {None}


def test_what_follows_the_end_of_lines_is_not_even_read() -> None:
    body = ndjson(*answer("a")) + b"broken\n"

    assert {outcome(*chunks) for chunks in cuts(body)} == {None}


@pytest.mark.parametrize("status", ["completed", "failed", "requires_action", "new_status"])
def test_nothing_is_waited_for_after_the_end(status: str) -> None:
    assert core(stream(*answer("a", status=status), done=False)).over


def test_a_part_that_was_read_is_whole_if_nobody_waits_for_the_next() -> None:
    reading = core(stream(*answer("a", status="requires_continuation"), done=False))
    while reading.next_event() is not None:
        pass

    reading.stop()

    assert reading.over
    reading.check_whole()


def test_the_next_hop_is_waited_for_and_nothing_else() -> None:
    first = stream(*answer("a", status="requires_continuation"), done=False)
    first += LATE["text"] + LATE["status"]
    assert not core(first).over

    reading = core(first + stream(created("v1_next"), start(), delta(text="b"), completed()))
    while reading.next_event() is not None:
        pass

    assert reading.accumulator.text == "ab"
    reading.check_whole()
