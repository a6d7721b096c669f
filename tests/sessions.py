"""Runs over bodies, without a program around them."""

from collections.abc import Sequence

from gstream.errors import GstreamError
from gstream.events import Batch, Event
from gstream.session import Session
from gstream.sink import Sink
from gstream.views import VIEWS


class Running:
    """A session over fakes.

    Attributes:
        session: The session.
        written: What it has written, write by write.
        reports: What it has told.
        seen: The events that its observer was handed.
        raw: The bytes that its observer of raw bytes was handed.
    """

    def __init__(self, view: str = "text", *, flush: str = "event", raw: bool = False) -> None:
        self.written: list[bytes] = []
        self.reports: list[str] = []
        self.seen: list[Event] = []
        self.raw = b""
        self.session = Session(
            VIEWS[view](),
            Sink(self.written.append, flush=flush),
            report=self.reports.append,
            observers=[self],
            raw_observers=[FakeRecorder(self)] if raw else [],
        )

    def feed(self, read: Batch) -> None:
        """Observe events."""
        self.seen += read.events

    @property
    def out(self) -> bytes:
        return b"".join(self.written)


class FakeRecorder:
    def __init__(self, running: Running) -> None:
        self._running = running

    def feed(self, blocks: bytes) -> None:
        self._running.raw += blocks


def ran(
    *bodies: bytes | Sequence[bytes],
    view: str = "text",
    flush: str = "event",
    raw: bool = False,
    failure: GstreamError | None = None,
) -> tuple[Running, GstreamError | None]:
    """A whole run over some bodies, each whole or in chunks."""
    running = Running(view, flush=flush, raw=raw)
    for body in bodies:
        for chunk in [body] if isinstance(body, bytes) else body:
            running.session.feed(chunk)
        running.session.end_input()
    return running, running.session.close(failure)
