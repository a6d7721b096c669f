"""One run: bytes in, the view out, and the failure that it ends with, if any.

Pure but for the sink and the observers that it is given.
"""

from collections.abc import Callable, Sequence
from typing import Any

from .display import Display
from .documents import made
from .errors import BadDataError, GstreamError, TruncatedError
from .events import DONE_EVENT, NOTHING, Batch, Event, batch_of
from .file_names import FileNames
from .flaws import Flaws
from .outcome import RUNNING, Progress, refused_request
from .raw_output import RawOutput
from .reader import EventReader
from .rereading import Rereading
from .sink import Sink
from .sse import MAX_EVENT_SIZE
from .stages import Observer, RawObserver, Stage
from .verdict import Verdict, failure_of
from .views import View, dump_line

_DONE = DONE_EVENT["event_type"]
_ENDS = frozenset({"interaction.completed", "gstream.exit", _DONE})
_BOUNDARIES = _ENDS | {"interaction.created"}


class Session:
    """Bodies of input on their way to a view.

    Attributes:
        progress: What is known of the newest interaction.
        finished: Whether `[DONE]` has come: a live stream says nothing more.
        flawed: Whether events could not be read that do not come again.
        files: Whose failures are told with their names, where there are several.
    """

    def __init__(
        self,
        view: View,
        sink: Sink,
        *,
        report: Callable[[str], None],
        observers: Sequence[Observer] = (),
        raw_observers: Sequence[RawObserver] = (),
        max_event_size: int = MAX_EVENT_SIZE,
    ) -> None:
        """Begin with nothing read.

        Args:
            view: Turns events into output.
            sink: Takes the output.
            report: Is told about broken events and the like, for people.
            observers: Are handed the events that the view is handed.
            raw_observers: Are handed the server-sent events that it is handed, as they came.
            max_event_size: Most bytes of one event.
        """
        self.progress = Progress()
        self.files = FileNames()
        self.flawed = False
        self._sink = sink
        self._tell = report
        self._display = Display(view, sink, observers, self._report)
        self._flaws = Flaws(self._report)
        self._max_event_size = max_event_size
        self._reader = self._new_reader()
        self._hop_expected = False
        self._late = 0
        self._nothing_to_do = False
        self._raw = RawOutput(view, sink, raw_observers)
        self._raw_error: Event | None = None
        self._http_status = 0
        self._verdict = Verdict()
        self._judged = False
        self._rereading = Rereading()

    def observe(self, observer: Observer) -> None:
        """Hand the next events to one more observer."""
        self._display.observe(observer)

    def save_media(self, media: Stage) -> None:
        """Have the media of the next events saved before the view sees them."""
        self._display.media = media

    @property
    def finished(self) -> bool:
        """Whether the stream has said that nothing follows."""
        return self.progress.done

    def begin_file(self, name: str) -> None:
        """Say which of several files comes next: nothing is known of the one before, if it ended.

        Args:
            name: What its failures are told with.
        """
        self.files.current = name
        if self._judged:
            self.progress = Progress()

    def expect_stream(self) -> None:
        """Say that the next body is an event stream, however it begins."""
        self._reader = self._new_reader(stream=True)

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes, and write what they add to the view.

        Raises:
            BadDataError: The input is of no known kind, or an event is too large.
            GstreamError: The input was the answer to a refused request.
        """
        self._judged = False
        if not self.progress.begun:
            self.files.interaction_begins()
        try:
            batch = self._reader.feed(chunk)
        except BadDataError as exc:
            self._raise_refusal(exc)
            raise
        self._raw.feed(chunk, self._reader, batch)
        if batch.events:
            self.take(batch)

    def end_input(self) -> None:
        """Say that a body has ended; another one may follow.

        Raises:
            BadDataError: As for `feed`.
            GstreamError: The input was the answer to a refused request.
        """
        reader = self._reader
        try:
            batch = reader.finish()
        except BadDataError as exc:
            self._raise_refusal(exc)
            raise
        self._raw.end(reader, batch)
        if batch.events:
            self.take(batch)
        self.body_read(reader)
        self._reader = self._new_reader()

    def end_file(self) -> None:
        """Say that a file has ended: what it holds is judged by itself.

        What has begun and not ended, or is continued by another hop, may go on in the next file.

        Raises:
            BadDataError: As for `feed`.
            GstreamError: The input was the answer to a refused request.
        """
        self.end_input()
        progress = self.progress
        ended = progress.completed or progress.ended
        if not progress.begun or (ended and progress.status != "requires_continuation"):
            self._end_interaction()
            self._judged = True

    def give_up_file(self, failure: GstreamError) -> None:
        """Say that a file cannot be read any further; another one may follow.

        Args:
            failure: Why.
        """
        self.files.tell(self._fail(self.files.of_current(failure)))
        if self.progress.begun and self.files.holds_interaction:
            self._end_interaction()
        self._judged = not self.progress.begun  # that of a file before may go on in the next
        self._raw.forget()
        self._raw_error = None
        self._reader = self._new_reader()

    def _raise_refusal(self, exc: BadDataError) -> None:
        """Raise what unreadable input behind the header lines of a refusal is."""
        self._raw_error = self._reader.raw_error  # it says more than what is unreadable
        if self._reader.http_status >= 400:
            raise refused_request({"message": str(exc)}, self._reader.http_status) from exc

    def body_read(self, reader: EventReader) -> None:
        """Take what a reader found out about a body as a whole, now that it has ended."""
        self._raw_error = reader.raw_error
        self._http_status = reader.http_status
        self.miss(reader.broken)
        if reader.is_open_array and self.progress.ended:
            self._fail(TruncatedError("the input ended inside a JSON array"))

    def miss(self, events: int) -> None:
        """Say that so many events could not be read: the answer lacks what they held."""
        if events:
            self.flawed = True
            broken = BadDataError(f"{_events(events)} could not be read")
            self.files.tell(self._fail(self.files.of_current(broken)))

    @property
    def wants_raw(self) -> bool:
        """Whether raw blocks are wanted."""
        return self._raw.wanted

    @property
    def view_state(self) -> Event:
        """What the view needs, besides the types of the steps, to go on in another run."""
        return self._display.state()

    def restore_view(self, state: Event, kinds: dict[int, str]) -> None:
        """Go on where another run was; `kinds` are the types of the steps by index."""
        self._display.restore(state, kinds)
        self._flaws.begin_after(kinds)

    def amend(self, batch: Batch) -> None:
        """Take events that no stream brought: what is shown event by event does not show them."""
        self._display.amend(batch)

    def end_again(self, batch: Batch) -> None:
        """Take the end of an interaction that an earlier run has shown."""
        self.progress.feed(batch)
        self.amend(batch)

    def expect_hop(self) -> None:
        """Say that the next interaction continues this one, whatever its status (S5).

        Until it has ended, nothing has.
        """
        self._hop_expected = True
        self.progress.completed = self.progress.done = False
        self.progress.status = ""

    def end_turn(self) -> None:
        """End the interaction: the next one answers its calls, so waiting for them is no failure.

        What `--flush end` holds back waits on: the answer is not whole before the last turn is.
        """
        self._flaws.bad_arguments()  # those that are broken are answered with an error
        self._end_view(whole=False, ended=True)
        self._forget_interaction()

    def nothing_to_do(self, failure: GstreamError | None) -> None:
        """Say that an earlier run has written everything; it ended like this."""
        self._fail(failure)
        self._nothing_to_do = True

    def show_raw(self, blocks: bytes) -> None:
        """Write raw blocks of server-sent events, as they came."""
        self._raw.write(blocks)

    def close(self, failure: GstreamError | None = None) -> GstreamError | None:
        """Say that nothing follows at all.

        Args:
            failure: What ended the run from outside, if anything did.

        Returns:
            The failure that the run is; None if every answer is whole.
        """
        self._fail(failure)
        refused = self.progress.error is not None or self._raw_error is not None
        if self.progress.begun or refused or not (self._nothing_to_do or self._judged):
            self._end_interaction()
        if self._verdict.failure is None:
            self._sink.release()
        elif forgotten := self._sink.discard():
            self._report(f"{forgotten} bytes were not written: the answer is not whole")
        return self._verdict.failure

    def exit_line(self, failure: GstreamError, exit_code: int) -> bytes:
        """The last line of `--ndjson` after a failure: the same story for a program."""
        return dump_line(
            {
                "event_type": "gstream.exit",
                "status": exit_code,
                "reason": failure.reason,
                "message": str(failure),
                "interaction_id": self._verdict.progress.interaction_id or None,
                "last_event_id": self._verdict.progress.last_event_id or None,
                "retryable": failure.retryable,
            }
        )

    def take(self, batch: Batch) -> None:
        """Show events; at a new interaction, end the one before.

        What follows the end of an interaction belongs to none: how much of it is there to be read
        depends on how the bytes were cut into packets.
        """
        notable = batch.notable
        if not (notable and any(event["event_type"] in _BOUNDARIES for event in notable)):
            self._show(batch)
            return
        start = 0
        for at, event in enumerate(batch.events):
            kind = event["event_type"]
            if kind == "interaction.created":
                self._show(batch.part(start, at))
                self._begin(event)
                start = at
            elif kind == "interaction.completed":
                self._show(batch.part(start, at + 1))
                start = at + 1
            elif kind in _BOUNDARIES:
                self._show(batch.part(start, at))
                if kind == _DONE:
                    self._show(self._unsaid_end())
                self.progress.feed(batch_of([event], [b""]))
                start = at + 1
        self._show(batch.part(start, len(batch.events)))

    def _unsaid_end(self) -> Batch:
        """The event that `[DONE]` stands for where a status alone told the end before it."""
        progress = self.progress
        told = progress.completed or progress.done or not progress.begun
        if told or progress.status in RUNNING:
            return NOTHING
        fields = {"id": progress.interaction_id, "status": progress.status}
        if progress.token:
            fields["continuation_token"] = progress.token
        end = {"event_type": "interaction.completed", "interaction": fields, "synthesized": True}
        return made([end])

    def _show(self, batch: Batch) -> None:
        if self.progress.done or not batch.events:
            return
        if self.progress.completed:
            self._late += len(batch.events)
            return
        fresh = self._rereading.feed(batch)
        if fresh.events:
            self._show_fresh(fresh)
        self._fail(self._rereading.failure)

    def _show_fresh(self, batch: Batch) -> None:
        self.progress.feed(batch)
        self._flaws.feed(batch)
        self._display.feed(batch)

    def _begin(self, created: Event) -> None:
        """End the interaction before, unless the new one is its next hop or its replay (S5)."""
        progress = self.progress
        fields: Any = created.get("interaction")
        known = progress.interaction_id  # what is not stored has no id to know it by
        same = bool(known) and isinstance(fields, dict) and fields.get("id") == known
        hop = self._hop_expected or progress.status == "requires_continuation"
        replay = same and not (progress.ended or progress.completed or self._hop_expected)
        self._hop_expected = False
        if progress.begun and not (hop or replay):
            if self._was_answered():
                self.end_turn()
            else:
                self._end_interaction()
            self.files.interaction_begins()
        if replay:
            self._rereading.begin_again()
        else:
            self._rereading.begin()
        if hop or replay:
            self.progress.done = self.progress.completed = False
        else:
            error = self.progress.error  # right before its beginning
            self.progress = Progress()
            self.progress.error = error
        if not replay:
            self.progress.last_event_id = ""

    def _was_answered(self) -> bool:
        """Whether the next interaction in a file of `--ndjson` answers the calls of this one.

        A run that nothing answered would have left an exit line between them.
        """
        progress = self.progress
        waits = progress.ended and progress.status == "requires_action"
        return waits and self._reader.reads_lines and progress.exit_line is None

    def _end_interaction(self) -> None:
        progress = self.progress
        if self._late:
            self._report(f"left out after the end of the interaction: {_events(self._late)}")
            self._late = 0
        self._end_view(whole=progress.whole, ended=progress.ended)
        failure = self.files.of_interaction(
            failure_of(progress, self._raw_error, self._http_status)
        )
        of_server = progress.error is not None or self._raw_error is not None
        unheard = self._fail(failure)
        self.files.tell(unheard, of_server=of_server and unheard is failure)
        self._raw_error = None
        self._add_flaws(cut=not (progress.ended or progress.completed))
        self._sink.end_lines()
        self._forget_interaction()

    def _add_flaws(self, *, cut: bool) -> None:
        if unusable := self._flaws.unusable:
            bad = BadDataError(f"{_events(unusable)} could not be used")
            self._fail(self.files.of_interaction(bad))
        if words := self._flaws.bad_arguments(cut=cut):
            bad = BadDataError(words)
            if self._fail(self.files.of_interaction(bad)) is bad:
                self._report(words)
        self._flaws.forget()

    def _fail(self, failure: GstreamError | None) -> GstreamError | None:
        """Take one more thing that went wrong; returns what nobody will hear of because of that."""
        return self._verdict.add(failure, self.progress)

    def _report(self, words: str) -> None:
        self._tell(self.files.about_current(words))

    def _new_reader(self, *, stream: bool = False) -> EventReader:
        return EventReader(self._report, max_event_size=self._max_event_size, stream=stream)

    def _end_view(self, *, whole: bool, ended: bool) -> None:
        for failure in self._display.end(whole=whole, ended=ended):
            self._fail(failure)

    def _forget_interaction(self) -> None:
        """Begin anew; where we were is still known."""
        progress = self.progress
        self.progress = Progress()
        self.progress.interaction_id = progress.interaction_id
        self.progress.last_event_id = progress.last_event_id
        self.progress.status = progress.status
        self._rereading.begin()


def _events(count: int) -> str:
    return "1 event" if count == 1 else f"{count} events"
