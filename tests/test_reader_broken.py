"""Broken events, raw JSON between events, and input that is too large: told, with its place."""

import pytest

from gstream.errors import EventTooLargeError
from gstream.reader import EventReader
from tests.support import (
    block,
    delta,
    growth,
    ndjson,
    one_by_one,
    read,
    stream,
)

A, B = delta(text="a"), delta(text="b")


# --- broken events


# --- raw JSON between events (PROTOCOL d.6)


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
