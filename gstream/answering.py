"""Answer the requests of the API from recordings (DESIGN 8.2, 8.3). Pure: no sockets, no clock.

    POST …/interactions                        the recording of this request
    GET  …/interactions/ID?stream=true         its events, or those after last_event_id
    GET  …/interactions/ID                     the interaction as it was at its end
    POST …/interactions/ID/cancel              the same, with status cancelled
    POST …/models/NAME:streamGenerateContent   the recording of this request

A request that was refused when it was recorded is refused again, with the same HTTP status.
All else is not found, in the API's words.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import orjson

from .blocks import END_OF_BLOCK
from .errors import BadDataError
from .events import DONE_EVENT, Event, batch_of, dumps, loads_exactly
from .matching import describe_miss, find
from .outcome import Progress
from .reader import EventReader
from .recording import Part, Recording
from .sendable import flaw_in
from .steps import Accumulator

_ROUTE = re.compile(
    r"/(?:interactions(?:/(?P<id>[^/]+)(?P<cancel>/cancel)?)?"
    r"|(?P<model>models/[^/]+:streamGenerateContent))/?\Z"
)
_REFUSED = re.compile(r"HTTP (?P<status>[45][0-9]{2}): (?P<text>.*)\Z", re.DOTALL)
_CODE = re.compile(r" \((?:(?P<number>[0-9]{3}) )?(?P<word>[0-9]{3}|\w+)\)\Z")
_EVENT = re.compile(rb"(?:\A|[\r\n])data")

Find = Callable[[Sequence[Recording], Mapping[str, Any]], Recording | None]


class Reply(NamedTuple):
    """What answers a request.

    Attributes:
        status: The HTTP status.
        parts: The body, each part with the seconds before it.
        streamed: Whether it is an event stream; else it is JSON.
        told: The name of the recording, or why there is no answer.
    """

    status: int
    parts: list[Part]
    streamed: bool
    told: str


class Library:
    """Recordings that answer requests."""

    def __init__(self, recordings: Sequence[Recording], *, find: Find = find) -> None:
        """Take recordings.

        Args:
            recordings: In the order in which they are looked through.
            find: The recording of a request.
        """
        self._recordings = [one for one in recordings if answers(one)]
        self._find = find

    def reply(self, method: str, target: str, body: bytes = b"") -> Reply:
        """The answer to a request; `target` is its path with its query."""
        try:
            url = urlsplit(target)
        except ValueError as exc:
            return refusal(400, "invalid_request", str(exc))
        route = _ROUTE.search(url.path)
        if route is None:
            return not_found(f"there is nothing at {url.path}")
        match method, route["id"], bool(route["cancel"]):
            case "POST", None, _:
                return self._post(url.path, route["model"] or "interactions", body)
            case "POST", str(quoted), True:
                return self._whole(unquote(quoted), {"status": "cancelled"})
            case "GET", str(quoted), False:
                query = parse_qs(url.query)
                if query.get("stream", [""])[-1] == "true":
                    return self._stream(unquote(quoted), query.get("last_event_id", [""])[-1])
                return self._whole(unquote(quoted))
        return not_found(f"there is no {method} {url.path}")

    def recording_of(self, body: Mapping[str, Any], what: str = "interactions") -> Recording | None:
        """The recording that answers this body.

        Args:
            body: Of a POST.
            what: The end of the path: `interactions`, or a model with its method.
        """
        known = [one for one in self._recordings if not one.path or _asks(one.path, what)]
        return self._find(known, body)

    def miss(self, body: Mapping[str, Any], path: str = "") -> str:
        """Why no recording answers this body."""
        nearest = describe_miss(self._recordings, body, path)
        return f"no recording answers this request{f': {nearest}' if nearest else ''}"

    # --- POST

    def _post(self, path: str, what: str, body: bytes) -> Reply:
        try:
            asked = loads_exactly(body)
        except BadDataError as exc:
            return refusal(400, "invalid_request", str(exc))
        if not isinstance(asked, dict):
            return refusal(400, "invalid_request", "the request is not a JSON object")
        if flaw := flaw_in(asked):
            return refusal(400, "invalid_request", f"the request: {flaw}")
        recording = self.recording_of(asked, what)
        if recording is None:
            return not_found(self.miss(asked, path))
        if refused := _refusal_in(recording):
            return refused
        if what == "interactions" and asked.get("stream") is not True:
            return _object(recording.name, _events(_blocks(recording)), {})
        return Reply(200, recording.parts, streamed=True, told=recording.name)

    # --- GET

    def _stream(self, interaction_id: str, last_event_id: str) -> Reply:
        found = list(self._interactions(interaction_id))
        if not found:
            return not_found(f"no recording holds interaction {interaction_id}")
        for recording, blocks in found:
            start = _start_after(recording, blocks, last_event_id)
            if start is not None:
                parts = [Part(block.seconds, block.raw) for block in blocks[start:]]
                return Reply(200, parts, streamed=True, told=recording.name)
        message = f"interaction {interaction_id} has no event {last_event_id}"
        return refusal(400, "invalid_request", message)

    def _whole(self, interaction_id: str, changes: Event | None = None) -> Reply:
        for recording, blocks in self._interactions(interaction_id):
            return _object(recording.name, _events(blocks), changes or {})
        return not_found(f"no recording holds interaction {interaction_id}")

    def _interactions(self, interaction_id: str) -> Iterator[tuple[Recording, list["_Block"]]]:
        """The blocks of an interaction in each recording that holds it."""
        for recording in self._recordings:
            asked = _asked_for(recording)[0] == interaction_id
            if not (asked or any(_may_hold(one.data, interaction_id) for one in recording.parts)):
                continue
            blocks = [
                block for block in _blocks(recording) if block.interaction_id == interaction_id
            ]
            if blocks:
                yield recording, blocks


def answers(recording: Recording) -> bool:
    """Whether there is anything in a recording to answer with."""
    return bool(recording.parts) or _refusal_in(recording) is not None


def _refusal_in(recording: Recording) -> Reply | None:
    """How the server refused the recorded request; None if it did not."""
    message = recording.exit.get("message")
    found = _REFUSED.search(message) if isinstance(message, str) else None
    if found is None or any(map(_is_of_answer, _events(_blocks(recording)))):
        return None
    body = orjson.dumps({"error": _error_in(found["text"])})
    return Reply(int(found["status"]), [Part(0.0, body)], streamed=False, told=recording.name)


def _error_in(text: str) -> Event:
    """The error that `outcome.error_text` gave these words."""
    code = _CODE.search(text)
    if code is None:
        return {"message": text}
    message = text[: code.start()]
    if code["number"]:
        return {"code": int(code["number"]), "message": message, "status": code["word"]}
    return {"code": code["word"], "message": message}


def refusal(status: int, code: str, message: str) -> Reply:
    """An error in the API's shape."""
    body = orjson.dumps({"error": {"code": code, "message": message}})
    return Reply(status, [Part(0.0, body)], streamed=False, told=message)


def not_found(message: str) -> Reply:
    """The answer where there is nothing."""
    return refusal(404, "not_found", message)


def find_in_one(recordings: Sequence[Recording], body: Mapping[str, Any]) -> Recording | None:
    """The recording of a request among the turns of one run: the only one fits any request.

    Of several turns, the only one after the same interaction fits.
    """
    if (exact := find(recordings, body)) is not None:
        return exact
    if len(recordings) == 1:
        return recordings[0]
    previous = body.get("previous_interaction_id")
    fitting = [one for one in recordings if one.body.get("previous_interaction_id") == previous]
    return fitting[0] if len(fitting) == 1 else None


def single_blocks(parts: Iterable[Part]) -> Iterator[Part]:
    """The same bytes, one block in each part; copies no more than a block at a time."""
    rest = b""
    seconds = 0.0
    for part in parts:
        seconds += part.seconds
        data = rest + part.data
        start = 0
        for found in END_OF_BLOCK.finditer(data):
            yield Part(seconds, data[start : found.end()])
            seconds, start = 0.0, found.end()
        rest = data[start:]
    if rest:
        yield Part(seconds, rest)


def first_events(parts: Iterable[Part], count: int) -> tuple[list[Part], bool]:
    """The parts up to the end of some event, and whether others follow."""
    kept: list[Part] = []
    for seconds, raw in single_blocks(parts):
        if count <= 0 and raw.strip():
            return kept, True
        kept.append(Part(seconds, raw))
        count -= bool(_EVENT.search(raw))
    return kept, False


class _Block(NamedTuple):
    seconds: float
    raw: bytes
    events: list[Event]
    interaction_id: str


def _blocks(recording: Recording) -> Iterator[_Block]:
    """The blocks of a recording, each with its events and the interaction that they belong to."""
    reader = EventReader(lambda _message: None)
    interaction_id = _asked_for(recording)[0] or _first_named(recording)
    with suppress(BadDataError):  # it is read as far as it can be
        for seconds, raw in single_blocks(recording.parts):
            events = reader.feed(raw).events
            interaction_id = next(filter(None, map(_begun, events)), interaction_id)
            yield _Block(seconds, raw, events, interaction_id)
        if events := reader.finish().events:
            yield _Block(0.0, b"", events, interaction_id)


def _first_named(recording: Recording) -> str:
    """The id of the first interaction that is named, which may be at its end alone."""
    reader = EventReader(lambda _message: None)
    with suppress(BadDataError):
        for part in recording.parts:
            named = filter(None, map(_named, reader.feed(part.data).events))
            if interaction_id := next(named, ""):
                return interaction_id
    return ""


def _asked_for(recording: Recording) -> tuple[str, str]:
    """The interaction that the recorded request asked for, and the event after which."""
    try:
        url = urlsplit(recording.path)
    except ValueError:  # whatever it was, it was no request of ours
        return "", ""
    route = _ROUTE.search(url.path)
    if route is None or route["id"] is None:
        return "", ""
    return unquote(route["id"]), parse_qs(url.query).get("last_event_id", [""])[-1]


def _is_of_answer(event: Event) -> bool:
    return event["event_type"] not in {"error", DONE_EVENT["event_type"]}


def _named(event: Event) -> str:
    """The id that an event says its interaction has; empty if it says none."""
    match event:
        case {"interaction": {"id": str(interaction_id)}}:
            return interaction_id
        case {"interaction_id": str(interaction_id)}:
            return interaction_id
    return ""


def _begun(event: Event) -> str:
    """The id of the interaction that an event begins; empty if it begins none."""
    match event:
        case {"event_type": "interaction.created", "interaction": {"id": str(interaction_id)}}:
            return interaction_id
    return ""


def _events(blocks: Iterable[_Block]) -> list[Event]:
    return [event for block in blocks for event in block.events]


def _start_after(recording: Recording, blocks: list[_Block], last_event_id: str) -> int | None:
    """The number of the block after an event; None if there is no such event."""
    if last_event_id in {"", _asked_for(recording)[1]}:
        return 0
    for number, block in enumerate(blocks):
        if any(event.get("event_id") == last_event_id for event in block.events):
            return number + 1
    return None


def _object(name: str, events: list[Event], changes: Event) -> Reply:
    """The interaction that these events bring, as the non-streaming API gives it."""
    accumulator, progress = Accumulator(), Progress()
    accumulator.feed_all(events)
    progress.feed(batch_of(events, [b""] * len(events)))
    if not (progress.ended or changes):
        # Nobody will ever send the rest: a client that polls would wait for it in vain.
        return not_found(f"the recording {name} ends before its interaction does")
    body = dumps({**accumulator.interaction, **changes})
    return Reply(200, [Part(0.0, body)], streamed=False, told=name)


def _may_hold(data: bytes, interaction_id: str) -> bool:
    return interaction_id.encode() in data or b"\\" in data


def _asks(path: str, what: str) -> bool:
    return urlsplit(path).path.rstrip("/").endswith("/" + what)
