"""Server-sent events: the rows follow the WHATWG HTML standard, section 9.2.6."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from gstream.errors import EventTooLargeError
from gstream.sse import ServerSentEvent, SSEDecoder
from tests.support import cuts, feed_all


def sse(
    raw: bytes, event: str | None = None, *, last_id: str = "", retry: int | None = None
) -> ServerSentEvent:
    return ServerSentEvent(event, raw, last_id, retry)


def line_of(event: ServerSentEvent) -> bytes:
    return event.raw.replace(b"\n", b" ") + b"\n"


A, B = sse(b"a"), sse(b"b")

ROWS = [
    pytest.param(b"data: YHOO\ndata: +2\ndata: 10\n\n", [sse(b"YHOO\n+2\n10")], id="whatwg-1"),
    pytest.param(
        b": test stream\n\ndata: first event\nid: 1\n\n"
        b"data:second event\nid\n\ndata:  third event\n\n",
        [sse(b"first event", last_id="1"), sse(b"second event"), sse(b" third event")],
        id="whatwg-2",
    ),
    pytest.param(b"data\n\ndata\ndata\n\ndata:", [sse(b""), sse(b"\n")], id="whatwg-3"),
    pytest.param(b"data:test\n\ndata: test\n\n", [sse(b"test")] * 2, id="whatwg-4"),
    # line ends
    pytest.param(b"data: a\r\n\r\ndata: b\r\n\r\n", [A, B], id="crlf"),
    pytest.param(b"data: a\r\rdata: b\r\r", [A, B], id="cr"),
    pytest.param(b"data: a\rdata: b\r\n\ndata: b\n\r", [sse(b"a\nb"), B], id="mixed-line-ends"),
    pytest.param(b"event: x\r\ndata: a\r\ndata: b\r\n\r\n", [sse(b"a\nb", "x")], id="crlf-inside"),
    pytest.param(b"data: a\n\r\ndata: b\r\n\ndata: a\r\n\r", [A, B, A], id="lf-then-crlf"),
    pytest.param(b"data: a\r\r\ndata: b\n\n", [A, B], id="cr-then-crlf"),
    pytest.param(b"\r\n\r\n\n\r\rdata: a\n\n\n\n\ndata: b\n\n", [A, B], id="blank-lines"),
    pytest.param(
        "data: \u2028\u2029\u0085\v\f\x1c\x1e\n\n".encode(),
        [sse("\u2028\u2029\u0085\v\f\x1c\x1e".encode())],
        id="other-separators-end-no-line",
    ),
    # the start
    pytest.param(b"\xef\xbb\xbfdata: a\n\n", [A], id="bom"),
    pytest.param(b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\ndata: b\n\n", [B], id="second-bom-is-text"),
    pytest.param(b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [A], id="bom-later-is-text"),
    pytest.param(b"\xef\xbbdata: a\n\ndata: b\n\n", [B], id="half-a-bom-is-text"),
    pytest.param(b"\xef\xbb\xbf", [], id="bom-alone"),
    pytest.param(b"", [], id="nothing"),
    # fields
    pytest.param(b":\n\n: x\n\n:data: a\n\n", [], id="comments"),
    pytest.param(b"data: a\n: x\ndata: b\n:\n\n", [sse(b"a\nb")], id="comments-inside"),
    pytest.param(b"event: x\n\nid\n\nretry\n\n", [], id="no-data-no-event"),
    pytest.param(b"data:\n\n", [sse(b"")], id="empty-data"),
    pytest.param(b"data:   a \n\n", [sse(b"  a ")], id="one-space-goes"),
    pytest.param(b"data:\ta\n\n", [sse(b"\ta")], id="a-tab-stays"),
    pytest.param(b"data: a: b\n\n", [sse(b"a: b")], id="only-the-first-colon-counts"),
    pytest.param(b"Data: a\ndata : a\n data: a\ndatas: a\n\ndata: b\n\n", [B], id="other-names"),
    pytest.param(b"x: y\nfoo\ndata: a\n\n", [A], id="unknown-fields"),
    pytest.param(b"event: x\ndata: a\n\ndata: b\n\n", [sse(b"a", "x"), B], id="type-lasts-once"),
    pytest.param(b"event: x\n\ndata: b\n\n", [B], id="type-without-data-is-forgotten"),
    pytest.param(b"event: x\nevent: y\ndata: a\n\n", [sse(b"a", "y")], id="last-type-counts"),
    pytest.param(b"event: x\nevent\ndata: a\n\n", [A], id="empty-type-is-none"),
    pytest.param(b"data: a\nevent:x\n\n", [sse(b"a", "x")], id="type-after-data"),
    pytest.param(
        b"id: 1\ndata: a\n\ndata: b\n\nid\ndata: b\n\n",
        [sse(b"a", last_id="1"), sse(b"b", last_id="1"), B],
        id="id-sticks-until-it-is-set-again",
    ),
    pytest.param(b"id: 1\n\ndata: a\n\n", [sse(b"a", last_id="1")], id="id-without-data-sticks"),
    pytest.param(
        b"id: 1\ndata: a\n\nid: 2\x003\ndata: b\n\n",
        [sse(b"a", last_id="1"), sse(b"b", last_id="1")],
        id="id-with-nul-is-ignored",
    ),
    pytest.param("id: ü ☕\ndata: a\n\n".encode(), [sse(b"a", last_id="ü ☕")], id="id-in-utf-8"),
    pytest.param(
        b"retry: 10\ndata: a\n\ndata: b\n\n", [sse(b"a", retry=10), B], id="retry-of-one-block"
    ),
    pytest.param(b"retry: 007\ndata: a\n\n", [sse(b"a", retry=7)], id="retry-with-zeros"),
    pytest.param(
        b"retry: 5\nretry: x\ndata: a\n\n", [sse(b"a", retry=5)], id="bad-retry-changes-nothing"
    ),
    *(
        pytest.param(b"retry:" + bad + b"\ndata: a\n\n", [A], id=f"retry-{name}")
        for name, bad in {
            "empty": b"",
            "signed": b" +1",
            "negative": b" -1",
            "underscore": b" 1_000",
            "fraction": b" 1.5",
            "two-spaces": b"  1",
            "space-after": b" 1 ",
            "arabic-digits": " \u0665".encode(),
            "superscript": " \u00b2".encode(),
            "longer-than-int-takes": b" " + b"9" * 4301,
        }.items()
    ),
    # the end
    pytest.param(b"data: a\n\ndata: b", [A], id="incomplete-line"),
    pytest.param(b"data: a\n\ndata: b\n", [A], id="incomplete-block"),
    pytest.param(b"data: a\n\nid: 1\nevent: x\ndata: b\n: y\n", [A], id="incomplete-long-block"),
    # blocks of the common shape beside others
    pytest.param(
        b"event: x\ndata: a\n\n" * 3 + b"event: x\ndata:b\n\n" + b"event: x\ndata: a\n\n" * 2,
        [sse(b"a", "x")] * 3 + [sse(b"b", "x")] + [sse(b"a", "x")] * 2,
        id="regular-but-one",
    ),
    pytest.param(
        b"event: x\ndata: a\n\nid: 1\ndata: b\n\nevent: x\ndata: a\n\n",
        [sse(b"a", "x"), sse(b"b", last_id="1"), sse(b"a", "x", last_id="1")],
        id="id-between-regular-blocks",
    ),
    pytest.param(
        b"event: x\ndata: a\n\n\nevent: x\ndata: a\n\n", [sse(b"a", "x")] * 2, id="one-blank-more"
    ),
    pytest.param(b"event:\ndata: a\n\nevent:\ndata: b\n\n", [A, B], id="empty-types"),
]


@pytest.mark.parametrize(("text", "events"), ROWS)
def test_decodes_the_same_events_at_every_cut(text: bytes, events: list[ServerSentEvent]) -> None:
    long = len(text) > 1000
    for chunks in [[text], [text[:9], text[9:]]] if long else cuts(text):
        assert feed_all(SSEDecoder().feed, chunks) == events


@pytest.mark.parametrize(("text", "events"), ROWS)
def test_hands_on_the_same_lines_at_every_cut(text: bytes, events: list[ServerSentEvent]) -> None:
    long = len(text) > 1000
    for chunks in [[text], [text[:9], text[9:]]] if long else cuts(text):
        assert feed_all(SSEDecoder().feed_lines, chunks) == [line_of(event) for event in events]


@pytest.mark.parametrize(
    ("raw", "data"),
    [
        pytest.param(b"\xc3\xb6\xf0\x9f\x98\x80", "ö😀", id="valid"),
        pytest.param(b"\xff", "\ufffd", id="no-lead"),
        pytest.param(b"\x80", "\ufffd", id="lone-trail"),
        pytest.param(b"\xe2\x82", "\ufffd", id="cut-is-one"),
        pytest.param(b"\xf0\x9f\x98", "\ufffd", id="long-cut-is-one"),
        pytest.param(b"\xe2\x82a", "\ufffda", id="cut-by-ascii"),
        pytest.param(b"\xc0\xaf", "\ufffd\ufffd", id="overlong"),
        pytest.param(b"\xed\xa0\x80", "\ufffd\ufffd\ufffd", id="surrogate"),
        pytest.param(b"\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd", id="beyond-unicode"),
        pytest.param(b"\xf0\x80\x80\x80", "\ufffd\ufffd\ufffd\ufffd", id="overlong-of-four"),
        pytest.param(b"a\0b", "a\0b", id="nul"),
    ],
)
def test_each_invalid_sequence_becomes_one_replacement_character(raw: bytes, data: str) -> None:
    for chunks in cuts(b"event: " + raw + b"\nid: x" + raw + b"\ndata: " + raw + b"\n\n"):
        (event,) = feed_all(SSEDecoder().feed, chunks)

        assert (event.event, event.data, event.raw) == (data, data, raw)
        assert event.id == ("" if "\0" in data else "x" + data)


def test_parses_the_data_as_json() -> None:
    assert sse(b'{"a":\n[1]}').json() == {"a": [1]}


def test_data_that_is_not_json_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="unexpected end of data"):
        sse(b"{").json()


def test_a_block_ends_with_its_second_cr() -> None:
    decoder = SSEDecoder()

    assert decoder.feed(b"data: a\r\r") == [A]
    assert decoder.feed(b"\ndata: b\n\n") == [B]


def test_yields_an_event_as_soon_as_it_is_complete() -> None:
    decoder = SSEDecoder()
    seen = [len(decoder.feed(text)) for text in (b"data: a", b"\n", b"\ndata: b\n\nda", b"ta\n\n")]

    assert seen == [0, 0, 2, 1]


def test_keeps_the_last_event_id() -> None:
    decoder = SSEDecoder()
    decoder.feed(b"id: 1\ndata: a\n\nid: 2\ndata: b\n")

    assert decoder.last_event_id == "1"


def test_keeps_the_reconnection_time() -> None:
    decoder = SSEDecoder()
    assert decoder.retry_ms is None

    decoder.feed(b"retry: 10\n\nretry: 20\n\ndata: a\n\nretry: no\n\n")

    assert decoder.retry_ms == 20


def test_pending_is_what_no_blank_line_has_ended() -> None:
    decoder = SSEDecoder()
    seen = []
    for chunk in (b"\xef", b"\xbb\xbfda", b"ta: a\n", b"\nid: 1\r\n", b"\r\n", b": x\n"):
        decoder.feed(chunk)
        seen.append((decoder.pending, decoder.pending_size))

    assert seen == [
        (b"\xef", 1),
        (b"da", 2),
        (b"data: a\n", 8),
        (b"id: 1\r\n", 7),
        (b"", 0),
        (b"", 0),
    ]


def test_hands_on_text_from_a_line_that_looks_like_json() -> None:
    for chunks in cuts(b'data: a\n\nfoo\n[{\n "x": 1\n\n}]\ndata: b\n\nbar\n\n'):
        decoder = SSEDecoder()
        found = []
        count = 0
        for chunk in chunks:
            events = decoder.feed(chunk)
            found += [(count + before, text) for before, text in decoder.stray]
            count += len(events)

        assert found == [(1, b"[{\n"), (1, b' "x": 1\n'), (1, b"}]\n"), (2, b"bar\n")]


def test_fields_and_comments_among_such_text_are_none_of_it() -> None:
    for chunks in cuts(b'{\n: keep-alive\nid: 1\nevent: x\nretry: 1\n"a": 1\n\n'):
        decoder = SSEDecoder()
        found = []
        for chunk in chunks:
            decoder.feed(chunk)
            found += [text for _, text in decoder.stray]

        assert found == [b"{\n", b'"a": 1\n']


def test_blocks_whose_event_is_known_are_the_same_in_one_chunk() -> None:
    block = b"event: x\ndata: a\n\n"

    for count in (1, 2, 3):
        assert SSEDecoder().feed(block + count * block) == [sse(b"a", "x")] * (count + 1)
        decoder = SSEDecoder()
        decoder.feed(b"id: 1\n" + block)
        assert decoder.feed(count * block) == [sse(b"a", "x", last_id="1")] * count
        assert decoder.feed_lines(count * block) == [b"a\n"] * count


def test_a_retry_has_at_most_four_thousand_digits() -> None:
    decoder = SSEDecoder()

    decoder.feed(b"retry: " + b"1" * 4001 + b"\n\n")
    assert decoder.retry_ms is None
    decoder.feed(b"retry: " + b"1" * 4000 + b"\n\n")
    assert decoder.retry_ms == int("1" * 4000)


# --- positions


@pytest.mark.parametrize(
    ("text", "places"),
    [
        pytest.param(b"data: a\n\ndata:b\n\n", [6, 14], id="lf"),
        pytest.param(b"data: a\r\n\r\nid: 1\r\ndata: b\r\n\r\n", [6, 24], id="crlf"),
        pytest.param(b"event: a\ndata: a\n\n", [15], id="not-in-another-field"),
        pytest.param(b"data: t\n\n", [6], id="not-in-the-name"),
        pytest.param(b"data: a\ndata: b\n\ndata: b\n\n", [6, 23], id="not-in-an-earlier-event"),
        pytest.param(b"data\n\ndata:\n\n", [4, 11], id="empty"),
        pytest.param(b"\xef\xbb\xbf: x\n\ndata: a\n\n", [14], id="bom-and-comment"),
    ],
)
def test_knows_where_the_data_of_the_last_events_stands(text: bytes, places: list[int]) -> None:
    decoder = SSEDecoder()
    events = decoder.feed(text)

    types = [event.event for event in events]
    assert decoder.last_places() == list(zip(types, places, strict=True))


def test_the_last_places_stop_before_one_that_is_too_large() -> None:
    decoder = SSEDecoder(40)
    decoder.feed(b"data: a\n\n" + b"data: " + b"x" * 40 + b"\n\n")

    assert decoder.last_places() == [(None, 6)]


def test_knows_where_events_stand_that_came_in_pieces() -> None:
    text = b"\xef\xbb\xbf: x\r\n\r\ndata: a\r\n\r\n:\n\n\ndata: b\n\nevent: y\ndata: c\n\n"
    for chunks in cuts(text):
        decoder = SSEDecoder()
        places = [
            place for chunk in chunks if decoder.feed(chunk) for _, place in decoder.last_places()
        ]

        assert [text[place : place + 1] for place in places] == [b"a", b"b", b"c"]


# --- sources


async def _agen(chunks: list[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def test_iterates_over_chunks() -> None:
    assert list(SSEDecoder().iter_bytes([b"data: a\n", b"\ndata: b\n\n"])) == [A, B]


def test_iterates_over_an_asynchronous_source() -> None:
    async def events() -> list[ServerSentEvent]:
        chunks = _agen([b"data: a\n", b"\ndata: b\n\n"])
        return [event async for event in SSEDecoder().aiter_bytes(chunks)]

    assert asyncio.run(events()) == [A, B]


def test_an_asynchronous_source_stops_at_an_event_that_is_too_large() -> None:
    seen: list[ServerSentEvent] = []

    async def events() -> None:
        chunks = _agen([b"data: a\n\ndata: " + b"x" * 40 + b"\n\n"])
        async for event in SSEDecoder(40).aiter_bytes(chunks):
            seen.append(event)  # noqa: PERF401 - what comes before the failure counts

    with pytest.raises(EventTooLargeError):
        asyncio.run(events())
    assert seen == [A]
