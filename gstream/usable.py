"""Whether events can be used: what names no step has no place in any (PROTOCOL A1, T1).

Pure. Unknown events and deltas are none of these: they are kept as they are.
"""

from collections.abc import Iterator

from .events import Batch, Event, shorten

_OF_STEPS = frozenset({"step.start", "step.delta"})


def unusable(batch: Batch) -> Iterator[str]:
    """Why which of some events cannot be used, for people."""
    if batch.run() is not None:  # text of one step: most of a stream
        return
    for event, line in zip(batch.events, batch.lines, strict=True):
        if event["event_type"] in _OF_STEPS and (why := _flaw(event)):
            yield f"an event cannot be used, {why}: {shorten(line)}"


def _flaw(event: Event) -> str:
    if event.get("index").__class__ is not int:  # true is no number, and 1.0 is none that counts
        return "its index is not the number of a step"
    match event:
        case {"event_type": "step.start", "step": dict()}:
            return ""
        case {"event_type": "step.start"}:
            return "its step is no object"
        case {"delta": {"type": "text", "text": text}} if not isinstance(text, str | None):
            return "its text is no text"
        case {"delta": dict()}:
            return ""
    return "its delta is no object"
