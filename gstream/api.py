"""Request bodies from plain values (PROTOCOL b). Pure; knows nothing of HTTP or options."""

from collections.abc import Callable, Sequence
from typing import Any

from .errors import BadDataError, UsageError
from .events import dumps

Body = dict[str, Any]

DEFAULT_MODEL = "gemini-flash-latest"
API_REVISION = "2026-05-20"
INTERACTIONS = "interactions"
"""The path below the version where interactions are created."""

ToWire = Callable[[Body], tuple[str, Body]]
"""Turns a request of the Interactions API into the path and the body that go over the wire."""

TOP_LEVEL = frozenset(
    "model agent agent_config input system_instruction tools generation_config response_format "
    "response_mime_type response_modalities stream store background previous_interaction_id "
    "continuation_token cached_content environment labels safety_settings service_tier "
    "webhook_config".split()
)
"""The fields of a request (PROTOCOL b.1); any other option is one of generation_config."""

_LONGEST_PATH = 50


_CONTENTS = frozenset({"text", "image", "audio", "video", "document"})


def text_part(text: str) -> Body:
    """A part of the input that is text."""
    return {"type": "text", "text": text}


def function_result(call_id: str, result: Any) -> Body:
    """The step that answers a call (PROTOCOL b.2).

    A result is text, a list of contents or an object; all else becomes the text of its JSON.
    """
    if not (isinstance(result, (str, dict)) or _is_contents(result)):
        result = dumps(result).decode()
    return {"type": "function_result", "call_id": call_id, "result": result}


def _is_contents(value: Any) -> bool:
    """Whether it is a list of contents, such as text and images."""
    return bool(value) and isinstance(value, list) and all(map(is_content, value))


def is_content(value: Any) -> bool:
    """Whether it is a content (PROTOCOL b.2)."""
    kind = value.get("type") if isinstance(value, dict) else None
    return isinstance(kind, str) and kind in _CONTENTS


def set_option(body: Body, key: str, value: Any) -> None:
    """Set a field of the request by its dotted path.

    A first part that is no top-level field of the request is one of generation_config.

    Raises:
        UsageError: The path is empty, or leads through something that is no object.
    """
    path = key.split(".")
    if not all(path):
        raise UsageError(f"option {key!r}: a part of the path is empty")
    if len(path) > _LONGEST_PATH:
        raise UsageError(f"an option of {len(path)} parts: {_LONGEST_PATH} are enough")
    if path[0] not in TOP_LEVEL:
        path.insert(0, "generation_config")
    place = body
    for part in path[:-1]:
        if place.get(part) is None:  # null is what some write for nothing
            place[part] = {}
        place = place[part]
        if not isinstance(place, dict):
            raise UsageError(f"option {key!r}: {part!r} is not an object")
    place[path[-1]] = value


def ask_for_thoughts(body: Body) -> None:
    """Ask for summaries of the thoughts, of an agent as far as it can be asked (PROTOCOL b.1)."""
    if "agent" not in body:
        set_option(body, "thinking_summaries", "auto")
    elif _is_deep_research(body) and isinstance(body.get("agent_config", {}), dict):
        asked = {"type": "deep-research", "thinking_summaries": "auto"}
        body["agent_config"] = {**asked, **body.get("agent_config", {})}


def _is_deep_research(body: Body) -> bool:
    return str(body.get("agent")).startswith("deep-research")


def tools_of(value: Any) -> list[Body]:
    """The tools in an object or a list of objects; a bare declaration is a function.

    Raises:
        BadDataError: It is neither.
    """
    tools = value if isinstance(value, list) else [value]
    if not all(isinstance(tool, dict) for tool in tools):
        raise BadDataError("a tool is a name, a JSON object or a list of objects")
    return [{"type": "function", **tool} if "name" in tool else tool for tool in tools]


def add_input(body: Body, parts: Sequence[Body], results: Sequence[Body]) -> None:
    """Set the input: one text as a string, several parts as a list, results as steps."""
    if results:
        prompt = [{"type": "user_input", "content": list(parts)}] if parts else []
        body["input"] = [*results, *prompt]
    elif len(parts) == 1 and parts[0]["type"] == "text":
        body["input"] = parts[0]["text"]
    elif parts:
        body["input"] = list(parts)


def next_hop(body: Body, interaction_id: str, token: str) -> Body:
    """The request that continues a long answer (PROTOCOL d.5).

    Args:
        body: The first request.
        interaction_id: Of the interaction that issued the token.
        token: The continuation token.
    """
    if body.get("store") is False:
        return {**body, "continuation_token": token}
    kept = {key: value for key, value in body.items() if key != "input"}
    return {**kept, "previous_interaction_id": interaction_id, "continuation_token": token}


def finish_body(body: Body, default_model: str) -> Body:
    """Fill in what every request has, and refuse what no server takes (PROTOCOL b.5).

    Raises:
        UsageError: Fields that do not go together, or no input.
    """
    if "model" in body and "agent" in body:
        raise UsageError("a request is for a model or for an agent, not both")
    if "agent" in body and "generation_config" in body:
        raise UsageError("an agent takes no generation_config: use -o agent_config.KEY=VALUE")
    if "input" not in body and "continuation_token" not in body:
        raise UsageError("nothing to send: give a prompt with -p, -f, -d or on standard input")
    if "agent" not in body:
        body.setdefault("model", default_model)
    elif _is_deep_research(body):
        body.setdefault("background", True)
    if body.get("background") and body.get("store") is False:
        raise UsageError("a background run must be stored: leave out --no-store")
    return {**body, "stream": body.get("stream", True)}
