"""Server-sent events as a kind of input.

Pure. Their data is the JSON of events; raw JSON that servers write between them is an error
(PROTOCOL d.6).
"""

import re

from .documents import joined
from .errors import BadDataError, EventTooLargeError
from .events import DONE, NOTHING, Batch, Event, shorten
from .parser import EventParser, Placed, Report
from .raw_json import RawJSON
from .sse import BOM, FIELDS, SSEDecoder

_DONE_LINE = DONE + b"\n"

# So many bytes of the start tell whether it is a field or a comment.
_START = 64
_NAME = re.compile(rb"[^:\r\n]*")
_NAMES = frozenset({b"", *(field.removesuffix(b":") for field in FIELDS)})


class SSEInput:
    """An event stream being read.

    Attributes:
        leftover: Whether it ended inside an event that could not be used.
    """

    reads_lines = reads_array = False

    def __init__(
        self,
        parser: EventParser,
        report: Report,
        max_event_size: int,
        *,
        certain: bool = False,
        hint: str = "",
    ) -> None:
        """Begin.

        Args:
            parser: Makes events of their JSON.
            report: Is told what ends in the middle.
            max_event_size: Most bytes of one event.
            certain: Whether it is an event stream however it begins.
            hint: What the input may be if it is none.
        """
        self.leftover = False
        self._certain = certain
        self._hint = hint
        self._start = b""
        self._dispatched = False
        self._parser = parser
        self._report = report
        self._decoder = SSEDecoder(max_event_size)
        self._raw_json = RawJSON(max_event_size)
        self._raw_errors: list[Event] = []
        self._failure: EventTooLargeError | None = None

    @property
    def pending_size(self) -> int:
        """How many of the newest bytes belong to a block that is not complete."""
        return self._decoder.pending_size

    def feed(self, chunk: bytes) -> Batch:
        """Read the next bytes; returns the events that they complete.

        Raises:
            EventTooLargeError: An event is larger than the bound.
        """
        if self._failure is not None:
            raise self._failure
        if len(self._start) < _START:
            piece = chunk[:_START] if self._start else chunk.lstrip(b"\r\n")[:_START]
            self._start = (self._start + piece)[:_START]
        lines = self._decoder.feed_lines(chunk)
        self._dispatched = self._dispatched or bool(lines)
        if self._decoder.stray:
            return self._with_stray(lines)
        if not lines:
            return NOTHING
        done = lines[-1] == _DONE_LINE  # the usual end is no reason to parse twice
        batch = self._parser.parse(lines[:-1] if done else lines)
        if batch is None:
            placed = self._placed(lines)
            del lines  # or a huge event would be held twice
            return self._parser.one_by_one(placed)
        return joined(batch, self._parser.one_by_one([(DONE, None, 0)])) if done else batch

    def finish(self) -> Batch:
        """Say that nothing follows: a last event without its blank line counts if it is complete.

        Raises:
            BadDataError: It did not begin as a stream does, and held no event and no raw error.
            EventTooLargeError: As for `feed`.
        """
        begun = self._certain or self._dispatched or _begins_stream(self._start)
        self._raw_errors = []
        batch, broken = self._parser.forgiving(lambda: self.feed(b"\n\n"))
        used = any(not self.is_raw_error(event) for event in batch.events)
        self.leftover = bool(broken) and not used
        if not (begun or batch.events or self._parser.values.error is not None):
            words = shorten(self._start)
            message = f"the input is not server-sent events, NDJSON or JSON: {words}"
            raise BadDataError(message, hint=self._hint)
        if self._raw_json.is_open:
            words = shorten(self._raw_json.words)
            self._report(f"the stream ends inside JSON that is no event: {words}")
        return batch

    def is_raw_error(self, event: Event) -> bool:
        """Whether an event of the newest bytes is an error that came as raw JSON."""
        return any(event.get("error") is error for error in self._raw_errors)

    def _placed(self, lines: list[bytes]) -> list[Placed]:
        """The lines of the last feed, with what is known of each."""
        places = self._decoder.last_places()
        return [(line[:-1], *place) for line, place in zip(lines, places, strict=True)]

    def _with_stray(self, lines: list[bytes]) -> Batch:
        """Events among which text stands, in their order."""
        self._raw_errors = []
        placed = self._placed(lines)
        batches = []
        start = 0
        for before, text in self._decoder.stray:
            batches.append(self._parser.one_by_one(placed[start:before]))
            try:
                batches.append(self._raw_line(text))
            except EventTooLargeError as exc:
                return self._raise_after(joined(*batches), exc)
            start = before
        return joined(*batches, self._parser.one_by_one(placed[start:]))

    def _raise_after(self, batch: Batch, failure: EventTooLargeError) -> Batch:
        """The events that came before a failure; if there are any, the next call raises it.

        Raises:
            EventTooLargeError: There are none.
        """
        if not batch.events:
            raise failure
        self._failure = failure
        return batch

    def _raw_line(self, text: bytes) -> Batch:
        """The events that a line of text completes: an error, where raw JSON is one (d.6)."""
        error = self._raw_json.feed(text)
        if error is None:
            return NOTHING
        if error:
            self._raw_errors.append(error)
            return self._parser.values.fail(error)
        words = shorten(self._raw_json.words)
        self._parser.tell_broken(f"between the events is JSON that is no error: {words}")
        return NOTHING


def _begins_stream(start: bytes) -> bool:
    """Whether an input begins with a field or a comment, or was cut inside its first field.

    Any bytes hold a line that looks like one somewhere.

    Args:
        start: As much of its beginning as tells.
    """
    words = start.removeprefix(BOM).lstrip(b"\r\n")
    name = _NAME.match(words)
    cut = any(field.startswith(words) for field in FIELDS)
    return cut or (name is not None and name[0] in _NAMES)
