"""The raw blocks of an event stream: cut a stream into them, make one of an event. Pure."""

import re

from .events import Event

DONE_BLOCK = b"event: done\ndata: [DONE]\n\n"
"""The end of a stream, as servers write it (PROTOCOL 0)."""

END_OF_BLOCK = re.compile(rb"\n\n|\n\r\n?|\r\r\n?")


def block_of(event: Event, line: bytes) -> bytes:
    """An event as a block, from its JSON in one line."""
    name = str(event["event_type"])
    head = f"event: {name}\n".encode("utf-8", "replace") if name.isprintable() else b""
    return head + b"data: " + line + b"\n"


class BlockSplitter:
    """Bytes in, raw blocks out, each with the blank line that ends it."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take the next bytes; returns the blocks that they complete."""
        scanned = max(0, len(self._pending) - 1)
        self._pending += chunk
        ends = [found.end() for found in END_OF_BLOCK.finditer(self._pending, scanned)]
        if not ends:
            return []
        starts = [0, *ends[:-1]]
        blocks = [bytes(self._pending[a:b]) for a, b in zip(starts, ends, strict=True)]
        del self._pending[: ends[-1]]
        return blocks

    def rest(self) -> bytes:
        """What no blank line has ended; forgets it."""
        rest = bytes(self._pending)
        self._pending.clear()
        return rest
