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
import re
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
    line_of,
    loads,
    named,
    parse_lines,
    shorten,
)
from .sse import BOM, MAX_EVENT_SIZE, SSEDecoder
from .values import Values

if TYPE_CHECKING:
    from .json_array import JSONArraySplitter

__all__ = ["DONE_EVENT", "EventReader", "Report", "error_of"]

Report = Callable[[str], None]

_BLANK = b" \t\r\n"
_HEADERS_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_FIRST_WORDS = 200
_DONE_LINE = DONE + b"\n"

DONE_EVENT: Event = {"event_type": "[DONE]"}
"""Stands for `data: [DONE]`, which is no JSON and no event; it has no line."""


class EventReader:
    """One body of input being read.

    Attributes:
        broken: How many events could not be read.
        http_status: The status in the header lines of `curl -i`; 0 without them.
        bare: Whether the raw error was all there was: the body of a refused request.
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
        self._head_size = 0
        self._report = report
        self._max_event_size = max_event_size
        self._decoder = SSEDecoder(max_event_size)
        self._head = bytearray()
        self._count = 0
        self._size = 0
        self._next_try = 0
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
        return self._kind(chunk)

    def finish(self) -> Batch:
        """Say that nothing follows; returns what the last bytes hold.

        Raises:
            BadDataError: As for `feed`.
        """
        return joined(self._finish_kind(), self._values.finish())

    def _finish_kind(self) -> Batch:
        if self._kind == self._sse:
            return self._finish_sse()
        if self._array_in is not None:
            return self._finish_array(self._array_in)
        if self._kind == self._first_line and (batch := self._first_line(b"\n")).events:
            return batch
        if self._kind == self._ndjson:
            return self._ndjson(b"\n") if self._head else NOTHING
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
        return self._kind == self._sniff and not self._head.strip(_BLANK)

    @property
    def pending_size(self) -> int:
        """How many of the newest bytes belong to an event that is not complete."""
        if self._array_in is not None:
            return self._array_in.pending_size
        return self._decoder.pending_size if self._kind == self._sse else len(self._head)

    def as_sse(self, raw: bytes, batch: Batch) -> bytes:
        """What came, as server-sent events: unchanged where it is that, else event by event.

        Args:
            raw: The bytes that came and are complete; header lines are left out.
            batch: The events that they hold.
        """
        if self._kind != self._sse:
            pairs = zip(batch.events, batch.lines, strict=True)
            return b"".join(self._block_of(event, line) for event, line in pairs if line)
        skipped, self._head_size = self._head_size, 0
        return b"" if self.leftover else raw[skipped:]

    def _block_of(self, event: Event, line: bytes) -> bytes:
        if event.get("error") is not None and event["error"] is self.raw_error:
            return orjson.dumps({"error": self.raw_error}) + b"\n"  # as servers do (PROTOCOL d.6)
        return block_of(event, line)

    # --- kinds

    def _sniff(self, chunk: bytes) -> Batch:
        self._head += chunk
        head = bytes(self._head[:64]).removeprefix(BOM).lstrip(_BLANK)
        if not head or BOM.startswith(head) or b"HTTP/".startswith(head):
            if len(self._head) <= 64:
                return NOTHING
            head = bytes(self._head).lstrip(_BLANK)
        if head.startswith(b"HTTP/"):
            self._kind = self._skip_headers
            return self._skip_headers(b"")
        kinds = {b"{": self._first_line, b"[": self._array, b"<": self._markup}
        self._kind = kinds.get(head[:1], self._sse)
        data = bytes(self._head)
        self._head.clear()
        return self._kind(data if self._kind == self._sse else data.removeprefix(BOM))

    def _skip_headers(self, chunk: bytes) -> Batch:
        self._head += chunk
        end = _HEADERS_END.search(self._head)
        if end is None:
            return self._bounded_head()
        status = self._head.split(None, 2)[1:2]
        self.http_status = int(status[0]) if status and status[0].isdigit() else 0
        rest = bytes(self._head[end.end() :])
        self._head_size += end.end()
        del end
        self._head.clear()
        self._kind = self._sniff
        return self._sniff(rest)

    def _sse(self, chunk: bytes) -> Batch:
        lines = self._decoder.feed_lines(chunk)
        if not lines:
            batch = NOTHING
        else:
            done = lines[-1] == _DONE_LINE  # the usual end is no reason to parse twice
            try:
                batch = self._parse(lines[:-1] if done else lines)
                if done:
                    batch = joined(batch, self._one(DONE, None))
            except (ValueError, KeyError, TypeError):
                places = self._decoder.last_places()
                batch = self._one_by_one(
                    [(line[:-1], *place) for line, place in zip(lines, places, strict=True)]
                )
            self._count += len(lines)
        return self._with_stray(batch) if self._decoder.stray else batch

    def _first_line(self, chunk: bytes) -> Batch:
        """NDJSON if the first line is JSON by itself and no error body, else a document."""
        self._head += chunk
        if b"\n" not in chunk:
            return self._bounded_head()
        first = bytes(self._head).lstrip(_BLANK).partition(b"\n")[0]
        try:
            value = orjson.loads(first)
        except orjson.JSONDecodeError:
            value = None
        is_event = is_chunk(value) or (isinstance(value, dict) and "event_type" in value)
        self._kind = self._ndjson if is_event else self._document
        data = bytes(self._head)
        self._head.clear()
        return self._kind(data)

    def _ndjson(self, chunk: bytes) -> Batch:
        pending = self._head
        pending += chunk
        if b"\n" not in chunk:
            return self._bounded_head()
        end = pending.rfind(b"\n") + 1
        with memoryview(pending) as view:
            whole = bytes(view[:end])
        del pending[:end]
        lines = list(io.BytesIO(whole))
        del whole  # or a huge event would be held twice
        start = self._size - len(pending) - end
        try:
            batch = self._parse(lines)
        except (ValueError, KeyError, TypeError):
            placed: list[tuple[bytes, str | None, int]] = []
            for line in lines:
                if line.strip():
                    placed.append((line, None, start))
                start += len(line)
            batch = self._one_by_one(placed)
        self._count += len(lines)
        return batch

    def _document(self, chunk: bytes) -> Batch:
        self._head += chunk
        return self._bounded_head()

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
        self._head += chunk
        if len(self._head) >= _FIRST_WORDS:
            self._finish_unknown()
        return NOTHING

    def _bounded_head(self) -> Batch:
        if len(self._head) > self._max_event_size:
            raise EventTooLargeError(
                f"the input at byte {self._size - len(self._head)} is one piece of more than "
                f"{self._max_event_size} bytes",
                hint="raise the bound with --max-event-size",
            )
        return NOTHING

    # --- the end

    def _finish_sse(self) -> Batch:
        """A last event without its blank line counts if its JSON is complete."""
        broken = self.broken
        report, self._report = self._report, lambda _message: None
        batch = self._sse(b"\n\n")
        self._report = report
        self.leftover = self.broken > broken
        self.broken = broken
        if self._decoder.stray:
            batch = self._with_stray(batch, final=True)
        if not self._decoder.recognised and self._size:
            start = shorten(bytes(self._decoder.stray)) if self._decoder.stray else ""
            raise BadDataError(
                f"the input is not server-sent events, NDJSON or JSON {start}".strip()
            )
        return batch

    def _finish_document(self) -> Batch:
        document = bytes(self._head)
        self._head.clear()
        values = values_in(document)
        try:
            return joined(*(self._values.feed(value, document) for value in values))
        except BadDataError as exc:
            raise BadDataError(f"the input is {exc}") from exc

    def _finish_array(self, array: "JSONArraySplitter") -> Batch:
        array.finish()
        self.leftover = not array.closed
        if array.closed and not self._count:
            raise BadDataError("the input is an empty JSON array")
        return NOTHING

    def _finish_unknown(self) -> Batch:
        words = b" ".join(bytes(self._head).split())
        if not words:
            return NOTHING
        kind = "HTML" if words.startswith(b"<") else "not server-sent events, NDJSON or JSON"
        raise BadDataError(f"the input is {kind}: {shorten(words)}")

    # --- broken events

    def _one_by_one(self, placed: list[tuple[bytes, str | None, int]]) -> Batch:
        """Parse events of which one is unusual; report the broken ones with their place."""
        batches = []
        for number, (raw, name, offset) in enumerate(placed, self._count + 1):
            try:
                batches.append(self._one(raw, name))
            except BadDataError as exc:
                self.broken += 1
                self._report(f"event {number} at byte {offset} is {exc}")
        return joined(*batches)

    def _one(self, raw: bytes, name: str | None) -> Batch:
        if raw.strip() == DONE:
            return joined(self._values.finish(), batch_of([DONE_EVENT], [b""]))
        value = loads(raw)
        if is_chunk(value):
            self._parse = self._values.parse_chunks
            return self._values.convert([value])
        if not isinstance(value, dict):
            raise BadDataError(f"not a JSON object: {shorten(raw)}")
        return batch_of([named(value, name)], [line_of(raw)])

    def _with_stray(self, batch: Batch, *, final: bool = False) -> Batch:
        """Add the raw JSON error that stands between the events, once it is complete."""
        stray = self._decoder.stray
        if len(stray) > self._max_event_size:
            raise EventTooLargeError("the text between the events is too large")
        if not final and len(stray) < self._next_try:
            return batch
        self._next_try = 2 * len(stray)
        try:
            error = error_of(loads(bytes(stray)))
        except BadDataError:
            error = None
        if not error:
            if final:
                self.broken += 1
                self._report(f"the stream ends in text that is no event: {shorten(bytes(stray))}")
            return batch
        self._decoder.stray.clear()
        self._next_try = 0
        return joined(batch, self._values.fail(error))
