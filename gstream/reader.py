"""Chunks of bytes in, batches of Interactions events out, whatever kind of input it is.

Pure. The kind is seen from the first non-blank byte (DESIGN 2.4):

    {        NDJSON events, or one JSON document: an error body, a finished interaction
    [        a JSON array, taken apart while it arrives: chunks of generateContent, errors
    HTTP/    the header lines of `curl -i`; what follows them is looked at again
    <        HTML, which is refused
    other    server-sent events

Chunks of generateContent become Interactions events wherever they come (DESIGN 11).
"""

from typing import TYPE_CHECKING

from .blocks import block_of
from .documents import error_in_body, joined
from .errors import BadDataError
from .events import NOTHING, Batch, Event, dumps, shorten
from .head import Head
from .parser import EventParser, Report
from .sse import BOM, MAX_EVENT_SIZE
from .sse_input import SSEInput

if TYPE_CHECKING:
    from .json_input import ArrayInput, LineInput

_BLANK = b" \t\r\n"
_FIRST_WORDS = 200


class EventReader:
    """One body of input being read.

    Attributes:
        http_status: The status in the header lines of `curl -i`; 0 without them.
    """

    def __init__(
        self, report: Report, *, max_event_size: int = MAX_EVENT_SIZE, stream: bool = False
    ) -> None:
        """Start at the beginning of a body.

        Args:
            report: Is told about each broken event.
            max_event_size: Most bytes of one event or document.
            stream: Whether it is an event stream for certain, and without header lines.
        """
        self.http_status = 0
        self._report = report
        self._max_event_size = max_event_size
        self._parser = EventParser(report)
        self._head = Head()
        self._size = 0
        self._input: SSEInput | LineInput | ArrayInput | None = None
        if stream:
            self._input = SSEInput(self._parser, report, max_event_size, certain=True)

    def feed(self, chunk: bytes) -> Batch:
        """Read the next bytes; returns the events that they complete.

        Raises:
            BadDataError: The input is none of the kinds, or an event is too large.
        """
        if self._input is not None:
            return self._input.feed(chunk)
        return self._sniff(chunk)

    def finish(self) -> Batch:
        """Say that nothing follows; returns what the last bytes hold.

        Raises:
            BadDataError: As for `feed`.
        """
        if self._input is None:
            self._refuse_unknown()
            return NOTHING
        return joined(self._input.finish(), self._parser.values.finish())

    @property
    def broken(self) -> int:
        """How many events could not be read."""
        return self._parser.broken

    @property
    def broken_before_end(self) -> int:
        """How many could not be read before the interaction ended; all, if it has not."""
        return self._parser.broken_before_end

    @property
    def broken_before_last(self) -> int:
        """How many could not be read before the newest with an id: what follows it is asked for."""
        return self._parser.broken_before_last

    @property
    def leftover(self) -> bool:
        """Whether the input ended inside an event that could not be used."""
        return self._input is not None and self._input.leftover

    @property
    def is_open_array(self) -> bool:
        """Whether the input ended before the last bracket of a JSON array."""
        return self._input is not None and self._input.reads_array and self._input.leftover

    @property
    def raw_error(self) -> Event | None:
        """The error that came as raw JSON instead of as an event (PROTOCOL d.6).

        A refusal without a body is one, too.
        """
        if self.http_status >= 400 and self.empty:
            return error_in_body(b"")
        return self._parser.values.error

    @property
    def interaction(self) -> Event | None:
        """The interaction that came as JSON instead of as a stream; None if none did."""
        return self._parser.values.interaction

    @property
    def reads_lines(self) -> bool:
        """Whether the input is NDJSON, as `--ndjson` writes it."""
        lines = self._input is not None and self._input.reads_lines
        return lines and not self._parser.reads_chunks

    @property
    def empty(self) -> bool:
        """Whether not one byte has come, blanks aside."""
        return self._input is None and not self._head.pending.strip(_BLANK)

    @property
    def pending_size(self) -> int:
        """How many of the newest bytes belong to an event that is not complete."""
        return len(self._head.pending) if self._input is None else self._input.pending_size

    def as_sse(self, raw: bytes, batch: Batch) -> bytes:
        """What came, as server-sent events: unchanged where it is that, else event by event.

        Args:
            raw: The bytes that came and are complete; header lines are left out.
            batch: The events that they hold.
        """
        stream = self._input
        skipped = min(self._head.size, len(raw))
        self._head.size -= skipped
        pairs = zip(batch.events, batch.lines, strict=True)
        if not isinstance(stream, SSEInput):
            return b"".join(self.block_of(event, line) for event, line in pairs if line)
        if stream.leftover:  # all that can be used of it
            return b"".join(self.block_of(*pair) for pair in pairs if stream.is_raw_error(pair[0]))
        return raw[skipped:]

    def block_of(self, event: Event, line: bytes) -> bytes:
        """The block of an event that was read; of a raw error its JSON, as servers write it."""
        if event.get("error") is not None and event["error"] is self.raw_error:
            return dumps({"error": self.raw_error}) + b"\n"  # (PROTOCOL d.6)
        return block_of(event, line)

    def _sniff(self, chunk: bytes) -> Batch:
        """Look whether the kind is known now."""
        self._size += len(chunk)
        head = self._head
        first = head.feed(chunk)
        while size := head.newest_size:
            self._check_size(size - 1, self._size - len(head.pending) - size)
            self.http_status = head.http_status
            first = head.feed(b"")
        if first in {b"", b"<"}:
            if first and len(head.pending) - head.begin >= _FIRST_WORDS:
                self._refuse_unknown()
            self._check_size(len(head.pending), self._size - len(head.pending))
            return NOTHING
        data = bytes(head.pending)
        head.pending.clear()
        return self._choose(first, data, head.begin)

    def _choose(self, first: bytes, data: bytes, begin: int) -> Batch:
        """Read on as the kind that the first byte tells; the body begins behind blanks."""
        bound = self._max_event_size
        if first not in {b"{", b"["}:
            hint = "it looks like gzip: decompress it first" if self._head.is_packed else ""
            self._input = SSEInput(self._parser, self._report, bound, hint=hint)
            return self._input.feed(data)
        from .json_input import ArrayInput, LineInput

        kind = LineInput if first == b"{" else ArrayInput
        begin = _start_of_line(data, begin)  # blanks before an event are part of its line
        self._input = kind(self._parser, bound, self._size - len(data) + begin)
        return self._input.feed(data[begin:])

    def _check_size(self, size: int, place: int) -> None:
        if size > self._max_event_size:
            from .json_input import check_size

            check_size(size, place, self._max_event_size)

    def _refuse_unknown(self) -> None:
        """Say what the input is that is of no kind; nothing at all is no failure.

        Raises:
            BadDataError: It is not blank.
        """
        if BOM.startswith(self._head.pending):
            return  # half a byte order mark
        words = self._head.pending.removeprefix(BOM).lstrip(_BLANK)[:_FIRST_WORDS].split()
        if words:
            is_html = words[0].startswith(b"<")
            kind = "HTML" if is_html else "not server-sent events, NDJSON or JSON"
            raise BadDataError(f"the input is {kind}: {shorten(b' '.join(words))}")


def _start_of_line(data: bytes, at: int) -> int:
    """Where the line begins in which a place is; a byte order mark is not part of it."""
    before = max(data.rfind(b"\n", 0, at), data.rfind(b"\r", 0, at)) + 1
    return before or len(BOM) * data.startswith(BOM)
