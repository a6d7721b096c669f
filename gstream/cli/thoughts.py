"""Thought summaries on stderr as they arrive (`--thoughts`)."""

from collections.abc import Callable

from gstream.events import Batch, Event
from gstream.views import decoded_size


class Thoughts:
    """Shows thought summaries; each is an item of its own with its own line ends (PROTOCOL H1)."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """Begin; `say` writes a line for people."""
        self._say = say
        self._streamed = False

    def feed(self, batch: Batch) -> None:
        """Show those of the next events."""
        if batch.run() is not None:
            self._streamed = True
            return
        for event in batch.events:
            if text := self._text_of(event):
                self._say(text.rstrip("\n"))

    def _text_of(self, event: Event) -> str:
        """The text of an event; the steps at the end repeat those that were streamed (S3)."""
        match event:
            case {"event_type": "interaction.created"}:
                self._streamed = False
            case {"event_type": "interaction.completed", "interaction": {"steps": [*steps]}}:
                unseen = [] if self._streamed else steps
                return "\n".join(filter(None, (_summary({"step": step}) for step in unseen)))
            case {"event_type": "step.start" | "step.delta"}:
                self._streamed = True
        return _summary(event)


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
