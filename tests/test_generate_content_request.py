"""Requests of generateContent."""

import copy
from typing import Any

import pytest

from gstream.errors import UsageError
from gstream.generate_content_request import request_of, schema_field

HI = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def sent(**fields: Any) -> dict[str, Any]:
    return request_of({"input": "hi", **fields}, "m1")[1]


def config(**fields: Any) -> dict[str, Any]:
    body = sent(**fields)
    assert body.keys() == {"contents", "generationConfig"}
    found: dict[str, Any] = body["generationConfig"]
    return found


def test_a_prompt_alone_is_contents_alone() -> None:
    assert sent() == HI


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-2.5-flash", "models/gemini-2.5-flash:streamGenerateContent?alt=sse"),
        ("models/gemini-2.5-flash", "models/gemini-2.5-flash:streamGenerateContent?alt=sse"),
        ("tunedModels/a b", "tunedModels/a%20b:streamGenerateContent?alt=sse"),
        (None, "models/m1:streamGenerateContent?alt=sse"),
    ],
)
def test_the_model_is_in_the_path_and_not_in_the_body(model: str | None, path: str) -> None:
    got, body = request_of({"input": "hi", "model": model, "stream": True}, "m1")

    assert (got, body) == (path, HI)


@pytest.mark.parametrize("model", ["..", ".", "a/../../x", "/x", "x/", "a//b"])
def test_a_model_that_would_leave_the_path_is_refused(model: str) -> None:
    with pytest.raises(UsageError, match="is not the name of a model"):
        request_of({"input": "hi", "model": model}, "m1")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"temperature": 0.2}, {"temperature": 0.2}, id="same-name"),
        pytest.param({"max_output_tokens": 9}, {"maxOutputTokens": 9}, id="max-output-tokens"),
        pytest.param({"top_p": 0.5}, {"topP": 0.5}, id="top-p"),
        pytest.param({"top_k": 5}, {"topK": 5}, id="top-k"),
        pytest.param({"stop_sequences": ["x"]}, {"stopSequences": ["x"]}, id="stop-sequences"),
        pytest.param({"seed": 7}, {"seed": 7}, id="seed"),
        pytest.param({"candidateCount": 2}, {"candidateCount": 2}, id="its-own-spelling"),
        pytest.param(
            {"thinking_level": "low", "thinking_summaries": "auto"},
            {"thinkingConfig": {"thinkingLevel": "low", "includeThoughts": True}},
            id="thinking",
        ),
        pytest.param(
            {"thinking_budget": 0, "thinking_summaries": "none"},
            {"thinkingConfig": {"thinkingBudget": 0, "includeThoughts": False}},
            id="no-thinking",
        ),
        pytest.param(
            {"image_config": {"aspect_ratio": "1:1"}},
            {"imageConfig": {"aspectRatio": "1:1"}},
            id="image-config",
        ),
        pytest.param(
            {"speech_config": [{"voice": "Kore", "language": "en-US"}]},
            {
                "speechConfig": {
                    "voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}},
                    "languageCode": "en-US",
                }
            },
            id="voice",
        ),
        pytest.param(
            {
                "speech_config": {
                    "speakers": [
                        {"voice": "Kore", "speaker": "Joe"},
                        {"voice": "Puck", "speaker": "Jane"},
                    ]
                }
            },
            {
                "speechConfig": {
                    "multiSpeakerVoiceConfig": {
                        "speakerVoiceConfigs": [
                            {
                                "speaker": name,
                                "voiceConfig": {"prebuiltVoiceConfig": {"voiceName": voice}},
                            }
                            for name, voice in (("Joe", "Kore"), ("Jane", "Puck"))
                        ]
                    }
                }
            },
            id="voices-of-speakers",
        ),
        pytest.param(
            {"speech_config": {"voice": "Kore"}},
            {"speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}}},
            id="voice-without-a-list",
        ),
        pytest.param(
            {"speech_config": {"language": "de-DE"}},
            {"speechConfig": {"languageCode": "de-DE"}},
            id="language-alone",
        ),
        pytest.param(
            {"speech_config": {"language_code": "de-DE"}},
            {"speechConfig": {"languageCode": "de-DE"}},
            id="speech-in-its-own-form",
        ),
    ],
)
def test_generation_config_has_its_names(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    assert config(generation_config=fields) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param(
            {
                "response_format": {
                    "type": "text",
                    "mime_type": "application/json",
                    "schema": CITY,
                }
            },
            {"responseMimeType": "application/json", "responseSchema": CITY},
            id="schema",
        ),
        pytest.param(
            {"response_format": {"type": "text", "schema": {"$ref": "#/$defs/x"}}},
            {
                "responseMimeType": "application/json",
                "responseJsonSchema": {"$ref": "#/$defs/x"},
            },
            id="json-schema",
        ),
        pytest.param(
            {"response_format": CITY},
            {"responseMimeType": "application/json", "responseSchema": CITY},
            id="bare-schema",
        ),
        pytest.param(
            {"response_format": {"type": ["object", "null"]}},
            {
                "responseMimeType": "application/json",
                "responseJsonSchema": {"type": ["object", "null"]},
            },
            id="bare-schema-of-two-types",
        ),
        pytest.param(
            {
                "generation_config": {"response_modalities": "TEXT"},
                "response_format": {"type": "audio"},
            },
            {"responseModalities": ["TEXT", "AUDIO"]},
            id="one-modality-more",
        ),
        pytest.param(
            {"response_format": {"type": "text", "mime_type": "text/x.enum"}},
            {"responseMimeType": "text/x.enum"},
            id="mime-type",
        ),
        pytest.param(
            {
                "response_format": [
                    {"type": "text"},
                    {"type": "image", "aspect_ratio": "1:1", "image_size": "2K"},
                ]
            },
            {
                "responseModalities": ["TEXT", "IMAGE"],
                "imageConfig": {"aspectRatio": "1:1", "imageSize": "2K"},
            },
            id="text-and-image",
        ),
        pytest.param(
            {"response_mime_type": "text/plain"}, {"responseMimeType": "text/plain"}, id="old-type"
        ),
        pytest.param(
            {"response_format": {"type": "audio"}}, {"responseModalities": ["AUDIO"]}, id="audio"
        ),
        pytest.param(
            {"response_modalities": ["audio"]}, {"responseModalities": ["AUDIO"]}, id="modalities"
        ),
        pytest.param(
            {"generationConfig": {"topK": 5}, "generation_config": {"top_p": 0.5}},
            {"topK": 5, "topP": 0.5},
            id="both-spellings",
        ),
        pytest.param(
            {"generationConfig": {"topK": 5}, "generation_config": {"generationConfig": {"n": 1}}},
            {"topK": 5, "n": 1},
            id="option-of-its-own-field",
        ),
    ],
)
def test_what_the_answer_is_to_be_is_generation_config(
    fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert config(**fields) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param(
            {"system_instruction": "Be brief."},
            {"systemInstruction": {"parts": [{"text": "Be brief."}]}},
            id="system",
        ),
        pytest.param({"service_tier": "flex"}, {"serviceTier": "flex"}, id="service-tier"),
        pytest.param({"store": False}, {"store": False}, id="store"),
        pytest.param({"cached_content": "c"}, {"cachedContent": "c"}, id="cached-content"),
        pytest.param(
            {"continuation_token": "dG9r"}, {"continuationToken": "dG9r"}, id="continuation-token"
        ),
        pytest.param(
            {
                "safety_settings": [
                    {"type": "harassment", "threshold": "block_none"},
                    {"category": "HARM_CATEGORY_HATE_SPEECH", "threshold": "OFF"},
                ]
            },
            {
                "safetySettings": [
                    {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"},
                    {"category": "HARM_CATEGORY_HATE_SPEECH", "threshold": "OFF"},
                ]
            },
            id="safety",
        ),
        pytest.param(
            {"generation_config": {"safetySettings": []}}, {"safetySettings": []}, id="by-option"
        ),
        pytest.param(
            {"generation_config": {"tool_choice": "any"}},
            {"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}},
            id="tool-choice",
        ),
        pytest.param(
            {
                "generation_config": {
                    "tool_choice": {"allowed_tools": {"mode": "any", "tools": ["f"]}}
                }
            },
            {
                "toolConfig": {
                    "functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}
                }
            },
            id="allowed-tools",
        ),
        pytest.param(
            {"tools": [{"type": "google_maps", "latitude": 1.5, "longitude": 2}]},
            {
                "tools": [{"googleMaps": {}}],
                "toolConfig": {"retrievalConfig": {"latLng": {"latitude": 1.5, "longitude": 2}}},
            },
            id="place",
        ),
        pytest.param({"unknown": 1}, {"unknown": 1}, id="unknown"),
        pytest.param(
            {"system_instruction": {"parts": [{"text": "s"}]}},
            {"systemInstruction": {"parts": [{"text": "s"}]}},
            id="system-instruction-in-its-own-form",
        ),
    ],
)
def test_other_fields_have_their_names(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    assert sent(**fields) == {**HI, **expected}


@pytest.mark.parametrize(
    ("tools", "expected"),
    [
        pytest.param([{"type": "google_search"}], [{"googleSearch": {}}], id="search"),
        pytest.param([{"type": "code_execution"}], [{"codeExecution": {}}], id="code"),
        pytest.param([{"type": "url_context"}], [{"urlContext": {}}], id="url-context"),
        pytest.param(
            [{"type": "google_search", "search_types": ["web_search", "image_search"]}],
            [{"googleSearch": {"searchTypes": {"webSearch": {}, "imageSearch": {}}}}],
            id="search-types",
        ),
        pytest.param(
            [{"type": "file_search", "file_search_store_names": ["s"], "top_k": 3}],
            [{"fileSearch": {"fileSearchStoreNames": ["s"], "topK": 3}}],
            id="file-search",
        ),
        pytest.param(
            [{"type": "computer_use", "environment": "browser"}],
            [{"computerUse": {"environment": "ENVIRONMENT_BROWSER"}}],
            id="computer-use",
        ),
        pytest.param([{"googleSearch": {}}], [{"googleSearch": {}}], id="its-own-spelling"),
        pytest.param({"type": "url_context"}, [{"urlContext": {}}], id="one-without-a-list"),
        pytest.param(
            [
                {
                    "type": "mcp_server",
                    "name": "w",
                    "url": "https://m.example",
                    "headers": {"X_key": "1"},
                }
            ],
            [
                {
                    "mcpServers": [
                        {
                            "name": "w",
                            "streamableHttpTransport": {
                                "url": "https://m.example",
                                "headers": {"X_key": "1"},
                            },
                        }
                    ]
                }
            ],
            id="mcp-server",
        ),
        pytest.param(
            [
                {"type": "function", "name": "f", "description": "d", "parameters": CITY},
                {"type": "google_search"},
                {"type": "function", "name": "g"},
            ],
            [
                {
                    "functionDeclarations": [
                        {"name": "f", "description": "d", "parameters": CITY},
                        {"name": "g"},
                    ]
                },
                {"googleSearch": {}},
            ],
            id="functions",
        ),
    ],
)
def test_tools_have_their_names(tools: Any, expected: list[Any]) -> None:
    assert sent(tools=tools) == {**HI, "tools": expected}


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("response_schema", "responseSchema"),
        ("responseSchema", "responseSchema"),
        ("response_json_schema", "responseJsonSchema"),
        ("responseJsonSchema", "responseJsonSchema"),
        ("_responseJsonSchema", "_responseJsonSchema"),
    ],
)
def test_the_names_in_a_schema_stay_as_they_are(field: str, name: str) -> None:
    schema = {"type": "object", "properties": {"first_name": {"type": "string"}}}

    assert config(generation_config={field: schema}) == {name: schema}


@pytest.mark.parametrize(
    ("own", "given", "expected"),
    [
        pytest.param(
            {"generationConfig": {"thinkingConfig": {"thinkingBudget": 5}}},
            {"generation_config": {"thinking_summaries": "auto"}},
            {
                "generationConfig": {
                    "thinkingConfig": {"thinkingBudget": 5, "includeThoughts": True}
                }
            },
            id="thinking",
        ),
        pytest.param(
            {"generationConfig": {"imageConfig": {"imageSize": "2K"}}},
            {"generation_config": {"image_config": {"aspect_ratio": "1:1"}}},
            {"generationConfig": {"imageConfig": {"imageSize": "2K", "aspectRatio": "1:1"}}},
            id="image",
        ),
        pytest.param(
            {"toolConfig": {"retrievalConfig": {"languageCode": "de"}}},
            {"generation_config": {"toolConfig": {"retrievalConfig": {"latLng": {}}}}},
            {"toolConfig": {"retrievalConfig": {"languageCode": "de", "latLng": {}}}},
            id="own-field",
        ),
        pytest.param(
            {"toolConfig": {"functionCallingConfig": {"allowedFunctionNames": ["f"]}, "x": 1}},
            {"generation_config": {"tool_choice": "none"}},
            {"toolConfig": {"functionCallingConfig": {"mode": "NONE"}, "x": 1}},
            id="choice-as-a-whole",
        ),
        pytest.param(
            {"generationConfig": {"responseSchema": {"properties": {"a": {}}}}},
            {"response_format": CITY},
            {"generationConfig": {"responseMimeType": "application/json", "responseSchema": CITY}},
            id="schema-as-a-whole",
        ),
    ],
)
def test_options_are_laid_over_a_body_at_every_depth(
    own: dict[str, Any], given: dict[str, Any], expected: dict[str, Any]
) -> None:
    before = copy.deepcopy(own)

    assert sent(**own, **given) == {**HI, **expected}
    assert own == before


@pytest.mark.parametrize(
    ("schema", "plain"),
    [
        (CITY, True),
        ({"type": "array", "items": {"type": "string"}}, True),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, True),
        ({"type": ["string", "null"]}, False),
        ({"type": "object"}, False),
        ({"type": "object", "additionalProperties": False}, False),
        ({"type": "object", "properties": {"a": {"const": 1}}}, False),
        ({"type": "array", "items": {"$ref": "#"}}, False),
        (True, False),
        ({"anyOf": 5}, False),
        ({"properties": ["a"]}, False),
    ],
)
def test_a_schema_goes_to_the_field_that_knows_its_words(schema: Any, plain: bool) -> None:
    assert schema_field("response", schema) == {
        "responseSchema" if plain else "responseJsonSchema": schema
    }
    assert schema_field("", schema) == {"parameters" if plain else "parametersJsonSchema": schema}


def test_what_is_switched_off_is_not_refused() -> None:
    assert sent(background=False) == HI


def test_an_input_follows_contents_in_the_apis_own_form() -> None:
    own = {"role": "user", "parts": [{"text": "own"}]}

    assert sent(contents=[own]) == {"contents": [own, *HI["contents"]]}
    assert request_of({"contents": [own]}, "m1")[1] == {"contents": [own]}
    assert request_of({"contents": own}, "m1")[1] == {"contents": [own]}


def test_nothing_to_send_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing to send"):
        request_of({}, "m1")
