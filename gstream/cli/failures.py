"""Every failure ends here: a line on stderr and an exit code, or the signal raised again."""

import errno
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import click

from gstream.errors import GstreamError, OutputError
from gstream.terminal import visible

from .signals import Interrupted, die_by, release_signals

_STDERR = 2
_SHORTEST_SECRET = 8  # a shorter one is none, and may be a part of any word
_secrets: set[str] = set()


class Exit(Exception):  # noqa: N818 - not an error: it has been told already
    """The run ends with this exit code; whoever raised it has told why.

    Attributes:
        exit_code: For the shell.
    """

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


def hide(secret: str) -> None:
    """Show `[removed]` in place of a secret from now on, even where the server repeats it."""
    if len(secret) >= _SHORTEST_SECRET:
        _secrets.add(secret)


def without_secrets(text: str) -> str:
    """The text as it may be shown."""
    for secret in _secrets:
        text = text.replace(secret, "[removed]")
    return text


def say(text: str) -> None:
    """Write a line for people to stderr, whatever the locale; a closed stderr is no failure."""
    # A log is read on a terminal, too, so a file gets no escape sequence either.
    data = visible(without_secrets(text)).encode("utf-8", "replace") + b"\n"
    with suppress(OSError):
        while data:
            data = data[os.write(_STDERR, data) :]


def say_failure(failure: GstreamError) -> None:
    """Tell what went wrong and what can be done."""
    say(f"gstream: {one_line(str(failure))}")
    if failure.hint:
        say(f"gstream: {one_line(failure.hint)}")


@contextmanager
def exit_codes() -> Iterator[None]:
    """Run a command; leave with the exit code, or by the signal, of whatever ends it."""
    _fill_standard_files()
    release_signals()
    try:
        yield
    except Interrupted as exc:
        die_by(exc.signum)
    except BrokenPipeError:
        die_by(signal.SIGPIPE)
    except Exit as exc:
        sys.exit(exc.exit_code)
    except GstreamError as exc:
        say_failure(exc)
        sys.exit(exc.exit_code)
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except Exception as exc:  # noqa: BLE001 - a bug: the one place where all that is left ends
        if isinstance(exc, OSError) and exc.errno == errno.ENOSPC:
            _give_up_stdout(exc)  # only Click's own texts get here
        _say_bug(exc)
        sys.exit(1)


def check_stdout() -> None:
    """Find a closed, full or readerless stdout before anything is paid for.

    Raises:
        OutputError: Nothing can be written.
        BrokenPipeError: Nobody reads.
    """
    try:
        os.write(1, b"")  # a full device refuses even nothing
        _check_space()
    except BrokenPipeError:
        raise
    except OSError as exc:
        raise OutputError(f"standard output: {exc.strerror}") from exc
    if _reader_is_gone():
        raise BrokenPipeError


def write_stdout(data: bytes) -> None:
    """Write all of it to stdout, at once.

    Raises:
        OutputError: It cannot be written.
        BrokenPipeError: The reader went away.
    """
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(1, view) :]
        except BrokenPipeError:
            raise
        except BlockingIOError:
            _wait_for_stdout()
        except OSError as exc:
            raise OutputError(f"standard output: {exc.strerror}") from exc


def _wait_for_stdout() -> None:
    import select

    select.select([], [1], [])


def _check_space() -> None:
    import stat

    space = os.fstatvfs(1)
    # A file system that knows no blocks at all is not full.
    if stat.S_ISREG(os.fstat(1).st_mode) and space.f_blocks and not space.f_bavail:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _reader_is_gone() -> bool:
    import select

    poll = select.poll()
    poll.register(1, 0)
    return any(events & select.POLLERR for _, events in poll.poll(0))


def _fill_standard_files() -> None:
    """Open /dev/null where stdin or stderr is closed, or the next file would take its number.

    It cannot be read: a stdin that is closed is no empty one.

    Raises:
        SystemExit: stdout is closed.
    """
    for number in (0, 1, _STDERR):
        try:
            os.fstat(number)
        except OSError:
            if number == 1:
                say("gstream: standard output is closed")
                sys.exit(OutputError.exit_code)
            os.open(os.devnull, os.O_WRONLY)
    if sys.stderr is None:  # Click would write its errors to stdout instead
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - for the rest of the process


def _give_up_stdout(exc: OSError) -> None:
    """End; Python's own buffer goes nowhere, or it would be written once more at exit."""
    say(f"gstream: standard output: {exc.strerror}")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(OutputError.exit_code)


def _say_bug(exc: Exception) -> None:
    if isinstance(exc, MemoryError):  # of a large event, or of many steps
        say("gstream: there is not enough memory")
        say("gstream: --max-event-size bounds what one event takes")
        return
    if "-vv" in sys.argv or os.environ.get("GSTREAM_TRACEBACK"):
        import traceback

        say("".join(traceback.format_exception(exc)).rstrip())
    say(f"gstream: this is a bug: {type(exc).__name__}: {one_line(str(exc))}")
    say("gstream: please report it with the command and its -vv output")


def one_line(text: str) -> str:
    """The words of a text in one line."""
    return " ".join(text.split())
