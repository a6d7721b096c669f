"""Turn the JSON of server-sent events into Interactions events: plain dicts with an `event_type`.

Pure. Events keep every key that came, known or not; only what is missing or old is filled in:
a missing `event_type` from the name of the server-sent event, a missing delta type from its keys
(PROTOCOL U3), and the event names from before June 2026 (PROTOCOL c.2). The shapes of events, for
type checkers, stand in `event_types` and can be had from here.
"""

import json  # noqa: TID251 - accepts the lone surrogates that orjson refuses
import re
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from .errors import BadDataError

if TYPE_CHECKING:
    from .event_types import *  # noqa: F403 - all of them, and nothing else
else:

    def __getattr__(name: str) -> object:
        """The shapes of events, loaded only where they are asked for."""
        if name[:1].isupper():
            from . import event_types

            if name in event_types.__all__:
                return getattr(event_types, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


Event = dict[str, Any]

DONE = b"[DONE]"
"""The data after which a stream says nothing more."""

DONE_EVENT: Event = {"event_type": "[DONE]"}
"""Stands for `data: [DONE]`, which is no JSON and no event; it has no line."""

LEGACY_EVENTS = {
    "interaction.start": "interaction.created",
    "interaction.complete": "interaction.completed",
    "content.start": "step.start",
    "content.delta": "step.delta",
    "content.stop": "step.stop",
}

_LONG_INTEGER = re.compile(rb"[0-9]{19}")
_MEDIA_KINDS = ("image", "audio", "video")


class Batch:
    """The events that one chunk of bytes completed.

    A whole list goes from stage to stage: a live stream has one event in it, a file hundreds.

    Attributes:
        events: The events in order.
        lines: For each event its JSON as it came: one line with its LF.
        notable: Those events that are no `step.delta`, in order.
    """

    __slots__ = ("_run", "events", "lines", "notable")

    def __init__(self, events: list[Event], lines: list[bytes], notable: list[Event]) -> None:
        self.events = events
        self.lines = lines
        self.notable = notable
        self._run: tuple[int, str] | bool | None = False

    def __repr__(self) -> str:
        return f"Batch({self.events!r})"

    def run(self) -> tuple[int, str] | None:
        """The step and the text, where all is text of one step without ids; None elsewhere.

        Found once for all who want it: most of a stream is this.
        """
        if self._run is False:
            self._run = None if self.notable or not self.events else _run_of(self.events)
        return self._run  # type: ignore[return-value]  # False no more

    def inherit_run(self, parts: list["Batch"]) -> None:
        """Take the run from the batches that this one is made of, as far as they know theirs."""
        runs = [part._run for part in parts]
        if runs and all(run.__class__ is tuple and run[0] == runs[0][0] for run in runs):  # type: ignore[index]
            self._run = runs[0][0], "".join([run[1] for run in runs])  # type: ignore[index]

    def part(self, start: int, stop: int) -> "Batch":
        """The batch of some of the events."""
        return batch_of(self.events[start:stop], self.lines[start:stop])


NOTHING = Batch([], [], [])


def parse_lines(lines: list[bytes]) -> Batch:
    """Parse JSON lines that are all regular events, in one go.

    Raises:
        ValueError, KeyError, TypeError: One of them is not; `parse_event` each to find out.
    """
    events: list[Event] = list(map(orjson.loads, lines))
    notable = [event for event in events if event["event_type"] != "step.delta"]
    for event in notable:
        kind = event["event_type"]
        if kind.__class__ is not str or kind in LEGACY_EVENTS:
            raise KeyError
    return Batch(events, lines, notable)


def _run_of(events: list[Event]) -> tuple[int, str] | None:
    try:
        index = events[0]["index"]
        pieces = [
            delta["text"]
            for event in events
            if len(event) == 3
            and event["index"] is index  # small numbers are shared; 0.0 equals 0, but is none
            and (delta := event["delta"])["type"] == "text"
        ]
        if len(pieces) < len(events) or index.__class__ is not int or not all(pieces):
            return None
        return index, "".join(pieces)
    except (KeyError, TypeError):
        return None


def batch_of(events: list[Event], lines: list[bytes]) -> Batch:
    """The batch of events that were parsed one by one."""
    notable = [event for event in events if event["event_type"] != "step.delta"]
    return Batch(events, lines, notable)


def parse_event(raw: bytes, name: str | None = None) -> Event:
    """Parse one event.

    Args:
        raw: The data of a server-sent event, or a line of NDJSON.
        name: The event type that the stream named; the one in the JSON wins.

    Raises:
        BadDataError: It is not a JSON object.
    """
    event = loads(raw)
    if not isinstance(event, dict):
        raise BadDataError(f"not a JSON object: {shorten(raw)}")
    return named(event, name)


def named(event: Event, name: str | None = None) -> Event:
    """An event under the name that it has today.

    Args:
        event: Any JSON object.
        name: The event type that the stream named; the one in the object wins.
    """
    if not isinstance(event.get("event_type"), str):
        event["event_type"] = name or ("error" if "error" in event else "")
    return _modern(event) if event["event_type"] in LEGACY_EVENTS else event


def loads(raw: bytes) -> Any:
    """Parse JSON; invalid UTF-8 and lone surrogates become U+FFFD instead of an error.

    Raises:
        BadDataError: It is not JSON.
    """
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as exc:
        text = raw.decode("utf-8", "replace")
        try:
            return _without_surrogates(json.loads(text, parse_constant=_refuse_constant))
        except (ValueError, RecursionError):
            raise BadDataError(f"not JSON: {exc}: {shorten(raw)}") from exc


def loads_exactly(raw: bytes) -> Any:
    """As `loads`, but integers above 64 bits keep all their digits.

    Raises:
        BadDataError: It is not JSON.
    """
    return exact(loads(raw), raw)


def exact(value: Any, raw: bytes) -> Any:
    """A value with all digits of its integers, of which orjson rounds the long ones.

    Args:
        value: As it was parsed.
        raw: Its JSON.
    """
    if not _LONG_INTEGER.search(raw):
        return value
    try:
        return _without_surrogates(json.loads(raw.decode("utf-8", "replace")))
    except (ValueError, RecursionError):  # thousands of digits, or of levels
        return value


def dumps(value: Any, *, sort: bool = False) -> bytes:
    """JSON without line breaks, also of what orjson refuses: long integers, deep nesting.

    Args:
        value: What JSON can hold.
        sort: Whether keys are sorted.

    Raises:
        BadDataError: It is nested some thousand levels deep.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS if sort else 0)
    except orjson.JSONEncodeError:
        try:
            return _dumps_slowly(value, sort=sort)
        except RecursionError as exc:
            raise BadDataError("JSON that is nested too deeply to be written") from exc


def _dumps_slowly(value: Any, *, sort: bool) -> bytes:
    write = partial(json.dumps, ensure_ascii=False, separators=(",", ":"), sort_keys=sort)
    try:
        text = write(value, allow_nan=False)
    except ValueError:  # a number above all floats: null, as orjson writes it
        finite = json.loads(json.dumps(value), parse_constant=lambda _name: None)
        text = write(finite)
    return text.encode()


def line_of(raw: bytes) -> bytes:
    """Valid JSON as one line of UTF-8, otherwise unchanged.

    JSON allows line breaks only where it allows spaces.
    """
    line = raw.rstrip(b"\r\n").replace(b"\r", b" ").replace(b"\n", b" ")
    try:
        line.decode()
    except UnicodeDecodeError:
        line = line.decode("utf-8", "replace").encode()
    return line + b"\n"


def delta_type(delta: Event) -> str:
    """The type of a delta, from its keys where it names none (PROTOCOL U3); empty if unknown."""
    match delta:
        case {"type": str(kind)}:
            return kind
        case {"text": str()}:
            return "text"
        case {"data": _} | {"uri": _}:
            major = str(delta.get("mime_type", "")).partition("/")[0]
            return major if major in _MEDIA_KINDS else "document"
    return ""


def shorten(raw: bytes, limit: int = 80) -> str:
    """The start of some bytes for a message, as quoted text."""
    text = raw[: 4 * limit].decode("utf-8", "replace").strip()
    return repr(text[:limit]) + ("…" if len(text) > limit else "")


def _modern(event: Event) -> Event:
    """An event of the API before June 2026 as its successor; each content was a step of its own."""
    event = {**event, "event_type": LEGACY_EVENTS[event["event_type"]]}
    if "content" in event and event["event_type"] == "step.start":
        event["step"] = _step_of_content(event.pop("content"))
    if isinstance(interaction := event.get("interaction"), dict):
        event["interaction"] = modern_interaction(interaction)
    return event


def modern_interaction(interaction: Event) -> Event:
    """An interaction of the API before June 2026 as it is today: each output was a step."""
    match interaction:
        case {"steps": _}:
            return interaction
        case {"outputs": [*outputs], **rest}:
            return {**rest, "steps": [_step_of_content(output) for output in outputs]}
        case _:
            return interaction


def _step_of_content(content: Any) -> Any:
    match content:
        case {"type": "text", "text": str(text)} if text:
            return {"type": "model_output", "content": [content]}
        case {"type": "text"}:
            return {"type": "model_output"}
        case {"type": "image" | "audio" | "video" | "document", **rest}:
            return {"type": "model_output", "content": [content] if rest else []}
        case _:
            return content


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_without_surrogates(part) for part in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(part) for key, part in value.items()}
    return value
