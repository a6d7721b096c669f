"""Broken events, raw JSON between events, and input that is too large: told, with its place."""

import orjson
import pytest

from gstream.errors import EventTooLargeError
from gstream.events import Event, shorten
from gstream.reader import DONE_EVENT, EventReader
from gstream.sse import BOM
from tests.support import (
    Reading,
    answer,
    block,
    delta,
    event,
    growth,
    line,
    ndjson,
    one_by_one,
    read,
    stream,
)

A, B = delta(text="a"), delta(text="b")
ERROR: Event = {"code": 503, "message": "gone", "status": "UNAVAILABLE"}
RAW_ERROR = b"[" + orjson.dumps({"error": ERROR}, option=orjson.OPT_INDENT_2) + b"]"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"


# --- broken events


def test_a_broken_event_is_told_with_its_number_and_place_and_the_rest_goes_on() -> None:
    body = stream(A, done=False) + b": x\n\nevent: x\ndata: {broken\n\n" + stream(B)
    result = read(body)

    assert result.events == [A, B, DONE_EVENT]
    (told,) = result.reports
    assert told.startswith(f"event 2 at byte {body.index(b'{broken')} is not JSON: ")
    assert result.reader.broken == 1


def test_a_broken_line_is_told_with_its_number_and_place_and_the_rest_goes_on() -> None:
    body = ndjson(A) + b"\r\n\n" + b"{broken\n" + b"[]\r\n" + ndjson(B)
    result = read(body)

    assert result.events == [A, B]
    assert [told.partition(" is ")[0] for told in result.reports] == [
        f"event 2 at byte {body.index(b'{broken')}",
        f"event 3 at byte {body.index(b'[]')}",
    ]


def test_a_broken_element_is_told_with_its_number_and_place_and_the_rest_goes_on() -> None:
    body = b'[{"event_type":"x"}, {"a":x}, {"a":1}, {"event_type":"y"}]'
    result = read(body)

    assert result.events == [event("x"), event("y")]
    places = [body.index(b'{"a":x}'), body.index(b'{"a":1}')]
    assert [told.partition(" is ")[0] for told in result.reports] == [
        f"element 2 at byte {places[0]}",
        f"element 3 at byte {places[1]}",
    ]


# --- raw JSON between events (PROTOCOL d.6)


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
        assert read(field[:size]).events == []


@pytest.mark.parametrize("words", [b"eventful", b"ev:", b"x"])
def test_an_input_of_other_words_is_no_stream(words: bytes) -> None:
    assert "not server-sent events" in read(words).failure


@pytest.mark.parametrize("words", [b"words\n", b"[words]\n", b"[1]\n", b" {\n"])
def test_words_between_events_are_nothing(words: bytes) -> None:
    result = read(block(A) + words + b"\n" + block(B))

    assert (result.events, result.reports, result.reader.broken) == ([A, B], [], 0)


# --- the bound


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"data: " + b"x" * 1100 + b"\n\n", id="sse"),
        pytest.param(ndjson(A) + b'{"a":"' + b"x" * 1100, id="ndjson"),
        pytest.param(b'{"a":"' + b"x" * 1100, id="document"),
        pytest.param(b'{"a":\n"' + b"x" * 1100, id="document-of-lines"),
        pytest.param(b'[{"a":"' + b"x" * 1100, id="element"),
        pytest.param(b"HTTP/1.1 200\r\nx: " + b"x" * 1100, id="head"),
        pytest.param(b" " * 1100, id="blanks"),
        pytest.param(block(A) + b'{"a":"' + b"x" * 1100 + b"\n\n", id="raw-json"),
        pytest.param(block(A) + b'{"a":"\n' + b"x\n\n" * 1100 + b"\n\n", id="raw-json-of-lines"),
    ],
)
def test_what_is_larger_than_the_bound_is_an_error(body: bytes) -> None:
    for chunks in ([body], one_by_one(body), [body[:500], body[500:]]):
        reader = EventReader(print, max_event_size=1000)
        with pytest.raises(EventTooLargeError):
            for chunk in [*chunks, b"\n"]:
                reader.feed(chunk)


@pytest.mark.parametrize(
    "body", [stream(A, done=False) + b"data: {", ndjson(A, B) + b'{"a":"', b'[{"candidates":[]},{"']
)
def test_what_comes_before_a_large_event_is_handed_on(body: bytes) -> None:
    result = read(body + b"x" * 1100 + b"\n\n")

    assert "more than 1000 bytes" in result.failure or "larger than 1000" in result.failure
    assert result.events != []


def test_header_lines_are_bounded_in_any_chunks() -> None:
    assert read(b"HTTP/1.1 200\r\nx: " + b"x" * 990 + b"\r\n\r\n").failure != ""


def test_header_lines_without_end_take_linear_time() -> None:
    def search(size: int) -> None:
        reader = EventReader(print)
        for chunk in [b"HTTP/1.1 200 OK\r\n", *[b"x" * 100] * size]:
            reader.feed(chunk)

    assert growth(search, 1500) < 100


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


@pytest.mark.parametrize(
    "piece",
    [
        pytest.param(b" ", id="blanks"),
        pytest.param(b"{\n", id="lines-of-a-document"),
        pytest.param(b": x\n{\n", id="raw-json"),
        pytest.param(b'{"event_type":"x"}\n\n', id="ndjson"),
    ],
)
def test_time_is_linear(piece: bytes) -> None:
    def work(count: int) -> None:
        reader = EventReader(lambda _text: None)
        for _ in range(count):
            reader.feed(piece)

    assert growth(work, 1_000) < 100
