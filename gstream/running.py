"""A command while it runs: its pipes, its limits, and what it comes to (DESIGN 9).

Starts nothing; waits for nothing: it is told when a pipe is ready, and looked at now and then.
"""

import os
import selectors
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from .errors import BadDataError
from .events import dumps, loads
from .sendable import flaw_in
from .strays import Stray, send

GRACE = 0.5
"""Seconds that what a command has started may keep its stderr open, and that ending may take."""

_READ_SIZE = 65536
_TAIL = 4000
_LONGEST_LINE = 8192


class Process(Protocol):
    """What `subprocess.Popen` starts; its three files are pipes."""

    pid: int
    stdin: Any
    stdout: Any
    stderr: Any

    def poll(self) -> int | None:
        """The exit status; None while it runs."""
        ...

    def wait(self) -> int:
        """The exit status, once it has ended."""
        ...


class Call(NamedTuple):
    """A function call to run a command for.

    Attributes:
        name: Of the function.
        call_id: Of the call.
        arguments: A string where the model wrote no JSON (PROTOCOL F3).
        interaction_id: Of the interaction that called; empty if it is not stored.
    """

    name: str
    call_id: str
    arguments: Any
    interaction_id: str


class Outcome(NamedTuple):
    """What a call came to.

    Attributes:
        value: The object, list or string of stdout, else its text; the message of an error.
        is_error: Whether the model is to know it as an error.
    """

    value: Any
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What commands may take.

    Attributes:
        timeout: Seconds for each command.
        max_output: Most bytes of its stdout.
        at_once: Most commands at the same time; the others wait.
    """

    timeout: float = 60.0
    max_output: int = 1024 * 1024
    at_once: int = 32


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What commands run in.

    Attributes:
        environment: Their variables, besides those about the call.
        waiting: In here an interruption may be raised.
        show: Takes what they write to stderr.
        tell: Is told in a line how a command failed.
        verbose: Is told in a line what is run, and how it ended.
    """

    environment: Mapping[str, str]
    waiting: Callable[[], AbstractContextManager[None]]
    show: Callable[[bytes], None]
    tell: Callable[[str], None]
    verbose: Callable[[str], None]


class Command:
    """A command that runs."""

    def __init__(
        self,
        call: Call,
        process: Process,
        limits: Limits,
        surroundings: Surroundings,
    ) -> None:
        self._call = call
        self._process = process
        self._limits = limits
        self._around = surroundings
        self._input = memoryview(dumps(call.arguments) + b"\n")
        self._output = bytearray()
        self._tail = bytearray()
        self._line = bytearray()
        self._started = time.monotonic()
        self._ended: float | None = None
        self._kill_at: float | None = None
        self._why = ""
        self._strays: set[Stray] = set()

    def register(self, selector: selectors.BaseSelector) -> None:
        """Have the pipes waited for."""
        process = self._process
        for pipe, events, action in (
            (process.stdin, selectors.EVENT_WRITE, self._feed),
            (process.stdout, selectors.EVENT_READ, self._read_output),
            (process.stderr, selectors.EVENT_READ, self._read_errors),
        ):
            os.set_blocking(pipe.fileno(), False)
            selector.register(pipe, events, action)

    def look(self, selector: selectors.BaseSelector) -> Outcome | None:
        """The outcome if the command and its output have ended; ends them if they take too long."""
        now = time.monotonic()
        if self._ended is None and not self.running:
            self._ended = now
        if self._ended is not None and (not self.is_open or self._is_late(now)):
            return self._outcome(selector)
        if self._result_is_due and now > self._started + self._limits.timeout:
            self._stop(f"timed out after {self._limits.timeout:g} s")
        if self._kill_at is not None and now > self._kill_at:
            self.signal(signal.SIGKILL)
        return None

    @property
    def _result_is_due(self) -> bool:
        """Whether more of its result can come, be it from what it has started: as in `$(…)`."""
        code = self._process.poll()
        return not self._why and (code is None or (code == 0 and not self._process.stdout.closed))

    def _is_late(self, now: float) -> bool:
        """Whether what is still open says nothing that is waited for."""
        assert self._ended is not None  # noqa: S101 - asked for then only
        return not self._result_is_due and now > max(self._ended + GRACE, self._kill_at or 0.0)

    @property
    def running(self) -> bool:
        """Whether the command itself has not ended; what it has started may run on."""
        return self._process.poll() is None

    def signal(self, signum: signal.Signals) -> None:
        """Send a signal to the command and everything that it has started."""
        self._strays = send(signum, self._process.pid, self._strays)

    def close(self, selector: selectors.BaseSelector | None = None) -> None:
        """Close the pipes and forget the process; it has ended."""
        for pipe in self._pipes():
            if selector is not None:
                selector.unregister(pipe)
            pipe.close()
        self._process.wait()

    def _pipes(self) -> Iterator[Any]:
        process = self._process
        for pipe in (process.stdin, process.stdout, process.stderr):
            if not pipe.closed:
                yield pipe

    @property
    def is_open(self) -> bool:
        """Whether more output can come."""
        return any(pipe is not self._process.stdin for pipe in self._pipes())

    def _stop(self, why: str) -> None:
        """Ask everything to end; who does not is killed a moment later."""
        self._why = why
        self._kill_at = time.monotonic() + GRACE
        self.signal(signal.SIGTERM)

    def _feed(self, selector: selectors.BaseSelector) -> None:
        pipe = self._process.stdin
        try:
            self._input = self._input[os.write(pipe.fileno(), self._input) :]
        except BrokenPipeError:  # it does not read its arguments
            self._input = self._input[:0]
        if not self._input:
            _close(pipe, selector)

    def _read_output(self, selector: selectors.BaseSelector) -> None:
        data = _read(self._process.stdout, selector)
        if self._why:
            return
        self._output += data
        if len(self._output) > self._limits.max_output:
            self._stop(f"more than {self._limits.max_output:,} bytes of output")

    def _read_errors(self, selector: selectors.BaseSelector) -> None:
        """Show whole lines, so that those of several commands do not mix."""
        data = _read(self._process.stderr, selector)
        self._tail += data
        del self._tail[:-_TAIL]
        self._line += data
        end = self._line.rfind(b"\n") + 1
        if len(self._line) > _LONGEST_LINE:
            end = len(self._line)
        if end:
            self._around.show(bytes(self._line[:end]))
            del self._line[:end]

    def _outcome(self, selector: selectors.BaseSelector) -> Outcome:
        if self._line:
            self._around.show(bytes(self._line) + b"\n")
        if self._why:
            self.signal(signal.SIGKILL)
        code = self._process.wait()
        self.close(selector)
        name, seconds = self._call.name, time.monotonic() - self._started
        why = self._why or _failure(code)
        if not why:
            size = len(self._output)
            self._around.verbose(f"{name}: done in {seconds:.2f} s, {size:,} bytes")
            return Outcome(_value(bytes(self._output)))
        self._around.tell(f"{name}: {why}")
        tail = _text(bytes(self._tail))
        return Outcome(f"{why}: {tail}" if tail else why, is_error=True)


def _read(pipe: Any, selector: selectors.BaseSelector) -> bytes:
    """What is there; the pipe is closed at its end."""
    data = os.read(pipe.fileno(), _READ_SIZE)
    if not data:
        _close(pipe, selector)
    return data


def _close(pipe: Any, selector: selectors.BaseSelector) -> None:
    selector.unregister(pipe)
    pipe.close()


def _failure(code: int) -> str:
    """What an exit status says; empty for success."""
    if code >= 0:
        return f"exit status {code}" if code else ""
    try:
        return f"ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"ended by signal {-code}"


def _value(output: bytes) -> Any:
    """The JSON that a command has written, else the text without its last line ends."""
    try:
        value = loads(output)
    except BadDataError:
        return _text(output)
    # The API takes no number as a result: as text it keeps all its digits.
    sendable = isinstance(value, str | dict | list) and not flaw_in(value)
    return value if sendable else _text(output)


def _text(output: bytes) -> str:
    return output.decode("utf-8", "replace").rstrip("\r\n")
