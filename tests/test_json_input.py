"""Lines, documents and arrays of JSON are read as they arrive."""

import pytest

from gstream.events import Event
from tests.support import Reading, answer, block, delta, line, ndjson, read, stream

A, B = delta(text="a"), delta(text="b")


def test_an_array_that_ends_early_is_left_over() -> None:
    result = read(b"[" + line(A) + b"," + line(B)[:-3])

    assert (result.events, result.reader.leftover) == ([A], True)


@pytest.mark.parametrize(
    ("body", "lines"), [(ndjson(A), True), (block(A), False), (b"[", False), (b"", False)]
)
def test_knows_whether_it_reads_ndjson(body: bytes, lines: bool) -> None:
    assert read(body).reader.reads_lines == lines


@pytest.mark.parametrize(
    ("body", "events", "leftover"),
    [
        pytest.param(ndjson(A) + line(B)[:-2], [A], True, id="inside-its-last-line"),
        pytest.param(ndjson(A) + b"{", [A], True, id="after-one-byte"),
        pytest.param(line(A)[:-2], [], True, id="inside-its-first-line"),
        pytest.param(ndjson(A) + line(B)[:-1], [A, B], False, id="without-its-last-line-end"),
    ],
)
def test_a_last_line_counts_if_its_json_is_complete(
    body: bytes, events: list[Event], leftover: bool
) -> None:
    result = read(body)

    assert (result.events, result.reports, result.failure) == (events, [], "")
    assert (result.reader.broken, result.reader.leftover) == (0, leftover)


def test_a_cr_inside_a_line_of_ndjson_is_no_json_in_any_chunks() -> None:
    result = read(line(A) + b'{"event_type":"x\ry"}\n\n' + line(B))

    assert result.events == [A, B]
    assert result.reader.broken == 1


@pytest.mark.parametrize("body", [stream(*answer(*"abc")), ndjson(*answer(*"abc"))])
def test_many_small_events_are_not_too_large(body: bytes) -> None:
    assert Reading([body * 40], max_event_size=150).failure == ""
