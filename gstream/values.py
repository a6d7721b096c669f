"""JSON values outside of an Interactions stream on their way to its events. Pure."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from .documents import error_of, is_chunk, is_interaction, made, with_long_integers
from .errors import BadDataError
from .events import NOTHING, Batch, Event, batch_of, line_of, named, shorten
from .finished import events_of

if TYPE_CHECKING:
    from .generate_content import Converter


class Values:
    """The values of one body of input.

    Attributes:
        error: The newest error that was a value by itself; None without one.
        interaction: The newest interaction that was one; None without one.
    """

    def __init__(self, report: Callable[[str], None]) -> None:
        """Begin; `report` is told about what is not shown."""
        self.error: Event | None = None
        self.interaction: Event | None = None
        self._report = report
        self._converter: Converter | None = None

    def feed(self, value: Any, raw: bytes) -> Batch:
        """The events that a value is: an error, a chunk, an interaction, or an event itself.

        Args:
            value: What was parsed.
            raw: Its JSON.

        Raises:
            BadDataError: It is none of these.
        """
        if is_interaction(value):
            self.interaction = value
            return made(events_of(value))
        if error := error_of(value):
            return self.fail(error)
        if is_chunk(value):
            return self.convert([value], [raw])
        if isinstance(value, dict) and "event_type" in value:
            return batch_of([named(value)], [line_of(raw)])
        raise BadDataError(f"JSON, but neither events nor an interaction: {shorten(raw)}")

    def fail(self, error: Event) -> Batch:
        """The event that an error in raw JSON is (PROTOCOL d.6)."""
        self.error = error
        return made([{"event_type": "error", "error": error}])

    def convert(self, chunks: list[Event], raws: list[bytes]) -> Batch:
        """The events that chunks of generateContent add.

        Args:
            chunks: What was parsed.
            raws: The JSON of each.
        """
        if self._converter is None:
            from .generate_content import Converter

            self._converter = Converter(self._report)
        feed = self._converter.feed
        exact = map(with_long_integers, chunks, raws)
        return made([event for chunk in exact for event in feed(chunk)])

    def parse_chunks(self, lines: list[bytes]) -> Batch:
        """As `events.parse_lines`, for lines that are all chunks.

        Raises:
            ValueError, KeyError: One of them is not.
        """
        chunks = list(map(orjson.loads, lines))
        if not all(map(is_chunk, chunks)):
            raise KeyError
        return self.convert(chunks, lines)

    def finish(self) -> Batch:
        """The events that the end of the last answer in chunks adds."""
        return made(self._converter.finish()) if self._converter is not None else NOTHING

    def break_off(self) -> Batch:
        """The events of what was held back, where the input shows that more was due."""
        return made(self._converter.break_off()) if self._converter is not None else NOTHING
