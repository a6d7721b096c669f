"""What generateContent cannot be asked for is refused in words, never left out."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gstream.api import TOP_LEVEL
from gstream.errors import UsageError
from gstream.generate_content_request import request_of
from tests.test_generate_content_request import HI, sent


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("agent", "deep-research"),
        ("agent_config", {"type": "dynamic"}),
        ("background", True),
        ("environment", "e1"),
        ("previous_interaction_id", "v1_x"),
        ("webhook_config", {"uris": []}),
        ("environment", {}),
    ],
)
def test_refuses_what_the_api_does_not_have(field: str, value: Any) -> None:
    with pytest.raises(UsageError, match=rf"^{field}: generateContent has no "):
        sent(**{field: value})


def refusal(**fields: Any) -> str:
    with pytest.raises(UsageError) as caught:
        sent(**fields)
    return str(caught.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param(
            {"stream": False}, "stream: generateContent is asked for streams only", id="stream"
        ),
        pytest.param(
            {"response_format": {"type": "audio", "sample_rate": 8000}},
            "response_format: generateContent has no sample_rate of audio",
            id="sample-rate",
        ),
        pytest.param(
            {"response_format": {"type": "image", "delivery": "uri"}},
            "response_format: generateContent has no delivery of image",
            id="delivery",
        ),
        pytest.param(
            {"response_format": {"type": "video", "aspect_ratio": "1:1"}},
            "response_format: generateContent has no aspect_ratio of video",
            id="form-of-a-video",
        ),
        pytest.param(
            {"response_format": {"type": "text", "style": "x"}},
            "response_format: generateContent has no style of text",
            id="style",
        ),
        pytest.param(
            {"response_format": {"type": "document"}},
            "response_format: generateContent has no format like it",
            id="document",
        ),
        pytest.param(
            {"response_format": "json"},
            "response_format: generateContent has no format like it",
            id="word-as-format",
        ),
        pytest.param(
            {"tools": [{"type": "mcp_server", "url": "u", "allowed_tools": []}]},
            "mcp_server: generateContent has no allowed_tools of MCP servers",
            id="mcp-tools",
        ),
        pytest.param(
            {"generation_config": 7}, "generation_config: it is no object", id="generation-config"
        ),
        pytest.param(
            {"toolConfig": 5, "generation_config": {"tool_choice": "any"}},
            "toolConfig: it is no object",
            id="tool-config",
        ),
        pytest.param(
            {
                "generation_config": {"toolConfig": 5},
                "tools": [{"type": "google_maps", "latitude": 1, "longitude": 2}],
            },
            "toolConfig: it is no object",
            id="tool-config-and-a-place",
        ),
        pytest.param(
            {"generation_config": {"thinkingConfig": 5, "thinking_level": "low"}},
            "thinkingConfig: it is no object",
            id="thinking-config",
        ),
        pytest.param(
            {
                "generation_config": {"image_config": 5},
                "response_format": {"type": "image", "aspect_ratio": "1:1"},
            },
            "imageConfig: it is no object",
            id="image-config",
        ),
        pytest.param(
            {"input": [{"type": "code_execution_call", "id": "c1", "arguments": ["x"]}]},
            "code_execution_call: its arguments are no object",
            id="code-arguments",
        ),
        pytest.param(
            {"generation_config": {"tool_choice": {"mode": "any"}}},
            "tool_choice: it is no mode, and no allowed_tools with a list of tools",
            id="tool-choice",
        ),
        pytest.param(
            {"generation_config": {"speech_config": ["Kore"]}},
            "speech_config: it is no list of objects with a voice",
            id="speech-config",
        ),
        pytest.param(
            {"input": [{"type": "function_result", "call_id": "c1", "result": 1}]},
            "function_result c1: generateContent needs the name of its function",
            id="result-without-name",
        ),
    ],
)
def test_what_has_no_counterpart_is_refused(fields: dict[str, Any], message: str) -> None:
    assert refusal(**fields) == message


SENT: dict[str, Any] = {
    "cached_content": "cachedContents/x",
    "continuation_token": "t",
    "generation_config": {"seed": 1},
    "labels": {"a_b": "c"},
    "response_format": {"type": "image", "delivery": "inline"},
    "response_mime_type": "text/plain",
    "response_modalities": "image",
    "safety_settings": {"type": "harassment", "threshold": "off"},
    "service_tier": "flex",
    "store": False,
    "system_instruction": "s",
    "tools": {"type": "google_search"},
}
ELSEWHERE = {"model", "input", "stream"}
REFUSED = {
    "agent",
    "agent_config",
    "background",
    "environment",
    "previous_interaction_id",
    "webhook_config",
}


@pytest.mark.parametrize("field", sorted(TOP_LEVEL - ELSEWHERE))
def test_every_field_of_a_request_is_sent_or_refused(field: str) -> None:
    if field in REFUSED:
        assert refusal(**{field: "x"}).startswith(f"{field}: ")
    else:
        assert sent(**{field: SENT[field]}).keys() > HI.keys()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "type text name voice speaker language tools mode parts url headers schema "
                "parameters properties items anyOf latitude longitude arguments "
                "allowed_tools speakers call_id content".split()
            ),
            inner | st.sampled_from(["function", "mcp_server", "google_search", "text", "image"]),
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(sorted(TOP_LEVEL)), JSON, max_size=4),
    st.dictionaries(
        st.sampled_from(
            "tool_choice speech_config thinking_level seed tools toolConfig thinkingConfig "
            "imageConfig response_modalities response_schema".split()
        ),
        JSON,
    ),
)
def test_odd_values_are_sent_or_refused(fields: dict[str, Any], config: dict[str, Any]) -> None:
    fields = {"input": "hi", "generation_config": config, **fields}
    try:
        path, body = request_of(fields, "m1")
    except UsageError:
        return
    assert path.endswith(":streamGenerateContent?alt=sse")
    assert body["contents"]
