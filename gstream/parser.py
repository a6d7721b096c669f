"""The JSON of one body on its way to Interactions events. Pure.

Many lines are parsed in one go where all of them are regular, else one by one: then a broken one is
told with its number and place, and the rest goes on (DESIGN 4).
"""

from collections.abc import Callable, Iterable
from typing import Any

from .documents import is_chunk, joined
from .errors import BadDataError
from .events import (
    DONE,
    DONE_EVENT,
    Batch,
    Event,
    batch_of,
    dumps,
    line_of,
    loads,
    named,
    parse_lines,
    shorten,
)
from .values import Values

Report = Callable[[str], None]
Placed = tuple[bytes, str | None, int]
"""An event that was not parsed: its JSON, the type that the stream named, its place in bytes."""


class EventParser:
    """The events of one body.

    Attributes:
        broken: How many could not be read.
        broken_before_last: How many could not be read before the newest with an id that could.
        values: Makes events of what is none by itself.
    """

    def __init__(self, report: Report) -> None:
        """Begin; `report` is told about each broken event."""
        self.broken = self.broken_before_last = 0
        self.values = Values(report)
        self._report = report
        self._count = 0
        self._broken_at_end: int | None = None
        self._parse = parse_lines

    @property
    def broken_before_end(self) -> int:
        """How many could not be read before the interaction ended; all, if it has not.

        Only of those that stand in the same bytes: whoever wants to know reads no further.
        """
        return self.broken if self._broken_at_end is None else self._broken_at_end

    @property
    def reads_chunks(self) -> bool:
        """Whether they are made of chunks of generateContent."""
        return self._parse == self.values.parse_chunks

    def parse(self, lines: list[bytes]) -> Batch | None:
        """The events of lines that are all regular; None if one of them is not."""
        try:
            batch = self._parse(lines)
        except (ValueError, KeyError, TypeError):
            return None  # the exception, which holds what was parsed, is gone after this
        self._count += len(lines)
        self._see_place(batch)
        return batch

    def one_by_one(self, placed: Iterable[Placed]) -> Batch:
        """The events of lines of which one is unusual; the broken ones are told."""
        return self._each("event", placed, self._event)

    def elements(self, elements: Iterable[tuple[bytes, int]]) -> Batch:
        """The events of elements of a JSON array, each with its place; the broken ones are told."""
        placed = ((raw, None, place) for raw, place in elements)
        return self._each("element", placed, lambda raw, _name: self.values.feed(loads(raw), raw))

    def tell_broken(self, text: str) -> None:
        """Count something that could not be read, and tell about it."""
        self.broken += 1
        self._report(text)

    def forgiving(self, read: Callable[[], Batch]) -> tuple[Batch, int]:
        """Read what may have been cut: what is broken is neither told nor counted.

        Returns:
            The events, and how many were broken.
        """
        broken, report = self.broken, self._report
        self._report = lambda _text: None
        try:
            batch = read()
        finally:
            self._report = report
        forgiven, self.broken = self.broken - broken, broken
        return batch, forgiven

    def _each(
        self, kind: str, placed: Iterable[Placed], parse: Callable[[bytes, str | None], Batch]
    ) -> Batch:
        batches = []
        for raw, name, place in placed:
            self._count += 1
            try:
                batches.append(parse(raw, name))
            except BadDataError as exc:
                self.tell_broken(f"{kind} {self._count} at byte {place} is {exc}")
            else:
                self._see_place(batches[-1])
                self._see_end(batches[-1])
        return joined(*batches)

    def _see_place(self, batch: Batch) -> None:
        if self.broken > self.broken_before_last and any(map(_has_id, batch.events)):
            self.broken_before_last = self.broken

    def _see_end(self, batch: Batch) -> None:
        if self._broken_at_end is None and any(map(_is_end, batch.notable)):
            self._broken_at_end = self.broken

    def _event(self, raw: bytes, name: str | None) -> Batch:
        if raw.strip() == DONE:
            return joined(self.values.finish(), batch_of([DONE_EVENT], [b""]))
        value: Any = loads(raw)
        if is_chunk(value):
            self._parse = self.values.parse_chunks
            return self.values.convert([value], [raw])
        if not isinstance(value, dict):
            raise BadDataError(f"not a JSON object: {shorten(raw)}")
        unnamed = not isinstance(value.get("event_type"), str)
        event = named(value, name)
        return batch_of([event], [dumps(event) + b"\n" if unnamed else line_of(raw)])


def _has_id(event: Event) -> bool:
    return bool(event.get("event_id"))


def _is_end(event: Event) -> bool:
    """Whether an interaction ends here, unless another hop follows (PROTOCOL d.5)."""
    match event:
        case {"event_type": "interaction.completed", "interaction": {"status": status}}:
            return bool(status != "requires_continuation")
    return event["event_type"] in {"interaction.completed", DONE_EVENT["event_type"]}
