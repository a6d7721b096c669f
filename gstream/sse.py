"""Decode an event stream: bytes in, server-sent events out.

Pure: no I/O, no JSON, no clock. Follows the WHATWG HTML standard, section 9.2.6
<https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>.

Works on whole blocks: bytes wait in `SSEDecoder.pending` until a blank line ends their block, so
no state of a half-read line exists. Blocks of the common shape (event line, data line, blank
line) are taken three lines at a time in C; everything else goes line by line.
"""

import io
import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from itertools import zip_longest
from typing import Any, NamedTuple

import orjson

from .errors import EventTooLargeError

Region = bytes | bytearray
"""Blocks that are complete."""

BOM = b"\xef\xbb\xbf"
MAX_EVENT_SIZE = 256 * 1024 * 1024

# `int` refuses more than 4,300 digits.
_RETRY_DIGITS = 4000

# Lines that cannot change what follows them: comments and blank lines at the start of a block.
# A CR at the very end may be half of a CRLF, so it stays. Possessive: with ways back, a run of
# five million lines takes a gigabyte.
_NOTHING = re.compile(rb"(?:(?::[^\r\n]*+)?+(?:\r\n|\n|\r(?!\Z)))++")
_KNOWN_EVENT_LINES = 64

# The start of a data line, to the place where its value begins.
_DATA = re.compile(rb"data(?<![^\r\n]data)(?:: ?|(?=[\r\n]))")
_CRLF = re.compile(rb"\r\n")
_COMMENT = re.compile(rb"\n:[^\n]*")

# A block above this size is not copied to be taken out of what is pending.
_HUGE_BLOCK = 1024 * 1024

# Blocks above this size are not worth taking three at a time: their lines are copied less singly.
_SMALL_BLOCK = 4096


class ServerSentEvent(NamedTuple):
    """One dispatched block of an event stream.

    Attributes:
        event: The event type; None where the block named none.
        raw: The data as bytes: the data lines joined by LF, not decoded.
        id: The last event id when the event was dispatched; empty if there was none.
        retry: The reconnection time in milliseconds, if this block set it.
    """

    event: str | None
    raw: bytes
    id: str = ""
    retry: int | None = None

    @property
    def data(self) -> str:
        """The data as text; each invalid UTF-8 sequence is U+FFFD (Encoding standard)."""
        return self.raw.decode("utf-8", "replace")

    def json(self) -> Any:
        """The data parsed as JSON.

        Raises:
            orjson.JSONDecodeError: The data is not JSON (a `ValueError`).
        """
        return orjson.loads(self.data)


class SSEDecoder:
    """An event stream being decoded.

    Attributes:
        last_event_id: The id that the stream set last; it stays until it is set again.
        retry_ms: The reconnection time that the stream set last, or None.
        stray: The lines of the last feed that are no fields, from the first one of the stream on
            that starts with `{` or `[`, each with the number of events of that feed before it:
            servers write raw JSON errors into a stream (PROTOCOL d.6).
        recognised: Whether any field or comment was seen at all.
    """

    def __init__(self, max_event_size: int = MAX_EVENT_SIZE) -> None:
        """Start at the beginning of a stream.

        Args:
            max_event_size: Most bytes of one block; a larger one raises `EventTooLargeError`.
        """
        self.last_event_id = ""
        self.retry_ms: int | None = None
        self.stray: list[tuple[int, bytes]] = []
        self.recognised = False
        self._max_event_size = max_event_size
        self._pending = bytearray()
        self._next_size_check = max_event_size
        self._too_large: EventTooLargeError | None = None
        self._at_start = True
        self._at_rest = False
        self._skip_lf = False
        self._raw_json = False
        self._offset = 0
        self._region: Region = b""
        self._region_offset = 0
        self._places: list[tuple[str | None, int]] = []
        self._event_lines: dict[bytes, str] = {}

    @property
    def pending(self) -> bytes:
        """The newest bytes, which no blank line has ended yet, as they came."""
        return bytes(self._pending)

    @property
    def pending_size(self) -> int:
        """The number of pending bytes."""
        return len(self._pending)

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Decode the next bytes; returns the events that they complete.

        Raises:
            EventTooLargeError: A block is larger than the bound; what came before it has been
                returned, if need be by raising only when this is called again.
        """
        region = self._take(chunk)
        if not region:
            return []
        if region.find(b"\n:", 0, _SMALL_BLOCK) >= 0:
            region = self._without_comments(region)
        names = self._event_lines
        last_id = self.last_event_id
        if region.find(b"\n\n", 0, _SMALL_BLOCK) >= 0:
            lines = io.BytesIO(region)
            regular = [
                _new_event(ServerSentEvent, (names[name], data[:-1], last_id, None))
                for name, line, blank in zip_longest(lines, lines, lines)
                if blank == b"\n"
                and name in names
                and (data := line.removeprefix(b"data: ")) is not line
            ]
            if 3 * len(regular) == region.count(b"\n"):
                return regular
        return [
            ServerSentEvent(block.event, block.raw(region), block.last_id, block.retry)
            for block in self._parse(region)
        ]

    def feed_lines(self, chunk: bytes) -> list[bytes]:
        """Decode the next bytes; returns only the data of each event, as one line with its LF.

        The fast way to the JSON of an Interactions stream: no object is built for an event.
        Data of several lines is joined by spaces, which JSON allows where it allows line breaks.

        Raises:
            EventTooLargeError: As for `feed`.
        """
        region = self._take(chunk)
        if not region:
            return []
        if region.find(b"\n:", 0, _SMALL_BLOCK) >= 0:
            region = self._without_comments(region)
        names = self._event_lines
        if region.find(b"\n\n", 0, _SMALL_BLOCK) >= 0:
            lines = io.BytesIO(region)
            regular = [
                data
                for name, line, blank in zip_longest(lines, lines, lines)
                if blank == b"\n"
                and name in names
                and (data := line.removeprefix(b"data: ")) is not line
            ]
            if 3 * len(regular) == region.count(b"\n"):
                return regular
        return [block.line(region) for block in self._parse(region)]

    def last_places(self) -> list[tuple[str | None, int]]:
        """The type of each event of the last feed, and the place of its data, in bytes.

        For messages about a broken event: places are not worth their time before one is found.
        """
        if not self._region:
            return self._places
        blocks = SSEDecoder()._parse(self._bounded(_with_lf(self._region)))
        places = iter([self._region_offset + line.end() for line in _DATA.finditer(self._region)])
        found = []
        for block in blocks:
            found.append((block.event, next(places)))
            for _ in block.data[1:]:
                next(places)
        return found

    def iter_bytes(self, chunks: Iterable[bytes]) -> Iterator[ServerSentEvent]:
        """Decode chunks of any size, each event as soon as it is complete."""
        for chunk in chunks:
            yield from self.feed(chunk)
        self._raise_too_large()

    async def aiter_bytes(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[ServerSentEvent]:
        """Decode chunks of any size from an asynchronous source."""
        async for chunk in chunks:
            for event in self.feed(chunk):
                yield event
        self._raise_too_large()

    def _take(self, chunk: bytes) -> Region:
        """Add bytes; returns the blocks that are complete now, with LF as line end."""
        if (
            self._at_rest
            and chunk.endswith(b"\n\n")
            and b"\r" not in chunk
            and len(chunk) <= self._max_event_size
        ):
            return self._set_region(chunk)  # a live stream: each chunk is whole blocks
        self._raise_too_large()
        self._at_rest = False
        if self._skip_lf and chunk:
            self._skip_lf = False
            if chunk.startswith(b"\n"):
                self._offset += 1
                chunk = chunk[1:]
        pending = self._pending
        scanned = max(0, len(pending) - 1)
        pending += chunk
        if self._at_start and not self._skip_bom():
            return self._set_region(b"")
        if b"\n" not in chunk and b"\r" not in chunk:
            self._check_pending()
            self._raise_too_large()
            return self._set_region(b"")
        region = self._cut(_end_of_blocks(pending, scanned))
        if region.endswith(b"\r") and not self._pending:
            self._skip_lf = True
        self._set_region(region)
        self._drop_nothing()
        self._check_pending()
        region = self._bounded(_with_lf(region))
        if not region:
            self._raise_too_large()
        self._at_rest = not (self._pending or self._skip_lf or self._too_large)
        return region

    def _cut(self, end: int) -> Region:
        """Take the complete blocks out of what is pending; a huge one without copying it."""
        pending = self._pending
        if end < _HUGE_BLOCK or pending.find(b"\n\n", 0, _SMALL_BLOCK) >= 0:
            with memoryview(pending) as view:
                region = bytes(view[:end])
            del pending[:end]
            return region
        self._pending = pending[end:]
        del pending[end:]
        return pending

    def _set_region(self, region: Region) -> Region:
        self._region = region
        self._region_offset = self._offset
        self._places = []
        if self.stray:
            self.stray = []
        self._offset += len(region)
        return region

    def _skip_bom(self) -> bool:
        """Drop a byte order mark at the start; False while its first bytes may still become one."""
        head = bytes(self._pending[:3])
        if len(head) < len(BOM) and BOM.startswith(head):
            return False
        self._at_start = False
        if head == BOM:
            del self._pending[:3]
            self._offset += 3
        return True

    def _drop_nothing(self) -> None:
        """Drop complete comments and blank lines before a block, or keep-alives would pile up."""
        if self._pending[:1] in _NOTHING_STARTS and (nothing := _NOTHING.match(self._pending)):
            end = nothing.end()
            del nothing
            self.recognised = self.recognised or self._pending.find(b":", 0, end) >= 0
            del self._pending[:end]
            self._offset += end

    def _forget_comment(self) -> None:
        """Forget a long comment before its end has come; a CR at its end may still be followed."""
        if self._pending.startswith(b":"):
            self._offset += len(self._pending[1:-1])
            del self._pending[1:-1]

    def _check_pending(self) -> None:
        size = len(self._pending)
        if size <= self._next_size_check:
            if size <= self._max_event_size:
                self._next_size_check = self._max_event_size
            return
        self._drop_nothing()
        self._forget_comment()
        size = len(self._pending)
        # A CRLF counts as one byte, as it does once the block is complete.
        if size - self._pending.count(b"\r") > self._max_event_size:
            self._too_large = self._error_too_large(self._offset)
        self._next_size_check = size + self._max_event_size // 16

    def _raise_too_large(self) -> None:
        if self._too_large is not None:
            raise self._too_large

    def _error_too_large(self, offset: int) -> EventTooLargeError:
        return EventTooLargeError(
            f"the event at byte {offset} is larger than {self._max_event_size} bytes",
            hint="raise the bound with --max-event-size",
        )

    def _without_comments(self, region: Region) -> Region:
        """Blocks without their comments, so that they have the common shape: recordings have many.

        Keep-alives alone, and huge blocks, are not worth a copy.
        """
        if len(region) > _HUGE_BLOCK or region.find(b"\ndata:", 0, _SMALL_BLOCK) < 0:
            return region
        self.recognised = True
        region = _COMMENT.sub(b"", region)
        return region[region.find(b"\n") + 1 :] if region.startswith(b":") else region

    def _bounded(self, region: Region) -> Region:
        """The region up to its first block that is too large, if there is one."""
        if len(region) <= self._max_event_size:
            return region
        start = 0
        while start < len(region):
            end = region.find(b"\n\n", start) + 2
            nothing = _NOTHING.match(region, start, end)
            begin = nothing.end() if nothing else start
            if end - begin > self._max_event_size:
                place = self._region_offset + _before_lf(self._region, begin)
                self._too_large = self._error_too_large(place)
                return region[:start]
            start = end if end > 1 else len(region)
        return region

    def _parse(self, region: Region) -> list["_Block"]:
        """Decode complete blocks line by line; returns those that are events."""
        if _NOTHING.fullmatch(region):
            self.recognised = self.recognised or b":" in region
            return []
        blocks = list(self._blocks(region))
        if isinstance(self._region, bytearray) and self._region is region:
            self._region = b""  # or a huge event would be held twice
            self._places = [(one.event, self._region_offset + one.data[0][0]) for one in blocks]
        return blocks

    def _blocks(self, region: Region) -> Iterator["_Block"]:
        block = _Block()
        start = count = 0
        while (end := region.find(b"\n", start)) >= 0:
            if end == start:
                if block.data:
                    self.recognised = True
                    block.last_id = self.last_event_id
                    count += 1
                    yield block
                if block.used:
                    block = _Block()
            elif region.startswith(b"data:", start):
                space = region.startswith(b" ", start + 5)
                block.data.append((start + 6 if space else start + 5, end))
                block.used = True
            elif region.startswith(b"data\n", start):
                block.data.append((end, end))
                block.used = True
            else:
                line = bytes(region[start : end + 1])
                if not self._field(line, block):
                    self._stray(count, line)
            start = end + 1

    def _field(self, line: bytes, block: "_Block") -> bool:
        """Take any field but data; False if it is none."""
        name, _, value = line[:-1].partition(b":")
        value = value.removeprefix(b" ")
        match name:
            case b"event":
                block.event = value.decode("utf-8", "replace") or None
                self._remember_event_line(line, value)
            case b"id":
                if b"\0" not in value:
                    self.last_event_id = value.decode("utf-8", "replace")
            case b"retry":
                if value.isdigit() and len(value) <= _RETRY_DIGITS:
                    block.retry = self.retry_ms = int(value)
            case b"":
                pass
            case _:
                return False
        block.used = True
        self.recognised = True
        return True

    def _stray(self, count: int, line: bytes) -> None:
        self._raw_json = self._raw_json or line.startswith((b"{", b"["))
        if self._raw_json:
            self.stray.append((count, line))

    def _remember_event_line(self, line: bytes, value: bytes) -> None:
        """Let blocks with this event line be taken three lines at a time from now on."""
        names = self._event_lines
        if value and len(value) < _KNOWN_EVENT_LINES and len(names) < _KNOWN_EVENT_LINES:
            names[line] = value.decode("utf-8", "replace")


class _Block:
    """A block that is being read, or has been.

    Attributes:
        data: Where in the region the value of each data line begins and ends.
    """

    __slots__ = ("data", "event", "last_id", "retry", "used")

    def __init__(self) -> None:
        self.data: list[tuple[int, int]] = []
        self.event: str | None = None
        self.last_id = ""
        self.retry: int | None = None
        self.used = False

    def raw(self, region: Region) -> bytes:
        """The data, its lines joined by LF."""
        return b"\n".join([_slice(region, start, end) for start, end in self.data])

    def line(self, region: Region) -> bytes:
        """The data as one line with its LF, its lines joined by spaces."""
        if len(self.data) == 1:
            start, end = self.data[0]
            return _slice(region, start, end + 1)
        return b" ".join([_slice(region, start, end) for start, end in self.data]) + b"\n"


def _slice(region: Region, start: int, end: int) -> bytes:
    """Some bytes, copied once."""
    if isinstance(region, bytes):
        return region[start:end]
    with memoryview(region) as view:
        return bytes(view[start:end])


_new_event = tuple.__new__
_NOTHING_STARTS = (b":", b"\n", b"\r")


def _end_of_blocks(buffer: bytearray, start: int) -> int:
    """Where the last blank line ends, searching from `start`; 0 if there is none."""
    end = buffer.rfind(b"\n\n", start)
    if buffer.find(b"\r", start) >= 0:
        end = max(end, buffer.rfind(b"\n\r", start), buffer.rfind(b"\r\r", start))
    if end < 0:
        return 0
    end += 2
    if buffer[end - 1] == _CR and buffer[end : end + 1] == b"\n":
        end += 1
    return end


_CR = 0x0D


def _before_lf(region: Region, place: int) -> int:
    """Where a place in `_with_lf(region)` is in the region itself."""
    shift = 0
    for found in _CRLF.finditer(region):
        if found.start() - shift >= place:
            break
        shift += 1
    return place + shift


def _with_lf(region: Region) -> Region:
    if b"\r" in region:
        return region.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return region
