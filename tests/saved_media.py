"""Items of media, and what becomes of their events once they are saved."""

import base64
import io
import wave
from pathlib import Path
from typing import Any

from PIL import Image

from gstream.events import batch_of
from gstream.folder import Folder
from gstream.media import Media
from gstream.steps import Accumulator
from tests.support import completed, created, delta, line, start, stop

Event = dict[str, Any]


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def picture(kind: str = "PNG", colour: int = 0) -> bytes:
    """A real image."""
    file = io.BytesIO()
    Image.new("RGB", (4, 3), (colour % 256, colour // 256, 40)).save(file, kind)
    return file.getvalue()


def image(data: bytes, mime_type: str = "image/png", **fields: Any) -> Event:
    return delta("image", data=encoded(data), mime_type=mime_type, **fields)


def audio(data: bytes, mime_type: str = "audio/l16", **fields: Any) -> Event:
    return delta("audio", data=encoded(data), mime_type=mime_type, **fields)


def played(data: bytes) -> tuple[int, int, int, bytes]:
    """Rate, channels, width and frames, as a player sees them."""
    with wave.open(io.BytesIO(data)) as wav:
        parts = (wav.getframerate(), wav.getnchannels(), wav.getsampwidth())
        return (*parts, wav.readframes(wav.getnframes()))


class Saved:
    """What became of some events."""

    def __init__(
        self, place: Path, *events: Event, thoughts: bool = False, at_once: int = 1
    ) -> None:
        self.place = place
        self.told: list[str] = []
        self.media = Media(Folder(str(place)), self.told.append, thoughts=thoughts)
        self.events: list[Event] = []
        for at in range(0, len(events), at_once):
            part = list(events[at : at + at_once])
            self.events += self.media.feed(batch_of(part, [line(one) for one in part])).events
        self.events += self.media.end(ended=True).events

    @property
    def interaction(self) -> Event:
        return self._accumulated().interaction

    @property
    def steps(self) -> list[Event]:
        return self._accumulated().steps

    def _accumulated(self) -> Accumulator:
        accumulator = Accumulator()
        accumulator.feed_all(self.events)
        return accumulator

    @property
    def content(self) -> list[Event]:
        """The items of the model's output."""
        return [item for step in self.steps for item in step.get("content", [])]

    @property
    def names(self) -> list[str]:
        return sorted(path.name for path in self.place.iterdir())

    def read(self, name: str) -> bytes:
        return (self.place / name).read_bytes()


def answer(*deltas: Event, **given: Any) -> list[Event]:
    return [created(), start(), *deltas, stop(), completed(**given)]
