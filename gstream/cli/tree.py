"""The commands and their options as data: what man pages and completions are made of."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import click

PROGRAM = "gstream"

# What the name of a value says about the value. The first that fits.
_KINDS = (
    (re.compile(r"@FILE"), "@file"),
    (re.compile(r"^\[HOST:PORT\]$"), "optional"),
    (re.compile(r"^\[?(FILE|RECORDING)\b"), "file"),
    (re.compile(r"^\[?DIR\b"), "directory"),
)


class Option(NamedTuple):
    """An option of a command.

    Attributes:
        names: All of them, as they are typed.
        excludes: The names of which only one makes sense; empty if it can be repeated.
        metavar: The name of its value; empty without one.
        choices: The values that there are; empty if there are more.
        help: What it does.
        default: The default as shown; empty if none is.
        envvar: The variable of the environment that sets it; empty without one.
    """

    names: tuple[str, ...]
    excludes: tuple[str, ...]
    metavar: str
    choices: tuple[str, ...]
    help: str
    default: str
    envvar: str

    @property
    def kind(self) -> str:
        """What completes its value: `choice` or what `kind_of` says; `flag` if it has none."""
        if not self.metavar:
            return "flag"
        return "choice" if self.choices else kind_of(self.metavar)


class Command(NamedTuple):
    """A command, or the program itself.

    Attributes:
        name: As it is typed.
        help: Its first line of help.
        operand: The name of what follows the options; empty if nothing does.
        options: In the order of its help.
    """

    name: str
    help: str
    operand: str
    options: tuple[Option, ...]


def kind_of(metavar: str) -> str:
    """What completes a value of this name.

    `file`, `directory`, `@file` for one behind a `@`, `optional` for something else that follows
    the option or does not, `word` for anything else.
    """
    return next((kind for pattern, kind in _KINDS if pattern.search(metavar)), "word")


def program(group: click.Group) -> Command:
    """The program: its own options."""
    return _command(_context(group))


def commands(group: click.Group) -> Iterator[Command]:
    """The commands of the program, by name."""
    parent = _context(group)
    for name in group.list_commands(parent):
        command = group.get_command(parent, name)
        if command is not None:
            yield _command(click.Context(command, parent, name))


def _context(group: click.Group) -> click.Context:
    return click.Context(group, None, PROGRAM, **group.context_settings)


def _command(ctx: click.Context) -> Command:
    params = ctx.command.get_params(ctx)
    names: dict[str | None, tuple[str, ...]] = {}
    for param in params:
        names[param.name] = names.get(param.name, ()) + _names(param)
    options = [param for param in params if isinstance(param, click.Option)]
    operands = [param.make_metavar(ctx) for param in params if isinstance(param, click.Argument)]
    return Command(
        name=ctx.info_name or "",
        help=ctx.command.get_short_help_str(limit=200),
        operand=" ".join(operands),
        options=tuple(_option(ctx, option, names[option.name]) for option in options),
    )


def _names(param: click.Parameter) -> tuple[str, ...]:
    # Old versions of click give the names of --help in any order.
    return (*sorted(param.opts, key=len), *param.secondary_opts)


def _option(ctx: click.Context, option: click.Option, alike: tuple[str, ...]) -> Option:
    extra = option.get_help_extra(ctx)
    takes_value = not (option.is_flag or option.count)
    choices = option.type.choices if isinstance(option.type, click.Choice) else ()
    return Option(
        names=_names(option),
        excludes=() if option.multiple or option.count else alike,
        metavar=option.make_metavar(ctx) if takes_value else "",
        choices=tuple(map(str, choices)) if takes_value else (),
        help=" ".join((option.help or "").split()),
        default=extra.get("default", "").removesuffix(".0"),
        envvar=" ".join(extra.get("envvars", ())),
    )
