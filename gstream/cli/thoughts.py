"""Thought summaries on stderr as they arrive (`--thoughts`)."""

from collections.abc import Callable

from gstream.events import Batch, Event
from gstream.views import decoded_size


class Thoughts:
    """Shows thought summaries; each is an item of its own with its own line ends (PROTOCOL H1)."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """Begin; `say` writes a line for people."""
        self._say = say

    def feed(self, batch: Batch) -> None:
        """Show those of the next events."""
        for event in batch.events:
            if text := _summary(event):
                self._say(text.rstrip("\n"))


def _summary(event: Event) -> str:
    match event:
        case {"delta": {"type": "thought_summary", "content": item}}:
            return _shown(item)
        case {"step": {"type": "thought", "summary": [*items]}}:
            return "".join(map(_shown, items))
    return ""


def _shown(item: object) -> str:
    """A text, or that there is an image."""
    match item:
        case {"text": str(text)}:
            return text
        case {"type": "image", "data": str(data)}:
            return f"[image, {decoded_size(data):,} bytes]"
        case {"type": "image", "uri": str(uri)}:
            return f"[image, {uri}]"
    return ""
