"""`gstream replay`: play recordings, or serve them."""

import re
import time
from collections.abc import Iterator, Sequence
from typing import Any

import click

from gstream.recording import Pace, Sleep, pieces

from .given import check_stdin_once
from .input_files import chunks_of, read_each
from .options import Command, order_given, view_options
from .parameters import Count, Number
from .playing import play
from .run import new_run, speed_up
from .signals import sleep

_ADDRESS = re.compile(r"(?:\[[0-9A-Fa-f:.%]+\]|[^/:\[\]]*):[0-9]{1,5}")
_ANY_PORT = "127.0.0.1:0"
_OF_SERVE = frozenset(
    "recordings speed idle_time_limit serve drop_after allow_remote quiet verbose".split()
)


class ReplayCommand(Command):
    """Tells HOST:PORT from a recording, and the command after `--` from both."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta["gstream.command"] = []
        end = args.index("--") if "--" in args else len(args)
        if any(word.partition("=")[0] == "--serve" for word in args[:end]):
            ctx.meta["gstream.command"] = args[end + 1 :]
            args = list(_with_address(args[:end]))
        elif args[end + 1 :] and self._names_recordings(ctx, args[:end]):
            raise click.UsageError("a COMMAND after -- needs --serve", ctx)
        return super().parse_args(ctx, args)

    def _names_recordings(self, ctx: click.Context, args: list[str]) -> bool:
        named = self.make_parser(ctx).parse_args(list(args))[0]["recordings"]
        return isinstance(named, tuple) and bool(named)  # else it is Click's word for nothing


def _with_address(args: list[str]) -> Iterator[str]:
    """The arguments with `--serve` and its address, given or not, as one."""
    words = iter(args)
    for word in words:
        if word != "--serve":
            yield word
            continue
        following = next(words, None)
        if following is not None and _ADDRESS.fullmatch(following):
            yield f"--serve={following}"
        else:
            yield f"--serve={_ANY_PORT}"
            yield from [] if following is None else [following]


# Not the docstring of the command: `python -OO` has none.
_HELP = """Play recordings as they were recorded, or serve them.

The exit code is the one of the recorded run, or 76 where that was cut short
by a signal. With --serve, a COMMAND runs with GOOGLE_GEMINI_BASE_URL set to
the server, and its exit status is ours.

\b
gstream replay answer.sse --speed 2
gstream replay --serve answer.sse -- bash script.sh
"""


@click.command(help=_HELP, cls=ReplayCommand)
@click.argument("recordings", nargs=-1, metavar="RECORDING... [-- COMMAND...]")
@click.option(
    "--speed",
    type=Number(zero=True, most=1e9),
    default=1.0,
    show_default=True,
    metavar="N",
    help="How much faster than recorded; 0 does not wait.",
)
@click.option(
    "-i",
    "--idle-time-limit",
    type=Number(zero=True),
    metavar="SECONDS",
    help="Longest wait, before --speed shortens it.",
)
@click.option(
    "--serve",
    metavar="[HOST:PORT]",
    help=f"Answer HTTP from the recordings, or directories of them; default {_ANY_PORT}.",
)
@click.option(
    "--drop-after",
    type=Count(),
    metavar="N",
    help="With --serve: cut every stream after N events.",
)
@click.option(
    "--allow-remote", is_flag=True, help="With --serve: listen on an address that others reach."
)
@view_options
@click.pass_context
def command(ctx: click.Context, /, **_options: object) -> None:
    """Play or serve the recordings."""
    options = ctx.params
    files: tuple[str, ...] = options["recordings"]
    if not files:
        raise click.UsageError("which recording? name a file, or - for standard input")
    check_stdin_once(files.count("-"))
    if options["serve"]:
        _refuse_view(ctx)
        from .serving import serve

        serve(options, ctx.meta["gstream.command"])
    else:
        _play(ctx, files)


def _play(ctx: click.Context, files: Sequence[str]) -> None:
    options = ctx.params
    if options["drop_after"] is not None or options["allow_remote"]:
        raise click.UsageError("--drop-after and --allow-remote need --serve")
    speed_up()
    run = new_run(ctx)
    wait = new_pace(options, sleep).wait

    def read(name: str) -> None:
        play(run, pieces(chunks_of(name)), wait=wait)

    run.drive(lambda: read_each(run, files, read))


def _refuse_view(ctx: click.Context) -> None:
    """Refuse options about a view: a server shows nothing.

    Raises:
        click.UsageError: There is one.
    """
    given = [name for name in order_given(ctx) if name not in _OF_SERVE]
    names = {parameter.name: parameter.opts[-1] for parameter in ctx.command.params}
    if given:
        option = f"--{ctx.params['view']}" if given[0] == "view" else names[given[0]]
        raise click.UsageError(f"{option} says what is shown, and --serve shows nothing")


def new_pace(options: dict[str, Any], sleep: Sleep) -> Pace:
    """The pace that the options ask for."""
    return Pace(sleep, time.monotonic, speed=options["speed"], longest=options["idle_time_limit"])
