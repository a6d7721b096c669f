"""The input of an Interactions request, or its steps, as the contents of generateContent. Pure.

The way back of `parts`: a history goes out as it came in, signatures unchanged.
"""

from collections.abc import Callable
from typing import Any

from .api import Body
from .errors import UsageError
from .events import delta_type
from .parts import CALL_PREFIX
from .usage_metadata import camel_case

_USER = "user"
_MODEL = "model"


def contents_of(given: Any) -> list[Body]:
    """The contents that an input is: text, one content, a list of contents, or a list of steps.

    Raises:
        UsageError: generateContent has nothing like a part of it.
    """
    if isinstance(given, str):
        given = [{"type": "text", "text": given}]
    names: dict[str, str] = {}
    contents: list[Body] = []
    for value in given if isinstance(given, list) else [given]:
        role, parts = _role_and_parts(value, names)
        if parts and contents and contents[-1]["role"] == role:
            contents[-1]["parts"] += parts
        elif parts:
            contents.append({"role": role, "parts": parts})
    return contents


def _role_and_parts(value: Any, names: dict[str, str]) -> tuple[str, list[Body]]:
    """Who says what in a step or a content; `names` are those of the functions called so far."""
    step: Body = value if isinstance(value, dict) else {}
    match step:
        case {"type": "user_input"}:
            return _USER, [_content_part(item) for item in _listed(step.get("content"))]
        case {"type": "function_result", "call_id": str(call_id)}:
            name = str(step.get("name") or names.get(call_id, ""))
            if not name:
                raise UsageError(
                    f"function_result {call_id}: generateContent needs the name of its function"
                )
            answer = {**_call_id(call_id), "name": name, "response": _response(step)}
            return _USER, [{"functionResponse": answer}]
        case {"type": "function_call", "id": str(call_id), "name": str(name)}:
            names[call_id] = name
    kind = str(step.get("type", ""))
    if not kind or kind in _NO_STEPS:
        return _USER, [_content_part(value)]
    parts = _MODEL_PARTS.get(kind, _own_parts)(step)
    if parts and step.get("signature"):
        parts[-1]["thoughtSignature"] = step["signature"]
    return _MODEL, parts


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []


def _output_parts(step: Body) -> list[Body]:
    return [_content_part(item) for item in _listed(step.get("content"))]


def _thought_parts(thought: Body) -> list[Body]:
    """A thought: all text of its summary in one part, or an empty one for its signature."""
    summary = [item for item in _listed(thought.get("summary")) if isinstance(item, dict)]
    text = "".join(str(item["text"]) for item in summary if "text" in item)
    media = [_content_part(item) for item in summary if "text" not in item]
    parts = [{"text": text}, *media] if text else media
    return [{**part, "thought": True} for part in parts] or [{"text": ""}]


def _call_parts(step: Body) -> list[Body]:
    call = {"name": step.get("name", ""), "args": step.get("arguments", {})}
    return [{"functionCall": {**_call_id(step.get("id")), **call}}]


def _code_parts(step: Body) -> list[Body]:
    code = step.get("arguments") or {}
    if not isinstance(code, dict):
        raise UsageError("code_execution_call: its arguments are no object")
    language = str(code.get("language") or "python").upper()
    told = {"language": language, "code": code.get("code", "")}
    return [{"executableCode": {**_call_id(step.get("id")), **told}}]


def _code_result_parts(step: Body) -> list[Body]:
    outcome = "OUTCOME_FAILED" if step.get("is_error") else "OUTCOME_OK"
    told = {"outcome": outcome, "output": step.get("result", "")}
    return [{"codeExecutionResult": {**_call_id(step.get("call_id")), **told}}]


def _own_parts(step: Body) -> list[Body]:
    """A part that the Interactions API has nothing like, as it came."""
    key = camel_case(str(step["type"]))
    fields = {name: step[name] for name in step if name not in {"type", "signature"}}
    return [{key: fields[key] if fields.keys() == {key} else fields}]


# What is a content by itself, and the steps that generateContent has nothing like.
_NO_STEPS = frozenset(
    "text image audio video document file_search_call file_search_result mcp_server_tool_call "
    "mcp_server_tool_result processing_call processing_result retrieval_call retrieval_result "
    "tool_search_call tool_search_result".split()
)


_MODEL_PARTS: dict[str, Callable[[Body], list[Body]]] = {
    "model_output": _output_parts,
    "thought": _thought_parts,
    "function_call": _call_parts,
    "code_execution_call": _code_parts,
    "code_execution_result": _code_result_parts,
    # generateContent tells of these outside of its contents.
    **dict.fromkeys(
        "google_search_call google_search_result google_maps_call google_maps_result "
        "url_context_call url_context_result".split(),
        lambda _step: [],
    ),
}


def _call_id(call_id: Any) -> Body:
    """The id of a call, if the server gave it one."""
    given = isinstance(call_id, str) and call_id and not call_id.startswith(CALL_PREFIX)
    return {"id": call_id} if given else {}


def _response(result: Body) -> Body:
    """The result of a function, which this API wants as an object."""
    value = result.get("result")
    if result.get("is_error"):
        return {"error": value}
    return value if isinstance(value, dict) else {"result": value}


def _content_part(content: Any) -> Body:
    """A content item as a part.

    Raises:
        UsageError: It is none that generateContent knows.
    """
    kind = delta_type(content) if isinstance(content, dict) else ""
    if kind == "text":
        return {"text": content.get("text", "")}
    if kind not in {"image", "audio", "video", "document"}:
        raise UsageError(f"generateContent cannot be sent this: {kind or repr(content)[:80]}")
    mime_type = {"mimeType": _mime_type(content)} if content.get("mime_type") else {}
    resolution = content.get("resolution")
    level = f"MEDIA_RESOLUTION_{str(resolution).upper()}"
    extra = {"mediaResolution": {"level": level}} if resolution else {}
    if "uri" in content:
        return {"fileData": {**mime_type, "fileUri": content["uri"]}, **extra}
    return {"inlineData": {**mime_type, "data": content.get("data", "")}, **extra}


def _mime_type(content: Body) -> str:
    """The MIME type, which names the rate of raw PCM."""
    mime_type = str(content["mime_type"])
    for key, name in (("sample_rate", "rate"), ("channels", "channels")):
        if mime_type.startswith("audio/l16") and content.get(key):
            mime_type += f";{name}={content[key]}"
    return mime_type
