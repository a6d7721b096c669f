"""Whatever comes, in whatever chunks: documented failures only, and the same output."""

from itertools import accumulate
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gstream.errors import GstreamError
from gstream.session import Session
from gstream.sink import Sink
from gstream.views import VIEWS
from tests.support import (
    STREAMS,
    Event,
    Reading,
    answer,
    block,
    chunked,
    completed,
    created,
    delta,
    event,
    line,
    one_by_one,
    start,
    stop,
    stream,
)

FRAGMENTS = [
    *map(block, answer("a", "b\n")),
    *map(line, answer("c")),
    block(created("i2")),
    block(start("function_call", id="c1", name="f", arguments={})),
    block(delta("arguments_delta", arguments='{"a"')),
    block(stop()),
    block(completed("requires_action")),
    block(event("error", error={"code": "x", "message": "y"})),
    block(event("gstream.exit", status=76, message="z")),
    line(event("gstream.exit", status=[])),
    block(event("interaction.created", interaction={})),
    block(completed(usage=1, steps=[{"type": "model_output", "content": 1}])),
    block(delta("image", index=2, data="AAAA")),
    block({**delta("thought_signature", signature=1), "index": []}),
    b"event: step.start\ndata: " + b"[" * 1030 + b"\n\n",
    b'data: {"event_type":"step.start","index":5,"step":'
    + b'{"a":' * 990
    + b"1"
    + b"}" * 991
    + b"\n\n",
    b"data: [DONE]\n\n",
    b'event: step.delta\ndata: {"index":0,"delta":{"text":"d"}}\n\n',
    b"event: content.delta\ndata: {}\n\n",
    block(start(content=[{"type": "text"}])),
    block(start(content=["x", {"type": "text", "text": 1}])),
    block({**delta(text="g"), "index": 0.0}).replace(b"}\n", b"} \n"),
    block(event("step.delta", index=0, delta=[])),
    line(event("interaction.status_update", status="failed")).replace(b"\n", b" \r\n"),
    b"data: {\n\n",
    b"data: []\n\n",
    b": comment\n\n",
    b'{"error":{"code":503,"message":"gone"}}\n',
    b'[{"error":{"code":400}}]',
    b'[{\n"error":',
    b'{"candidates":[{"content":{"parts":[{"text":"e"}]},"finishReason":"STOP"}]}\n',
    b'data: {"candidates":[{"content":{"parts":[{"text":"f"}]}}]}\r\n\r\n',
    b'{"id":"i3","status":"completed","steps":[{"type":"model_output"}]}\n',
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 429 Too Many\r\nx: y\r\n\r\n",
    b"<html>",
    b"\xef\xbb\xbf",
    b"\n",
    b"\r\n",
    b"\r",
    b" ",
    b"data: ",
    b"[",
    b"]",
    b",",
    b"{",
    b"}",
    b'"',
    b"\xff",
]
BODIES = st.lists(st.sampled_from(FRAGMENTS), max_size=8).map(b"".join) | st.binary(max_size=60)


def run(chunks: list[bytes], view: str) -> tuple[bytes, str, list[str]]:
    """The output of a run over some chunks, the kind of its failure, and what was reported."""
    written: list[bytes] = []
    reports: list[str] = []
    session = Session(VIEWS[view](), Sink(written.append), report=reports.append)
    failure: GstreamError | None = None
    try:
        for chunk in chunks:
            session.feed(chunk)
        session.end_input()
    except GstreamError as exc:
        failure = exc
    failure = session.close(failure)
    if failure is not None and view == "ndjson":
        written.append(session.exit_line(failure, failure.exit_code))
    return b"".join(written), type(failure).__name__, reports


@pytest.mark.parametrize("view", VIEWS)
@given(body=BODIES)
def test_any_bytes_end_in_success_or_a_documented_failure(view: str, body: bytes) -> None:
    output, _, _ = run([body], view)

    if view in {"ndjson", "steps", "json"}:
        assert all(isinstance(orjson.loads(line), dict) for line in output.splitlines())


@pytest.mark.parametrize("view", VIEWS)
@given(chunks=chunked(BODIES))
def test_chunks_change_neither_output_nor_failure(view: str, chunks: list[bytes]) -> None:
    body = b"".join(chunks)
    output, failure, reports = run([body], view)
    readable = not Reading([body], max_event_size=1 << 28).failure

    for ways in (chunks, one_by_one(body)):
        other_output, other_failure, other_reports = run(ways, view)
        assert (other_failure, sorted(other_reports)) == (failure, sorted(reports))
        if view != "sse" or readable:  # raw bytes go out before they are read
            assert other_output == output


@given(chunked(st.sampled_from(sorted(STREAMS.glob("*.sse"))).map(lambda path: path.read_bytes())))
def test_text_is_written_as_soon_as_its_block_is_complete(chunks: list[bytes]) -> None:
    written: list[bytes] = []
    session = Session(VIEWS["text"](), Sink(written.append), report=lambda _text: None)
    ends = list(accumulate(map(len, chunks)))
    whole = b"".join(chunks)
    for chunk, end in zip(chunks, ends, strict=True):
        session.feed(chunk)
        assert b"".join(written) == run_open(whole[:end])


def run_open(body: bytes) -> bytes:
    """What has been written after some bytes of which more may follow."""
    written: list[bytes] = []
    Session(VIEWS["text"](), Sink(written.append), report=lambda _text: None).feed(body)
    return b"".join(written)


EVENTS = st.lists(
    st.sampled_from(
        [
            *answer("a", "b\n"),
            created("i2"),
            start("thought", index=1, summary=[{"text": "t"}]),
            start("function_call", index=2, id="c1", name="f"),
            delta("arguments_delta", index=2, arguments='{"n":1.10}'),
            delta("", index=3, data="AAAA", mime_type="image/png"),
            delta("hologram", index=1),
            stop(2),
            completed("requires_continuation"),
            event("error", error={"code": "x"}),
            event("later.kind", n=1),
            {"index": 1, "content": {"type": "text", "text": "c"}, "event_type": "content.start"},
        ]
    ),
    max_size=12,
)


@pytest.mark.parametrize("view", ["text", "steps", "json"])
@given(EVENTS)
def test_ndjson_fed_back_in_gives_the_same(view: str, events: list[Event]) -> None:
    body = stream(*events, done=False)
    lines, failure, _ = run([body], "ndjson")

    assert run([lines], view)[:2] == (run([body], view)[0], failure)


@pytest.mark.parametrize("path", sorted(STREAMS.glob("*.sse")), ids=lambda path: path.stem)
def test_ndjson_of_a_golden_stream_fed_back_in_gives_the_same(path: Path) -> None:
    body = path.read_bytes()
    lines, failure, _ = run([body], "ndjson")

    for view in ("text", "steps", "json"):
        assert run([lines], view)[:2] == (run([body], view)[0], failure)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("depth", [200, 300, 900, 1000, 1100])
def test_deep_nesting_ends_in_success_or_a_documented_failure(depth: int, view: str) -> None:
    deep = b"[" * depth + b"]" * depth
    chunk = b'{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP",'
    bodies = [
        stream(start(x="DEEP"), delta("image", data="DEEP"), completed(usage={"n": "DEEP"})),
        stream(delta("text_annotation_delta", annotations=["DEEP"]), event("error", error="DEEP")),
        stream(start("thought"), delta("thought_summary", content={"x": "DEEP"}), done=False),
        b"data: " + chunk + b'"citationMetadata":{"citationSources":[{"uri":"DEEP"}]}}]}\n\n',
        b': x\n\n{"error":{"code":503,"x":"DEEP"}}\n',
    ]

    for body in bodies:
        output, _, _ = run([body.replace(b'"DEEP"', deep)], view)
        assert view != "ndjson" or output.endswith(b"\n")
