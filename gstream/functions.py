"""Run local commands for function calls (DESIGN 9). The only module that starts programs.

No shell sees anything of the model: a command is words from the command line, the arguments of a
call are JSON on its stdin. Commands of one turn run at the same time, each in a session of its own:
it has no terminal to ask for input, and can be ended with everything that it has started.
"""

import os
import selectors
import shlex
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from .errors import BadDataError, UsageError
from .events import dumps, loads

Words = list[str]

_KEY_VARIABLES = frozenset({"GOOGLE_API_KEY", "GEMINI_API_KEY"})
_SHORTEST_SECRET = 8

_READ_SIZE = 65536
_TAIL = 4000
_LONGEST_LINE = 8192

# How often we look whether a command has ended: while its output is open, and once it is closed.
_TICK = 0.02
_SHORT_TICK = 0.002
# How long what a command started may keep its output open, and how long ending it may take.
_GRACE = 0.5


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
        value: The JSON of stdout, else its text; the message of an error.
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


def parse(given: str) -> tuple[str, Words]:
    """The name and the words of `NAME=COMMAND`.

    Raises:
        UsageError: It is not of that form.
    """
    name, equals, command = given.partition("=")
    if not (name.strip() and equals):
        raise UsageError(f"--exec {given!r}: it looks like NAME=COMMAND")
    try:
        words = shlex.split(command)
    except ValueError as exc:
        raise UsageError(f"--exec {name}: {exc}".replace("No closing", "no closing")) from exc
    if not words:
        raise UsageError(f"--exec {name}: which command?")
    return name.strip(), words


def without_secrets(environment: Mapping[str, str], secrets: Sequence[str]) -> dict[str, str]:
    """The variables but those that hold the key, whatever they are called."""
    known = [secret for secret in secrets if len(secret) >= _SHORTEST_SECRET]
    return {
        name: value
        for name, value in environment.items()
        if name not in _KEY_VARIABLES and not any(secret in value for secret in known)
    }


def run_all(
    calls: Sequence[Call],
    commands: Mapping[str, Words],
    limits: Limits,
    surroundings: Surroundings,
) -> list[Outcome]:
    """Run the commands of some calls at the same time; the outcomes in the order of the calls.

    Args:
        calls: All of them have a command.
        commands: The words of a command by the name of its function.
        limits: What they may take.
        surroundings: What they run in.
    """
    outcomes: dict[int, Outcome] = {}
    waiting = deque(enumerate(calls))
    running: dict[int, _Command] = {}
    with selectors.DefaultSelector() as selector:
        try:
            while waiting or running:
                while waiting and len(running) < limits.at_once:
                    number, call = waiting.popleft()
                    started = _start(call, commands[call.name], limits, surroundings)
                    if isinstance(started, Outcome):
                        outcomes[number] = started
                        continue
                    running[number] = started
                    started.register(selector)
                _wait(selector, running, surroundings)
                for number, command in list(running.items()):
                    if (outcome := command.look(selector)) is not None:
                        outcomes[number] = outcome
                        del running[number]
        finally:
            _end_all(list(running.values()))
    return [outcomes[number] for number in range(len(calls))]


def _wait(
    selector: selectors.BaseSelector, running: Mapping[int, "_Command"], surroundings: Surroundings
) -> None:
    """Wait until a pipe is ready or a command may have ended, then read and write."""
    if not running:
        return
    is_open = all(command.is_open for command in running.values())
    with surroundings.waiting():
        ready = selector.select(_TICK if is_open else _SHORT_TICK)
    for key, _ in ready:
        key.data(selector)


def _start(
    call: Call, words: Words, limits: Limits, surroundings: Surroundings
) -> "_Command | Outcome":
    if isinstance(call.arguments, str):
        surroundings.tell(f"{call.name}: the model's arguments are not JSON")
        text = call.arguments[:_TAIL]
        return Outcome(f"the arguments are not JSON: {text}", is_error=True)
    surroundings.verbose(f"running {shlex.join(words)} for {call.name} ({call.call_id})")
    try:
        process = subprocess.Popen(  # noqa: S603 - words from the command line, no shell
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=_variables(call, surroundings.environment),
            start_new_session=True,
        )
    except (OSError, ValueError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else exc
        surroundings.tell(f"{call.name}: {words[0]} cannot be started: {why}")
        return Outcome(f"{call.name} cannot be started: {why}", is_error=True)
    return _Command(call, process, limits, surroundings)


def _variables(call: Call, environment: Mapping[str, str]) -> dict[bytes, bytes]:
    """The variables of a command; in UTF-8, whatever the locale."""
    own = {
        "GSTREAM_FUNCTION": call.name,
        "GSTREAM_CALL_ID": call.call_id,
        "GSTREAM_INTERACTION_ID": call.interaction_id,
    }
    inherited = {os.fsencode(name): os.fsencode(value) for name, value in environment.items()}
    return inherited | {
        name.encode(): value.replace("\0", "").encode() for name, value in own.items()
    }


class _Command:
    """A command that runs."""

    def __init__(
        self,
        call: Call,
        process: "subprocess.Popen[bytes]",
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

    def register(self, selector: selectors.BaseSelector) -> None:
        """Have the pipes waited for."""
        process = self._process
        for pipe, events, action in (
            (process.stdin, selectors.EVENT_WRITE, self._feed),
            (process.stdout, selectors.EVENT_READ, self._read_output),
            (process.stderr, selectors.EVENT_READ, self._read_errors),
        ):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
                selector.register(pipe, events, action)

    def look(self, selector: selectors.BaseSelector) -> Outcome | None:
        """The outcome if the command has ended; ends it if it takes too long."""
        now = time.monotonic()
        if self._ended is None and self._process.poll() is not None:
            self._ended = now
        if self._ended is not None and (not self.is_open or now > self._ended + _GRACE):
            return self._outcome(selector)
        if not self._why and self._ended is None and now > self._started + self._limits.timeout:
            self._stop(f"timed out after {self._limits.timeout:g} s")
        if self._kill_at is not None and now > self._kill_at:
            self.signal(signal.SIGKILL)
        return None

    @property
    def running(self) -> bool:
        """Whether the command itself has not ended; what it has started may run on."""
        return self._process.poll() is None

    def signal(self, signum: signal.Signals) -> None:
        """Send a signal to the command and everything that it has started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signum)

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
            if pipe is not None and not pipe.closed:
                yield pipe

    @property
    def is_open(self) -> bool:
        """Whether more output can come."""
        return any(pipe is not self._process.stdin for pipe in self._pipes())

    def _stop(self, why: str) -> None:
        """Ask everything to end; who does not is killed a moment later."""
        self._why = why
        self._kill_at = time.monotonic() + _GRACE
        self.signal(signal.SIGTERM)

    def _feed(self, selector: selectors.BaseSelector) -> None:
        pipe = self._process.stdin
        if pipe is None:
            return
        try:
            self._input = self._input[os.write(pipe.fileno(), self._input) :]
        except BlockingIOError:
            return
        except OSError:  # it does not read its arguments
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


def _end_all(commands: Sequence[_Command]) -> None:
    """End commands and all that they have started, whatever it takes."""
    for command in commands:
        command.signal(signal.SIGTERM)
    end = time.monotonic() + _GRACE
    while any(command.running for command in commands) and time.monotonic() < end:
        time.sleep(0.005)  # half a second at most
    for command in commands:
        command.signal(signal.SIGKILL)
        command.close()


def _read(pipe: Any, selector: selectors.BaseSelector) -> bytes:
    """What is there; the pipe is closed at its end."""
    try:
        data = os.read(pipe.fileno(), _READ_SIZE)
    except BlockingIOError:
        return b""
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
        return loads(output)
    except BadDataError:
        return _text(output)


def _text(output: bytes) -> str:
    return output.decode("utf-8", "replace").rstrip("\r\n")
