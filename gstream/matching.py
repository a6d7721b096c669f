"""Which recording answers a request: canonical request bodies, and what differs in a miss. Pure.

What must not or need not stand in a recording is replaced before bodies are compared: inline
base64 by its size and SHA-256, and what is sent on to others, such as headers for an MCP server.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any
from urllib.parse import unquote, urlsplit

from .events import Event, dumps, loads_exactly
from .recording import Recording

_PIECE = 4 * 65536  # base64 of whole triples
_MEDIA = frozenset({"image", "audio", "video", "document"})
_SECRETS = frozenset({"headers", "env"})
_REMOVED = "[removed]"
_DATA_URI = re.compile(r"data:[\w.+/;=-]{0,200};base64,", re.IGNORECASE)
_FROM_URL_SAFE = str.maketrans("-_", "+/")
_MODEL_IN_PATH = re.compile(r"/models/([^/]+):[A-Za-z]+/?\Z")

# A miss is told in a line: the first few fields that differ, and the start of their values.
_MOST_DIFFERENCES = 3
_SHOWN = 60
_COMPARED = 4000


def recordable(value: Any) -> Any:
    """A request body, or a part of one, as it stands in a recording."""
    match value:
        case {"data": str(data)} if _is_media(value):
            return {**value, "data": _digest(data)}
        case dict():
            return {key: _field(key, part) for key, part in value.items()}
        case list():
            return [recordable(part) for part in value]
        case str() if found := _DATA_URI.match(value):
            return {"uri": found[0], **_digest(value[found.end() :])}
    return value


def canonical(body: Mapping[str, Any]) -> bytes:
    """What equal requests have in common; how the answer comes, `stream`, does not count."""
    kept = {key: value for key, value in body.items() if key != "stream"}
    return dumps(recordable(kept), sort=True)


def with_model(body: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """A request body with the model that the path names, as generateContent has it."""
    found = _MODEL_IN_PATH.search(urlsplit(path).path)
    return {**body, "model": unquote(found[1])} if found else body


def find(recordings: Iterable[Recording], body: Mapping[str, Any]) -> Recording | None:
    """The first recording of this request."""
    wanted = canonical(body)
    return next((one for one in recordings if one.body and canonical(one.body) == wanted), None)


def find_demo(recordings: Iterable[Recording], body: Mapping[str, Any]) -> Recording | None:
    """The demo recording with the same input, or of an answer to the same calls."""
    wanted = _demo_key(body)
    return next((one for one in recordings if _demo_key(one.body) == wanted), None)


def describe_miss(recordings: Sequence[Recording], body: Mapping[str, Any], path: str = "") -> str:
    """The recording that comes nearest to a request, and what differs; empty without any."""
    from difflib import SequenceMatcher

    known = [(one.name, with_model(one.body, one.path)) for one in recordings if one.body]
    if not known:
        return ""
    asked = with_model(body, path)
    matcher = SequenceMatcher(b=_start_of(asked))

    def likeness(recorded: tuple[str, Mapping[str, Any]]) -> tuple[int, float]:
        matcher.set_seq1(_start_of(recorded[1]))
        return -len(_differences(recorded[1], asked)), matcher.quick_ratio()

    name, nearest = max(known, key=likeness)
    differences = _differences(nearest, asked)
    rest = len(differences) - _MOST_DIFFERENCES
    told = ", ".join(differences[:_MOST_DIFFERENCES]) + (f" and {rest} more" if rest > 0 else "")
    return f"{name} comes nearest; it has {told}"


def _start_of(body: Mapping[str, Any]) -> str:
    return canonical(body)[:_COMPARED].decode("utf-8", "replace")


def _differences(recorded: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """The fields in which two requests differ, with both values."""
    both = [loads_exactly(canonical(body)) for body in (recorded, asked)]
    return list(_differing(both[0], both[1], path=""))


def _differing(recorded: Any, asked: Any, path: str) -> Iterator[str]:
    if isinstance(recorded, dict) and isinstance(asked, dict):
        for key in sorted(recorded.keys() | asked.keys()):
            yield from _differing(recorded.get(key), asked.get(key), f"{path}.{key}".strip("."))
    elif isinstance(recorded, list) and isinstance(asked, list) and len(recorded) == len(asked):
        for number, parts in enumerate(zip(recorded, asked, strict=True)):
            yield from _differing(*parts, path=f"{path}.{number}")
    elif recorded != asked:
        yield f"{path} {_short(recorded)} instead of {_short(asked)}"


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    text = dumps(value).decode()
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _field(key: str, value: Any) -> Any:
    if key in _SECRETS and isinstance(value, dict):
        return {
            name: _REMOVED if isinstance(part, str) else recordable(part)
            for name, part in value.items()
        }
    return recordable(value)


def _is_media(content: Mapping[Any, Any]) -> bool:
    return bool({"mime_type", "mimeType"} & content.keys()) or content.get("type") in _MEDIA


def _digest(data: str) -> Event:
    """Size and SHA-256 of what base64 holds, as `wc -c` and `sha256sum` give them for the file."""
    size, digest = 0, hashlib.sha256()
    try:
        # In pieces: the whole of it is in memory often enough.
        for at in range(0, len(data), _PIECE):
            raw = base64.b64decode(data[at : at + _PIECE], validate=True)
            size += len(raw)
            digest.update(raw)
    except ValueError:
        return _digest_of_odd(data)
    return {"size": size, "sha256": digest.hexdigest()}


def _digest_of_odd(data: str) -> Event:
    """As `_digest`, of another spelling of base64, or of what is none."""
    try:
        raw = base64.b64decode(data.translate(_FROM_URL_SAFE) + "==")  # some leave it out
    except ValueError:
        raw = data.encode()
    return {"size": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}


def _demo_key(body: Mapping[str, Any]) -> Any:
    """What counts of a request: not the results of its calls, which come from elsewhere."""
    match body.get("input"):
        case str(text):
            return text.strip()
        case [*_, {"type": "function_result"}] as steps:
            results = takewhile(_is_result, reversed(steps))
            return sorted(str(step.get("call_id")) for step in results)
        case given:
            return given


def _is_result(step: Any) -> bool:
    return isinstance(step, dict) and step.get("type") == "function_result"
