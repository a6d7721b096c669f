"""A connection that repeats some of what was handed on: what of it is new (DESIGN 7.2).

Pure. After a dropped connection the server sends the events after the last event id, or all of
them; perhaps some from before the id, perhaps the same text cut into other deltas. Each sequence
of each step is followed by a shadow that runs behind what was handed on until it has caught up;
from then on everything is new. What differs on the way is a contradiction, never printed.
"""

from zlib import crc32

from .catch_up import ContradictionError, catch_up, is_empty, only_empties_missing
from .elements import Element, content_of, elements_in_step, elements_of, joined, units_of
from .events import Event, dumps, parse_event
from .finished import is_cut_short
from .ledger import KEPT_LINE, NO_NOTICES, Ledger
from .track import Position, Track

__all__ = ["ContradictionError", "Pair", "Replay"]

Pair = tuple[Event, bytes]

_PIECEWISE = frozenset({"model_output", "thought"})
_NOT_IN_STEPS = frozenset({"other", "signature"})
_NEVER_AGAIN = frozenset({"error", "[DONE]"})
_NOTHING = Position()
_ID_SIZE = 128  # what a line is shorter by, at most, where its id does not come again


class Replay:
    """One such connection. What is new is recorded in the ledger as it is handed on."""

    def __init__(self, ledger: Ledger, *, after_last_id: bool) -> None:
        """Begin the connection.

        Args:
            ledger: What was handed on before.
            after_last_id: Whether the server was asked for what follows `last_event_id`.
        """
        self._ledger = ledger
        self._after_last_id = after_last_id
        self._from_start: set[int] = set()
        self._whole: set[int] = set()
        checkpoint = ledger.checkpoint if after_last_id else {}
        self._started_before = {index for index, track in checkpoint.items() if track.kind}
        self._shadows = _shadows(ledger, checkpoint)
        self._changed: set[int] = set(self._shadows)
        self._last_id = ledger.last_event_id
        self._notice_at_last_id = ledger.notices_at_checkpoint
        self._notice = ledger.notices_at_checkpoint if after_last_id else 0
        self._notices_here = 0
        self._preamble = False
        self._cut_short = False
        self._next_notice = _notice_of(ledger.next_line) if after_last_id else 0
        self._history = _units_of_lines(ledger.history) if after_last_id else []
        self._leading = bool(self._history)
        self._held: list[Pair] = []
        self._candidates = list(range(len(self._history)))

    def feed(self, event: Event, line: bytes) -> list[Pair]:
        """Take one event; returns the events to hand on, each with its line.

        Raises:
            ContradictionError: The stream differs from what was handed on.
        """
        if not self._leading:
            pairs = self._sort(event, line)
        elif self._is_placed(event):
            pairs = self._lead_placed(event, line)
        else:
            pairs = self._lead(event, line)
        if self._after_last_id and _id_of(event) == self._last_id:
            self._notice = self._notice_at_last_id
        return pairs

    def check_complete(self) -> None:
        """Say that the interaction has come to its end.

        Raises:
            ContradictionError: Something that was handed on did not come again.
        """
        for index, track in self._ledger.tracks.items():
            self._check_step(index, track)

    def _check_step(self, index: int, track: Track) -> None:
        shadow = self._shadow(index)
        unsaid = _NOT_IN_STEPS if index in self._whole else frozenset()
        for name in track.sequences.keys() - unsaid:
            ahead = track.sequences[name]
            behind = shadow.sequences.get(name, _NOTHING)
            if behind is not ahead and not only_empties_missing(behind, ahead):
                raise ContradictionError(f"step {index} is shorter now than it was")

    # --- events from before the last id

    def _is_placed(self, event: Event) -> bool:
        """Whether the place of an event is certain by itself."""
        index = event.get("index")
        if event["event_type"] == "step.start" and index in self._started_before:
            self._forget_held()  # what came before this start is older still
            return True
        if event["event_type"] == "interaction.status_update" and self._preamble:
            return True
        return event["event_type"] == "interaction.created" or index in self._from_start

    def _lead_placed(self, event: Event, line: bytes) -> list[Pair]:
        """Take an event whose place is certain; a new one says that the repetition is over."""
        if _id_of(event) == self._last_id:
            self._leading = False
            self._forget_held()
        pairs = self._sort(event, line)
        if pairs and self._leading:
            return self._release_held() + pairs
        if self._held and not self._repeats_history(event, line):
            return self._release_held()
        return pairs

    def _lead(self, event: Event, line: bytes) -> list[Pair]:
        """Hold back what may repeat the events before the last id, until that is certain."""
        event_id = _id_of(event)
        self._preamble = False
        if event_id in self._ledger.ids:
            self._forget_held()
            self._leading = event_id != self._last_id
            return []
        self._held.append((event, line))
        return [] if not event_id and self._repeats_history(event, line) else self._release_held()

    def _release_held(self) -> list[Pair]:
        self._leading = False
        held, self._held = self._held, []
        return [pair for each in held for pair in self._sort(*each)]

    def _repeats_history(self, newest: Event, line: bytes) -> bool:
        """Whether all that is held can be a part of what was handed on before the id."""
        history = self._history
        unkept = [
            place + 1
            for place in self._candidates
            if len(line) > KEPT_LINE - _ID_SIZE and history[place : place + 1] == [None]
        ]
        for unit in units_of(newest):
            self._candidates = [
                place + 1
                for place in self._candidates
                if place < len(history) and history[place] == unit
            ]
        self._candidates += unkept
        return bool(self._candidates)

    def _forget_held(self) -> None:
        self._held.clear()
        self._candidates = list(range(len(self._history)))

    # --- one event

    def _sort(self, event: Event, line: bytes) -> list[Pair]:
        preamble, self._preamble = self._preamble, False
        if self._is_before_last_id(event):
            return []
        match event:
            case {"event_type": "step.delta", "index": int(index), "delta": dict()}:
                return self._delta(event, line, index)
            case {"event_type": "step.start", "index": int(index), "step": dict()}:
                return self._start(event, line, index)
            case {"event_type": "step.stop", "index": int(index)}:
                return self._stop(event, line, index)
            case {"event_type": "interaction.created"}:
                return self._created(event, line)
            case {"event_type": "interaction.completed"}:
                if not is_cut_short(event.get("interaction")):
                    self.check_complete()
                return self._old(event) if self._ledger.completed else self._new(event, line)
            case {"event_type": kind} if kind in NO_NOTICES:
                return self._new(event, line)
        return self._notice_again(event, line, preamble=preamble)

    def _is_before_last_id(self, event: Event) -> bool:
        """Whether the id tells: not where a step is followed from its beginning."""
        if not self._after_last_id or _id_of(event) not in self._ledger.ids:
            return False
        restart = event["event_type"] in {"interaction.created", "step.start"}
        return not restart and event.get("index") not in self._from_start

    def _new(self, event: Event, line: bytes) -> list[Pair]:
        self._ledger.record_one(event, line)
        self._see_id(event)
        return [(event, line)]

    def _old(self, event: Event) -> list[Pair]:
        self._see_id(event)
        return []

    def _created(self, event: Event, line: bytes) -> list[Pair]:
        at_last_id = _id_of(event) == self._last_id
        self._preamble = self._after_last_id and not at_last_id
        if not self._ledger.created:
            return self._new(event, line)
        interaction = event.get("interaction")
        self._cut_short = is_cut_short(interaction)
        new_id = interaction.get("id") if isinstance(interaction, dict) else None
        if new_id and new_id != self._ledger.interaction_id:
            raise ContradictionError(f"it is another interaction, {new_id}")
        return self._old(event)

    def _notice_again(self, event: Event, line: bytes, *, preamble: bool) -> list[Pair]:
        """An event that belongs to no step: old if it stands in the list from our place on."""
        notices = self._ledger.notices
        known = crc32(content_of(event))
        self._notices_here += 1
        if preamble and known in notices and known != self._next_notice and not _id_of(event):
            return []
        if known in notices[self._notice :]:
            self._notice = notices.index(known, self._notice) + 1
            self._preamble = preamble
            return self._old(event)
        if preamble and known in notices:
            return []
        self._notice = len(notices) + 1
        return self._new(event, line)

    def _start(self, event: Event, line: bytes, index: int) -> list[Pair]:
        """A step that starts again is followed from its beginning, whatever was asked for."""
        if index not in self._ledger.tracks:
            self._ledger.record_one(event, line)
            self._shadow(index)
            self._see_id(event)
            return [(event, line)]
        if index in self._started_before and self._from_start.isdisjoint(self._started_before):
            self._notice = min(self._notice, self._notices_here)  # the server begins anew
        self._from_start.add(index)
        kind = str(event["step"].get("type"))
        track = self._ledger.track(index)
        if track.kind and track.kind != kind:
            raise ContradictionError(f"step {index} is {kind} now, it was {track.kind}")
        track.kind = kind
        self._shadows[index] = Track(kind)
        self._changed.add(index)
        if event.get("synthesized"):
            self._whole.add(index)
            if kind not in _PIECEWISE:
                self._shadows[index] = track  # a whole step takes the place of its parts (A3)
                return [] if track.stopped else [self._handed(event, line)]
        fresh = [self._unseen(index, element) for element in elements_in_step(event["step"])]
        self._see_id(event)
        return [self._synthesised(index, element) for element in fresh if element is not None]

    def _synthesised(self, index: int, element: Element) -> Pair:
        event: Event = {"event_type": "step.delta", "index": index, "delta": element.delta}
        event["synthesized"] = True
        return self._handed(event, dumps(event) + b"\n")

    def _stop(self, event: Event, line: bytes, index: int) -> list[Pair]:
        track = self._ledger.track(index)
        old = track.stopped
        self._shadow(index).stopped = True
        if not (track.late or self._cut_short):
            self._check_step(index, track)
        return self._old(event) if old else self._new(event, line)

    def _delta(self, event: Event, line: bytes, index: int) -> list[Pair]:
        elements = elements_of(event["delta"])
        unseen = [self._unseen(index, element) for element in elements]
        fresh = [element for element in unseen if element is not None]
        if fresh != elements:
            event = {**event, "delta": joined(event["delta"], fresh)} if fresh else event
            line = dumps(event) + b"\n"
        pairs = [self._handed(event, line)] if fresh else []
        self._see_id(event)
        return pairs

    def _handed(self, event: Event, line: bytes) -> Pair:
        self._ledger.hand_on(line)
        return event, line

    def _see_id(self, event: Event) -> None:
        """An id says where this stream is, which may be behind what was handed on."""
        event_id = _id_of(event)
        if event_id and event_id not in self._ledger.ids:
            changed = {index: self._shadows[index] for index in self._changed}
            notices = min(self._notice, len(self._ledger.notices))
            self._ledger.set_checkpoint(event_id, changed, notices)
            self._changed.clear()

    # --- one element

    def _shadow(self, index: int) -> Track:
        self._changed.add(index)
        shadow = self._shadows.get(index)
        if shadow is None:
            shadow = self._shadows[index] = self._ledger.track(index)
        return shadow

    def _unseen(self, index: int, element: Element) -> Element | None:
        """The part of an element that was not handed on, which is recorded; None if all was."""
        ahead = self._ledger.track(index).position(element.sequence)
        shadow = self._shadow(index)
        behind = shadow.sequences.setdefault(element.sequence, Position())
        if behind is not ahead and is_empty(ahead):
            behind = ahead
        rest: Element | None = element
        if behind is not ahead:
            try:
                loose = index in self._whole
                rest, caught_up = catch_up(behind, ahead, element, loose=loose)
            except ContradictionError as exc:
                raise ContradictionError(f"step {index}: {exc}") from exc
            behind = ahead if caught_up else behind
        shadow.sequences[element.sequence] = behind
        if rest is not None:
            self._ledger.track(index).add([rest])
        return rest


def _id_of(event: Event) -> str:
    event_id = event.get("event_id")
    return event_id if isinstance(event_id, str) else ""


def _shadows(ledger: Ledger, checkpoint: dict[int, Track]) -> dict[int, Track]:
    """Where the connection begins: each step as it was at the checkpoint, or at its beginning."""
    shadows = {}
    for index, track in ledger.tracks.items():
        shadow = checkpoint[index].copy() if index in checkpoint else Track()
        for name, position in shadow.sequences.items():
            if position == track.sequences.get(name):
                shadow.sequences[name] = track.sequences[name]
        shadows[index] = shadow
    return shadows


def _units_of_lines(lines: list[bytes]) -> list[object]:
    """What a repetition is compared with; a line that was not kept can be like any large one."""
    units: list[object] = []
    for line in lines:
        if not line:
            units.append(None)
        elif (event := parse_event(line))["event_type"] not in _NEVER_AGAIN:
            units += units_of(event)
    return units


def _notice_of(line: bytes) -> int:
    """The checksum of an event in the list of notices, if it is one."""
    return crc32(content_of(parse_event(line))) if line else 0
