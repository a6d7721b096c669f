"""`--exec`: local commands answer the function calls of `create` (DESIGN 9)."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gstream.api import Body
from gstream.errors import GstreamError, UsageError
from gstream.outcome import answer_hint
from gstream.steps import Step

from .given import text_of
from .options import apply_options
from .parameters import Count, Number, Size
from .run import Run
from .signals import waiting

if TYPE_CHECKING:
    from gstream.running import Call

F = TypeVar("F", bound=Callable[..., Any])

_HEAD = 256  # bytes of a program that tell what it is; the kernel reads as many


def exec_options(function: F) -> F:
    """The options about commands that answer function calls."""
    return apply_options(
        function,
        click.option(
            "--exec",
            "commands",
            multiple=True,
            metavar="NAME=COMMAND",
            help="Run COMMAND, without a shell, for each call of function NAME: arguments as JSON "
            "on its stdin, result from its stdout. Repeatable.",
        ),
        click.option(
            "--max-turns",
            type=Count(1),
            default=8,
            show_default=True,
            metavar="N",
            help="Most turns of calling functions.",
        ),
        click.option(
            "--exec-timeout",
            type=Number(),
            default=60.0,
            show_default=True,
            metavar="SECONDS",
            help="Longest time for a command; then it is killed.",
        ),
        click.option(
            "--exec-max-output",
            type=Size(),
            default="1MiB",
            show_default=True,
            metavar="SIZE",
            help="Most output of a command.",
        ),
    )


def declare(body: Body, given: tuple[str, ...]) -> None:
    """Declare the functions that have a command, as far as no tool does.

    Raises:
        UsageError: An option is not of the form NAME=COMMAND.
    """
    if not given:
        return
    tools = body.get("tools") or []
    if not isinstance(tools, list):
        return
    declared = {name for tool in tools for name in _declared_by(tool)}
    if missing := [name for name in _commands(given) if name not in declared]:
        body["tools"] = [*tools, *map(_open_function, missing)]


def _declared_by(tool: Any) -> Iterator[str]:
    """The names of the functions that a tool declares, in the spelling of either API."""
    match tool:
        case {"type": "function", "name": str(name)}:
            yield name
        case {"functionDeclarations": [*functions]} | {"function_declarations": [*functions]}:
            for function in functions:
                match function:
                    case {"name": str(name)}:
                        yield name


def _open_function(name: str) -> Body:
    return {"type": "function", "name": name, "parameters": {"type": "object"}}


def _commands(given: tuple[str, ...]) -> dict[str, list[str]]:
    """The words of the commands by the names of their functions.

    Raises:
        UsageError: An option is not of the form NAME=COMMAND, or a name is given twice.
    """
    from gstream.functions import parse

    commands: dict[str, list[str]] = {}
    for text in given:
        name, words = parse(text)
        name = text_of("--exec", name)
        if name in commands:
            raise UsageError(f"--exec {name}: given twice")
        commands[name] = words
    return commands


class Answering:
    """Answers the calls of one run, turn after turn: `end_turn`, then `next_body`.

    Attributes:
        hint: How to answer by hand what was called last; empty before the first call.
    """

    def __init__(self, options: dict[str, Any], run: Run, body: Body) -> None:
        """Prepare.

        Raises:
            click.UsageError: A command cannot be found.
        """
        from gstream.functions import run_all, without_secrets
        from gstream.running import Limits, Surroundings
        from gstream.turns import CallSteps, Turns

        commands = _commands(options["commands"])
        _check(commands)
        limits = Limits(options["exec_timeout"], options["exec_max_output"])
        around = Surroundings(
            without_secrets(os.environ, _secrets(options)),
            waiting,
            lambda data: run.people(data.decode("utf-8", "replace").removesuffix("\n")),
            run.note,
            run.verbose,
        )
        self._session = run.session
        self._turns = Turns(
            body,
            lambda calls: run_all(calls, commands, limits, around),
            commands,
            options["max_turns"],
        )
        self._steps = CallSteps(stored=body.get("store") is not False)
        self._ended: list[Step] = []
        self._calls: list[Call] = []
        self.hint = ""
        run.session.observe(self._steps)

    def end_turn(self, stored_steps: list[Step] | None = None) -> None:
        """End the interaction that calls: what it has shown is all of it.

        Args:
            stored_steps: Its steps, where another run has seen the beginning of its stream.

        Raises:
            RequiresActionError: There is no command for one of them.
            IncompleteError: There were enough turns.
        """
        self._ended = stored_steps or self._steps.steps
        interaction_id = self._session.progress.interaction_id
        self._calls = self._turns.calls(interaction_id, self._ended)
        self.hint = answer_hint(interaction_id, [call.call_id for call in self._calls])
        self._session.end_turn()
        self._steps.begin()

    def next_body(self) -> Body:
        """Run the commands; returns the request that answers the calls."""
        return self._turns.answer(self._calls, self._ended)


def _check(commands: dict[str, list[str]]) -> None:
    """Find out now whether the commands are there: no tokens are paid for nothing.

    Raises:
        click.UsageError: One is not.
    """
    for name, words in commands.items():
        if flaw := _flaw(words[0]):
            raise click.UsageError(f"--exec {name}: {words[0]} {flaw}")


def _flaw(command: str) -> str:
    """Why a command cannot be run; empty if nothing is known that keeps it from running."""
    import shutil

    path = shutil.which(command)
    if path is None:
        return "is not a command that can be run"
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD)
    except OSError:  # it can be run without being read
        return ""
    line = head.partition(b"\n")[0]
    if not line.startswith(b"#!"):
        is_text = b"\0" not in head
        return "has no #! line that says what runs it" if is_text else ""
    interpreter = re.split(rb"[ \t]", line[2:].strip(b" \t"), maxsplit=1)[0]
    if line.endswith(b"\r"):
        return "has lines that end in CR LF, its #! line too"
    missing = not os.path.exists(interpreter)
    return f"needs {os.fsdecode(interpreter)}, which is missing" if missing else ""


def _secrets(options: dict[str, Any]) -> list[str]:
    from gstream.transport import is_secret

    from .network import request_headers

    with suppress(GstreamError):
        headers = request_headers(options)
        return [value.split()[-1] for name, value in headers if value and is_secret(name)]
    return []
