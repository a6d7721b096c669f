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
from collections.abc import Mapping, Sequence

from .errors import UsageError
from .running import GRACE, Call, Command, Limits, Outcome, Surroundings

Words = list[str]

_KEY_VARIABLES = frozenset({"GOOGLE_API_KEY", "GEMINI_API_KEY"})
_SHORTEST_SECRET = 8
_SHOWN = 4000

_INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# How often we look whether a command has ended: while its output is open, and once it is closed.
_TICK = 0.02
_SHORT_TICK = 0.002


def parse(given: str) -> tuple[str, Words]:
    """The name and the words of `NAME=COMMAND`.

    Raises:
        UsageError: It is not of that form.
    """
    name, equals, command = given.partition("=")
    if not (name.strip() and equals):
        raise UsageError(f"--exec {given!r}: this is not NAME=COMMAND")
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
    running: dict[int, Command] = {}
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
    selector: selectors.BaseSelector, running: Mapping[int, Command], surroundings: Surroundings
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
) -> Command | Outcome:
    if isinstance(call.arguments, str):
        surroundings.tell(f"{call.name}: the model's arguments are not JSON")
        text = call.arguments[:_SHOWN]
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
    return Command(call, process, limits, surroundings)


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


def _end_all(commands: Sequence[Command]) -> None:
    """End commands and all that they have started, whatever it takes."""
    if not commands:
        return
    # A second Ctrl-C would end us while those that are deaf to the first live on.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTIONS)
    try:
        for command in commands:
            command.signal(signal.SIGTERM)
        end = time.monotonic() + GRACE
        while any(command.running for command in commands) and time.monotonic() < end:
            time.sleep(0.005)  # half a second at most
        for command in commands:
            command.signal(signal.SIGKILL)
            command.close()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
