"""Follow one interaction over many connections, until it is whole or cannot be had (DESIGN 7).

Pure: connect, sleep, clock and randomness are arguments. Events come in, decisions go out: hand on,
connect again, poll, continue, or give up.
"""

from collections.abc import Callable
from dataclasses import dataclass

from .blocks import DONE_BLOCK, BlockSplitter, block_of
from .documents import error_in_body, joined
from .errors import BadDataError, GstreamError, NetworkError, TruncatedError
from .events import Batch, Event, batch_of, dumps
from .finished import missing_events
from .ledger import Ledger
from .outcome import RUNNING, error_text, http_status_of
from .polling import GONE, OK, Requests, Resuming, poll
from .reader import DONE_EVENT, EventReader
from .replay import ContradictionError, Replay
from .retry import LONGEST_WAIT, asked_wait, backoff, is_retried
from .session import Session
from .transport import Answer, BrokenStreamError, Connect, UnansweredError

_FINAL_STATUS = frozenset({"failed", "cancelled"})
_NOISE = frozenset({"error", DONE_EVENT["event_type"]})
_FRUITLESS = 3
_SETTLE_BYTES = 48 * 1024


@dataclass(slots=True)
class End:
    """How a connection ended before its interaction did.

    Attributes:
        why: For people.
        error: The error that the stream ended with, if it did.
        broken: Whether the connection broke, rather than ended.
    """

    why: str
    error: Event | None = None
    broken: bool = False

    @property
    def passing(self) -> bool:
        """Whether it can be better on another connection."""
        if self.error is None:
            return True
        status = http_status_of(self.error)
        return status >= 500 or status in {408, 409, 429} or not (status or self.error.get("code"))


class Follower:
    """Follows one interaction.

    Attributes:
        ended: Whether the interaction was followed to its end.
        at_checkpoint: Whether a continuation token came, and no output since (PROTOCOL d.5).
    """

    def __init__(
        self,
        session: Session,
        connect: Connect,
        requests: Requests,
        resuming: Resuming,
        new_reader: Callable[[], EventReader],
        ledger: Ledger | None = None,
    ) -> None:
        self._ledger = ledger or Ledger()
        self._unrecorded: list[Batch] = []
        self._unrecorded_bytes = 0
        self.ended = self.at_checkpoint = False
        self._session = session
        self._connect = connect
        self._requests = requests
        self._resuming = resuming
        self._new_reader = new_reader
        self._ended = False
        self._held: list[tuple[Event, bytes, bytes]] = []
        self._parked: list[tuple[Event, bytes, bytes]] = []
        self._last_reader: EventReader | None = None
        self._leftover = b""
        self._handed = 0
        self._failures = 0
        self._fruitless = 0
        self._whole_again = self._known = False

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

    def follow(
        self, answer: Answer, *, replays: str = "", known: bool = False
    ) -> GstreamError | None:
        """Hand on everything, over as many connections as it takes.

        Args:
            answer: The first connection.
            replays: What it repeats of what an earlier run handed on: nothing, `all`, or what
                stands `after` the last event id of the ledger.
            known: Whether the interaction had begun before, so that it can be asked for again.

        Returns:
            Why the interaction could not be followed to its end; None if it was.

        Raises:
            GstreamError: The connection broke before the first event, or brought what is no stream.
        """
        self._known = known
        try:
            if replays:
                end = self._read_again(answer, after_last_id=replays == "after")
            else:
                end = self._read(answer, None)
            while not self.over:
                self._check_resumable(end)
                end = self._again(end)
        except ContradictionError as exc:
            return TruncatedError(f"the stream contradicts what was handed on: {exc}")
        except TruncatedError as exc:
            self._held = self._held or self._parked
            self._release_held()
            self._session.show_raw(self._leftover)
            if self._last_reader is not None:
                self._session.body_read(self._last_reader)
            return exc
        self.ended = True
        return None

    def _check_resumable(self, end: End) -> None:
        """Give up where no other connection can help.

        Raises:
            TruncatedError: Always then.
            NetworkError: There never was an event.
        """
        progress, place = self._session.progress, self._session.progress.place
        known = self._known or progress.begun  # or the id may be that of the turn before
        if end.broken and not known:
            raise NetworkError(f"{end.why}, before the first event")
        if not end.passing:
            raise TruncatedError(f"the stream ended with an error: {error_text(end.error or {})}")
        if not self._resuming.enabled:
            raise TruncatedError(f"{end.why} ({place})")
        if not known:
            raise TruncatedError(f"{end.why}, before the first event")
        if not progress.interaction_id:
            raise TruncatedError(f"{end.why}; it cannot be resumed ({place})")

    def _again(self, end: End) -> End:
        """Go on: a new connection, or a look at how far the interaction is."""
        if self._held:
            self._parked, self._held = self._held, []
        self._ended = False
        if self._fruitless >= _FRUITLESS and not self.ledger.partial:
            return self._poll()
        if self._fruitless > _FRUITLESS + self._resuming.retries:
            raise TruncatedError(f"streaming again brings nothing new ({end.why})")
        tries = max(self._failures, self._fruitless)
        wait = backoff(tries, self._resuming.random) if tries else 0.0
        place = self._session.progress.place
        soon = f" in {wait:.1f} s" if wait >= 0.05 else ""
        self._resuming.tell(f"{end.why} ({place}); connecting again{soon}")
        self._resuming.sleep(wait)
        last_id = "" if self._whole_again else self.ledger.last_event_id
        request = self._requests.stream(self._session.progress.interaction_id, last_id)
        try:
            answer = self._connect(request)
        except UnansweredError as exc:
            return self._failed(str(exc))
        if answer.status != OK:
            return self._refused(answer)
        return self._read_again(answer, after_last_id=bool(last_id))

    def _read_again(self, answer: Answer, *, after_last_id: bool) -> End:
        before = self._handed
        replay = Replay(self.ledger, after_last_id=after_last_id)
        try:
            end = self._read(answer, replay)
        except ContradictionError:
            if not after_last_id or self.ledger.partial:
                raise
            self._whole_again = True  # the server's ids are not what they seem: compare it all
            end = End("the resumed stream did not fit")
        except BadDataError as exc:
            end = End(str(exc))
        if self._handed > before:
            self._failures = self._fruitless = 0
            self._parked = []
        else:
            self._fruitless += 1
        return end

    def _failed(self, why: str) -> End:
        """Count a failure to connect.

        Raises:
            TruncatedError: There were too many in a row.
        """
        self._failures += 1
        if self._failures > self._resuming.retries:
            place = self._session.progress.place
            raise TruncatedError(f"the stream broke and could not be resumed: {why} ({place})")
        self._fruitless += 1
        return End(why)

    def _refused(self, answer: Answer) -> End:
        """The server does not answer with a stream."""
        error = error_in_body(answer.read())
        why = f"HTTP {answer.status}: {error_text(error)}"
        if answer.status in GONE:
            place = self._session.progress.place
            raise TruncatedError(f"the stream broke and could not be resumed: {why} ({place})")
        if not is_retried(answer.status):
            self._fruitless = _FRUITLESS
            return self._failed(why)
        wait = asked_wait(answer.headers, error, self._resuming.now())
        if wait and wait > LONGEST_WAIT:
            raise TruncatedError(f"{why}; the server asks to wait {wait:.0f} s")
        end = self._failed(why)
        self._fruitless -= 1  # it may stream later: no reason to poll yet
        self._resuming.sleep(wait or 0.0)
        return end

    # --- one connection

    def _read(self, answer: Answer, replay: Replay | None) -> End:
        """Hand on what a connection brings; returns how it ended."""
        reader = self._new_reader()
        splitter = BlockSplitter() if self._session.wants_raw else None
        end = End("the stream ended early")
        try:
            for chunk in answer.chunks:
                self._resuming.bytes_read(len(chunk))
                if splitter is None:
                    self._take(reader.feed(chunk), replay, b"")
                else:
                    self._take_blocks(splitter.feed(chunk), reader, replay)
                if self._ended and (splitter is None or self._nothing_follows):
                    break
        except BrokenStreamError as exc:
            end = End(f"the connection broke: {exc}", broken=True)
        finally:
            answer.close()
        if not self.over:
            self._finish(reader, replay, splitter)
        self._last_reader = reader
        if self.over:
            if end.broken:
                self._say_done()
            self._session.body_read(reader)
        return self._end_of(end, reader)

    def _finish(
        self, reader: EventReader, replay: Replay | None, splitter: BlockSplitter | None
    ) -> None:
        """A last event without its blank line counts if its JSON is complete."""
        self._leftover = splitter.rest() if splitter else b""
        self._take(reader.feed(self._leftover), replay, b"")
        batch = reader.finish()
        for event, line in zip(batch.events, batch.lines, strict=True):
            self._take_one(event, line, replay, block_of(event, line))
            self._leftover = b""

    def _end_of(self, end: End, reader: EventReader) -> End:
        """An error at the end of a stream is why it ended."""
        errors = [event for event, _, _ in self._held if event["event_type"] == "error"]
        if not errors and reader.raw_error is None:
            return end
        error = errors[-1].get("error") if errors else reader.raw_error
        error = error if isinstance(error, dict) else {}
        return End(f"the server broke off the stream: {error_text(error)}", error)

    def _take_blocks(self, blocks: list[bytes], reader: EventReader, replay: Replay | None) -> None:
        """Hand on events and their raw blocks; a block that cannot be read is not shown."""
        for block in blocks:
            if self._ended and self._nothing_follows:
                return
            broken = reader.broken
            batch = reader.feed(block)
            self._take(batch, replay, block if reader.broken == broken else b"")

    def _take(self, batch: Batch, replay: Replay | None, raw: bytes) -> None:
        """Hand on what is new of some events."""
        notable = batch.notable
        if replay is None and not self._held and not (notable and _may_be_noise(notable)):
            if raw:
                self._session.show_raw(raw)
            if batch.events:
                self._hand_on(batch)
                self._say_handed_on()
            return
        for event, line in zip(batch.events, batch.lines, strict=True):
            self._take_one(event, line, replay, raw)

    def _take_one(self, event: Event, line: bytes, replay: Replay | None, raw: bytes) -> None:
        if self._ended and not self.over:
            return  # nothing follows [DONE]
        if event["event_type"] == "error" or self._is_early_done(event):
            # Noise, or the end? Only what follows tells; the uncut stream would not have it.
            self._held.append((event, line, raw))
            self._ended = event["event_type"] != "error"
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
            self._ended = True

    @property
    def _nothing_follows(self) -> bool:
        """Whether the server has said so on this connection, at the end or before it."""
        return self._session.finished or not self.over

    def _is_early_done(self, event: Event) -> bool:
        """Whether the server says that it is done with an interaction that has not ended."""
        progress = self._session.progress
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
        self._handed += len(batch.events)
        if batch.notable:
            self._ended = self.over or self._session.finished
            self.at_checkpoint = _is_checkpoint(batch, before=self.at_checkpoint)
        else:
            self.at_checkpoint = False

    def _say_handed_on(self) -> None:
        """Tell where we are, now that all that the ledger knows of was handed on."""
        if self._resuming.handed_on is not None:
            self._resuming.handed_on(self.ledger)

    def _settle(self) -> None:
        """Record what was handed on: many events at once cost less than each for itself."""
        batches, self._unrecorded = self._unrecorded, []
        self._unrecorded_bytes = 0
        if batches:
            self._ledger.record(joined(*batches))

    # --- polling

    def _poll(self) -> End:
        """Wait until the interaction has ended at the server, then hand on what is missing."""
        progress = self._session.progress
        self._resuming.tell(f"streaming again brings nothing new ({progress.place}); polling")
        request = self._requests.get(progress.interaction_id)
        self._hand_on_missing(poll(self._connect, request, self._resuming, self._failures))
        return End("the interaction ended without an end")

    def _hand_on_missing(self, interaction: Event) -> None:
        replay = Replay(self.ledger, after_last_id=False)
        kinds = {index: track.kind for index, track in self.ledger.tracks.items()}
        for event in missing_events(interaction, kinds):
            line = dumps(event) + b"\n"
            self._take_one(event, line, replay, block_of(event, line))
        if self.over:
            self._say_done()

    def _say_done(self) -> None:
        """End what is raw as the server would have, had its connection held."""
        if not self._session.finished:
            self._session.show_raw(DONE_BLOCK)
            self._hand_on(batch_of([DONE_EVENT], [b""]))


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
