"""Take complete blocks out of the bytes of an event stream, in regions of many blocks. Pure.

Bytes wait in `Regions.pending` until a blank line ends their block (WHATWG HTML, 9.2.6). What
leads nowhere is dropped here: the byte order mark, comments and blank lines before a block, and
whatever follows a block that is larger than the bound.
"""

import re
from collections.abc import Iterable, Iterator

from .errors import EventTooLargeError

Region = bytes | bytearray
"""Blocks that are complete."""

BOM = b"\xef\xbb\xbf"
MAX_EVENT_SIZE = 256 * 1024 * 1024

# Lines that cannot change what follows them: comments and blank lines at the start of a block.
# A CR at the very end may be half of a CRLF, so it stays. Possessive: with ways back, a run of
# five million lines takes a gigabyte.
NOTHING = re.compile(rb"(?:(?::[^\r\n]*+)?+(?:\r\n|\n|\r(?!\Z)))++")

# A block above this size is not copied to be taken out of what is pending.
HUGE_BLOCK = 1024 * 1024

# The first block of a region is looked for within so many bytes.
SMALL_BLOCK = 4096

_CR = 0x0D
_NOTHING_STARTS = (b":", b"\n", b"\r")


class Regions:
    """Chunks of bytes in, complete blocks out.

    Attributes:
        pending: The newest bytes, which no blank line has ended yet, as they came.
        region: The newest complete blocks, as they came.
        offset: Where they begin in the stream, in bytes.
    """

    def __init__(self, max_event_size: int = MAX_EVENT_SIZE) -> None:
        """Start at the beginning of a stream.

        Args:
            max_event_size: Most bytes of one block.
        """
        self.pending = bytearray()
        self.region: Region = b""
        self.offset = 0
        self._end = 0
        self._max_event_size = max_event_size
        self._next_size_check = max_event_size
        self._too_large: EventTooLargeError | None = None
        self._at_start = True
        self._at_rest = False
        self._skip_lf = False

    def take(self, chunk: bytes) -> Region:
        """Add bytes; returns the blocks that are complete now, with LF as line end.

        Raises:
            EventTooLargeError: As `raise_too_large`, where nothing comes before it.
        """
        if (
            self._at_rest
            and chunk.endswith(b"\n\n")
            and b"\r" not in chunk
            and len(chunk) <= self._max_event_size
        ):
            return self._set_region(chunk)  # a live stream: each chunk is whole blocks
        self.raise_too_large()
        self._at_rest = False
        if self._skip_lf and chunk:
            self._skip_lf = False
            if chunk.startswith(b"\n"):
                self._end += 1
                chunk = chunk[1:]
        pending = self.pending
        scanned = max(0, len(pending) - 1)
        pending += chunk
        if self._at_start and not self._skip_bom():
            return self._set_region(b"")
        if b"\n" not in chunk and b"\r" not in chunk:
            self._check_pending()
            self.raise_too_large()
            return self._set_region(b"")
        return self._complete(_end_of_blocks(pending, scanned))

    def raise_too_large(self) -> None:
        """Tell about a block that is larger than the bound, once all before it were taken.

        Raises:
            EventTooLargeError: There is one.
        """
        if self._too_large is not None:
            raise self._too_large

    def forget(self) -> None:
        """Let go of the newest complete blocks: a huge one is held by those who use it."""
        self.region = b""

    def bounded(self, region: Region) -> Region:
        """The region up to its first block that is too large, if there is one."""
        if len(region) <= self._max_event_size:
            return region
        start = 0
        while start < len(region):
            end = region.find(b"\n\n", start) + 2
            nothing = NOTHING.match(region, start, end)
            begin = nothing.end() if nothing else start
            if end - begin > self._max_event_size:
                [place] = before_lf(self.region, [begin])
                self._too_large = self._error_too_large(self.offset + place)
                return region[:start]
            start = end if end > 1 else len(region)
        return region

    def _complete(self, end: int) -> Region:
        region = self._set_region(self._cut(end))
        if region.endswith(b"\r") and not self.pending:
            self._skip_lf = True
        self._drop_nothing()
        self._check_pending()
        region = self.bounded(with_lf(region))
        if not region:
            self.raise_too_large()
        self._at_rest = not (self.pending or self._skip_lf or self._too_large)
        return region

    def _cut(self, end: int) -> Region:
        """Take the complete blocks out of what is pending; a huge one without copying it."""
        pending = self.pending
        if end < HUGE_BLOCK or pending.find(b"\n\n", 0, SMALL_BLOCK) >= 0:
            with memoryview(pending) as view:
                region = bytes(view[:end])
            del pending[:end]
            return region
        self.pending = pending[end:]
        del pending[end:]
        return pending

    def _set_region(self, region: Region) -> Region:
        self.region = region
        self.offset = self._end
        self._end += len(region)
        return region

    def _skip_bom(self) -> bool:
        """Drop a byte order mark at the start; False while its first bytes may still become one."""
        head = bytes(self.pending[:3])
        if len(head) < len(BOM) and BOM.startswith(head):
            return False
        self._at_start = False
        if head == BOM:
            del self.pending[:3]
            self._end += 3
        return True

    def _drop_nothing(self) -> None:
        """Drop complete comments and blank lines before a block, or keep-alives would pile up."""
        if self.pending[:1] in _NOTHING_STARTS and (nothing := NOTHING.match(self.pending)):
            end = nothing.end()
            del nothing
            del self.pending[:end]
            self._end += end

    def _forget_comment(self) -> None:
        """Forget a long comment before its end has come; a CR at its end may still be followed."""
        if self.pending.startswith(b":"):
            self._end += len(self.pending[1:-1])
            del self.pending[1:-1]

    def _check_pending(self) -> None:
        size = len(self.pending)
        if size <= self._next_size_check:
            if size <= self._max_event_size:
                self._next_size_check = self._max_event_size
            return
        self._drop_nothing()
        self._forget_comment()
        size = len(self.pending)
        # A CRLF counts as one byte, as it does once the block is complete.
        if size - self.pending.count(b"\r") > self._max_event_size:
            self._too_large = self._error_too_large(self._end)
        self._next_size_check = size + self._max_event_size // 16

    def _error_too_large(self, offset: int) -> EventTooLargeError:
        return EventTooLargeError(
            f"the event at byte {offset} is larger than {self._max_event_size} bytes",
            hint="raise the bound with --max-event-size",
        )


def with_lf(region: Region) -> Region:
    """The region with LF for every line end."""
    if b"\r" not in region:
        return region
    for line_end in (b"\r\n", b"\r"):
        if line_end in region:  # or a huge event would be copied for nothing
            region = region.replace(line_end, b"\n")
    return region


def before_lf(region: Region, places: Iterable[int]) -> Iterator[int]:
    """Where places in `with_lf(region)`, which are sorted, are in the region itself."""
    shift = 0
    at = region.find(b"\r")
    for place in places:
        while 0 <= at < place + shift:
            shift += region.startswith(b"\n", at + 1)
            at = region.find(b"\r", at + 1)
        yield place + shift


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
