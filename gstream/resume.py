"""Follow one interaction over many connections, until it is whole or cannot be had (DESIGN 7).

Pure: connect, sleep, clock and randomness are arguments. Events come in, decisions go out: hand on,
connect again, poll, continue, or give up.
"""

from collections.abc import Callable
from dataclasses import dataclass

from .blocks import BlockSplitter, block_of
from .delivery import Delivery
from .documents import error_in_body
from .errors import BadDataError, GstreamError, NetworkError, TimeIsUpError, TruncatedError
from .events import Event, dumps
from .finished import missing_events
from .ledger import Ledger
from .outcome import error_text, http_status_of
from .polling import GONE, OK, Requests, Resuming, poll
from .reader import EventReader
from .replay import ContradictionError, Replay
from .retry import LONGEST_WAIT, asked_wait, backoff, is_retried
from .session import Session
from .transport import Answer, BrokenStreamError, Connect, UnansweredError

_FRUITLESS = 3
_SECONDS_FOR_DONE = 1.0


@dataclass(slots=True)
class End:
    """How a connection ended before its interaction did.

    Attributes:
        why: For people.
        error: The error that the stream ended with, if it did.
        broken: Whether the connection broke, rather than ended.
        wait: So many seconds the server asks to wait before the next one, if it does.
    """

    why: str
    error: Event | None = None
    broken: bool = False
    wait: float | None = None

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
        refused: Whether it ended with an error that no other connection makes better.
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
        self._delivery = Delivery(session, ledger or Ledger(), resuming.handed_on)
        self.ended = self.refused = False
        self._session = session
        self._connect = connect
        self._requests = requests
        self._resuming = resuming
        self._new_reader = new_reader
        self._last_reader = new_reader()
        self._leftover = self._damaged = b""
        self._missed = 0
        self._failures = 0
        self._fruitless = 0
        self._whole_again = self._known = False

    @property
    def ledger(self) -> Ledger:
        """What was handed on."""
        return self._delivery.ledger

    @property
    def over(self) -> bool:
        """Whether the interaction has come to an end."""
        return self._delivery.over

    @property
    def at_checkpoint(self) -> bool:
        """Whether a continuation token came, and no output since (PROTOCOL d.5)."""
        return self._delivery.at_checkpoint

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
        self._delivery.own_id = self._session.progress.interaction_id if known else ""
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
            self._delivery.release()
            self._session.show_raw(self._damaged + self._leftover)
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
        known = self._known or self.ledger.begun  # or the id is that of the turn or hop before
        if end.broken and not known:
            raise NetworkError(f"{end.why}, before the first event")
        if not end.passing:
            self.refused = True
            raise TruncatedError(f"the stream ended with an error: {error_text(end.error or {})}")
        if not self._resuming.enabled:
            raise TruncatedError(f"{end.why} ({place})")
        if not known:
            raise TruncatedError(f"{end.why}, before the first event")
        if not progress.interaction_id:
            raise TruncatedError(f"{end.why}; it cannot be resumed ({place})")

    def _again(self, end: End) -> End:
        """Go on: a new connection, or a look at how far the interaction is."""
        self._delivery.connect_again()
        if self._fruitless >= _FRUITLESS and not self.ledger.partial:
            return self._poll()
        if self._fruitless > _FRUITLESS + self._resuming.retries:
            raise TruncatedError(f"streaming again brings nothing new ({end.why})")
        tries = max(self._failures, self._fruitless)
        wait = end.wait or (backoff(tries, self._resuming.random) if tries else 0.0)
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
        before = self._delivery.handed
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
        if self._delivery.handed > before:
            self._failures = self._fruitless = 0
            self._delivery.forget_parked()
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
        end.wait = wait
        self._fruitless -= 1  # it may stream later: no reason to poll yet
        return end

    # --- one connection

    def _read(self, answer: Answer, replay: Replay | None) -> End:
        """Hand on what a connection brings; returns how it ended."""
        reader = self._new_reader()
        self._missed, self._damaged = 0, b""
        splitter = BlockSplitter() if self._session.wants_raw else None
        end = End("the stream ended early")
        try:
            for chunk in answer.chunks:
                self._resuming.bytes_read(len(chunk))
                self._take(chunk, reader, replay, splitter)
                if self._delivery.ended:
                    if splitter is None or self._delivery.nothing_follows:
                        break
                    answer.hurry(_SECONDS_FOR_DONE)
        except (BrokenStreamError, TimeIsUpError) as exc:
            if isinstance(exc, TimeIsUpError) and not self.over:
                raise
            end = End(f"the connection broke: {exc}", broken=True)
        finally:
            answer.close()
        cut = self.over and splitter is not None and bool(splitter.rest())
        if not self.over:
            self._finish(reader, replay, splitter)
        self._last_reader = reader
        if self.over:
            if end.broken or cut:
                self._delivery.say_done()
            self._session.body_read(reader)
        return self._end_of(end, reader)

    def _take(
        self,
        chunk: bytes,
        reader: EventReader,
        replay: Replay | None,
        splitter: BlockSplitter | None,
    ) -> None:
        if splitter is None:
            batch = reader.feed(chunk)
            self._miss(reader)
            self._delivery.take(batch, replay, b"")
        else:
            self._take_blocks(splitter.feed(chunk), reader, replay)

    def _miss(self, reader: EventReader) -> None:
        """Take note of what could not be read and is not asked for again."""
        self._session.miss(reader.broken_before_last - self._missed)
        self._missed = reader.broken_before_last

    def _finish(
        self, reader: EventReader, replay: Replay | None, splitter: BlockSplitter | None
    ) -> None:
        """A last event without its blank line counts if its JSON is complete; JSON is the whole."""
        self._leftover = splitter.rest() if splitter else b""
        self._delivery.take(reader.feed(self._leftover), replay, b"")
        batch = reader.finish()
        if reader.interaction is not None:
            self._hand_on_missing(reader.interaction)
            return
        for event, line in zip(batch.events, batch.lines, strict=True):
            self._delivery.take_one(event, line, replay, reader.block_of(event, line))
            self._leftover = b""

    def _end_of(self, end: End, reader: EventReader) -> End:
        """An error at the end of a stream is why it ended."""
        held = self._delivery.held_error
        if reader.interaction is not None:
            return End(f"the answer is that it is {reader.interaction.get('status')}")
        if held is None and reader.raw_error is None:
            return end
        error = reader.raw_error if held is None else held.get("error")
        error = error if isinstance(error, dict) else {}
        return End(f"the server broke off the stream: {error_text(error)}", error)

    def _take_blocks(self, blocks: list[bytes], reader: EventReader, replay: Replay | None) -> None:
        """Hand on events and their raw blocks.

        One that cannot be read is shown with the next one: the newest may come again.
        """
        for block in blocks:
            if self._delivery.ended and self._delivery.nothing_follows:
                return
            broken = reader.broken
            batch = reader.feed(block)
            self._miss(reader)
            if not batch.events and (self._damaged or reader.broken > broken):
                self._damaged += block
            else:
                self._delivery.take(batch, replay, self._damaged + block)
                self._damaged = b""

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
            self._delivery.take_one(event, line, replay, block_of(event, line))
        if self.over:
            self._delivery.say_done()
