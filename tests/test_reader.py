"""Every kind of input becomes the same events, wherever it is cut."""

import pytest

from gstream.errors import BadDataError
from gstream.events import DONE_EVENT, Event
from gstream.reader import EventReader
from tests.support import (
    ERROR,
    RAW_ERROR,
    block,
    delta,
    event,
    line,
    ndjson,
    one_by_one,
    read,
    stream,
)

A, B = delta(text="a"), delta(text="b")
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"


# --- kinds


@pytest.mark.parametrize(
    ("body", "events"),
    [
        pytest.param(stream(A, B), [A, B, DONE_EVENT], id="sse"),
        pytest.param(stream(A, done=False).replace(b"\n", b"\r\n"), [A], id="sse-with-crlf"),
        pytest.param(b": keep-alive\n\n" + block(A), [A], id="comment-first"),
        pytest.param(b"\n" * 70 + block(A), [A], id="many-blank-lines-first"),
        pytest.param(b"\xef\xbb\xbf" + block(A), [A], id="bom"),
        pytest.param(ndjson(A, B), [A, B], id="ndjson"),
        pytest.param(ndjson(A, B).rstrip(), [A, B], id="ndjson-without-its-last-line-end"),
        pytest.param(b" \n" * 40 + ndjson(A, B), [A, B], id="many-blanks-before-ndjson"),
        pytest.param(b"\xef\xbb\xbf \n" + ndjson(A, B), [A, B], id="bom-and-ndjson"),
        pytest.param(ndjson(A, B).replace(b"\n", b"\r\n"), [A, B], id="ndjson-with-crlf"),
        pytest.param(ndjson(A) + b"\n \n" + ndjson(B), [A, B], id="blank-lines-in-ndjson"),
        pytest.param(line(A).rstrip(), [A], id="one-event"),
        pytest.param(HEAD + stream(A), [A, DONE_EVENT], id="curl-i"),
        pytest.param(HEAD + HEAD + ndjson(A), [A], id="curl-i-with-two-heads"),
        pytest.param(HEAD.replace(b"\r", b"") + block(A), [A], id="head-with-lf"),
        pytest.param(HEAD.replace(b"\n", b"") + block(A), [A], id="head-with-cr"),
        pytest.param(HEAD, [], id="head-alone"),
        pytest.param(HEAD[:-2], [], id="half-a-head"),
        pytest.param(b"", [], id="nothing"),
        pytest.param(b" \r\n\t", [], id="blanks"),
        pytest.param(b"\xef\xbb\xbf", [], id="bom-alone"),
        pytest.param(b'{"error":{"code":503}}', [event("error", error={"code": 503})], id="error"),
        pytest.param(b'{"error":"no"}\n', [event("error", error={"message": "no"})], id="text"),
        pytest.param(RAW_ERROR, [event("error", error=ERROR)], id="error-in-a-list"),
        pytest.param(
            b'{\n "error": {"code": 503}\n}\n', [event("error", error={"code": 503})], id="pretty"
        ),
        pytest.param(
            b'{"error":{"code":1}}\n' + line(A), [event("error", error={"code": 1}), A], id="lines"
        ),
        pytest.param(b'{"event_type":\n"x"}', [event("x")], id="one-event-in-two-lines"),
        pytest.param(b"[" + line(A) + b"," + line(B) + b"]", [A, B], id="events-in-an-array"),
    ],
)
def test_each_kind_of_input_is_its_events(body: bytes, events: list[Event]) -> None:
    result = read(body)

    assert result.events == events
    assert (result.reports, result.reader.broken) == ([], 0)


def test_a_finished_interaction_is_the_events_that_would_bring_it() -> None:
    step = {"type": "model_output", "content": [{"type": "text", "text": "a"}]}
    result = read(b'{"id":"i1","status":"completed","steps":[%b]}' % line(step).strip())

    assert [one["event_type"] for one in result.events] == [
        "interaction.created",
        "step.start",
        "step.stop",
        "interaction.completed",
    ]
    assert all(one["synthesized"] for one in result.events)


@pytest.mark.parametrize("array", [False, True])
def test_chunks_of_generate_content_are_converted(array: bool) -> None:
    chunk = b'{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}'
    sse, alone = b"data: " + chunk + b"\r\n\r\n", chunk + b"\n"
    bodies = [b"[" + chunk + b"\n,\r\n" + chunk + b"]"] if array else [sse * 2, alone * 2, sse]

    for body in bodies:
        kinds = [one["event_type"] for one in read(body).events]
        assert kinds[0] == "interaction.created"
        assert kinds[-1] == "interaction.completed"


def test_the_header_lines_tell_the_status() -> None:
    assert read(b"HTTP/2 429\r\n\r\n" + RAW_ERROR).reader.http_status == 429
    assert read(b"HTTP/1.1 x\r\n\r\n").reader.http_status == 0
    assert read(b"HTTP/1.1\r\n\r\n").reader.http_status == 0


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(b"some words\n", "not server-sent events, NDJSON or JSON", id="words"),
        pytest.param(b"\n\nsome words\n\n", "not server-sent events", id="words-below-blanks"),
        pytest.param(b"HTT", "not server-sent events, NDJSON or JSON: 'HTT'", id="half-a-word"),
        pytest.param(b"<html>\n <p>no", "HTML: '<html> <p>no'", id="html"),
        pytest.param(b"<" + b"x \n" * 99, "HTML: '<x x", id="long-html"),
        pytest.param(b"\n" * 300 + b"<html>", "HTML: '<html>'", id="html-below-many-blanks"),
        pytest.param(b" " * 300 + b"HTT", "NDJSON or JSON: 'HTT'", id="many-blanks-before-words"),
        pytest.param(b"{", "the input begins like JSON, but it is not JSON", id="half-an-object"),
        pytest.param(b'{"a":1}', "JSON, but neither events nor an interaction", id="an-object"),
        pytest.param(b"{}\n{}\n", "JSON, but neither events nor", id="objects"),
        pytest.param(b"[]", "the input is an empty JSON array", id="empty-array"),
        pytest.param(b"[1]", "the input is no JSON array of objects", id="array-of-numbers"),
        pytest.param(b"[{}] x", "the input is no JSON array of objects", id="array-and-words"),
    ],
)
def test_what_is_of_no_kind_is_bad_data(body: bytes, message: str) -> None:
    assert message in read(body).failure


def test_html_is_refused_after_its_first_words() -> None:
    reader = EventReader(print)

    with pytest.raises(BadDataError, match="the input is HTML"):
        reader.feed(b"<html>" + b"x" * 200)


def test_a_reader_is_empty_until_more_than_blanks_have_come() -> None:
    reader = EventReader(print)
    seen = [reader.empty]
    for chunk in (b" \r\n", b"\xef\xbb\xbf", b"H", b"x"):
        reader.feed(chunk)
        seen.append(reader.empty)

    assert seen[:2] == [True, True]
    assert seen[-1] is False


# --- lines


# --- the end


# --- raw bytes


def test_what_came_as_server_sent_events_is_handed_on_unchanged() -> None:
    reader = EventReader(print)
    body = HEAD + b": x\r\n\r\n" + block(A)
    read = reader.feed(body)

    assert reader.as_sse(body, read) == b": x\r\n\r\n" + block(A)
    assert reader.as_sse(block(B), reader.feed(block(B))) == block(B)


def test_header_lines_that_come_by_themselves_cost_nothing_of_what_follows() -> None:
    reader = EventReader(print)
    handed = [reader.as_sse(chunk, reader.feed(chunk)) for chunk in (HEAD, block(A), block(B))]

    assert handed == [b"", block(A), block(B)]


def test_what_came_otherwise_is_handed_on_as_server_sent_events() -> None:
    reader = EventReader(print)
    read = reader.feed(ndjson(A, B))

    assert reader.as_sse(ndjson(A, B), read) == block(A) + block(B)


def test_a_raw_error_is_handed_on_as_one() -> None:
    reader = EventReader(print)
    reader.feed(RAW_ERROR[:9])
    read = reader.feed(RAW_ERROR[9:])

    assert reader.as_sse(RAW_ERROR, read) == line({"error": ERROR})


def test_an_event_that_was_cut_is_not_handed_on() -> None:
    reader = EventReader(print)
    reader.feed(block(A)[:-4])
    read = reader.finish()

    assert reader.as_sse(block(A)[:-4], read) == b""


def test_knows_how_many_bytes_belong_to_what_is_not_complete() -> None:
    def pending(body: bytes) -> int:
        reader = EventReader(print)
        for chunk in one_by_one(body):
            reader.feed(chunk)
        return reader.pending_size

    assert pending(block(A) + b"data: x") == 7
    assert pending(ndjson(A) + b'{"a"') == 4
    assert pending(b"[" + line(A) + b',{"a"') == 4
    assert pending(b"HTT") == 3


def test_a_stream_is_one_for_certain_however_it_begins() -> None:
    reports: list[str] = []
    reader = EventReader(reports.append, stream=True)
    batches = [reader.feed(line({"error": {"code": 503}}) + block(A)), reader.finish()]

    assert [one["event_type"] for each in batches for one in each.events] == ["error", "step.delta"]
    assert reader.raw_error == {"code": 503}


def test_a_stream_for_certain_may_end_inside_its_first_word() -> None:
    reader = EventReader(print, stream=True)
    reader.feed(b"r\n")

    assert reader.finish().events == []
