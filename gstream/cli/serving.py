"""`gstream replay --serve`: recordings as a server, for a command or until it is interrupted."""

import math
import os
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from gstream.answering import Find, Library, answers, find_in_one
from gstream.errors import BadDataError, ConfigurationError, NoInputError, input_name
from gstream.hosts import is_loopback
from gstream.matching import find
from gstream.reader import EventReader
from gstream.recording import Recording, read
from gstream.serve import RecordingServer

from .failures import Exit, one_line, say
from .given import read_file
from .replay import new_pace
from .signals import die_by

if TYPE_CHECKING:
    from subprocess import Popen

# What would take a request of the command elsewhere, and the key that is nobody's business here.
_NOT_FOR_THE_COMMAND = frozenset({"GSTREAM_OFFLINE", "GSTREAM_CASSETTE", "GOOGLE_API_KEY"})
_NOT_FOUND = 127
_NOT_EXECUTABLE = 126
_SECONDS_OF_A_WAIT = 10.0


def serve(options: dict[str, Any], command: Sequence[str]) -> None:
    """Serve recordings while a command runs, or until we are interrupted.

    Raises:
        click.UsageError: The address is not one, or not of this machine.
        NoInputError: A recording cannot be read, or there is none.
        BadDataError: A file is no recording.
        ConfigurationError: The address is not to be had.
        Exit: The command ended with this code.
    """
    address = _address(options)
    library = _library(options["recordings"])
    try:
        server = _new_server(address, library, options)
    except OSError as exc:
        raise ConfigurationError(f"--serve {options['serve']}: {exc.strerror}") from exc
    if command:  # the server ends with us: to close it here could be before its thread begins
        threading.Thread(target=server.serve_forever, daemon=True).start()
        _end_like(_run(command, server.local_url))
    with server:
        say(f"gstream: serving on {server.url}")
        server.serve_forever()


def _address(options: dict[str, Any]) -> tuple[str, int]:
    host, colon, port = options["serve"].rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
    is_port = port.isascii() and port.isdecimal() and len(port) < 6 and int(port) < 1 << 16
    if not (colon and is_port and host.isprintable()):
        raise click.UsageError(f"--serve {options['serve']}: an address looks like HOST:PORT")
    if not (options["allow_remote"] or is_loopback(host)):
        raise click.UsageError(
            f"--serve {options['serve']}: others reach that address; add --allow-remote to mean it"
        )
    return host, int(port)


def _library(names: Sequence[str]) -> Library:
    """What the named files and directories hold."""
    recordings = [one for name in names for one in _recordings(name)]
    if not any(map(answers, recordings)):
        raise NoInputError(f"{', '.join(names)}: there is no recording")
    return Library(recordings, find=_find(names, recordings))


def _recordings(name: str) -> list[Recording]:
    if os.path.isdir(name):
        files = sorted(str(path) for path in Path(name).glob("*.sse") if path.is_file())
        return [one for file in files for one in _read(file)]
    recordings = _read(name)
    for recording in recordings:
        _check(name, recording)
    return recordings


def _read(file: str) -> list[Recording]:
    return read(os.path.basename(file), read_file(file, most=math.inf))


def _check(name: str, recording: Recording) -> None:
    """Refuse what is no recording; as a part of a directory it would not matter.

    Raises:
        BadDataError: It holds nothing that a stream is made of.
    """
    reader = EventReader(lambda _message: None)
    try:
        for part in recording.parts:
            reader.feed(part.data)
        reader.finish()
    except BadDataError as exc:
        raise BadDataError(f"{input_name(name)}: {exc}", hint=exc.hint) from exc


def _find(names: Sequence[str], recordings: Sequence[Recording]) -> Find:
    """How recordings are found: by the body of the request, where there may be several.

    A file that was named answers anything, and so does a single one that knows no request.
    """
    named = len(names) == 1 and not os.path.isdir(names[0])
    capture = len(recordings) == 1 and not recordings[0].body
    return find_in_one if named or capture else find


def _new_server(
    address: tuple[str, int], library: Library, options: dict[str, Any]
) -> RecordingServer:
    return RecordingServer(
        address,
        library,
        new_pace=lambda: new_pace(options, time.sleep),  # not that of the main thread
        drop_after=options["drop_after"],
        log=lambda line: say(f"gstream: {one_line(line)}") if options["verbose"] else None,
        report=lambda line: say(f"gstream: {line}"),
    )


# --- the command


def _run(command: Sequence[str], url: str) -> int:
    """Run a command to its end; returns its status as `Popen.returncode` gives it.

    Raises:
        Exit: It cannot be run.
    """
    from subprocess import Popen

    try:
        with Popen(command, env=_environment(url), close_fds=False) as child:  # noqa: S603 - the user's
            _leave_signals_to(child)
            return _wait(child)
    except OSError as exc:
        say(f"gstream: {command[0]}: {exc.strerror}")
        missing = isinstance(exc, FileNotFoundError)
        raise Exit(_NOT_FOUND if missing else _NOT_EXECUTABLE) from exc


def _wait(child: "Popen[bytes]") -> int:
    """The status of a command, once it has ended.

    A signal that comes right before a wait without end would be handed on only behind it.
    """
    from subprocess import TimeoutExpired

    while True:
        with suppress(TimeoutExpired):
            return child.wait(_SECONDS_OF_A_WAIT)


def _environment(url: str) -> dict[str, str]:
    """That of a command which is to ask the server, and nothing else."""
    kept = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_THE_COMMAND}
    return {**kept, "GOOGLE_GEMINI_BASE_URL": url, "GEMINI_API_KEY": "none-is-needed"}


def _leave_signals_to(child: "Popen[bytes]") -> None:
    """From now on we end when the command does. A terminal sends it its Ctrl-C by itself."""

    def hand_on(signum: int, _frame: FrameType | None) -> None:
        child.send_signal(signum)

    for signum in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(signum) != signal.SIG_IGN:
            signal.signal(signum, hand_on)
    for signum in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(signum, lambda _signum, _frame: None)


def _end_like(status: int) -> None:
    """End as a command did: with its exit code, or by the signal that it died of."""
    if status >= 0:
        raise Exit(status)
    from resource import RLIMIT_CORE, setrlimit

    setrlimit(RLIMIT_CORE, (0, 0))  # one core file, the command's, is enough
    die_by(-status)
