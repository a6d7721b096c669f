"""What all commands do with a stream: build its session, drive it, tell how it ended."""

import os
import signal
import stat
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from gstream.errors import (
    CannotCreateError,
    GstreamError,
    OutputError,
    RequiresActionError,
    TimeIsUpError,
)
from gstream.session import Session
from gstream.sink import Sink
from gstream.stages import Observer
from gstream.terminal import visible_bytes
from gstream.views import VIEWS, JsonView, View

from .failures import Exit, check_stdout, one_line, say, say_failure, without_secrets, write_stdout
from .options import one_view
from .signals import (
    Interrupted,
    catch_signals,
    die_by,
    last_words,
    release_signals,
    stop_alarm,
    undisturbed,
)
from .written import check_written_files

if TYPE_CHECKING:
    from gstream.media import Media
    from gstream.recording_writer import Tape
    from gstream.stats import Meter

    from .stats_file import StatsFile
    from .status_line import StatusLine


class Run:
    """One run of a command that shows a stream.

    Attributes:
        options: The values of the command's options.
        view: The name of the view.
        session: Takes the bytes.
        meter: Counts, where anything wants to know.
        resume_hint: What can be done after a failure; asked once it happens.
        interrupted: Is called after an interruption; returns lines for people.
        closed: Is called once everything has been written.
        tapes: Record the run; some may be added before it is driven.
    """

    def __init__(self, options: dict[str, Any], view: str) -> None:
        """Build the session and its observers."""
        check_stdout()
        self._stats_file = _new_stats_file(options["stats"]) if options["stats"] else None
        self.options = options
        self.view = view
        self.meter: Meter | None = None
        self.resume_hint: Callable[[GstreamError], str] = lambda _failure: ""
        self.interrupted: Callable[[], list[str]] = list
        self.closed: Callable[[], None] = lambda: None
        self.tapes: list[Tape] = []
        observers: list[Observer] = []
        self._status_line: StatusLine | None = None
        self._recording = False
        if self._wants_meter():
            self.meter = _new_meter()
            observers.append(self.meter)
        if self.options["thoughts"]:
            from .thoughts import Thoughts

            observers.append(Thoughts(self.people))
        if self.meter is not None and _wants_status_line(self.options):
            self._status_line = _new_status_line(self.meter)
        write = _write_to_terminal if os.isatty(1) else write_stdout
        self.sink = Sink(write, flush=self.options["flush"], ends_lines=self.view != "sse")
        self.session = Session(
            _new_view(self.view),
            self.sink,
            report=self.note,
            observers=observers,
            raw_observers=self.tapes,
            max_event_size=self.options["max_event_size"],
        )
        self.session.files.tell_failure = self.failed
        if self.options["save_media"]:
            self.session.save_media(self._new_media())

    def _new_media(self) -> "Media":
        """What saves media.

        Raises:
            CannotCreateError: Nothing can be written to the folder.
        """
        from gstream.folder import Folder
        from gstream.media import Media

        try:
            folder = Folder(self.options["save_media"])
        except CannotCreateError as exc:
            raise CannotCreateError(f"--save-media {exc}") from exc
        thoughts, goes_on = self.options["thoughts"], bool(self.options.get("cursor"))
        return Media(folder, self.note, thoughts=thoughts, goes_on=goes_on)

    def note(self, text: str) -> None:
        """Tell something that happened and does not end the run."""
        if not self.options["quiet"]:
            self._line(f"gstream: {text}")

    def failed(self, failure: GstreamError) -> None:
        """Tell a failure that does not end the run; errors are told whatever was asked for."""
        self._leave_line()
        self._line(f"gstream: {failure}")

    def verbose(self, text: str) -> None:
        """Tell what only `-v` shows."""
        if self.options["verbose"]:
            self._line(f"gstream: {text}")

    def wire(self, text: str) -> None:
        """Tell what only `-vv` shows."""
        self._line(text)

    def start_recording(self) -> None:
        """Begin to record what comes, if that was asked for; the last thing before it comes.

        Raises:
            CannotCreateError: The file exists, or cannot be written.
        """
        if self.options["record"] and not self._recording:
            from .tapes import record_tape

            self._recording = True
            self.tapes.append(record_tape(self.options))

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        if self.meter is not None:
            self.meter.bytes(len(chunk))
        self.session.feed(chunk)

    def drive(self, read_all: Callable[[], None]) -> None:
        """Read everything, then end with the exit code of what it was.

        Raises:
            Exit: The answer is not whole; everything has been told.
        """
        failure: GstreamError | None = None
        catch_signals()
        try:
            try:
                with undisturbed():
                    read_all()
            except Interrupted as exc:
                self._interrupted(exc)
            except GstreamError as exc:
                failure = exc
            if isinstance(failure, TimeIsUpError):
                _leave_soon(failure, lambda: os._exit(TimeIsUpError.exit_code))
            failure = self._close(failure)
            stop_alarm()
        except BrokenPipeError:
            self._stop_recording(_interruption(signal.SIGPIPE))
            raise
        finally:  # whatever happens, such as a reader that went away
            self._close_status_line()
            release_signals()
        if failure is not None:
            raise Exit(failure.exit_code)

    def _close(self, failure: GstreamError | None) -> GstreamError | None:
        try:
            failure = self.session.close(failure)
            if failure is not None:
                failure.args = (without_secrets(str(failure)),)
            if failure is not None and self.view == "ndjson":
                self.sink.write(self.session.exit_line(failure, failure.exit_code))
            self.sink.release()
            self.closed()
        except OutputError as exc:
            failure = exc
        except CannotCreateError as exc:  # the cursor
            failure = failure or exc
        failure = self._stop_recording(failure)
        self._tell_end(failure)
        return self._write_stats(failure)

    def _tell_end(self, failure: GstreamError | None) -> None:
        self._close_status_line()
        if failure is not None:
            self._leave_line()
        asked = self.options["usage"] or (self.options["verbose"] and not self.options["quiet"])
        if self.meter is not None and asked:
            say(f"gstream: {self.meter.line()}")
        if failure is not None:
            hint = self.resume_hint(failure)
            if isinstance(failure, RequiresActionError):
                failure.hint = hint or failure.hint
            say_failure(failure)
            if hint and not failure.hint:
                say(f"gstream: {hint}")

    def _write_stats(self, failure: GstreamError | None) -> GstreamError | None:
        """Write them; where all was well until now, this may go wrong."""
        if self._stats_file is None or self.meter is None:
            return failure
        exit_code = failure.exit_code if failure else 0
        problem = self._stats_file.write(self.meter.as_json(self.session.progress, exit_code))
        self._stats_file = None
        if problem is not None:
            say_failure(problem)
        return failure or problem

    def _interrupted(self, exc: Interrupted) -> None:
        """Write what is held back, say how to go on, and end by the signal."""
        self._close_status_line()
        failure = _interruption(exc.signum)
        _leave_soon(failure, lambda: die_by(exc.signum))
        with suppress(BrokenPipeError, OutputError):
            self._close(failure)
        self._stop_recording(failure)
        stop_alarm()
        for line in self.interrupted():
            say(f"gstream: {line}")
        die_by(exc.signum)

    def _stop_recording(self, failure: GstreamError | None) -> GstreamError | None:
        """Write how the run ended; where all was well until now, this may go wrong."""
        fields: dict[str, Any] = {"status": 0, "reason": "completed"}
        if failure is not None:
            fields = {"status": failure.exit_code, "reason": failure.reason}
            fields["message"] = str(failure)
        while self.tapes:
            tape = self.tapes.pop()
            tape.exit(fields)
            problem = tape.close()
            failure = failure or problem
        return failure

    def _close_status_line(self) -> None:
        if self._status_line is not None:
            self._status_line.close()
            self._status_line = None

    def _leave_line(self) -> None:
        """Have what is told stand below the text, where both are on one terminal."""
        if not self.sink.at_line_start and os.isatty(1) and os.isatty(2):
            say("")
            self.sink.at_line_start = True

    def _line(self, text: str) -> None:
        self.people(one_line(text) if "\n" in text else text)

    def people(self, text: str) -> None:
        """Write a line for people to stderr, in place of the status line."""
        if self._status_line is None:
            say(text)
        else:
            self._status_line.make_way(lambda: say(text))

    def _wants_meter(self) -> bool:
        options = self.options
        return bool(
            options["usage"]
            or options["stats"]
            or options["verbose"]
            or _wants_status_line(options)
        )


def new_run(ctx: click.Context) -> Run:
    """The run that a command's options describe.

    Raises:
        click.UsageError: They do not go together.
        OutputError: Nothing can be written to stdout.
        CannotCreateError: The file of --stats cannot be written.
    """
    check_written_files(ctx.params)
    if ctx.params["record"] == "-":
        raise click.UsageError("--record writes a file; use --sse for the stream on stdout")
    return Run(ctx.params, one_view(ctx))


def _interruption(signum: int) -> GstreamError:
    class InterruptedRunError(GstreamError):
        exit_code = 128 + signum
        reason = "interrupted"
        retryable = True

    return InterruptedRunError("interrupted")


def _leave_soon(failure: GstreamError, end: Callable[[], None]) -> None:
    """End even where nobody reads the rest: then with nothing but a word about it."""

    def leave() -> None:
        say_failure(failure)
        end()

    last_words(leave)


def _new_view(name: str) -> View:
    if name == "json" and os.isatty(1):
        return JsonView(indent=True)
    return VIEWS[name]()


def _write_to_terminal(data: bytes) -> None:
    write_stdout(visible_bytes(data))


def _wants_status_line(options: dict[str, Any]) -> bool:
    """A live line on a stderr that is a terminal, where the text itself cannot be seen there."""
    if options["quiet"] or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return os.isatty(2) and _is_kept_or_lost(1)


def _is_kept_or_lost(fd: int) -> bool:
    """Whether it is a file, or /dev/null; a pipe may lead to the terminal, as that of `tee`."""
    status = os.fstat(fd)
    return stat.S_ISREG(status.st_mode) or os.path.samestat(status, os.stat(os.devnull))


def _new_meter() -> "Meter":
    from gstream.stats import Meter  # most runs count nothing

    return Meter(time.monotonic)


def _new_status_line(meter: "Meter") -> "StatusLine":
    from .status_line import StatusLine  # tqdm is only for terminals

    return StatusLine(meter)


def _new_stats_file(name: str) -> "StatsFile":
    from .stats_file import StatsFile

    return StatsFile(name)


def speed_up() -> None:
    """No pauses of the garbage collector: a run makes no cycles worth looking for."""
    import gc

    gc.disable()
    sys.setswitchinterval(0.1)
