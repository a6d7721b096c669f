"""Completion scripts for bash, zsh and fish: each option's line, for the places left in `*/src`.

The scripts hold all that can be completed, so that no TAB waits for Python to start.
"""

import re
import textwrap
from collections.abc import Callable, Iterable, Iterator

from .tree import Command, Option, kind_of

Fill = dict[str, str]


def bash(program: Command, commands: Iterable[Command]) -> Fill:
    """What stands in the script for bash."""
    commands = list(commands)
    return {
        "options": _words(program.options),
        "commands": " ".join(command.name for command in commands),
        "cases": "\n".join(line for command in commands for line in _bash_case(command)),
    }


def _bash_case(command: Command) -> Iterator[str]:
    yield f"        *:{command.name})"
    words = _fold(_words(command.options), "")
    yield f"            options='{words}'"
    yield "            case $previous in"
    for action, options in _by_action(command.options).items():
        names = _fold(_words(options, " | "), " \\")
        yield f"                {names}) {action} ;;"
    if kind_of(command.operand) == "file":
        yield "                *) if [[ $current != -* || $previous == -- ]]; then kind=file; fi ;;"
    yield "            esac"
    yield "            ;;"


def _by_action(options: Iterable[Option]) -> dict[str, list[Option]]:
    """The options that take a value, by what bash does to complete it."""
    found: dict[str, list[Option]] = {}
    for option in options:
        match option.kind:
            case "flag" | "optional":
                continue
            case "choice":
                action = f"choices='{' '.join(option.choices)}'"
            case kind:
                action = f"kind={kind}"
        found.setdefault(action, []).append(option)
    return found


def _fold(text: str, ending: str) -> str:
    """Lines of a readable length, with an ending for each but the last."""
    lines = textwrap.wrap(text, 72, break_on_hyphens=False)
    return f"{ending}\n{' ' * 20}".join(lines)


def _words(options: Iterable[Option], separator: str = " ") -> str:
    return separator.join(name for option in options for name in option.names)


_ZSH_ACTIONS: dict[str, Callable[[Option], str]] = {
    "choice": lambda option: f"({' '.join(option.choices)})",
    "file": lambda _: "_files",
    "directory": lambda _: "_files -/",
    "@file": lambda _: "_gstream_file_at",
    "word": lambda _: "",
}


def zsh(program: Command, commands: Iterable[Command]) -> Fill:
    """What stands in the script for zsh."""
    commands = list(commands)
    return {
        "options": "\n".join(f"    {spec} \\" for spec in _zsh_specs(program.options)),
        "commands": "\n".join(
            f"        {_quoted(f'{one.name}:{_zsh_text(one.help)}')}" for one in commands
        ),
        "cases": "\n".join(line for command in commands for line in _zsh_case(command)),
    }


def _zsh_case(command: Command) -> Iterator[str]:
    specs = list(_zsh_specs(command.options))
    if command.operand:
        # With an action of no words, not with none: then zsh would not look for options.
        action = "_files" if kind_of(command.operand) == "file" else "( )"
        specs.append(_quoted(f"*:{_zsh_text(command.operand)}:{action}"))
    yield f"    {command.name})"
    yield "      _arguments -s -S \\"
    yield " \\\n".join(f"        {spec}" for spec in specs)
    yield "      ;;"


def _zsh_specs(options: Iterable[Option]) -> Iterator[str]:
    """One specification for `_arguments` a name."""
    for option in options:
        excludes = f"({' '.join(option.excludes)})" if option.excludes else "*"
        for name in option.names:
            yield _quoted(f"{excludes}{name}{_zsh_value(name, option)}")


def _zsh_value(name: str, option: Option) -> str:
    text = f"[{_zsh_text(option.help)}]"
    if option.kind == "flag":
        return text
    if option.kind == "optional":
        return f"=-{text}::{_zsh_text(option.metavar)}:"
    joined = "=" if name.startswith("--") else "+"
    return f"{joined}{text}:{_zsh_text(option.metavar)}:{_ZSH_ACTIONS[option.kind](option)}"


def _zsh_text(text: str) -> str:
    return re.sub(r"([\\:\[\]])", r"\\\1", text)


def _quoted(text: str) -> str:
    """A word that zsh and bash take as it is."""
    return "'" + text.replace("'", r"'\''") + "'"


_FISH_ACTIONS: dict[str, Callable[[Option], str]] = {
    "flag": lambda _: "",
    "optional": lambda _: "",
    "choice": lambda option: f" -x -a {_fish_word(' '.join(option.choices))}",
    "file": lambda _: " -r -F",
    "directory": lambda _: " -x -a '(__fish_complete_directories)'",
    "@file": lambda _: " -x -a '(__gstream_files_at)'",
    "word": lambda _: " -x",
}


def fish(program: Command, commands: Iterable[Command]) -> Fill:
    """What stands in the script for fish."""
    commands = list(commands)
    lines = [_fish_option("__fish_use_subcommand", option) for option in program.options]
    lines += [
        f"complete -c gstream -n __fish_use_subcommand -a {one.name} -d {_fish_word(one.help)}"
        for one in commands
    ]
    for command in commands:
        condition = f"'__fish_seen_subcommand_from {command.name}'"
        lines.append("")
        if kind_of(command.operand) == "file":
            lines.append(f"complete -c gstream -n {condition} -F")
        lines += [_fish_option(condition, option) for option in command.options]
    return {"lines": "\n".join(lines)}


def _fish_option(condition: str, option: Option) -> str:
    names = "".join(
        f" -l {name[2:]}" if name.startswith("--") else f" -s {name[1:]}" for name in option.names
    )
    action = _FISH_ACTIONS[option.kind](option)
    return f"complete -c gstream -n {condition}{names}{action} -d {_fish_word(option.help)}"


def _fish_word(text: str) -> str:
    """A word that fish takes as it is."""
    return "'" + re.sub(r"([\\'])", r"\\\1", text) + "'"
