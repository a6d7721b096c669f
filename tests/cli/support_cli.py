"""The real program, with pipes and terminals, for the tests of the command line."""

import atexit
import fcntl
import json
import os
import pty
import select
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

from tests.cli.zygote import Zygote
from tests.servers import RawServer, Received, answering, stream

KEY = "AIza-the-key-of-these-tests"
GSTREAM = [sys.executable, "-m", "gstream"]
DEADLINE = 20.0
LATIN1 = ("localedef", "/usr/share/i18n/locales/de_DE")  # what the fixture `latin1` needs

# What Python reads when it starts, and never again.
_AT_START = frozenset({"LC_ALL", "LOCPATH", "PYTHONUTF8", "PYTHONCOERCECLOCALE"})
_FOREIGN = ("GEMINI_", "GOOGLE_", "GSTREAM_", "LC_", "LANG", "NO_COLOR", "SSL_CERT", "PYTHONUTF8")


def environment(**extra: str | None) -> dict[str, str]:
    """The environment of a user with a key and nothing else that matters; None removes."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_FOREIGN) and not name.lower().endswith("_proxy")
    }
    base = {**inherited, "GEMINI_API_KEY": KEY, "LC_ALL": "C.UTF-8", "TERM": "xterm"}
    return {name: value for name, value in {**base, **extra}.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Ran:
    """How a program ran; a negative code is the signal that ended it."""

    code: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        return self.stdout.decode()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stdout.splitlines()]


def run(
    *args: str,
    stdin: bytes | None = None,
    env: Mapping[str, str | None] | None = None,
    cwd: Path | None = None,
) -> Ran:
    """Run gstream; its stdin is /dev/null, or a pipe with these bytes."""
    if env and not _AT_START.isdisjoint(env):
        return run_command([*GSTREAM, *args], stdin=stdin, env=env, cwd=cwd)
    code, out, err = zygote().run(list(args), stdin, environment(**(env or {})), cwd)
    return Ran(code, out, err.decode())


@cache
def zygote() -> Zygote:
    """The process that starts gstream quickly."""
    process = Zygote()
    atexit.register(process.close)
    return process


def create(server: RawServer, *args: str, env: Mapping[str, str | None] | None = None) -> Ran:
    """Run `create` with some prompt against a server."""
    url: dict[str, str | None] = {"GOOGLE_GEMINI_BASE_URL": server.url}
    return run("create", "-p", "x", *args, env={**url, **(env or {})})


def one_request(*args: str, env: Mapping[str, str | None] | None = None) -> Received:
    """The request of a run of `create` that succeeds."""
    with RawServer(answering(stream("ok"))) as server:
        got = create(server, *args, env=env)
    assert (got.code, got.text) == (0, "ok\n")
    [request] = server.requests
    return request


def dry_body(*args: str, **given: Any) -> dict[str, Any]:
    """The request body that `create` would send, without `stream`, which is always true."""
    got = run("create", "--dry-run", *args, **given)
    assert (got.code, got.stderr) == (0, "")
    body: dict[str, Any] = json.loads(got.stdout)
    assert body.pop("stream") is True
    return body


def run_command(
    command: list[str],
    *,
    stdin: bytes | None = None,
    env: Mapping[str, str | None] | None = None,
    cwd: Path | None = None,
) -> Ran:
    """Run any program in that environment."""
    given: dict[str, Any] = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
    done = subprocess.run(
        command,
        **given,
        env=environment(**(env or {})),
        cwd=cwd,
        capture_output=True,
        timeout=3 * DEADLINE,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr.decode())


def run_bash(script: str, *args: str, env: Mapping[str, str | None] | None = None) -> Ran:
    """Run a script in bash, where `gstream` is the program and `$1`… are the arguments."""
    quoted = " ".join(f"'{word}'" for word in GSTREAM)
    function = f'gstream() {{ {quoted} "$@"; }}\n'
    return run_command(["bash", "-c", function + script, "bash", *args], env=env)


@contextmanager
def started(
    *args: str, env: Mapping[str, str | None] | None = None, **given: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """Start gstream with pipes; it is killed if it still runs at the end."""
    pipes: dict[str, Any] = {
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        **given,
    }
    with subprocess.Popen([*GSTREAM, *args], env=environment(**(env or {})), **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(file: Any, wanted: bytes) -> bytes:
    """What comes from a pipe or terminal up to the moment when `wanted` has come.

    Raises:
        AssertionError: It did not come.
    """
    got = b""
    end = time.monotonic() + DEADLINE
    while wanted not in got:
        ready, _, _ = select.select([file], [], [], max(0.0, end - time.monotonic()))
        assert ready, f"{wanted!r} did not come, but {got!r}"
        piece = _read(file)
        assert piece, f"{wanted!r} did not come before the end, but {got!r}"
        got += piece
    return got


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Return when a condition holds.

    Raises:
        AssertionError: It never did.
    """
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, f"{what} never happened"
        time.sleep(0.005)


def bytes_in(pipe: Any) -> int:
    """How many bytes wait in a pipe."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, b"\0\0\0\0"), sys.byteorder)


def _read(file: Any) -> bytes:
    try:
        return os.read(file if isinstance(file, int) else file.fileno(), 65536)
    except OSError:  # Linux: all ends of the terminal are closed
        return b""


class Terminal:
    """A pseudo-terminal of 80 columns that changes no byte on its way.

    Attributes:
        end: The file descriptor for the program.
    """

    def __enter__(self) -> Self:
        self._ours, self.end = pty.openpty()
        termios.tcsetwinsize(self.end, (24, 80))
        mode = termios.tcgetattr(self.end)
        mode[1] &= ~termios.OPOST
        mode[3] &= ~termios.ECHO
        termios.tcsetattr(self.end, termios.TCSANOW, mode)
        return self

    def __exit__(self, *_exc: object) -> None:
        for fd in (self._ours, self.end):
            with suppress(OSError):
                os.close(fd)

    def read_until(self, wanted: bytes) -> bytes:
        """As `read_until`."""
        return read_until(self._ours, wanted)

    def hang_up(self) -> None:
        """Close the side of the one who looks at it: nothing can be shown any more."""
        os.close(self._ours)
        self._ours = -1

    def shown(self) -> bytes:
        """All that was written; ends once no program has the terminal open."""
        os.close(self.end)
        got = b""
        while piece := _read(self._ours):
            got += piece
        return got
