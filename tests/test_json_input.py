"""Lines, documents and arrays of JSON are read as they arrive."""

import pytest

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


def test_a_last_line_without_its_end_is_told_with_its_place() -> None:
    (told,) = read(ndjson(A) + b"{broken").reports

    assert told.startswith(f"event 2 at byte {len(ndjson(A))} is not JSON")


def test_a_cr_inside_a_line_of_ndjson_is_no_json_in_any_chunks() -> None:
    result = read(line(A) + b'{"event_type":"x\ry"}\n\n' + line(B))

    assert result.events == [A, B]
    assert result.reader.broken == 1


@pytest.mark.parametrize("body", [stream(*answer(*"abc")), ndjson(*answer(*"abc"))])
def test_many_small_events_are_not_too_large(body: bytes) -> None:
    assert Reading([body * 40], max_event_size=150).failure == ""
