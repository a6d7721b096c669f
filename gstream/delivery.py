"""Hand on the events of one interaction, whatever connection they come over (DESIGN 7.2).

Pure. They go to the session and into the ledger; what may be noise, or the end, is held back until
what follows tells which.
"""

from collections.abc import Callable

from .blocks import DONE_BLOCK, block_of
from .documents import joined
from .errors import TruncatedError
from .events import DONE_EVENT, Batch, Event, batch_of
from .finished import is_running
from .ledger import Ledger
from .outcome import RUNNING
from .replay import Replay
from .session import Session

_FINAL_STATUS = frozenset({"failed", "cancelled"})
_NOISE = frozenset({"error", "interaction.completed", DONE_EVENT["event_type"]})
_SETTLE_BYTES = 48 * 1024


class Delivery:
    """The events of one interaction on their way.

    Attributes:
        ended: Whether the newest connection has brought an end, if perhaps not the right one.
        handed: How many events were handed on.
        at_checkpoint: Whether a continuation token came, and no output since (PROTOCOL d.5).
        own_id: The interaction that was asked for; empty where it is a new one.
    """

    def __init__(
        self, session: Session, ledger: Ledger, handed_on: Callable[[Ledger], None] | None
    ) -> None:
        """Begin.

        Args:
            session: Takes the events.
            ledger: What was handed on before; it is kept up to date.
            handed_on: Is told after each time that something was handed on, if given.
        """
        self.ended = self.at_checkpoint = False
        self.handed = 0
        self.own_id = ""
        self._session = session
        self._ledger = ledger
        self._handed_on = handed_on
        self._unrecorded: list[Batch] = []
        self._unrecorded_bytes = 0
        self._held: list[tuple[Event, bytes, bytes]] = []
        self._parked: list[tuple[Event, bytes, bytes]] = []

    @property
    def ledger(self) -> Ledger:
        """What was handed on."""
        self._settle()
        return self._ledger

    @property
    def over(self) -> bool:
        """Whether the interaction has come to an end."""
        progress = self._session.progress
        return progress.completed or progress.ended or progress.status in _FINAL_STATUS

    @property
    def held_error(self) -> Event | None:
        """The newest error that was held back; None without one."""
        errors = [event for event, _, _ in self._held if event["event_type"] == "error"]
        return errors[-1] if errors else None

    @property
    def nothing_follows(self) -> bool:
        """Whether the server has said so on this connection, at the end or before it."""
        return self._session.finished or not self.over

    def connect_again(self) -> None:
        """Say that another connection follows: what was held back may have been its cause."""
        if self._held:
            self._parked, self._held = self._held, []
        self.ended = False

    def forget_parked(self) -> None:
        """Say that another connection has brought something: what was held back was noise."""
        self._parked = []

    def release(self) -> None:
        """Say that no other connection follows: what was held back is how it ended."""
        self._held = self._held or self._parked
        self._release_held()

    def take(self, batch: Batch, replay: Replay | None, raw: bytes) -> None:
        """Hand on what is new of some events; as `take_one`, whose block is that of all of them."""
        notable = batch.notable
        if notable and self.own_id:
            self._check_own(notable)
        if replay is None and not self._held and not (notable and _may_be_noise(notable)):
            if raw:
                self._session.show_raw(raw)
            if batch.events:
                self._hand_on(batch)
                self._say_handed_on()
            return
        for event, line in zip(batch.events, batch.lines, strict=True):
            self.take_one(event, line, replay, raw)

    def take_one(self, event: Event, line: bytes, replay: Replay | None, raw: bytes) -> None:
        """Hand on what is new of one event.

        Args:
            event: The event.
            line: Its JSON, with its LF.
            replay: What a connection that repeats something is compared with, if it is one.
            raw: Its block, as it came.

        Raises:
            ContradictionError: It differs from what was handed on.
            TruncatedError: It is of another interaction.
        """
        if self.own_id:
            self._check_own([event])
        if self.ended and not self.over:
            return  # nothing follows [DONE]
        if event["event_type"] == "error" or self._is_early_end(event):
            # Noise, or the end? Only what follows tells; the uncut stream would not have it.
            self._held.append((event, line, raw))
            self.ended = event["event_type"] != "error"
            return
        pairs = [(event, line)] if replay is None else replay.feed(event, line)
        if pairs:
            self._release_held()
            blocks = [raw if new is event else block_of(new, of_new) for new, of_new in pairs]
            self._session.show_raw(b"".join(blocks))
            batch = batch_of([new for new, _ in pairs], [of_new for _, of_new in pairs])
            self._hand_on(batch, recorded=replay is not None)
            self._say_handed_on()
        elif event["event_type"] == "interaction.completed":
            self._session.end_again(batch_of([event], [line]))  # an earlier run has shown it
            self.ended = True

    def _check_own(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case {
                    "event_type": "interaction.created" | "interaction.completed",
                    "interaction": {"id": str(other)},
                } if other not in {"", self.own_id}:
                    raise TruncatedError(f"the server answers with another interaction, {other}")

    def say_done(self) -> None:
        """End what is raw as the server would have, had its connection held."""
        if not self._session.finished:
            self._session.show_raw(DONE_BLOCK)
            self._hand_on(batch_of([DONE_EVENT], [b""]))

    def _is_early_end(self, event: Event) -> bool:
        """Whether the server says that it is done with an interaction that has not ended."""
        progress = self._session.progress
        if event["event_type"] == "interaction.completed":
            return is_running(event.get("interaction"))
        running = progress.status in RUNNING and not progress.completed
        return event["event_type"] == DONE_EVENT["event_type"] and running

    def _release_held(self) -> None:
        """What was held back is part of the stream after all."""
        held, self._held = self._held, []
        for event, line, raw in held:
            self._session.show_raw(raw)
            self._hand_on(batch_of([event], [line]))

    def _hand_on(self, batch: Batch, *, recorded: bool = False) -> None:
        if not recorded:
            self._unrecorded.append(batch)
            self._unrecorded_bytes += len(batch.lines[0]) * len(batch.lines)
        self._session.take(batch)
        if self._unrecorded_bytes > _SETTLE_BYTES:
            self._settle()
        self.handed += len(batch.events)
        if batch.notable:
            self.ended = self.over or self._session.finished
            self.at_checkpoint = _is_checkpoint(batch, before=self.at_checkpoint)
        else:
            self.at_checkpoint = False

    def _say_handed_on(self) -> None:
        """Tell where we are, now that all that the ledger knows of was handed on."""
        if self._handed_on is not None:
            self._handed_on(self.ledger)

    def _settle(self) -> None:
        """Record what was handed on: many events at once cost less than each for itself."""
        batches, self._unrecorded = self._unrecorded, []
        self._unrecorded_bytes = 0
        if batches:
            self._ledger.record(joined(*batches))


def _may_be_noise(events: list[Event]) -> bool:
    return any(event["event_type"] in _NOISE for event in events)


def _is_checkpoint(batch: Batch, *, before: bool) -> bool:
    """Whether the newest continuation token came after all output, and no error after it."""
    for event in reversed(batch.events):
        if event.get("continuation_token"):
            return True
        if event["event_type"].startswith(("step.", "error")):
            return False
    return before
