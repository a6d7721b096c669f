"""Whether JSON can be sent as it was given. Pure."""

import math
from collections.abc import Iterable
from typing import Any

_DEEPEST = 200


def flaw_in(value: Any) -> str:
    """What keeps JSON from being sent as it was given; empty if nothing does."""
    level = [value]
    for _ in range(_DEEPEST):
        if any(isinstance(one, float) and not math.isfinite(one) for one in level):
            return "a number is too large"  # readers of JSON make it infinite
        level = [part for one in level for part in _parts(one)]
        if not level:
            return ""
    return f"it is nested more than {_DEEPEST} levels deep"


def _parts(value: Any) -> Iterable[Any]:
    match value:
        case dict():
            return value.values()
        case list():
            return value
    return ()
