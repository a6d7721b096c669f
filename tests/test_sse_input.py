"""The end of a stream, and the raw JSON between its events."""

import random

import pytest

from gstream.errors import BadDataError
from gstream.events import DONE_EVENT, Event, shorten
from gstream.reader import EventReader
from gstream.sse import BOM
from tests.support import ERROR, RAW_ERROR, block, delta, event, feed_all, line, read

A, B = delta(text="a"), delta(text="b")


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(RAW_ERROR, id="several-lines"),
        pytest.param(RAW_ERROR + b"\n\n", id="with-a-blank-line"),
        pytest.param(RAW_ERROR.replace(b"\n", b"\r\n"), id="crlf"),
        pytest.param(line({"error": ERROR}), id="one-line"),
        pytest.param(line({"error": ERROR}).strip(), id="one-line-without-its-end"),
        pytest.param(b"words\n\n" + line({"error": ERROR}), id="after-words"),
        pytest.param(b"[words]\n" + line({"error": ERROR}), id="after-words-in-brackets"),
        pytest.param(line({"error": ERROR}) + b"words\n\nwords\n\n", id="before-words"),
    ],
)
def test_a_raw_error_is_an_event_where_it_stands(raw: bytes) -> None:
    found = event("error", error=ERROR)

    assert read(block(A) + raw).events == [A, found]
    assert read(block(A) + raw).reader.raw_error == ERROR
    assert read(block(A) + raw + b"\n\n" + block(B)).events == [A, found, B]


def test_several_raw_errors_are_as_many_events() -> None:
    one, other = line({"error": {"code": 1}}), line({"error": {"code": 2}})
    result = read(block(A) + one + block(B) + other + one)

    assert [event.get("error", {}).get("code") for event in result.events] == [None, 1, None, 2, 1]
    assert result.reader.raw_error == {"code": 1}


def test_raw_json_that_is_no_error_is_told() -> None:
    result = read(block(A) + b'{"a":\n1}\n' + block(B))

    assert result.events == [A, B]
    assert result.reports == ["between the events is JSON that is no error: '{\"a\":\\n1}'"]
    assert result.reader.broken == 1


def test_raw_json_that_ends_early_is_told_but_is_a_cut_and_no_broken_event() -> None:
    cut = RAW_ERROR[:20] + b"\n"
    result = read(block(A) + cut)

    assert result.events == [A]
    assert result.reports == [f"the stream ends inside JSON that is no event: {shorten(cut)}"]
    assert result.reader.broken == 0


@pytest.mark.parametrize("field", [b"event:", b"data:", b"id:", b"retry:", BOM + b"event:"])
def test_an_input_cut_inside_its_first_field_is_a_cut_stream(field: bytes) -> None:
    for size in range(1, len(field)):
        cut = read(field[:size])
        assert (cut.events, cut.failure) == ([], "")


@pytest.mark.parametrize("words", [b"eventful", b"ev:", b"x"])
def test_an_input_of_other_words_is_no_stream(words: bytes) -> None:
    assert "not server-sent events" in read(words).failure


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"\x7fELF\n:\n", id="a-comment"),
        pytest.param(b"\x7fELF\nid: 1\n\n\n", id="a-field"),
        pytest.param(b"\x7fELF\ndata: 1", id="data-that-nothing-ends"),
        pytest.param(b"\n" * 100 + b"foo\n: x\n", id="behind-blank-lines"),
        pytest.param(b"eventful" * 20 + b"\n: x\n", id="long-words"),
        pytest.param(b"foo: 1\n\n: x\n\n", id="an-unknown-field"),
    ],
)
def test_a_line_that_looks_like_one_of_a_stream_makes_none_of_other_bytes(raw: bytes) -> None:
    assert "not server-sent events" in read(raw).failure


@pytest.mark.parametrize(
    "raw",
    [b": x", b"event: x", b"data: {", b":\n\n", b"id\n\n", b"\r\n" * 50 + b"retry: 1\n", b"\n"],
)
@pytest.mark.parametrize("bom", [b"", BOM])
def test_what_begins_as_a_stream_is_one_that_was_cut(bom: bytes, raw: bytes) -> None:
    assert read(bom + raw).failure == ""


@pytest.mark.parametrize("chunk_size", [7, 64, 65536])
def test_packed_bytes_are_told_whatever_they_look_like(chunk_size: int) -> None:
    noise = b"\x1f\x8b\x08" + random.Random(1).randbytes(100_000)
    chunks = [noise[at : at + chunk_size] for at in range(0, len(noise), chunk_size)]
    reader = EventReader(lambda _message: None)
    feed_all(lambda chunk: reader.feed(chunk).events, chunks)

    with pytest.raises(BadDataError) as caught:
        reader.finish()

    assert caught.value.hint == "it looks like gzip: decompress it first"


@pytest.mark.parametrize("words", [b"words\n", b"[words]\n", b"[1]\n", b" {\n"])
def test_words_between_events_are_nothing(words: bytes) -> None:
    result = read(block(A) + words + b"\n" + block(B))

    assert (result.events, result.reports, result.reader.broken) == ([A, B], [], 0)


@pytest.mark.parametrize(
    ("end", "events", "leftover"),
    [
        pytest.param(block(B)[:-1], [A, B], False, id="without-its-blank-line"),
        pytest.param(block(B)[:-2], [A, B], False, id="without-its-line-end"),
        pytest.param(block(B)[:-3], [A], True, id="inside-its-json"),
        pytest.param(b"data: [DONE]", [A, DONE_EVENT], False, id="done"),
        pytest.param(b"data: [DO", [A], True, id="half-of-done"),
        pytest.param(b"event: step.del", [A], False, id="inside-its-type"),
        pytest.param(b": comment", [A], False, id="comment"),
    ],
)
def test_a_last_event_counts_if_its_json_is_complete(
    end: bytes, events: list[Event], leftover: bool
) -> None:
    result = read(block(A) + end)

    assert result.events == events
    assert result.reader.leftover == leftover
    assert (result.reports, result.reader.broken) == ([], 0)
