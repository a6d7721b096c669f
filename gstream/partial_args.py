"""The arguments of a function call that arrive piece by piece (`partialArgs`). Pure.

Only asked for on Vertex AI (`streamFunctionCallArguments`): each piece names its place with a path
of JSONPath's simplest form, `$.stops[0].city` or `$['a b']`; pieces of one string are joined
<https://docs.cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling>.
"""

import re
from itertools import pairwise
from typing import Any

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d{1,6})\]|\['((?:[^'\\]|\\.)*)'\]")
_LARGEST_GAP = 100  # pieces come in order: a huge index would only fill the memory
_VALUES = ("stringValue", "numberValue", "boolValue")


class PartialArgs:
    """Arguments being put together.

    Attributes:
        value: The arguments so far.
    """

    def __init__(self) -> None:
        self.value: dict[str, Any] = {}
        self._texts: dict[str, list[str]] = {}

    def feed(self, piece: Any) -> None:
        """Take one piece; one without a usable path changes nothing."""
        match piece:
            case {"jsonPath": str(path), "stringValue": str(text)}:
                self._texts.setdefault(path, []).append(text)
            case {"jsonPath": str(path)}:
                values = [piece[key] for key in _VALUES if key in piece]
                _put(self.value, path, values[0] if values else None)

    def joined(self) -> dict[str, Any]:
        """The arguments, all pieces joined."""
        for path, texts in self._texts.items():
            _put(self.value, path, "".join(texts))
        return self.value


def _put(place: Any, path: str, value: Any) -> None:
    """Set a value at a path, making the objects and lists on the way."""
    for key, following in pairwise([*_keys(path), None]):
        fresh = value if following is None else [] if isinstance(following, int) else {}
        if isinstance(key, int) and isinstance(place, list):
            if key > len(place) + _LARGEST_GAP:
                return
            place += [None] * (key + 1 - len(place))
            if following is None or not isinstance(place[key], (dict, list)):
                place[key] = fresh
        elif isinstance(key, str) and isinstance(place, dict):
            if following is None or not isinstance(place.get(key), (dict, list)):
                place[key] = fresh
        else:
            return
        place = place[key]


def _keys(path: str) -> list[str | int]:
    """The keys and indexes of a path; none if it is of another form."""
    keys: list[str | int] = []
    at = 1
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None:
            return []
        name, index, quoted = step.groups()
        keys.append(int(index) if index else name or re.sub(r"\\(.)", r"\1", quoted))
        at = step.end()
    return keys if path.startswith("$") else []
