"""Save the images, audio, video and documents of a stream as files (DESIGN 10).

Stands before the views that show steps: what is saved they show as a `path`. No character of a
file's name comes from the stream.
"""

import base64
import hashlib
import os
import wave
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, NamedTuple

from .errors import BadDataError, CannotCreateError, GstreamError
from .events import Batch, Event, batch_of, delta_type
from .folder import Folder
from .inline import decoded
from .merges import type_for
from .mime import bare, extension_of, parameter

KINDS = frozenset({"image", "audio", "video", "document"})

MAX_FILES = 999
"""Most files of a run: a model decides how many items there are."""

_PCM = frozenset({"audio/l16", "audio/pcm"})
_PCM_RATE = 24000
_PCM_WIDTH = 2
_HIGHEST_RATE = 768_000
_MOST_CHANNELS = 32
_DIGITS = 10
_DIGEST_SIZE = 16
_MOST_NAMED = 5
_FORMAT = ("mime_type", "sample_rate", "channels")
_ENDING_AUDIO = KINDS | {"text", "text_annotation_delta"}

Pool = dict[str, list[str]]
"""The paths of what is saved, by the hash of its bytes."""


class _Audio(NamedTuple):
    """Audio of a step whose pieces are still coming (PROTOCOL M2)."""

    number: int
    first: Event
    pieces: list[bytes]


class Media:
    """Saves the media of a run."""

    def __init__(
        self,
        folder: Folder,
        tell: Callable[[str], None],
        *,
        thoughts: bool,
        goes_on: bool = False,
    ) -> None:
        """Begin.

        Args:
            folder: Where the files go.
            tell: Is told in a line of each file.
            thoughts: Whether images in thought summaries are saved, too.
            goes_on: Whether another run goes on where the stream breaks off, and with what `state`
                says: then half an item is left to it.
        """
        self._folder = folder
        self._tell = tell
        self._thoughts = thoughts
        self._goes_on = goes_on
        self._number = folder.highest_number()
        self._left = MAX_FILES
        self._unsaved: list[str] = []
        self._failure_type: type[GstreamError] = BadDataError
        self._interaction_id: Any = None
        self._kinds: dict[int, Any] = {}
        self._audio: dict[int, _Audio] = {}
        self._saved: Pool = {}
        self._before: Pool = {}

    def feed(self, batch: Batch) -> Batch:
        """Save what the next events bring; returns them with paths in place of data."""
        if not self._audio and batch.run():
            return batch
        events = [new for event in batch.events for new in self._see(event)]
        return batch_of(events, [b""] * len(events))

    def end(self, *, ended: bool) -> Batch:
        """Save what is still open: no more of it comes in this run."""
        events = self._finish_all() if ended or not self._goes_on else []
        self._kinds, self._audio, self._saved, self._before = {}, {}, {}, {}
        self._interaction_id = None
        return batch_of(events, [b""] * len(events))

    def state(self) -> Event:
        """What is saved of the interaction or has begun, for another run that goes on with it."""
        if not (self._saved or self._audio):
            return {}
        state = {"interaction_id": self._interaction_id, "files": self._saved}
        if self._audio:
            state["audio"] = {
                str(index): [one.number, one.first, _encoded(one.pieces)]
                for index, one in self._audio.items()
            }
        return {"media": state}

    def restore(self, state: Event) -> None:
        """Know what an earlier run has saved; `state` is what `state` returned there."""
        match state:
            case {"media": {"interaction_id": interaction_id, "files": dict(files)}}:
                self._interaction_id = interaction_id
                self._saved = _copy(files)
                for index, (number, first, data) in state["media"].get("audio", {}).items():
                    self._audio[int(index)] = _Audio(number, first, [decoded(data)])

    @property
    def failure(self) -> GstreamError | None:
        """What the run is to end with: some items could not be saved."""
        if not self._unsaved:
            return None
        names = ", ".join(self._unsaved[:_MOST_NAMED])
        rest = len(self._unsaved) - _MOST_NAMED
        more = f" and {rest:,} more" if rest > 0 else ""
        return self._failure_type(f"some media could not be saved: {names}{more}")

    # --- events

    def _see(self, event: Event) -> list[Event]:
        match event:
            case {"event_type": "step.delta", "index": int(index), "delta": dict(delta)}:
                return self._delta(event, index, delta)
            case {"event_type": "step.start", "index": int(index), "step": dict(step)}:
                self._kinds[index] = step.get("type")
                return [*self._finish_audio(index), *self._start(event, index, step)]
            case {"event_type": "step.stop", "index": int(index)}:
                return [*self._finish_audio(index), event]
            case {"event_type": "interaction.created", "interaction": {"id": interaction_id}}:
                return [*self._created(interaction_id), event]
            case {"event_type": "interaction.completed", "interaction": {"steps": [_, *_]}}:
                return [*self._finish_all(), self._completed(event)]
        return [event]

    def _start(self, event: Event, index: int, step: Event) -> list[Event]:
        """A step; audio at the end of its content may go on in deltas, so it becomes the first."""
        match step:
            case {"type": "model_output", "content": [*items, dict(last)]} if delta_type(
                last
            ) == "audio" and _is_inline(last):
                step = {**step, "content": items}
                first: Event = {"event_type": "step.delta", "index": index, "delta": last}
                start = {**event, "step": self._step(step)}
                return [start, *self._audio_piece(first, index, last)]
        return [{**event, "step": self._step(step)}]

    def _delta(self, event: Event, index: int, delta: Event) -> list[Event]:
        kind = delta_type(delta)
        if kind == "thought_summary":
            return [{**event, "delta": self._summary(delta)}]
        if index not in self._kinds and (made := type_for(kind)):
            self._kinds[index] = made
        if self._kinds.get(index) != "model_output":
            return [event]
        goes_on = index in self._audio and delta.get("data") == "" and "uri" not in delta
        if kind == "audio" and (goes_on or _is_inline(delta)):
            return self._audio_piece(event, index, delta)
        before = self._finish_audio(index) if kind in _ENDING_AUDIO else []
        return [*before, {**event, "delta": self._item(delta)}]

    def _created(self, interaction_id: Any) -> list[Event]:
        """A next hop; or the same interaction again, whose items are saved, or come once more."""
        if interaction_id == self._interaction_id:
            self._audio.clear()
        events = self._finish_all()
        self._before = _copy(self._saved) if interaction_id == self._interaction_id else {}
        self._kinds, self._saved = {}, {}
        self._interaction_id = interaction_id
        return events

    def _completed(self, event: Event) -> Event:
        """The steps once more (PROTOCOL S3); most of their items are saved already."""
        self._before = _copy(self._saved)
        interaction = event["interaction"]
        steps = [self._step(step) for step in interaction["steps"]]
        return {**event, "interaction": {**interaction, "steps": steps}}

    def _step(self, step: Any) -> Any:
        match step:
            case {"type": "model_output", "content": [*items]}:
                return {**step, "content": [self._any_item(item) for item in items]}
            case {"type": "thought", "summary": [*items]} if self._thoughts:
                return {**step, "summary": [self._any_item(item) for item in items]}
        return step

    def _summary(self, delta: Event) -> Event:
        match delta.get("content"):
            case dict(content) if self._thoughts:
                return {**delta, "content": self._item(content)}
        return delta

    def _any_item(self, item: Any) -> Any:
        return self._item(item) if isinstance(item, dict) else item

    # --- items

    def _item(self, item: Event) -> Event:
        """Save one whole item; returns it with its path in place of its data."""
        kind = delta_type(item)
        if kind not in KINDS:
            return item
        if _is_inline(item):
            data = self._decoded(item, kind)
            return item if data is None else self._save(kind, item, [data])
        if isinstance(uri := item.get("uri"), str) and uri:
            text = uri.encode() + b"\n"
            self._store(f"{kind}.uri", self._next_number(), lambda file: file.write(text))
        elif item.get("data"):
            self._give_up_broken(item, kind, "its data is no text")
        return item

    def _audio_piece(self, event: Event, index: int, delta: Event) -> list[Event]:
        """Pieces of one format are decoded and joined; their event comes when all have come."""
        audio = self._audio.get(index)
        data = self._decoded(delta, "audio")
        if data is None:
            return [*self._finish_audio(index), event]
        whole = audio is not None and "uri" in {**audio.first["delta"], **delta}  # (M3)
        if (
            audio
            and not whole
            and all(delta.get(key) == audio.first["delta"].get(key) for key in _FORMAT)
        ):
            audio.pieces.append(data)
            return _usage_of(event)
        before = self._finish_audio(index)
        first = {**event, "delta": {key: delta[key] for key in delta if key != "data"}}
        first.pop("metadata", None)
        self._audio[index] = _Audio(self._next_number(), first, [data])
        return before + _usage_of(event)

    def _finish_audio(self, index: int) -> list[Event]:
        audio = self._audio.pop(index, None) if self._audio else None
        if audio is None:
            return []
        item = self._save("audio", audio.first["delta"], audio.pieces, audio.number)
        return [{**audio.first, "delta": item}]

    def _finish_all(self) -> list[Event]:
        return [event for index in list(self._audio) for event in self._finish_audio(index)]

    def _decoded(self, item: Event, kind: str) -> bytes | None:
        try:
            return decoded(item["data"])
        except ValueError:
            self._give_up_broken(item, kind, "its base64 is broken")
            return None

    def _give_up_broken(self, item: Event, kind: str, why: str) -> None:
        name = f"{self._next_number():03d}-{kind}{_extension(kind, item)}"
        self._give_up(name, why, BadDataError)

    # --- files

    def _next_number(self) -> int:
        self._number += 1
        return self._number

    def _save(self, kind: str, item: Event, pieces: Sequence[bytes], number: int = 0) -> Event:
        """Save the bytes of an item, unless they are saved; returns it with its path.

        Args:
            kind: What it is, for its name.
            item: The item.
            pieces: Its bytes.
            number: That of its name, where it has been given one; 0 for the next.
        """
        digest = _digest(kind, pieces)
        if known := self._before.get(digest):
            path = known.pop(0)
        else:
            write = _wav_writer(item, pieces) if _is_pcm(item) else _writer(pieces)
            path = self._store(kind + _extension(kind, item), number or self._next_number(), write)
        if not path:
            return {**item, "data": _encoded(pieces)}
        self._saved.setdefault(digest, []).append(path)
        rest = {key: value for key, value in item.items() if key not in {"type", "data"}}
        return {"type": kind, **rest, "path": path}  # the data may have been all that told its type

    def _store(self, rest: str, number: int, write: Callable[[BinaryIO], object]) -> str:
        """Write a file; returns its path, or nothing if that fails."""
        if not self._left:
            why = f"more than {MAX_FILES} files are too many"
            self._give_up(f"{number:03d}-{rest}", why, BadDataError)
            return ""
        while True:
            name = f"{number:03d}-{rest}"
            try:
                size = self._folder.add(name, write)
            except FileExistsError:
                number = self._next_number()
                continue
            except OSError as exc:
                self._give_up(name, str(exc.strerror), CannotCreateError)
                return ""
            self._left -= 1
            self._tell(f"saved {self._path(name)} ({size:,} bytes)")
            return self._path(name)

    def _path(self, name: str) -> str:
        return os.fsencode(os.path.join(self._folder.path, name)).decode("utf-8", "replace")

    def _give_up(self, name: str, why: str, failure_type: type[GstreamError]) -> None:
        """An item is not saved; the others are."""
        path = self._path(name)
        if not self._unsaved:
            self._failure_type = failure_type
        self._unsaved.append(path)
        if len(self._unsaved) <= _MOST_NAMED:
            self._tell(f"{path} is not saved: {why}")


def _usage_of(event: Event) -> list[Event]:
    """What an event whose data waits for the rest of its item tells already (PROTOCOL S4)."""
    if "metadata" not in event:
        return []
    return [{key: value for key, value in event.items() if key != "delta"}]


def _is_inline(item: Event) -> bool:
    return isinstance(item.get("data"), str) and bool(item["data"])


def _mime_type(item: Event) -> str:
    found = item.get("mime_type")
    return found if isinstance(found, str) else ""


def _is_pcm(item: Event) -> bool:
    return bare(_mime_type(item)) in _PCM


def _extension(kind: str, item: Event) -> str:
    return ".wav" if _is_pcm(item) else extension_of(_mime_type(item), kind)


def _digest(kind: str, pieces: Sequence[bytes]) -> str:
    digest = hashlib.blake2b(kind.encode(), digest_size=_DIGEST_SIZE)
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _encoded(pieces: Sequence[bytes]) -> str:
    return base64.b64encode(b"".join(pieces)).decode()


def _copy(pool: Pool) -> Pool:
    return {digest: list(paths) for digest, paths in pool.items()}


def _writer(pieces: Sequence[bytes]) -> Callable[[BinaryIO], object]:
    return lambda file: file.writelines(pieces)


def _wav_writer(item: Event, pieces: Sequence[bytes]) -> Callable[[BinaryIO], object]:
    """Raw PCM with the header that makes it playable; the API sends the low byte first."""
    rate = _number(item, "sample_rate", "rate", _HIGHEST_RATE) or _PCM_RATE
    channels = _number(item, "channels", "channels", _MOST_CHANNELS) or 1

    def write(file: BinaryIO) -> None:
        data = b"".join(pieces)
        with wave.open(file, "wb") as wav:
            wav.setnchannels(channels)
            wav.setsampwidth(_PCM_WIDTH)
            wav.setframerate(rate)
            wav.writeframes(data[: len(data) - len(data) % (_PCM_WIDTH * channels)])

    return write


def _number(item: Event, key: str, name: str, most: int) -> int:
    """A number from a field of an item or a parameter of its type; 0 if it makes no sense."""
    value = item.get(key)
    if value is None:
        text = parameter(_mime_type(item), name)
        value = int(text) if text.isascii() and text.isdigit() and len(text) < _DIGITS else 0
    return value if type(value) is int and 0 < value <= most else 0
