"""Server-sent events that are large: the bound on their size, and those that are huge."""

import tracemalloc

import pytest

from gstream.errors import EventTooLargeError
from gstream.sse import ServerSentEvent, SSEDecoder
from tests.support import cuts, feed_all

A = ServerSentEvent(None, b"a")


def large(size: int) -> bytes:
    """A block of some size."""
    return b"data: " + b"x" * (size - 8) + b"\n\n"


def test_a_block_may_be_as_large_as_the_bound() -> None:
    for chunks in cuts(large(40) * 3):
        assert len(feed_all(SSEDecoder(40).feed, chunks)) == 3


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_a_block_larger_than_the_bound_is_an_error_after_what_came_before(line_end: bytes) -> None:
    text = (b"data: a\n\n" + large(41) + b"data: b\n\n").replace(b"\n", line_end)
    place = 7 + 2 * len(line_end)
    for chunks in cuts(text):
        decoder = SSEDecoder(40)
        with pytest.raises(EventTooLargeError) as caught:
            list(decoder.iter_bytes(chunks))
        assert str(caught.value) == f"the event at byte {place} is larger than 40 bytes"
        assert caught.value.hint == "raise the bound with --max-event-size"


def test_events_before_one_that_is_too_large_are_handed_on() -> None:
    for chunks in cuts(b"data: a\n\n" + large(41)):
        events = SSEDecoder(40).iter_bytes(chunks)

        assert next(events) == A
        with pytest.raises(EventTooLargeError):
            next(events)


def test_lines_stop_at_an_event_that_is_too_large() -> None:
    decoder = SSEDecoder(40)

    assert decoder.feed_lines(b"data: a\n\n" + large(41)) == [b"a\n"]
    with pytest.raises(EventTooLargeError):
        decoder.feed_lines(b"")


def test_an_error_of_size_stays() -> None:
    decoder = SSEDecoder(40)
    for text in (large(41), b"data: a\n\n", b""):
        with pytest.raises(EventTooLargeError):
            decoder.feed(text)


def test_an_unfinished_event_is_an_error_before_it_is_much_larger_than_the_bound() -> None:
    decoder = SSEDecoder(1000)
    fed = 0
    with pytest.raises(EventTooLargeError):
        while True:
            decoder.feed(b"x")
            fed += 1

    assert fed < 1100


def test_comments_and_blank_lines_are_no_part_of_an_event() -> None:
    for chunks in cuts(b": xxx\n\n" * 9 + large(40)):
        assert len(feed_all(SSEDecoder(40).feed, chunks)) == 1


def test_a_comment_may_be_larger_than_the_bound() -> None:
    for line_end in (b"\n", b"\r\n", b"\r"):
        text = b":" + b"x" * 60 + line_end + large(40).replace(b"\n", line_end)
        for chunks in cuts(text):
            decoder = SSEDecoder(40)
            assert len(feed_all(decoder.feed, chunks)) == 1
            assert decoder.pending_size <= 2


# --- huge events

HUGE = 3 * 1024 * 1024


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("size", [60_000, 2 * HUGE])
def test_a_huge_event_is_decoded_as_any_other(size: int, line_end: bytes) -> None:
    one, other = b"x" * HUGE, b"y" * HUGE
    block = b"event: z\nid: 1\ndata: " + one + b"\ndata:" + other + b"\n\n"
    text = (b": x\n\n" + block + b"data: a\n\n" + block).replace(b"\n", line_end)
    chunks = [text[at : at + size] for at in range(0, len(text), size)]
    huge = ServerSentEvent("z", one + b"\n" + other, "1")
    line = one + b" " + other + b"\n"

    assert feed_all(SSEDecoder().feed, chunks) == [huge, A._replace(id="1"), huge]
    assert feed_all(SSEDecoder().feed_lines, chunks) == [line, b"a\n", line]


@pytest.mark.parametrize("size", [60_000, 2 * HUGE])
def test_knows_where_the_data_of_a_huge_event_stands(size: int) -> None:
    text = b": x\n\nevent: z\ndata: " + b"x" * HUGE + b"\n\n"
    decoder = SSEDecoder()
    for at in range(0, len(text), size):
        decoder.feed(text[at : at + size])

    assert decoder.last_places() == [("z", 20)]
    assert decoder.feed(b"data: a\n\n") == [A]
    assert decoder.last_places() == [(None, len(text) + 6)]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"], ids=repr)
def test_a_huge_event_is_held_hardly_more_than_twice(line_end: bytes) -> None:
    text = b"data: " + b"x" * HUGE + line_end * 2
    chunks = [text[at : at + 60_000] for at in range(0, len(text), 60_000)]
    decoder = SSEDecoder()

    tracemalloc.start()
    try:
        lines = feed_all(decoder.feed_lines, chunks)
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert [len(line) for line in lines] == [HUGE + 1]
    assert held < 1.1 * HUGE
    assert peak < 2.3 * HUGE


def test_knows_where_the_data_of_a_huge_event_with_crlf_stands() -> None:
    decoder = SSEDecoder()

    decoder.feed(b": x\r\n\r\nevent: z\r\ndata: " + b"x" * HUGE + b"\r\n\r\n")

    assert decoder.last_places() == [("z", 23)]
