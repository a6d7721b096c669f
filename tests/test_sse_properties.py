"""Any stream in any chunks: compared with a naive decoder, and guarded against quadratic time."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gstream.errors import EventTooLargeError
from gstream.sse import ServerSentEvent, SSEDecoder
from tests.support import chunked, feed_all, growth, one_by_one

FRAGMENTS = st.sampled_from(
    [
        *[b"event: x\ndata: a\n\n"] * 6,
        *[b"event: y\ndata: {}\n\n"] * 2,
        b"event: x\r\ndata: a\r\n\r\n",
        b"event: x\rdata: a\r\r",
        b"event: x\ndata:a\n\n",
        b"event: x\ndata: data: a\ndata: b\n\n",
        b"event:\ndata: a\n\n",
        b"data: a\n\n",
        b"data\n",
        b"event: x\n",
        b"id: 1\ndata: a\n\n",
        b"id: 2\n\n",
        b"id: \0\n",
        b"retry: 5\ndata: a\n\n",
        b"retry: 6x\n",
        b": comment\n\n",
        b":\r\n",
        b"other: x\n",
        b"{raw\n",
        b"\n",
        b"\r",
        b"\r\n",
        b"\xef\xbb\xbf",
        b"\xff",
        "\u2028ö".encode(),
        b"data: ",
        b" ",
        b":",
    ]
)
TEXTS = st.lists(FRAGMENTS, max_size=25).map(b"".join) | st.binary(max_size=40)


def naive(text: bytes) -> list[ServerSentEvent]:
    """The events of a whole stream, by the letter of the standard."""
    text = text.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    events = []
    data: list[bytes] = []
    kind, last_id, retry = "", "", None
    for line in text.split(b"\n")[:-1]:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if not line:
            if data:
                events.append(ServerSentEvent(kind or None, b"\n".join(data), last_id, retry))
            data, kind, retry = [], "", None
        elif name == b"data":
            data.append(value)
        elif name == b"event":
            kind = value.decode("utf-8", "replace")
        elif name == b"id" and b"\0" not in value:
            last_id = value.decode("utf-8", "replace")
        elif name == b"retry" and value and not value.strip(b"0123456789"):
            retry = int(value)
    return events


def outcome(chunks: list[bytes], max_event_size: int) -> tuple[list[ServerSentEvent], str]:
    """The events of some chunks, and the error that they end with."""
    events: list[ServerSentEvent] = []
    try:
        events.extend(SSEDecoder(max_event_size).iter_bytes(chunks))
    except EventTooLargeError as exc:
        return events, str(exc)
    return events, ""


@given(chunked(TEXTS))
@example([b"event: x\ndata: a\n\n", b"event: x\ndata: a\n\n", b"\revent: x\ndata: a\n\n"])
@example([b"data: a\r\rid: 1", b"\ndata: a\n\n"])
@example([b"data: a\r", b"\n\r", b"\ndata: a\n\n"])
@example([b"", b"\xef", b"\xbb\xbfdata: a\n\n"])
def test_decodes_what_a_naive_decoder_decodes(chunks: list[bytes]) -> None:
    assert feed_all(SSEDecoder().feed, chunks) == naive(b"".join(chunks))


@given(chunked(TEXTS))
def test_both_ways_to_feed_agree(chunks: list[bytes]) -> None:
    events = feed_all(SSEDecoder().feed, chunks)
    lines = feed_all(SSEDecoder().feed_lines, chunks)

    assert lines == [event.raw.replace(b"\n", b" ") + b"\n" for event in events]


@given(chunked(TEXTS))
def test_both_ways_to_feed_can_be_mixed(chunks: list[bytes]) -> None:
    decoder = SSEDecoder()
    count = 0
    for number, chunk in enumerate(chunks):
        count += len(decoder.feed(chunk) if number % 2 else decoder.feed_lines(chunk))

    assert count == len(naive(b"".join(chunks)))


@given(chunked(TEXTS))
def test_all_bytes_are_decoded_or_pending(chunks: list[bytes]) -> None:
    decoder = SSEDecoder()
    feed_all(decoder.feed, chunks)
    text = b"".join(chunks)

    assert text.endswith(decoder.pending)
    assert decoder.pending_size == len(decoder.pending)
    assert naive(decoder.pending) == []


@given(chunked(TEXTS))
def test_the_bytes_kept_do_not_depend_on_the_chunks(chunks: list[bytes]) -> None:
    decoder, whole = SSEDecoder(), SSEDecoder()
    feed_all(decoder.feed, chunks)
    whole.feed(b"".join(chunks))

    def kept(one: SSEDecoder) -> object:
        return one.last_event_id, one.retry_ms

    assert kept(decoder) == kept(whole)


@given(chunked(TEXTS))
def test_the_places_of_events_point_at_their_data(chunks: list[bytes]) -> None:
    decoder = SSEDecoder()
    text = b"".join(chunks)
    found = []
    for chunk in chunks:
        if events := decoder.feed(chunk):
            places = decoder.last_places()
            assert [name for name, _ in places] == [event.event for event in events]
            found += [(event, at) for event, (_, at) in zip(events, places, strict=True)]

    assert all(a < b for (_, a), (_, b) in pairwise(found))
    for event, place in found:
        assert text.startswith(event.raw.partition(b"\n")[0], place)
        assert text[:place].endswith((b"data", b"data:", b"data: "))


@given(TEXTS, st.integers(9, 40))
@example(b"data: a\r\r" + b"data: " + b"x" * 40 + b"\r\r", 40)
@example(b":" + b"x" * 40 + b"\ndata: a\n\n", 9)
@example(b"\rxxxxxxxxxx", 9)
def test_an_event_that_is_too_large_is_one_in_any_chunks(text: bytes, bound: int) -> None:
    text += b"\n\n"

    whole = outcome([text], bound)

    assert outcome(one_by_one(text), bound) == whole
    assert outcome([text[:20], text[20:]], bound) == whole


# --- coarse guards against quadratic time: linear is 16 times, quadratic 256 times


def in_chunks(data: bytes, size: int) -> None:
    decoder = SSEDecoder()
    for at in range(0, len(data), size):
        decoder.feed(data[at : at + size])


@pytest.mark.parametrize(
    ("data", "count", "size"),
    [
        pytest.param(b"x", 4_000, 1, id="a-long-line-byte-by-byte"),
        pytest.param(b"x" * 64, 2_000, 64, id="a-long-line-in-small-chunks"),
        pytest.param(b"data: x\r\n", 2_000, 16, id="many-lines-of-one-event"),
        pytest.param(b":\n\n", 4_000, 3, id="keep-alives-one-by-one"),
        pytest.param(b":\r\n", 8_000, 64, id="comment-lines"),
        pytest.param(b"\n", 50_000, 100_000_000, id="blank-lines-in-one-chunk"),
        pytest.param(b"\r", 2_000, 1, id="single-cr"),
        pytest.param(b"data: a\n\nx\n\n", 2_000, 100_000_000, id="irregular-blocks"),
        pytest.param(b"{\n", 2_000, 1, id="stray-lines"),
    ],
)
def test_time_is_linear(data: bytes, count: int, size: int) -> None:
    assert growth(lambda times: in_chunks(data * times, size), count) < 100


def test_finding_the_places_of_events_is_linear() -> None:
    def places(count: int) -> None:
        decoder = SSEDecoder()
        decoder.feed(b"data: a\r\n\r\n" * count)
        decoder.last_places()

    assert growth(places, 1_000) < 100
