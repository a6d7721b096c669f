"""Requests of generateContent from the values of an Interactions request (PROTOCOL e, b). Pure.

Fields that the Interactions API does not know pass as they are, so all of this one can be reached:
<https://ai.google.dev/api/generate-content#request-body>.
"""

from typing import Any
from urllib.parse import quote

from .api import TOP_LEVEL, Body
from .contents import contents_of
from .errors import UsageError
from .usage_metadata import camel_case

METHOD = "streamGenerateContent?alt=sse"

_SAME = {
    "cached_content": "cachedContent",
    "continuation_token": "continuationToken",
    "labels": "labels",
    "service_tier": "serviceTier",
    "store": "store",
}
# What this API has no field for.
_REFUSED = {
    "agent": "agents",
    "agent_config": "agents",
    "background": "background runs",
    "environment": "environments",
    "previous_interaction_id": "stored interactions",
    "webhook_config": "webhooks",
}
_OWN = frozenset(
    "contents systemInstruction generationConfig tools toolConfig safetySettings cachedContent "
    "continuationToken labels serviceTier store".split()
)
# JSON Schema that the older field for schemas, an excerpt of OpenAPI, knows as well.
_OPEN_API = frozenset(
    "type format title description nullable enum maxItems minItems properties required "
    "minProperties maxProperties minLength maxLength pattern example anyOf propertyOrdering "
    "default items minimum maximum".split()
)
_SCHEMAS = frozenset({"responseSchema", "responseJsonSchema", "_responseJsonSchema", "parameters"})
"""Fields whose value is a schema: its keys are names of the user's."""

_CHOICES = _SCHEMAS | {"functionCallingConfig", "speechConfig"}
"""Fields that are set as a whole: two of them make no third."""


def request_of(body: Body, default_model: str) -> tuple[str, Body]:
    """The path and the body that send an Interactions request to generateContent.

    Args:
        body: An Interactions request, its fields in the spelling of either API.
        default_model: The model where the request names none.

    Raises:
        UsageError: The API has nothing like a field, or there is no input.
    """
    body = _hoisted(body)
    for field, thing in _REFUSED.items():
        if body.get(field) not in (None, False, ""):
            raise UsageError(f"{field}: generateContent has no {thing}")
    if body.get("stream") is False:
        raise UsageError("stream: generateContent is asked for streams only")
    own = body.get("contents") or []
    begun = own if isinstance(own, list) else [own]
    sent: Body = {"contents": [*begun, *contents_of(body.get("input", []))]}
    if not sent["contents"]:
        raise UsageError("nothing to send: give a prompt with -p, -f, -d or on standard input")
    sent |= {key: body[key] for key in body if key not in TOP_LEVEL | {"contents"}}
    sent |= {_SAME[key]: body[key] for key in _SAME if key in body}
    if "system_instruction" in body:
        given = body["system_instruction"]
        own_form = isinstance(given, dict)
        sent["systemInstruction"] = given if own_form else {"parts": [{"text": given}]}
    if "tools" in body:
        tools = _listed(body["tools"])
        sent["tools"] = tools_of(tools)
        for tool in tools:
            _add_place(sent, tool)
    if "safety_settings" in body:
        sent["safetySettings"] = list(map(_safety, _listed(body["safety_settings"])))
    _add_config(sent, body)
    return _path(str(body.get("model") or default_model)), sent


def _hoisted(body: Body) -> Body:
    """Options of this API's own top-level fields were taken for generation_config."""
    config = body.get("generation_config")
    if not isinstance(config, dict):
        return body
    own = {key: _laid_over(body.get(key), config[key]) for key in _OWN & config.keys()}
    return {**body, **own, "generation_config": {k: v for k, v in config.items() if k not in own}}


def _laid_over(below: Any, above: Any) -> Any:
    """A value over another one: of objects, those fields that it has, at every depth."""
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    laid = {
        key: value if key in _CHOICES else _laid_over(below.get(key), value)
        for key, value in above.items()
    }
    return {**below, **laid}


_RIVALS = {"responseSchema": "responseJsonSchema", "responseJsonSchema": "responseSchema"}
"""Of two fields only one may be given."""


def _lay(body: Body, field: str, fields: Body) -> None:
    """Lay fields over those of an object in a body.

    Raises:
        UsageError: It is no object.
    """
    if not isinstance(body.get(field, {}), dict):
        raise UsageError(f"{field}: it is no object")
    below = body.get(field, {})
    kept = {key: below[key] for key in below if _RIVALS.get(key) not in fields}
    body[field] = _laid_over(kept, fields)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _path(model: str) -> str:
    name = model if "/" in model else f"models/{model}"
    if not {"", ".", ".."}.isdisjoint(name.split("/")):
        raise UsageError(f"{model!r} is not the name of a model")
    return f"{quote(name)}:{METHOD}"


def _add_config(sent: Body, body: Body) -> None:
    """Set what is asked of the model: generationConfig, and which functions it may call."""
    config: Body = {}
    given = body.get("generation_config") or {}
    if not isinstance(given, dict):
        raise UsageError("generation_config: it is no object")
    for key, value in given.items():
        if key in _THINKING:
            name, make = _THINKING[key]
            _lay(config, "thinkingConfig", {name: make(value)})
        elif key == "speech_config":
            config["speechConfig"] = _speech(value)
        elif key == "tool_choice":
            _lay(sent, "toolConfig", {"functionCallingConfig": _calling(value)})
        else:
            config = _laid_over(config, camel_keys({key: value}))
    if "response_mime_type" in body:
        config["responseMimeType"] = body["response_mime_type"]
    if modalities := body.get("response_modalities"):
        config["responseModalities"] = [str(one).upper() for one in _listed(modalities)]
    formats = _listed(body.get("response_format") or [])
    for wanted in formats:
        _add_format(config, wanted, alone=len(formats) == 1)
    if config:
        _lay(sent, "generationConfig", config)


def _speech(value: Any) -> Any:
    """The voice, or the voice of each speaker."""
    if isinstance(value, dict) and "speakers" in value:
        value = value["speakers"]
    if isinstance(value, dict) and not value.keys().isdisjoint(_SPEAKER):
        value = [value]
    if not isinstance(value, list):
        return camel_keys(value)
    if not all(isinstance(one, dict) for one in value):
        raise UsageError("speech_config: it is no list of objects with a voice")
    languages = [one["language"] for one in value if "language" in one]
    language = {"languageCode": languages[0]} if languages else {}
    if len(value) == 1 and "speaker" not in value[0]:
        return {**_voice(value[0]), **language}
    voices = [{"speaker": one.get("speaker", ""), **_voice(one)} for one in value]
    return {"multiSpeakerVoiceConfig": {"speakerVoiceConfigs": voices}, **language}


_SPEAKER = frozenset({"voice", "language", "speaker"})


def _voice(speaker: Body) -> Body:
    if "voice" not in speaker:
        return {}
    return {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": speaker["voice"]}}}


def _calling(choice: Any) -> Body:
    """Which functions the model may call."""
    match choice:
        case str():
            return {"mode": choice.upper()}
        case {"allowed_tools": {"tools": [*names], **rest}}:
            return {"mode": str(rest.get("mode", "auto")).upper(), "allowedFunctionNames": names}
    raise UsageError("tool_choice: it is no mode, and no allowed_tools with a list of tools")


def _same(value: Any) -> Any:
    return value


def _is_auto(value: Any) -> bool:
    return bool(value == "auto")


_THINKING = {
    "thinking_level": ("thinkingLevel", _same),
    "thinking_budget": ("thinkingBudget", _same),
    "thinking_summaries": ("includeThoughts", _is_auto),
}


def _add_format(config: Body, wanted: Any, *, alone: bool) -> None:
    """Ask for an answer of this form: JSON of a schema, a kind of media, or a bare schema.

    Raises:
        UsageError: This API cannot be asked for it.
    """
    match wanted:
        case {"type": "text", **rest}:
            if not alone:
                _add_modality(config, "TEXT")
            if "mime_type" in rest:
                config["responseMimeType"] = rest.pop("mime_type")
            if "schema" in rest:
                config.setdefault("responseMimeType", "application/json")
                config |= schema_field("response", rest.pop("schema"))
            _refuse_rest("text", rest)
        case {"type": "image" | "audio" | "video" as kind, **rest}:
            _add_modality(config, kind.upper())
            named = {"aspect_ratio": "aspectRatio", "image_size": "imageSize"}
            image = {named[key]: rest.pop(key) for key in named if kind == "image" and key in rest}
            if image:
                _lay(config, "imageConfig", image)
            if rest.get("delivery") == "inline":
                del rest["delivery"]
            _refuse_rest(kind, rest)
        case dict(schema) if _kind(schema) in _SCHEMA_TYPES:
            config |= {"responseMimeType": "application/json", **schema_field("response", schema)}
        case _:
            raise UsageError("response_format: generateContent has no format like it")


# Of a bare schema; none may be named, or several.
_SCHEMA_TYPES = frozenset({"", *"object array string number integer boolean null".split()})


def _add_modality(config: Body, name: str) -> None:
    config["responseModalities"] = [*_listed(config.get("responseModalities") or []), name]


def _refuse_rest(kind: str, rest: dict[Any, Any]) -> None:
    if rest:
        raise UsageError(f"response_format: generateContent has no {min(rest)} of {kind}")


def tools_of(tools: list[Any]) -> list[Any]:
    """The tools in the spelling of this API; all functions together are one of them."""
    declared = [_declaration(tool) for tool in tools if _kind(tool) == "function"]
    others = [_built_in(tool) for tool in tools if _kind(tool) != "function"]
    return [{"functionDeclarations": declared}, *others] if declared else others


def _kind(tool: Any) -> str:
    kind = tool.get("type") if isinstance(tool, dict) else None
    return kind if isinstance(kind, str) else ""


def _declaration(function: Body) -> Body:
    rest = {key: value for key, value in function.items() if key not in {"type", "parameters"}}
    if "parameters" not in function:
        return rest
    return {**rest, **schema_field("", function["parameters"])}


def _built_in(tool: Any) -> Any:
    """A built-in tool; one without a type is in the spelling of this API already."""
    kind = _kind(tool)
    if not kind:
        return tool
    fields = {key: value for key, value in tool.items() if key not in {"type", *_PLACE}}
    if kind == "mcp_server":
        return {"mcpServers": [_mcp_server(fields)]}
    match tool:
        case {"type": "computer_use", "environment": str(name)} if name.islower():
            fields["environment"] = f"ENVIRONMENT_{name.upper()}"
        case {"type": "google_search", "search_types": [*kinds]}:
            fields["search_types"] = {camel_case(str(one)): {} for one in kinds}
    return {camel_case(kind): camel_keys(fields)}


def _mcp_server(fields: Body) -> Body:
    """A server of tools; the names of its headers are no keys of this API."""
    if others := fields.keys() - {"name", "url", "headers"}:
        raise UsageError(f"mcp_server: generateContent has no {min(others)} of MCP servers")
    name = {"name": fields.pop("name")} if "name" in fields else {}
    return {**name, "streamableHttpTransport": fields}


_PLACE = ("latitude", "longitude")


def _add_place(sent: Body, tool: Any) -> None:
    """Set where the user is, which is no part of the tool here."""
    if _kind(tool) == "google_maps" and all(key in tool for key in _PLACE):
        place = {key: tool[key] for key in _PLACE}
        _lay(sent, "toolConfig", {"retrievalConfig": {"latLng": place}})


def schema_field(name: str, schema: Any) -> Body:
    """The field for a schema: one of two, by what the schema uses.

    Args:
        name: `response`, or empty for the parameters of a function.
        schema: A JSON Schema.
    """
    plain = schema != {"type": "object"} and _is_open_api(schema)  # which wants properties
    if name:
        return {f"{name}Schema" if plain else f"{name}JsonSchema": schema}
    return {"parameters" if plain else "parametersJsonSchema": schema}


def _is_open_api(schema: Any) -> bool:
    if not isinstance(schema, dict) or not schema.keys() <= _OPEN_API:
        return False
    if not isinstance(schema.get("type", ""), str):
        return False
    properties, choices = schema.get("properties") or {}, schema.get("anyOf") or []
    if not (isinstance(properties, dict) and isinstance(choices, list)):
        return False
    items = [schema["items"]] if "items" in schema else []
    return all(map(_is_open_api, [*properties.values(), *choices, *items]))


def _safety(setting: Any) -> Any:
    match setting:
        case {"type": str(kind), **rest}:
            category = kind.upper().removeprefix("HARM_CATEGORY_")
            others = {str(key): str(value).upper() for key, value in rest.items()}
            return {"category": f"HARM_CATEGORY_{category}", **others}
    return setting


def camel_keys(value: Any) -> Any:
    """A value whose keys, at every depth but in schemas, are in the spelling of this API."""
    if isinstance(value, dict):
        named = {camel_case(key): part for key, part in value.items()}
        return {key: part if key in _SCHEMAS else camel_keys(part) for key, part in named.items()}
    return [camel_keys(part) for part in value] if isinstance(value, list) else value
