"""Decode an event stream: bytes in, server-sent events out.

Pure: no I/O, no JSON, no clock. Follows the WHATWG HTML standard, section 9.2.6
<https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>.

Works on whole blocks, which `Regions` takes out of the bytes, so no state of a half-read line
exists. Blocks of the common shape (event line, data line, blank
line) are taken three lines at a time in C; everything else goes line by line.
"""

import io
import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from itertools import zip_longest
from typing import Any, NamedTuple

import orjson

from .regions import (
    BOM,
    HUGE_BLOCK,
    MAX_EVENT_SIZE,
    NOTHING,
    SMALL_BLOCK,
    Region,
    Regions,
    before_lf,
    with_lf,
)

__all__ = ["BOM", "FIELDS", "MAX_EVENT_SIZE", "SSEDecoder", "ServerSentEvent"]

FIELDS = (b"event:", b"data:", b"id:", b"retry:")
"""How the lines of a block begin."""

# `int` refuses more than 4,300 digits.
_RETRY_DIGITS = 4000

# Event lines that are known let blocks be taken three at a time; a stream has but a few.
_KNOWN_EVENT_LINES = 64

# The start of a data line, to the place where its value begins.
_COMMENT = rb"\n:[^\n]*"


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
    """

    def __init__(self, max_event_size: int = MAX_EVENT_SIZE) -> None:
        """Start at the beginning of a stream.

        Args:
            max_event_size: Most bytes of one block; a larger one raises `EventTooLargeError`.
        """
        self.last_event_id = ""
        self.retry_ms: int | None = None
        self.stray: list[tuple[int, bytes]] = []
        self._regions = Regions(max_event_size)
        self._raw_json = False
        self._places: list[tuple[str | None, int]] = []
        self._event_lines: dict[bytes, str] = {}

    @property
    def pending(self) -> bytes:
        """The newest bytes, which no blank line has ended yet, as they came."""
        return bytes(self._regions.pending)

    @property
    def pending_size(self) -> int:
        """The number of pending bytes."""
        return len(self._regions.pending)

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Decode the next bytes; returns the events that they complete.

        Raises:
            EventTooLargeError: A block is larger than the bound; what came before it has been
                returned, if need be by raising only when this is called again.
        """
        region = self._take(chunk)
        if not region:
            return []
        names = self._event_lines
        last_id = self.last_event_id
        if at := self._only_data(region):
            return [ServerSentEvent(names[bytes(region[: at - 6])], bytes(region[at:-2]), last_id)]
        region = self._without_comments(region)
        if region.find(b"\n\n", 0, SMALL_BLOCK) >= 0:
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
        if at := self._only_data(region):
            return [bytes(region[at:-1])]
        region = self._without_comments(region)
        names = self._event_lines
        if region.find(b"\n\n", 0, SMALL_BLOCK) >= 0:
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
        regions = self._regions
        if not regions.region:
            return self._places
        return self._places_of(SSEDecoder()._parse(regions.bounded(with_lf(regions.region))))

    def _places_of(self, blocks: list["_Block"]) -> list[tuple[str | None, int]]:
        """The type of each block of the newest region, and the place of its data as it came."""
        regions = self._regions
        places = before_lf(regions.region, [block.data[0][0] for block in blocks])
        return [
            (block.event, regions.offset + place)
            for block, place in zip(blocks, places, strict=True)
        ]

    def iter_bytes(self, chunks: Iterable[bytes]) -> Iterator[ServerSentEvent]:
        """Decode chunks of any size, each event as soon as it is complete."""
        for chunk in chunks:
            yield from self.feed(chunk)
        self._regions.raise_too_large()

    async def aiter_bytes(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[ServerSentEvent]:
        """Decode chunks of any size from an asynchronous source."""
        async for chunk in chunks:
            for event in self.feed(chunk):
                yield event
        self._regions.raise_too_large()

    def _take(self, chunk: bytes) -> Region:
        if self.stray:
            self.stray = []
        if self._places:
            self._places = []
        return self._regions.take(chunk)

    def _only_data(self, region: Region) -> int:
        """Where the data begins, if all is one block of the common shape, as in a live stream."""
        if len(region) < SMALL_BLOCK:
            at = region.find(b"\n") + 1
            if (
                region.startswith(b"data: ", at)
                and region.find(b"\n", at) == len(region) - 2
                and bytes(region[:at]) in self._event_lines
            ):
                return at + 6
        return 0

    def _without_comments(self, region: Region) -> Region:
        """Blocks without their comments, so that they have the common shape: recordings have many.

        Keep-alives alone, and huge blocks, are not worth a copy.
        """
        if (
            region.find(b"\n:", 0, SMALL_BLOCK) < 0
            or len(region) > HUGE_BLOCK
            or region.find(b"\ndata:", 0, SMALL_BLOCK) < 0
        ):
            return region
        region = re.sub(_COMMENT, b"", region)
        return region[region.find(b"\n") + 1 :] if region.startswith(b":") else region

    def _parse(self, region: Region) -> list["_Block"]:
        """Decode complete blocks line by line; returns those that are events."""
        if NOTHING.fullmatch(region):
            return []
        blocks = list(self._blocks(region))
        if isinstance(region, bytearray) and self._regions.region:
            self._places = self._places_of(blocks)
            self._regions.forget()  # or a huge event would be held twice
        return blocks

    def _blocks(self, region: Region) -> Iterator["_Block"]:
        block = _Block()
        start = count = 0
        while (end := region.find(b"\n", start)) >= 0:
            if end == start:
                if block.data:
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
