"""The official client sends the same for the same request."""

import base64
from typing import Any

import orjson
import pytest

from gstream.generate_content import FINISH_REASONS
from gstream.generate_content_request import camel_keys, request_of
from tests import servers

DECLARED = {"type": "object", "additionalProperties": False}
FUNCTION = {"type": "function", "name": "f", "description": "d", "parameters": DECLARED}
THEIR_FUNCTION = {"name": "f", "description": "d", "parameters_json_schema": DECLARED}
PICTURE = b"\xff\xfe\xfd"


def voice(name: str) -> dict[str, Any]:
    return {"prebuilt_voice_config": {"voice_name": name}}


CASES = [
    pytest.param({}, {}, id="prompt"),
    pytest.param({"system_instruction": "s"}, {"system_instruction": "s"}, id="system-instruction"),
    pytest.param(
        {
            "generation_config": {
                "temperature": 0.5,
                "top_p": 0.5,
                "max_output_tokens": 9,
                "stop_sequences": ["x"],
                "seed": 3,
                "thinking_level": "HIGH",
                "thinking_summaries": "auto",
            }
        },
        {
            "temperature": 0.5,
            "top_p": 0.5,
            "max_output_tokens": 9,
            "stop_sequences": ["x"],
            "seed": 3,
            "thinking_config": {"thinking_level": "HIGH", "include_thoughts": True},
        },
        id="generation-config",
    ),
    pytest.param(
        {"response_format": {"type": "text", "schema": DECLARED}},
        {"response_mime_type": "application/json", "response_json_schema": DECLARED},
        id="schema",
    ),
    pytest.param(
        {"response_format": {"type": "image", "aspect_ratio": "1:1", "image_size": "1K"}},
        {
            "response_modalities": ["IMAGE"],
            "image_config": {"aspect_ratio": "1:1", "image_size": "1K"},
        },
        id="image",
    ),
    pytest.param(
        {
            "response_format": {"type": "audio"},
            "generation_config": {"speech_config": [{"voice": "Kore", "language": "en-US"}]},
        },
        {
            "response_modalities": ["AUDIO"],
            "speech_config": {"voice_config": voice("Kore"), "language_code": "en-US"},
        },
        id="voice",
    ),
    pytest.param(
        {
            "response_modalities": ["audio"],
            "generation_config": {
                "speech_config": [
                    {"voice": "Kore", "speaker": "A"},
                    {"voice": "Puck", "speaker": "B"},
                ]
            },
        },
        {
            "response_modalities": ["AUDIO"],
            "speech_config": {
                "multi_speaker_voice_config": {
                    "speaker_voice_configs": [
                        {"speaker": "A", "voice_config": voice("Kore")},
                        {"speaker": "B", "voice_config": voice("Puck")},
                    ]
                }
            },
        },
        id="voices",
    ),
    pytest.param(
        {"tools": [{"type": "google_search"}, {"type": "code_execution"}, {"type": "url_context"}]},
        {"tools": [{"google_search": {}}, {"code_execution": {}}, {"url_context": {}}]},
        id="tools",
    ),
    pytest.param(
        {"tools": [{"type": "google_search", "search_types": ["web_search", "image_search"]}]},
        {"tools": [{"google_search": {"search_types": {"web_search": {}, "image_search": {}}}}]},
        id="search-types",
    ),
    pytest.param(
        {"tools": [{"type": "file_search", "file_search_store_names": ["s"], "top_k": 3}]},
        {"tools": [{"file_search": {"file_search_store_names": ["s"], "top_k": 3}}]},
        id="file-search",
    ),
    pytest.param(
        {"tools": [{"type": "computer_use", "environment": "browser"}]},
        {"tools": [{"computer_use": {"environment": "ENVIRONMENT_BROWSER"}}]},
        id="computer-use",
    ),
    pytest.param(
        {"tools": [{"type": "google_maps", "latitude": 1.5, "longitude": 2.5}]},
        {
            "tools": [{"google_maps": {}}],
            "tool_config": {"retrieval_config": {"lat_lng": {"latitude": 1.5, "longitude": 2.5}}},
        },
        id="maps",
    ),
    pytest.param(
        {"tools": [{"type": "mcp_server", "name": "w", "url": "https://m.example"}]},
        {
            "tools": [
                {
                    "mcp_servers": [
                        {
                            "name": "w",
                            "streamable_http_transport": {"url": "https://m.example"},
                        }
                    ]
                }
            ]
        },
        id="mcp-server",
    ),
    pytest.param(
        {
            "tools": [FUNCTION],
            "generation_config": {
                "tool_choice": {"allowed_tools": {"mode": "any", "tools": ["f"]}}
            },
        },
        {
            "tools": [{"function_declarations": [THEIR_FUNCTION]}],
            "tool_config": {
                "function_calling_config": {"mode": "ANY", "allowed_function_names": ["f"]}
            },
        },
        id="functions",
    ),
    pytest.param({"service_tier": "flex"}, {"service_tier": "flex"}, id="service-tier"),
    pytest.param(
        {"input": [{"type": "image", "mime_type": "image/png", "data": base64.b64encode(PICTURE)}]},
        {"contents": [{"inline_data": {"mime_type": "image/png", "data": PICTURE}}]},
        id="picture",
    ),
    pytest.param(
        {"input": [{"type": "video", "mime_type": "video/mp4", "uri": "gs://a/b"}]},
        {"contents": [{"file_data": {"mime_type": "video/mp4", "file_uri": "gs://a/b"}}]},
        id="address",
    ),
    pytest.param(
        {
            "input": [
                {"type": "user_input", "content": [{"type": "text", "text": "hi"}]},
                {"type": "function_call", "id": "c1", "name": "f", "arguments": {"a": 1}},
                {"type": "function_result", "call_id": "c1", "result": {"b": 2}},
            ]
        },
        {
            "contents": [
                {"role": "user", "parts": [{"text": "hi"}]},
                {
                    "role": "model",
                    "parts": [{"function_call": {"id": "c1", "name": "f", "args": {"a": 1}}}],
                },
                {
                    "role": "user",
                    "parts": [
                        {"function_response": {"id": "c1", "name": "f", "response": {"b": 2}}}
                    ],
                },
            ]
        },
        id="function-result",
    ),
]


def plain(body: Any) -> Any:
    """A request as a server reads it: it takes both spellings of keys, and of base64."""
    body = camel_keys(orjson.loads(orjson.dumps(body, default=bytes.decode)))
    body.get("systemInstruction", {}).pop("role", None)
    if not body.get("generationConfig", True):
        del body["generationConfig"]
    for content in body["contents"]:
        for part in content["parts"]:
            if data := part.get("inlineData"):
                data["data"] = data["data"].translate(str.maketrans("-_", "+/"))
    return body


@pytest.mark.parametrize(("ours", "theirs"), CASES)
def test_the_official_client_sends_the_same(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    from google import genai

    path, body = request_of({"input": "hi", **ours}, "m1")

    reply = b'data: {"candidates":[{"finishReason":"STOP"}]}\r\n\r\n'
    with servers.RawServer(servers.answering(reply)) as server:
        options: Any = {"base_url": server.url, "api_version": "v1beta"}
        client = genai.Client(api_key="k", http_options=options)
        contents = theirs.pop("contents", "hi")
        settings: Any = theirs
        list(client.models.generate_content_stream(model="m1", contents=contents, config=settings))

    [request] = server.requests
    assert (request.path, plain(orjson.loads(request.body))) == (f"/v1beta/{path}", plain(body))


def test_every_finish_reason_of_the_official_client_has_a_status() -> None:
    from google.genai import types

    theirs = {reason.value for reason in types.FinishReason} - {"FINISH_REASON_UNSPECIFIED"}

    assert theirs <= FINISH_REASONS.keys()
