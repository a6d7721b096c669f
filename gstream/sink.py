"""Where a view goes: one write for each batch, held back as `--flush` says."""

from collections.abc import Callable, Iterator

Write = Callable[[bytes], None]

_PIPE_BUF = 4096


class Sink:
    """A view on its way to stdout.

    Attributes:
        at_line_start: Whether the last byte written was a LF, or none was.
        withheld: How many bytes wait for the answer to be whole, or for their line to end.
    """

    def __init__(self, write: Write, *, flush: str = "event", ends_lines: bool = True) -> None:
        """Begin with nothing written.

        Args:
            write: Writes bytes, all of them.
            flush: `event` writes at once, `line` whole lines, `end` nothing before `release`.
            ends_lines: Whether `line` ends a last line that has no end of its own.
        """
        self.at_line_start = True
        self._write = write
        self._flush = flush
        self._ends_lines = ends_lines
        self._held = bytearray()

    @property
    def withheld(self) -> int:
        """How many bytes are waiting."""
        return len(self._held)

    def write(self, data: bytes) -> None:
        """Take the next bytes of the view."""
        if not data:
            return
        if self._flush == "event":
            self._out(data)
            return
        self._held += data
        if self._flush == "line" and b"\n" in data:
            end = self._held.rfind(b"\n") + 1
            for lines in _unmixed(bytes(self._held[:end])):
                self._out(lines)
            del self._held[:end]

    def end_lines(self) -> None:
        """Write the line that `line` holds back: nothing more of it follows."""
        if self._flush == "line":
            self.release()

    def release(self) -> None:
        """Write what is held back: nothing more follows."""
        if self._held and self._flush == "line" and self._ends_lines:
            self._held += b"\n"  # `line` holds back what has none
        held = bytes(self._held)
        self._held.clear()
        if held:
            self._out(held)

    def discard(self) -> int:
        """Forget what `end` holds back, and write what `line` does; returns the bytes forgotten."""
        if self._flush != "end":
            self.release()
        size = len(self._held)
        self._held.clear()
        return size

    def _out(self, data: bytes) -> None:
        self._write(data)
        self.at_line_start = data.endswith(b"\n")


def _unmixed(lines: bytes) -> Iterator[bytes]:
    """Whole lines, in pieces that a pipe takes in one go (POSIX, `PIPE_BUF`).

    Many programs can so share a pipe without mixing their lines; a line longer than that is a
    piece of its own, and may be mixed.
    """
    start = 0
    while len(lines) - start > _PIPE_BUF:
        end = lines.rfind(b"\n", start, start + _PIPE_BUF) + 1 or lines.find(b"\n", start) + 1
        yield lines[start:end]
        start = end
    yield lines[start:]
