"""Recordings: valid SSE whose comment lines hold the request and the times (DESIGN 8.1). Pure."""

import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import orjson

from .events import Event

FIRST_LINE = b": gstream-recording 1"


class Recording(NamedTuple):
    """A recording that was read.

    Attributes:
        name: What it is called in messages.
        header: When, by which version, and the request: method, path, body.
        parts: The bytes in order, each with the seconds that passed before it.
    """

    name: str
    header: Event
    parts: list[tuple[float, bytes]]

    @property
    def request(self) -> Event:
        """The body of the recorded request; empty if it was not recorded."""
        match self.header:
            case {"request": {"body": dict(body)}}:
                return body
        return {}


def read(name: str, data: bytes) -> Recording:
    """Read a recording; any other SSE is one without times and request."""
    header: Event = {}
    parts: list[tuple[float, bytes]] = []
    delay = 0.0
    part = bytearray()
    for line in io.BytesIO(data):
        words = line.strip()
        if words.startswith(b": +") and (seconds := _seconds(words[3:])) is not None:
            if part:
                parts.append((delay, bytes(part)))
                part.clear()
                delay = 0.0
            delay += seconds
        elif words.startswith(b": {") and not (header or parts or part):
            header = _header(words[2:])
        elif not (words == FIRST_LINE and not parts):
            part += line
    if part:
        parts.append((delay, bytes(part)))
    return Recording(name, header, parts)


def demo_match(recordings: Iterable[Recording], body: Mapping[str, Any]) -> Recording | None:
    """The demo recording that answers a request: the same input, whatever the other fields are."""
    wanted = _demo_key(body)
    return next((one for one in recordings if _demo_key(one.request) == wanted), None)


def play(
    recording: Recording, sleep: Callable[[float], None], speed: float = 1.0
) -> Iterable[bytes]:
    """The bytes of a recording at its pace; a speed of 0 does not wait."""
    for seconds, part in recording.parts:
        if seconds and speed:
            sleep(seconds / speed)
        yield part


def _demo_key(body: Mapping[str, Any]) -> Any:
    given = body.get("input")
    return given.strip() if isinstance(given, str) else given


def _seconds(text: bytes) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None


def _header(text: bytes) -> Event:
    try:
        header = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return header if isinstance(header, dict) else {}
