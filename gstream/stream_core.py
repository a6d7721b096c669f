"""What a stream means to whoever reads it as a library: bytes in, events and failures out. Pure."""

from collections import deque
from typing import TYPE_CHECKING, Any, cast

from .documents import error_in_body
from .errors import (
    BadDataError,
    GstreamError,
    IncompleteError,
    NetworkError,
    RequiresActionError,
    TruncatedError,
)
from .events import DONE_EVENT, Batch, Event
from .flaws import Flaws
from .outcome import Progress, refused_request
from .reader import EventReader
from .steps import Accumulator
from .verdict import failure_of

if TYPE_CHECKING:
    from .event_types import Interaction, InteractionsEvent

_DONE = DONE_EVENT["event_type"]
_BOUNDARIES = frozenset({"interaction.created", "interaction.completed", _DONE})
_ERROR_BODY = 1024 * 1024
_MOST_NOTES = 3
_LEVELS = 6  # interaction, steps, step, content, item, annotations: these change


class StreamCore:
    """One answer being read.

    Attributes:
        accumulator: Has taken the events that were handed on.
        over: Whether no more bytes are wanted.
    """

    def __init__(self, source: object, max_event_size: int) -> None:
        """Begin with nothing read.

        Args:
            source: Has a `status_code` if it is an HTTP response.
            max_event_size: Most bytes of one event.
        """
        status = getattr(source, "status_code", 0)
        self.accumulator = Accumulator()
        self.over = False
        self._status = status if isinstance(status, int) else 0
        self._broken = _Notes()
        self._unusable = _Notes()
        self._flaws = Flaws(self._unusable.add)
        self._reader = EventReader(self._broken.add, max_event_size=max_event_size)
        self._progress = Progress()
        self._events: deque[Event] = deque()
        self._refusal = bytearray()
        self._failure: GstreamError | None = None
        self._left = False

    @property
    def interaction(self) -> "Interaction":
        """The interaction as far as its events were handed on; what comes does not change it."""
        return cast("Interaction", _copied(self.accumulator.interaction, _LEVELS))

    def next_event(self) -> "InteractionsEvent | None":
        """The next event that is complete; None without one."""
        if self._left or not self._events:
            return None
        event = self._events.popleft()
        self.accumulator.feed(event)
        return cast("InteractionsEvent", event)

    def feed(self, chunk: bytes | None) -> None:
        """Take the next bytes; None is the end of them."""
        if self.over:
            return
        try:
            if self._status >= 400:
                self._read_refusal(chunk)
            elif chunk is not None:
                self._take(self._reader.feed(chunk))
            else:
                self._take(self._reader.finish())
                self._judge()
        except BadDataError as exc:
            status = self._reader.http_status
            refused = refused_request({"message": str(exc)}, status) if status >= 400 else exc
            self.over, self._failure = True, refused
        except GstreamError as exc:
            self.over, self._failure = True, exc

    def broke(self, exc: Exception) -> None:
        """Take that the connection broke."""
        if self.over:
            return
        self.feed(None)
        if isinstance(self._failure, TruncatedError) and self._reader.raw_error is None:
            kind = TruncatedError if self._progress.begun else NetworkError
            words = str(exc) or type(exc).__name__
            self._failure = kind(f"the connection broke: {words} ({self._progress.place})")
            self._failure.__cause__ = exc

    def stop(self) -> None:
        """Want nothing more."""
        if self._progress.ended and not self.over:
            self._judge()  # what would follow means nothing
        self._left = self._left or not self.over or bool(self._events)
        self.over = True

    def check(self) -> None:
        """Raise what kept the interaction from its end, if that is how far it was read."""
        if self._failure is not None and not self._left:
            raise self._failure

    def check_whole(self) -> None:
        """As `check`; also raises where reading was stopped before the end.

        Raises:
            TruncatedError: It was stopped.
        """
        self.check()
        if self._left:
            raise TruncatedError(f"the stream was closed before its end ({self._progress.place})")

    def _take(self, batch: Batch) -> None:
        if not any(event["event_type"] in _BOUNDARIES for event in batch.notable):
            self._accept(batch)
            return
        for at, event in enumerate(batch.events):
            if not self.over:
                self._take_one(event, batch.part(at, at + 1))

    def _take_one(self, event: Event, batch: Batch) -> None:
        kind = event["event_type"]
        if kind == _DONE:
            self._progress.feed(batch)
            self._judge_unless_continued()
            return
        if kind == "interaction.created":
            self._check_begin(event)
            self._progress.completed = False
        self._accept(batch)
        if self._progress.completed:
            self._judge_unless_continued()

    def _accept(self, batch: Batch) -> None:
        """Take events of the interaction; after its end there are none, but the next hop's (S5)."""
        if self._progress.completed:
            return
        self._progress.feed(batch)
        self._flaws.feed(batch)
        self._events.extend(batch.events)

    def _check_begin(self, created: Event) -> None:
        """Refuse to go over from an interaction that has not ended to another one (S5).

        Raises:
            TruncatedError: That is what happened to the first.
        """
        progress = self._progress
        fields: Any = created.get("interaction")
        known = progress.interaction_id  # what is not stored has no id to know it by
        other = isinstance(fields, dict) and not (known and fields.get("id") == known)
        hop = progress.status == "requires_continuation"
        if other and progress.begun and not (progress.completed or hop):
            raise TruncatedError(f"another interaction began before the end of {progress.place}")

    def _judge_unless_continued(self) -> None:
        """Find how it ended, unless its next hop may follow (PROTOCOL d.5)."""
        if self._progress.status != "requires_continuation":
            self._judge()

    def _judge(self) -> None:
        """Find what kept the interaction from its end: its status weighs most, truncation least."""
        if self.over:
            return
        self.over = True
        self._failure = self._failure_of_interaction()
        if self._failure is None or isinstance(self._failure, TruncatedError):
            self._failure = self._bad_data() or self._failure

    def _bad_data(self) -> BadDataError | None:
        """What came that cannot be used, if anything did; what was cut is not that."""
        ended = self._progress.ended or self._progress.completed
        flaws = self._broken.first[: self._reader.broken_before_end] + self._unusable.first
        if words := self._flaws.bad_arguments(cut=not ended):
            flaws.append(words)
        return BadDataError("; ".join(flaws[:_MOST_NOTES])) if flaws else None

    def _failure_of_interaction(self) -> GstreamError | None:
        reader = self._reader
        failure = failure_of(self._progress, reader.raw_error, reader.http_status)
        waits = isinstance(failure, RequiresActionError | IncompleteError)
        return None if waits else failure

    def _read_refusal(self, chunk: bytes | None) -> None:
        """Take the body of an answer that is no stream.

        Raises:
            GstreamError: What the refusal is, once it has been read.
        """
        self._refusal += chunk or b""
        if chunk is None or len(self._refusal) > _ERROR_BODY:
            raise refused_request(error_in_body(bytes(self._refusal)), self._status)


class _Notes:
    """What is told about an answer; the first words are enough."""

    def __init__(self) -> None:
        self.first: list[str] = []

    def add(self, text: str) -> None:
        if len(self.first) < _MOST_NOTES:
            self.first.append(text)


def _copied(value: Any, levels: int) -> Any:
    """A copy of JSON down to some levels; no further, since it may be nested thousands deep."""
    if levels and isinstance(value, dict):
        return {key: _copied(part, levels - 1) for key, part in value.items()}
    if levels and isinstance(value, list):
        return [_copied(part, levels - 1) for part in value]
    return value
