"""Inputs and histories as contents."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from gstream.contents import contents_of
from gstream.errors import UsageError
from gstream.generate_content import Converter
from gstream.steps import Accumulator

STREAMS = sorted((Path(__file__).parent / "data" / "streams" / "generate_content").glob("*.sse"))
HI = {"type": "text", "text": "hi"}


def user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "parts": list(parts)}


def model(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


@pytest.mark.parametrize(
    ("given", "contents"),
    [
        pytest.param("hi", [user({"text": "hi"})], id="string"),
        pytest.param(HI, [user({"text": "hi"})], id="content"),
        pytest.param([HI, HI], [user({"text": "hi"}, {"text": "hi"})], id="contents"),
        pytest.param([{"text": "hi"}], [user({"text": "hi"})], id="content-without-type"),
        pytest.param([], [], id="nothing"),
        pytest.param(
            [{"type": "image", "data": "AA==", "mime_type": "image/png"}],
            [user({"inlineData": {"mimeType": "image/png", "data": "AA=="}})],
            id="image",
        ),
        pytest.param(
            [{"type": "document", "uri": "gs://a", "mime_type": "application/pdf"}],
            [user({"fileData": {"mimeType": "application/pdf", "fileUri": "gs://a"}})],
            id="document-by-uri",
        ),
        pytest.param(
            [{"type": "video", "uri": "https://v.example", "resolution": "low"}],
            [
                user(
                    {
                        "fileData": {"fileUri": "https://v.example"},
                        "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"},
                    }
                )
            ],
            id="video-with-resolution",
        ),
        pytest.param(
            [
                {
                    "type": "audio",
                    "data": "AA==",
                    "mime_type": "audio/l16",
                    "sample_rate": 8000,
                    "channels": 2,
                }
            ],
            [user({"inlineData": {"mimeType": "audio/l16;rate=8000;channels=2", "data": "AA=="}})],
            id="pcm",
        ),
        pytest.param(
            [
                {"type": "user_input", "content": [HI]},
                {"type": "model_output", "content": [HI, HI]},
                {"type": "user_input", "content": HI},
            ],
            [
                user({"text": "hi"}),
                model({"text": "hi"}, {"text": "hi"}),
                user({"text": "hi"}),
            ],
            id="turns",
        ),
        pytest.param(
            [
                {"type": "user_input", "content": [HI]},
                {
                    "type": "function_call",
                    "id": "c1",
                    "name": "f",
                    "arguments": {"a": 1},
                    "signature": "s",
                },
                {"type": "function_result", "call_id": "c1", "result": {"b": 2}},
            ],
            [
                user({"text": "hi"}),
                model(
                    {
                        "functionCall": {"id": "c1", "name": "f", "args": {"a": 1}},
                        "thoughtSignature": "s",
                    }
                ),
                user({"functionResponse": {"id": "c1", "name": "f", "response": {"b": 2}}}),
            ],
            id="function-turn",
        ),
        pytest.param(
            [
                {"type": "function_call", "id": "gstream-call-0", "name": "f", "arguments": {}},
                {"type": "function_call", "id": "gstream-call-1", "name": "g", "arguments": {}},
                {"type": "function_result", "call_id": "gstream-call-0", "result": "x"},
                {
                    "type": "function_result",
                    "call_id": "gstream-call-1",
                    "result": "no",
                    "is_error": True,
                },
            ],
            [
                model(
                    {"functionCall": {"name": "f", "args": {}}},
                    {"functionCall": {"name": "g", "args": {}}},
                ),
                user(
                    {"functionResponse": {"name": "f", "response": {"result": "x"}}},
                    {"functionResponse": {"name": "g", "response": {"error": "no"}}},
                ),
            ],
            id="parallel-calls-without-ids",
        ),
        pytest.param(
            [{"type": "thought", "signature": "s"}],
            [model({"text": "", "thoughtSignature": "s"})],
            id="signature-alone",
        ),
        pytest.param(
            [
                {
                    "type": "thought",
                    "summary": [HI, HI, {"type": "image", "data": "AA=="}],
                    "signature": "s",
                }
            ],
            [
                model(
                    {"text": "hihi", "thought": True},
                    {"inlineData": {"data": "AA=="}, "thought": True, "thoughtSignature": "s"},
                )
            ],
            id="thought",
        ),
        pytest.param(
            [
                {
                    "type": "code_execution_call",
                    "id": "e1",
                    "arguments": {"language": "python", "code": "1"},
                    "signature": "s",
                },
                {"type": "code_execution_result", "call_id": "e1", "result": "1\n"},
                {"type": "code_execution_result", "call_id": "e1", "is_error": True},
            ],
            [
                model(
                    {
                        "executableCode": {"id": "e1", "language": "PYTHON", "code": "1"},
                        "thoughtSignature": "s",
                    },
                    {
                        "codeExecutionResult": {
                            "id": "e1",
                            "outcome": "OUTCOME_OK",
                            "output": "1\n",
                        }
                    },
                    {
                        "codeExecutionResult": {
                            "id": "e1",
                            "outcome": "OUTCOME_FAILED",
                            "output": "",
                        }
                    },
                )
            ],
            id="code",
        ),
        pytest.param(
            [{"type": "google_search_call", "id": "g1", "signature": "s"}], [], id="search"
        ),
        pytest.param([{"type": "model_output"}], [], id="output-without-content"),
        pytest.param(
            [
                {"type": "tool_call", "id": "t1", "toolType": "X", "signature": "s"},
                {"type": "new_kind", "newKind": 5},
            ],
            [
                model(
                    {"toolCall": {"id": "t1", "toolType": "X"}, "thoughtSignature": "s"},
                    {"newKind": 5},
                )
            ],
            id="parts-that-are-not-known",
        ),
    ],
)
def test_an_input_becomes_contents(given: Any, contents: list[dict[str, Any]]) -> None:
    assert contents_of(given) == contents


@pytest.mark.parametrize("given", [7, [None], {"type": "mcp_server_tool_call"}, {}], ids=repr)
def test_refuses_what_the_api_cannot_be_sent(given: Any) -> None:
    with pytest.raises(UsageError, match="generateContent cannot be sent this: "):
        contents_of(given)


def test_the_result_of_an_unknown_call_needs_a_name() -> None:
    result = {"type": "function_result", "call_id": "c1", "result": 1}

    with pytest.raises(UsageError, match=r"^function_result c1: generateContent needs the name "):
        contents_of([result])


def test_there_are_streams() -> None:
    assert STREAMS


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_an_answer_goes_back_as_it_came(path: Path) -> None:
    accumulator = Accumulator()
    converter = Converter(pytest.fail)
    for line in path.read_bytes().splitlines():
        if line.startswith(b"data: "):
            accumulator.feed_all(converter.feed(orjson.loads(line[6:])))
    accumulator.feed_all(converter.finish())

    expected = json.loads(path.with_suffix(".json").read_text()).get("candidates", [])
    assert contents_of(accumulator.steps) == [one["content"] for one in expected]
