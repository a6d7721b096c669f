"""An interaction, as the non-streaming API gives it, as events. Pure."""

from collections.abc import Sequence
from typing import Any

from .events import Event, modern_interaction

_RUNNING = frozenset({"queued", "in_progress"})
_CUT_SHORT = frozenset({"failed", "cancelled"})


def is_running(interaction: object) -> bool:
    """Whether an interaction says that it goes on at the server."""
    match interaction:
        case {"status": str(status)}:
            return status in _RUNNING
    return False


def is_cut_short(interaction: object) -> bool:
    """Whether an interaction has ended before its answer did: less may be kept than was sent."""
    match interaction:
        case {"status": str(status)}:
            return status in _CUT_SHORT
    return False


def events_of(interaction: Event, indexes: Sequence[int] = ()) -> list[Event]:
    """The events of a stream that would bring this interaction, each step whole with its start.

    Each says `"synthesized": true`, since no server sent it. One that runs has no end, nor has its
    last step.

    Args:
        interaction: With its `steps`.
        indexes: The indexes of the first steps; the others follow the last of them.
    """
    interaction = modern_interaction(interaction)
    steps = [step for step in _steps(interaction) if isinstance(step, dict)]
    rest = {key: value for key, value in interaction.items() if key != "steps"}
    events: list[Event] = [{"event_type": "interaction.created", "interaction": rest}]
    next_index = max(indexes, default=-1) + 1
    for number, step in enumerate(steps):
        index = indexes[number] if number < len(indexes) else next_index + number - len(indexes)
        events.append({"event_type": "step.start", "index": index, "step": step})
        events.append({"event_type": "step.stop", "index": index})
    if not is_running(interaction):
        events.append({"event_type": "interaction.completed", "interaction": rest})
    elif steps:
        del events[-1]
    return [{**event, "synthesized": True} for event in events]


def missing_events(interaction: Event, kinds: dict[int, str]) -> list[Event]:
    """The events of a polled interaction, to be compared with a stream that broke.

    A GET also returns the user's input, which streams of new interactions do not hold. Of one that
    runs there is its beginning alone: its stream tells more.

    Args:
        interaction: What the GET returned.
        kinds: The types of the steps that the stream has brought, by index.
    """
    steps = _steps(interaction)
    if "user_input" not in kinds.values():
        steps = [step for step in steps if _type(step) != "user_input"]
    if is_running(interaction):
        steps = []
    return events_of({**interaction, "steps": steps}, sorted(kinds))


def _steps(interaction: Event) -> list[Any]:
    steps = interaction.get("steps")
    return steps if isinstance(steps, list) else []


def _type(step: object) -> object:
    return step.get("type") if isinstance(step, dict) else None
