"""Chunks of bytes in, batches of Interactions events out, whatever kind of input it is.

Pure. The kind is seen from the first non-blank byte (DESIGN 2.4):

    {        NDJSON events, or one JSON document: an error body, a finished interaction
    [        a JSON array, taken apart while it arrives: chunks of generateContent, errors
    HTTP/    the header lines of `curl -i`; what follows them is looked at again
    <        HTML, which is refused
    other    server-sent events

Chunks of generateContent become Interactions events wherever they come (DESIGN 11). A broken event
is reported with its number and position, and the rest goes on.
"""

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

import orjson

from .blocks import block_of
from .documents import error_of, is_chunk, joined, values_in
from .errors import BadDataError, EventTooLargeError
from .events import (
    DONE,
    NOTHING,
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
from .head import Head
from .raw_json import RawJSON
from .sse import FIELDS, MAX_EVENT_SIZE, SSEDecoder
from .values import Values

if TYPE_CHECKING:
    from .json_array import JSONArraySplitter

__all__ = ["DONE_EVENT", "EventReader", "Report", "error_of"]

Report = Callable[[str], None]
_Placed = tuple[bytes, str | None, int]
"""An event that was not parsed: its JSON, the type that the stream named, and its place."""

_BLANK = b" \t\r\n"
_FIRST_WORDS = 200
_DONE_LINE = DONE + b"\n"

DONE_EVENT: Event = {"event_type": "[DONE]"}
"""Stands for `data: [DONE]`, which is no JSON and no event; it has no line."""


class EventReader:
    """One body of input being read.

    Attributes:
        broken: How many events could not be read.
        bare: Whether the raw error was all there was: the body of a refused request.
        http_status: The status in the header lines of `curl -i`; 0 without them.
        leftover: Whether the input ended inside an event that could not be used.
    """

    def __init__(self, report: Report, *, max_event_size: int = MAX_EVENT_SIZE) -> None:
        """Start at the beginning of a body.

        Args:
            report: Is told about each broken event.
            max_event_size: Most bytes of one event or document.
        """
        self.broken = 0
        self.http_status = 0
        self.leftover = False
        self._report = report
        self._max_event_size = max_event_size
        self._decoder = SSEDecoder(max_event_size)
        self._head = Head()
        self._pending = bytearray()
        self._count = 0
        self._size = 0
        self._raw_json = RawJSON(max_event_size)
        self._raw_errors: list[Event] = []
        self._failure: EventTooLargeError | None = None
        self._array_in: JSONArraySplitter | None = None
        self._values = Values(report)
        self._parse = parse_lines
        self._kind: Callable[[bytes], Batch] = self._sniff

    def feed(self, chunk: bytes) -> Batch:
        """Read the next bytes; returns the events that they complete.

        Raises:
            BadDataError: The input is none of the kinds, or an event is too large.
        """
        self._size += len(chunk)
        if self._failure is not None:
            raise self._failure
        return self._kind(chunk)

    def finish(self) -> Batch:
        """Say that nothing follows; returns what the last bytes hold.

        Raises:
            BadDataError: As for `feed`.
        """
        if self._failure is not None:
            raise self._failure
        return joined(self._finish_kind(), self._values.finish())

    def _finish_kind(self) -> Batch:
        if self._kind == self._sse:
            return self._finish_sse()
        if self._array_in is not None:
            return self._finish_array(self._array_in)
        self._size += 1  # for the LF that a last line lacks
        if self._kind == self._first_line and (batch := self._first_line(b"\n")).events:
            return batch
        if self._kind == self._ndjson:
            return self._ndjson(b"\n") if self._pending else NOTHING
        if self._kind == self._document:
            return self._finish_document()
        return self._finish_unknown()

    @property
    def raw_error(self) -> Event | None:
        """The error that was found as raw JSON instead of as an event (PROTOCOL d.6)."""
        return self._values.error

    @property
    def reads_lines(self) -> bool:
        """Whether the input is NDJSON, as `--ndjson` writes it."""
        return self._kind == self._ndjson

    @property
    def empty(self) -> bool:
        """Whether not one byte has come, blanks aside."""
        return self._kind == self._sniff and not self._head.pending.strip(_BLANK)

    @property
    def pending_size(self) -> int:
        """How many of the newest bytes belong to an event that is not complete."""
        if self._array_in is not None:
            return self._array_in.pending_size
        if self._kind == self._sse:
            return self._decoder.pending_size
        return len(self._head.pending) + len(self._pending)

    def as_sse(self, raw: bytes, batch: Batch) -> bytes:
        """What came, as server-sent events: unchanged where it is that, else event by event.

        Args:
            raw: The bytes that came and are complete; header lines are left out.
            batch: The events that they hold.
        """
        pairs = zip(batch.events, batch.lines, strict=True)
        if self._kind != self._sse:
            return b"".join(self._block_of(event, line) for event, line in pairs if line)
        skipped, self._head.size = self._head.size, 0
        if self.leftover:  # all that can be used of it
            known = list(map(id, self._raw_errors))
            return b"".join(
                self._block_of(*pair) for pair in pairs if id(pair[0].get("error")) in known
            )
        return raw[skipped:]

    def _block_of(self, event: Event, line: bytes) -> bytes:
        if event.get("error") is not None and event["error"] is self.raw_error:
            return dumps({"error": self.raw_error}) + b"\n"  # as servers do (PROTOCOL d.6)
        return block_of(event, line)

    # --- kinds

    def _sniff(self, chunk: bytes) -> Batch:
        head = self._head
        first = head.feed(chunk)
        while size := head.newest_size:
            self._check_size(size - 1, self._size - len(head.pending) - size)
            self.http_status = head.http_status
            first = head.feed(b"")
        if not first:
            self._check_size(len(head.pending), self._size - len(head.pending))
            return NOTHING
        kinds = {b"{": self._first_line, b"[": self._array, b"<": self._markup}
        self._kind = kinds.get(first, self._sse)
        data = bytes(head.pending[0 if self._kind == self._sse else head.begin :])
        head.pending.clear()
        return self._kind(data)

    def _sse(self, chunk: bytes) -> Batch:
        lines = self._decoder.feed_lines(chunk)
        if self._decoder.stray:
            return self._with_stray(lines)
        if not lines:
            return NOTHING
        done = lines[-1] == _DONE_LINE  # the usual end is no reason to parse twice
        try:
            batch = self._parse(lines[:-1] if done else lines)
        except (ValueError, KeyError, TypeError):
            batch = None  # the exception, which holds what was parsed, is gone after this
        if batch is None:
            placed = self._placed(lines)
            del lines  # or a huge event would be held twice
            return self._one_by_one(placed)
        self._count += len(lines)
        return joined(batch, self._one(DONE, None)) if done else batch

    def _placed(self, lines: list[bytes]) -> list[_Placed]:
        """The lines of the last feed, with what is known of each."""
        places = self._decoder.last_places()
        return [(line[:-1], *place) for line, place in zip(lines, places, strict=True)]

    def _first_line(self, chunk: bytes) -> Batch:
        """NDJSON if the first line is JSON by itself and no error body, else a document."""
        self._pending += chunk
        if b"\n" not in chunk:
            return self._bounded_pending()
        first = bytes(self._pending).lstrip(_BLANK).partition(b"\n")[0]
        try:
            value = orjson.loads(first)
        except orjson.JSONDecodeError:
            value = None
        is_event = is_chunk(value) or (isinstance(value, dict) and "event_type" in value)
        self._kind = self._ndjson if is_event else self._document
        data = bytes(self._pending)
        self._pending.clear()
        return self._kind(data)

    def _ndjson(self, chunk: bytes) -> Batch:
        pending = self._pending
        pending += chunk
        if b"\n" not in chunk:
            return self._bounded_pending()
        end = pending.rfind(b"\n") + 1
        with memoryview(pending) as view:
            whole = bytes(view[:end])
        del pending[:end]
        lines = list(io.BytesIO(whole))
        irregular = b"\r" in whole
        begin = self._size - len(pending) - end
        if end > self._max_event_size:
            lines = self._bounded(lines, begin)
        del whole  # or a huge event would be held twice
        try:
            batch = self._parse(list(map(_ended_by_lf, lines)) if irregular else lines)
        except (ValueError, KeyError, TypeError):
            return self._one_by_one(_placed_from(begin, lines))
        self._count += len(lines)
        return batch

    def _bounded(self, lines: list[bytes], begin: int) -> list[bytes]:
        """The lines before one that is too large; the next call raises for that one.

        Raises:
            EventTooLargeError: It is the first.
        """
        for number, line in enumerate(lines):
            try:
                self._check_size(len(line) - 1, begin)
            except EventTooLargeError as exc:
                if not number:
                    raise
                self._failure = exc
                return lines[:number]
            begin += len(line)
        return lines

    def _document(self, chunk: bytes) -> Batch:
        self._pending += chunk
        return self._bounded_pending()

    def _array(self, chunk: bytes) -> Batch:
        """A JSON array, each element as soon as it is complete."""
        if self._array_in is None:
            from .json_array import JSONArraySplitter

            offset = self._size - len(chunk)
            self._array_in = JSONArraySplitter(self._max_event_size, offset=offset)
        batches = []
        for raw, offset in self._array_in.feed(chunk):
            self._count += 1
            try:
                batches.append(self._values.feed(loads(raw), raw))
            except BadDataError as exc:
                self.broken += 1
                self._report(f"element {self._count} at byte {offset} is {exc}")
        return joined(*batches)

    def _markup(self, chunk: bytes) -> Batch:
        self._pending += chunk
        if len(self._pending) >= _FIRST_WORDS:
            self._finish_unknown()
        return NOTHING

    def _bounded_pending(self) -> Batch:
        self._check_size(len(self._pending), self._size - len(self._pending))
        return NOTHING

    def _check_size(self, size: int, place: int) -> None:
        if size > self._max_event_size:
            raise EventTooLargeError(
                f"the input at byte {place} is one piece of more than {self._max_event_size} bytes",
                hint="raise the bound with --max-event-size",
            )

    # --- the end

    def _finish_sse(self) -> Batch:
        """A last event without its blank line counts if its JSON is complete."""
        broken = self.broken
        report, self._report = self._report, lambda _message: None
        rest = self._decoder.pending
        self._raw_errors = []
        batch = self._sse(b"\n\n")
        self._report = report
        known = list(map(id, self._raw_errors))
        used = any(id(event.get("error")) not in known for event in batch.events)
        self.leftover = self.broken > broken and not used
        self.broken = broken
        if not self._decoder.recognised and self.raw_error is None and not self._is_cut_field(rest):
            hint = "it looks like gzip: decompress it first" if self._head.is_packed else ""
            raise BadDataError("the input is not server-sent events, NDJSON or JSON", hint=hint)
        if self._raw_json.is_open:
            words = shorten(self._raw_json.words)
            self._report(f"the stream ends inside JSON that is no event: {words}")
        return batch

    def _is_cut_field(self, rest: bytes) -> bool:
        """Whether the whole input is the beginning of a field: it was cut as early as that."""
        return len(rest) == self._size and any(name.startswith(rest) for name in FIELDS)

    def _finish_document(self) -> Batch:
        document = bytes(self._pending)
        self._pending.clear()
        values = values_in(document)
        raws = [document] if len(values) == 1 else map(dumps, values)
        try:
            return joined(*map(self._values.feed, values, raws))
        except BadDataError as exc:
            raise BadDataError(f"the input is {exc}") from exc

    def _finish_array(self, array: "JSONArraySplitter") -> Batch:
        array.finish()
        self.leftover = not array.closed
        if array.closed and not self._count:
            raise BadDataError("the input is an empty JSON array")
        return NOTHING if array.closed else self._values.break_off()

    def _finish_unknown(self) -> Batch:
        words = b" ".join(bytes((self._head.pending or self._pending)[:_FIRST_WORDS]).split())
        if not words:
            return NOTHING
        kind = "HTML" if words.startswith(b"<") else "not server-sent events, NDJSON or JSON"
        raise BadDataError(f"the input is {kind}: {shorten(words)}")

    # --- broken events

    def _one_by_one(self, placed: list[_Placed]) -> Batch:
        """Parse events of which one is unusual; report the broken ones with their place."""
        batches = []
        for raw, name, offset in placed:
            self._count += 1
            try:
                batches.append(self._one(raw, name))
            except BadDataError as exc:
                self.broken += 1
                self._report(f"event {self._count} at byte {offset} is {exc}")
        return joined(*batches)

    def _one(self, raw: bytes, name: str | None) -> Batch:
        if raw.strip() == DONE:
            return joined(self._values.finish(), batch_of([DONE_EVENT], [b""]))
        value = loads(raw)
        if is_chunk(value):
            self._parse = self._values.parse_chunks
            return self._values.convert([value], [raw])
        if not isinstance(value, dict):
            raise BadDataError(f"not a JSON object: {shorten(raw)}")
        unnamed = not isinstance(value.get("event_type"), str)
        event = named(value, name)
        return batch_of([event], [dumps(event) + b"\n" if unnamed else line_of(raw)])

    def _with_stray(self, lines: list[bytes]) -> Batch:
        """Events among which text stands, in their order."""
        self._raw_errors = []
        placed = self._placed(lines)
        batches = []
        start = 0
        for before, text in self._decoder.stray:
            batches.append(self._one_by_one(placed[start:before]))
            try:
                batches.append(self._raw_line(text))
            except EventTooLargeError as exc:
                return self._raise_after(joined(*batches), exc)
            start = before
        return joined(*batches, self._one_by_one(placed[start:]))

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
            return self._values.fail(error)
        self.broken += 1
        words = shorten(self._raw_json.words)
        self._report(f"between the events is JSON that is no error: {words}")
        return NOTHING


def _ended_by_lf(line: bytes) -> bytes:
    """A line without the CR at its end.

    Raises:
        ValueError: There are others, perhaps inside a string, where none may be.
    """
    line = line.rstrip(b"\r\n") + b"\n"
    if b"\r" in line:
        raise ValueError("a CR inside a line")
    return line


def _placed_from(offset: int, lines: list[bytes]) -> list[_Placed]:
    """Lines that are not blank, with what is known of each; the first one is at an offset."""
    placed: list[_Placed] = []
    for line in lines:
        if line.strip():
            placed.append((line, None, offset))
        offset += len(line)
    return placed
