"""What of an interaction has been handed on: how far each step has come, never its text.

Pure. A repeated stream can be compared with it (`replay.py`), and it can be kept in a file
(`cursor.py`).
"""

from array import array
from collections import deque
from itertools import islice
from zlib import crc32

from .elements import Element, content_of, elements_in_step, elements_of
from .events import Batch, Event
from .track import Track, naturals

_HISTORY_BYTES = 256 * 1024
_LONG_LINE = 4096
_KEPT_LINES = 32
KEPT_LINE = 1024
"""Lines of so many bytes may be kept as a place alone."""
_MOST_IDS = 10_000
NO_NOTICES = frozenset({"interaction.created", "interaction.completed", "error", "[DONE]"})
"""Events that belong to no step and are no notices: each has a rule of its own."""


class Ledger:
    """What was handed on of one interaction.

    Attributes:
        created: Whether `interaction.created` was.
        completed: Whether `interaction.completed` was.
        partial: Whether it began somewhere in the middle.
        interaction_id: Its id; empty where it is not stored.
        last_event_id: The newest id, after which a stream can be asked for; empty without one.
        tracks: The steps as they were handed on.
        checkpoint: The steps as they were right after `last_event_id`.
        notices: Checksums of the events that belong to no step, in order.
        notices_at_checkpoint: How many of them had come by `last_event_id`.
        ids: The newest ids, in order; as far back as anything was ever seen to come again.
    """

    def __init__(self, *, places: bool = True) -> None:
        """Begin with nothing handed on.

        Args:
            places: Whether to keep what tells the places in the stream: ids, and newest lines.
        """
        self._keeps_places = places
        self.created = self.completed = False
        self.partial = False
        self.interaction_id = ""
        self.last_event_id = ""
        self.tracks: dict[int, Track] = {}
        self.checkpoint: dict[int, Track] = {}
        self.notices = array("I")
        self.notices_at_checkpoint = 0
        self.ids: dict[str, None] = {}
        self._changed: set[int] = set()
        self._history: deque[list[bytes]] = deque()
        self._history_sizes: deque[int] = deque()
        self._history_bytes = 0
        self._since_checkpoint = 0
        self._history_for_file: list[str] | None = None

    def begin_after(self, event_id: str) -> None:
        """Begin with nothing handed on, but after an event that somebody else has seen."""
        self.last_event_id = event_id
        self.ids = {event_id: None} if event_id else {}
        self.partial = bool(event_id)

    @property
    def begun(self) -> bool:
        """Whether anything was handed on."""
        return self.created or bool(self.tracks or self.notices)

    @property
    def at_last_event(self) -> bool:
        """Whether the newest event that was handed on is the one with the last event id."""
        return bool(self.last_event_id) and not self._since_checkpoint

    def record(self, batch: Batch) -> None:
        """Take events that are handed on; text deltas of one step together."""
        if not self._record_plain(batch):
            self._record_mixed(batch)
        self._remember(batch.lines)

    def _record_plain(self, batch: Batch) -> bool:
        """The short way for nothing but text of one step without ids; False if it is not that."""
        if (run := batch.run()) is None:
            return False
        index, text = run
        self.track(index).add([Element("content", "text", text, {})])
        self._since_checkpoint += len(batch.events)
        return True

    def _record_mixed(self, batch: Batch) -> None:
        pieces: list[str] = []
        index = -1
        for event in batch.events:
            text = "" if self._keeps_places and "event_id" in event else _plain_text(event)
            if text and (not pieces or event["index"] == index):
                pieces.append(text)
                index = event["index"]
                continue
            self._record_text(index, pieces)
            self._record_one(event)
            event_id = event.get("event_id") if self._keeps_places else None
            if isinstance(event_id, str) and event_id:
                changed = {each: self.tracks[each] for each in self._changed}
                self.set_checkpoint(event_id, changed, len(self.notices))
        self._record_text(index, pieces)

    def record_one(self, event: Event, line: bytes) -> None:
        """Take one event that is handed on; its id, if it has one, is left to the caller."""
        self._record_one(event)
        self._remember([line])

    def hand_on(self, line: bytes) -> None:
        """Note that a line was handed on whose elements were recorded one by one."""
        self._since_checkpoint += 1
        self._remember([line])

    def track(self, index: int) -> Track:
        """A step, which is about to change."""
        self._changed.add(index)
        return self.tracks.setdefault(index, Track())

    def set_checkpoint(self, event_id: str, tracks: dict[int, Track], notices: int) -> None:
        """Remember where the stream was when an id came.

        Args:
            event_id: The id.
            tracks: The steps that have changed since the last id.
            notices: How many notices had come.
        """
        self.last_event_id = event_id
        self.ids[event_id] = None
        if len(self.ids) > 2 * _MOST_IDS:
            self.ids = dict.fromkeys(islice(self.ids, _MOST_IDS, None))
        for index, track in tracks.items():
            self.checkpoint[index] = track.copy()
        self._changed.clear()
        self.notices_at_checkpoint = notices
        self._since_checkpoint = 0
        self._history_for_file = None

    def as_json(self) -> Event:
        """The ledger for a file; of the history only the newest lines."""
        return {
            "created": self.created,
            "completed": self.completed,
            "partial": self.partial,
            "interaction_id": self.interaction_id,
            "last_event_id": self.last_event_id,
            "tracks": {str(index): track.as_json() for index, track in self.tracks.items()},
            "checkpoint": {
                str(index): track.as_json()
                for index, track in self.checkpoint.items()
                if track != self.tracks[index]
            },
            "at_checkpoint": [str(index) for index in self.checkpoint],
            "notices": list(self.notices),
            "notices_at_checkpoint": self.notices_at_checkpoint,
            "history": self._kept_history(),
            "since_checkpoint": _for_file(self._lines(min(self._since_checkpoint, _KEPT_LINES))),
            "ids": list(islice(reversed(self.ids), _KEPT_LINES))[::-1],
        }

    @classmethod
    def from_json(cls, value: Event) -> "Ledger":
        """The ledger that `as_json` was made of.

        Raises:
            KeyError, TypeError, ValueError: It was made of something else.
        """
        ledger = cls()
        ledger.created = bool(value["created"])
        ledger.completed = bool(value["completed"])
        ledger.partial = bool(value["partial"])
        ledger.interaction_id = str(value["interaction_id"])
        ledger.last_event_id = str(value["last_event_id"])
        ledger.ids = dict.fromkeys(map(str, value["ids"]))
        ledger._remember([str(line).encode() for line in value["history"]])
        ledger._remember([str(line).encode() for line in value["since_checkpoint"]])
        ledger._since_checkpoint = len(value["since_checkpoint"])
        ledger.tracks = {int(key): Track.from_json(one) for key, one in value["tracks"].items()}
        changed = {int(key): Track.from_json(one) for key, one in value["checkpoint"].items()}
        ledger.checkpoint = {
            index: changed.get(index) or ledger.tracks[index].copy()
            for index in map(int, value["at_checkpoint"])
        }
        ledger.notices = array("I", [crc & 0xFFFFFFFF for crc in naturals(value["notices"])])
        [ledger.notices_at_checkpoint] = naturals([value["notices_at_checkpoint"]])
        return ledger

    @property
    def history(self) -> list[bytes]:
        """The lines of the newest events up to the one with the last event id.

        Of long ones only the place is kept.
        """
        events = [line for lines in self._history for line in lines]
        return events[: max(0, len(events) - self._since_checkpoint)] if self.last_event_id else []

    @property
    def next_line(self) -> bytes:
        """The line of the event right after the one with the last event id; empty if unknown."""
        newer = self._lines(self._since_checkpoint)
        return newer[0] if 0 < self._since_checkpoint == len(newer) else b""

    def _kept_history(self) -> list[str]:
        if self._history_for_file is None:
            self._history_for_file = _for_file(self._lines(_KEPT_LINES, self._since_checkpoint))
        return self._history_for_file

    def _lines(self, count: int, newer: int = 0) -> list[bytes]:
        """Some of the newest lines, without those that are newer still."""
        found: list[bytes] = []
        for lines in reversed(self._history):
            if newer >= len(lines):
                newer -= len(lines)
                continue
            found = lines[: len(lines) - newer] + found
            newer = 0
            if len(found) >= count:
                break
        return found[max(0, len(found) - count) :]

    def _record_one(self, event: Event) -> None:
        match event:
            case {"event_type": "step.delta", "index": int(index), "delta": dict(delta)}:
                self.track(index).add(elements_of(delta))
            case {"event_type": "step.start", "index": int(index), "step": dict(step)}:
                self.tracks[index] = Track(str(step.get("type")))
                self.track(index).add(elements_in_step(step))
            case {"event_type": "step.stop", "index": int(index)}:
                self.track(index).stopped = True
            case {"event_type": "interaction.created"}:
                self._record_created(event)
            case {"event_type": "interaction.completed"}:
                self.completed = True
            case {"event_type": str(kind)} if kind not in NO_NOTICES:
                self.notices.append(crc32(content_of(event)))
        self._since_checkpoint += 1

    def _remember(self, lines: list[bytes]) -> None:
        """Keep the newest lines, some hundred KB of them; of a long one only its place."""
        if not self._keeps_places:
            return
        size = sum(map(len, lines))
        if size > _HISTORY_BYTES:
            lines = [line if len(line) < _LONG_LINE else b"" for line in lines]
            size = sum(map(len, lines))
        self._history.append(lines)
        self._history_sizes.append(size)
        self._history_bytes += size
        while self._history_bytes > _HISTORY_BYTES and len(self._history) > 1:
            self._history.popleft()
            self._history_bytes -= self._history_sizes.popleft()

    def _record_text(self, index: int, pieces: list[str]) -> None:
        if pieces:
            self.track(index).add([Element("content", "text", "".join(pieces), {})])
            self._since_checkpoint += len(pieces)
            pieces.clear()

    def _record_created(self, event: Event) -> None:
        self.created = True
        interaction = event.get("interaction")
        if isinstance(interaction, dict):
            self.interaction_id = str(interaction.get("id") or "")


def _for_file(lines: list[bytes]) -> list[str]:
    return [line.decode() if len(line) < KEPT_LINE else "" for line in lines]


def _plain_text(event: Event) -> str:
    """The text of a text delta; empty for everything else."""
    try:
        if event["event_type"] == "step.delta":
            delta = event["delta"]
            if delta["type"] == "text" and event["index"].__class__ is int:
                text = delta["text"]
                if text.__class__ is str:
                    return text
    except (KeyError, TypeError):
        pass  # not the usual shape
    return ""
