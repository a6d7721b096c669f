"""What came, as it came: to a view that shows it, and to those who record it.

Pure but for the sink and the observers that it is given.
"""

from collections.abc import Sequence

from .events import Batch
from .reader import EventReader
from .sink import Sink
from .stages import RawObserver
from .views import View


class RawOutput:
    """The raw bytes of one run."""

    def __init__(self, view: View, sink: Sink, observers: Sequence[RawObserver]) -> None:
        """Begin.

        Args:
            view: Turns them into output, if it wants them.
            sink: Takes the output.
            observers: Are handed them as server-sent events; more may be added to the list.
        """
        self._view = view
        self._sink = sink
        self._observers = observers
        self._pending = bytearray()

    @property
    def wanted(self) -> bool:
        """Whether anybody wants raw blocks."""
        return self._view.wants_raw or bool(self._observers)

    def feed(self, chunk: bytes, reader: EventReader, batch: Batch) -> None:
        """Take the next bytes; those of complete blocks are written.

        Args:
            chunk: The bytes.
            reader: Has read them.
            batch: The events that they complete.
        """
        if self.wanted:
            self._pending += chunk
            self._write_complete(reader.pending_size, reader, batch)

    def end(self, reader: EventReader, batch: Batch) -> None:
        """Say that nothing follows what a reader has read; the arguments are those of `feed`."""
        self._write_complete(0, reader, batch)

    def forget(self) -> None:
        """Let go of what is not complete."""
        self._pending.clear()

    def write(self, blocks: bytes) -> None:
        """Write blocks of server-sent events that came from elsewhere."""
        self._show(blocks)
        self._tell(blocks)

    def _write_complete(self, keep: int, reader: EventReader, batch: Batch) -> None:
        size = max(0, len(self._pending) - keep)
        with memoryview(self._pending) as view:
            raw = bytes(view[:size])
        del self._pending[:size]
        self._show(raw)
        if self._observers:
            self._tell(reader.as_sse(raw, batch))

    def _show(self, raw: bytes) -> None:
        if self._view.wants_raw and raw:
            self._sink.write(self._view.raw(raw))

    def _tell(self, blocks: bytes) -> None:
        if blocks:
            for observer in self._observers:
                observer.feed(blocks)
