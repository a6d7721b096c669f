"""Streams shaped like real ones, each through every view; and the official client as oracle."""

import json
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest
from google import genai

from gstream.session import Session
from gstream.sink import Sink
from gstream.views import VIEWS
from tests.support import STREAMS, cuts, one_by_one

GOLDEN = sorted(path for path in STREAMS.glob("*.sse"))
MANIFEST: dict[str, dict[str, Any]] = json.loads((STREAMS / "manifest.json").read_bytes())
EXIT_CODES = {
    "completed": 0,
    "requires_action": 10,
    "incomplete": 11,
    "requires_continuation": 11,
    "interrupted": 76,
}


def closed(view: str, chunks: Iterable[bytes]) -> tuple[bytes, int]:
    """All that a view makes of a body, its end included, and the exit code."""
    out = bytearray()
    session = Session(VIEWS[view](), Sink(out.extend), report=lambda _text: None)
    for chunk in chunks:
        session.feed(chunk)
    session.end_input()
    failure = session.close()
    return bytes(out), failure.exit_code if failure else 0


def named(path: Path) -> str:
    return path.stem


def test_there_are_golden_streams() -> None:
    assert len(GOLDEN) >= 18
    assert {path.stem for path in GOLDEN} <= MANIFEST.keys()


@pytest.mark.parametrize("path", GOLDEN, ids=named)
def test_the_text_is_the_expected_one(path: Path) -> None:
    expected = path.with_suffix(".txt").read_bytes()

    text, code = closed("text", [path.read_bytes()])

    newline = b"\n" if code == 0 and expected and not expected.endswith(b"\n") else b""
    assert text == expected + newline


@pytest.mark.parametrize("path", GOLDEN, ids=named)
def test_the_interaction_is_the_expected_one(path: Path) -> None:
    out, _ = closed("json", [path.read_bytes()])

    assert json.loads(out) == json.loads(path.with_suffix(".json").read_bytes())


@pytest.mark.parametrize("path", GOLDEN, ids=named)
def test_the_steps_are_those_of_the_interaction(path: Path) -> None:
    out, code = closed("steps", [path.read_bytes()])

    steps = [json.loads(line) for line in out.splitlines()]
    partial = [step.pop("partial", False) for step in steps]
    assert steps == json.loads(path.with_suffix(".json").read_bytes())["steps"]
    assert any(partial) <= (code in {12, 14, 76})


@pytest.mark.parametrize("path", GOLDEN, ids=named)
def test_the_raw_bytes_are_those_that_came(path: Path) -> None:
    assert closed("sse", [path.read_bytes()])[0] == path.read_bytes()


@pytest.mark.parametrize("path", GOLDEN, ids=named)
def test_the_exit_code_is_that_of_the_outcome(path: Path) -> None:
    entry = MANIFEST[path.stem]
    blocked = entry.get("error", {}).get("code") == "prohibited_content"
    expected = EXIT_CODES.get(entry["outcome"], 12 if blocked else 14)

    assert {closed(view, [path.read_bytes()])[1] for view in VIEWS} == {expected}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("path", GOLDEN, ids=named)
def test_cutting_a_stream_anywhere_changes_nothing(path: Path, view: str) -> None:
    data = path.read_bytes()
    whole = closed(view, [data])

    assert closed(view, one_by_one(data)) == whole
    some = islice(cuts(data), 0, None, 1 if view == "ndjson" else 17)
    assert [cut for cut in some if closed(view, cut) != whole] == []


@pytest.mark.parametrize("path", GOLDEN, ids=named)
def test_a_stream_that_ends_early_is_no_success(path: Path) -> None:
    data = path.read_bytes()
    end = data.find(b"event: interaction.completed")
    text = closed("text", [data])[0]

    for size in range(0, end, 7):
        shown_text, code = closed("text", [data[:size]])
        assert code != 0
        assert text.startswith(shown_text)


class _OneBody(httpx.BaseTransport):
    def __init__(self, body: bytes) -> None:
        self._body = body

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        headers = {"content-type": "text/event-stream"}
        return httpx.Response(200, headers=headers, content=self._body, request=request)


def official_events(body: bytes) -> list[dict[str, Any]]:
    """The events that the official client reads from a body."""
    options = genai.types.HttpOptions(
        base_url="http://oracle.invalid",
        httpx_client=httpx.Client(transport=_OneBody(body)),
    )
    client = genai.Client(api_key="none", http_options=options)
    stream: Any = client.interactions.create(
        model="m", input="x", stream=True, automatic_continuation=False
    )
    return [json.loads(event.model_dump_json(exclude_unset=True)) for event in stream]


def agrees(official: Any, ours: Any) -> bool:
    """Whether all that we show is what the client read.

    Its models add empty values, and where the wire names no type a type, even a wrong one.
    """
    if isinstance(official, dict) and isinstance(ours, dict):
        added = [official[key] for key in official.keys() - ours.keys() - {"type"}]
        return not any(added) and all(
            key in official and agrees(official[key], ours[key]) for key in ours
        )
    if isinstance(official, list) and isinstance(ours, list):
        return len(official) == len(ours) and all(map(agrees, official, ours))
    return bool(official == ours)


def test_agreement_sees_other_values_and_missing_keys() -> None:
    assert agrees({"a": 1, "b": {}}, {"a": 1})
    assert not agrees({"a": 1, "b": 2}, {"a": 1})
    assert not agrees({"a": 1}, {"a": 1, "b": 0})
    assert not agrees([{"a": 1}], [{"a": 2}])
    assert not agrees([1], [1, 2])


@pytest.mark.filterwarnings("ignore:Interaction stopped before completion")
@pytest.mark.parametrize("path", GOLDEN, ids=named)
def test_our_events_are_those_of_the_official_client(path: Path) -> None:
    data = path.read_bytes()
    official = official_events(data)

    ours = [json.loads(line) for line in closed("ndjson", [data])[0].splitlines()]

    if b"event: error" not in data:  # of an error that is raw JSON the client says nothing
        ours = [event for event in ours if event["event_type"] != "error"]
    assert len(official) == len(ours) > 0
    assert [pair for pair in zip(official, ours, strict=True) if not agrees(*pair)] == []
