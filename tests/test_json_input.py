"""Lines, documents and arrays of JSON are read as they arrive."""

import pytest

from gstream.events import Event
from tests.support import Reading, answer, block, delta, line, ndjson, read, stream

HEAD = b"HTTP/2 200\r\ndate: x\r\n\r\n"
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


CHUNK = b'{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}'


@pytest.mark.parametrize("body", [CHUNK, CHUNK + b"\n", HEAD + CHUNK], ids=["line", "lf", "head"])
def test_a_chunk_of_generate_content_needs_no_line_end(body: bytes) -> None:
    result = read(body)

    assert [one["event_type"] for one in result.events] == [
        "interaction.created",
        "step.start",
        "step.delta",
        "step.stop",
        "interaction.completed",
    ]


@pytest.mark.parametrize(
    ("first", "events", "broken"),
    [
        pytest.param(b'{"event_type":"x","y":"\\ud83d"}\n', 3, 0, id="lone-surrogate"),
        pytest.param(b'{"event_type":"x","y":"\xff"}\n', 3, 0, id="no-utf-8"),
        pytest.param(b'{"event_type":"x","y":}\n', 2, 1, id="no-json"),
    ],
)
def test_an_unusual_first_line_costs_no_other(first: bytes, events: int, broken: int) -> None:
    result = read(first + ndjson(A, B))

    assert (len(result.events), result.reader.broken) == (events, broken)
    assert result.events[-2:] == [A, B]


def test_lines_of_a_document_may_hold_what_is_no_text() -> None:
    bodies = b'{"error":{"message":"\\ud83d"}}\n{"error":{"message":"no"}}\n'

    assert [one["error"]["message"] for one in read(bodies).events] == ["\ufffd", "no"]


def test_a_cr_inside_a_line_of_ndjson_is_no_json_in_any_chunks() -> None:
    result = read(line(A) + b'{"event_type":"x\ry"}\n\n' + line(B))

    assert result.events == [A, B]
    assert result.reader.broken == 1


@pytest.mark.parametrize("body", [stream(*answer(*"abc")), ndjson(*answer(*"abc"))])
def test_many_small_events_are_not_too_large(body: bytes) -> None:
    assert Reading([body * 40], max_event_size=150).failure == ""
