"""`gstream replay`: play recordings, or serve them."""

import re
import time
from collections.abc import Iterator
from typing import Any

import click

from gstream.errors import GstreamError, NoInputError
from gstream.events import Event
from gstream.recording import Exit, Header, Pace, Part, Piece, Sleep, pieces

from .input_files import chunks_of
from .options import Command, check_stdin_once, view_options
from .run import Run, new_run, speed_up
from .signals import sleep

_ADDRESS = re.compile(r"(?:\[[0-9A-Fa-f:.%]+\]|[^/:\[\]]*):[0-9]{1,5}")
_ANY_PORT = "127.0.0.1:0"

# Of these no stream tells: they are what the connection was, or its time.
_NOT_IN_THE_STREAM = frozenset({64, 68, 69, 75, 77, 78, 124})


class ReplayCommand(Command):
    """Tells HOST:PORT from a recording, and the command after `--` from both."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta["gstream.command"] = []
        end = args.index("--") if "--" in args else len(args)
        if any(word.partition("=")[0] == "--serve" for word in args[:end]):
            ctx.meta["gstream.command"] = args[end + 1 :]
            args = list(_with_address(args[:end]))
        return super().parse_args(ctx, args)


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


@click.command(cls=ReplayCommand)
@click.argument("recordings", nargs=-1, metavar="RECORDING... [-- COMMAND...]")
@click.option(
    "--speed",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    metavar="N",
    help="How much faster than recorded; 0 does not wait.",
)
@click.option(
    "-i",
    "--idle-time-limit",
    type=click.FloatRange(min=0),
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
    type=click.IntRange(min=0),
    metavar="N",
    help="With --serve: cut every stream after N events.",
)
@click.option(
    "--allow-remote", is_flag=True, help="With --serve: listen on an address that others reach."
)
@view_options
@click.pass_context
def command(ctx: click.Context, /, **_options: object) -> None:
    """Play recordings as they were recorded, or serve them.

    The exit code is the one of the recorded run. With --serve, a COMMAND runs
    with GOOGLE_GEMINI_BASE_URL set to the server, and its exit status is ours.

    \b
    gstream replay answer.sse --speed 2
    gstream replay --serve answer.sse -- bash script.sh
    """  # noqa: D301 - \b is the character by which Click keeps the lines
    options = ctx.params
    files: tuple[str, ...] = options["recordings"]
    if not files:
        raise click.UsageError("which recording? name a file, or - for standard input")
    check_stdin_once(files.count("-"))
    if options["serve"]:
        from .serving import serve

        serve(options, ctx.meta["gstream.command"])
        return
    if options["drop_after"] is not None or options["allow_remote"]:
        raise click.UsageError("--drop-after and --allow-remote need --serve")
    speed_up()
    run = new_run(ctx)
    run.drive(lambda: _play_all(run, files, new_pace(options, sleep)))


def new_pace(options: dict[str, Any], sleep: Sleep) -> Pace:
    """The pace that the options ask for."""
    return Pace(sleep, time.monotonic, speed=options["speed"], longest=options["idle_time_limit"])


def _play_all(run: Run, files: tuple[str, ...], pace: Pace) -> None:
    """Play files one after another.

    Raises:
        NoInputError: One could not be read; the others were played.
        GstreamError: A recorded run failed in a way that its stream does not tell.
    """
    run.start_recording()
    unreadable: NoInputError | None = None
    for name in files:
        try:
            _play(run, pieces(chunks_of(name)), pace)
        except NoInputError as exc:
            if unreadable is not None:
                run.note(str(exc))
            unreadable = unreadable or exc  # told at the end
    if unreadable is not None:
        raise unreadable


def _play(run: Run, found: Iterator[Piece], pace: Pace) -> None:
    failure: GstreamError | None = None
    fed = False
    for piece in found:
        match piece:
            case Part(seconds, data):
                pace.wait(seconds)
                run.feed(data)
                fed = True
            case Header(fields):
                if fed:
                    run.session.end_input()
                _begin_turn(run, fields)
            case Exit(fields):
                failure = failure or _failure(fields)
    run.session.end_input()
    if failure is not None:
        raise failure


def _begin_turn(run: Run, header: Event) -> None:
    """Let a hop of a long answer be one with the hop before, and keep the request in a copy."""
    match header:
        case {"request": {"method": str(method), "path": str(path), **rest}}:
            body = rest.get("body")
            for tape in run.tapes:
                tape.request(method, path, body if isinstance(body, dict) else None)
            if isinstance(body, dict) and body.get("continuation_token"):
                run.session.hop_expected = run.session.progress.begun


def _failure(exit_fields: Event) -> GstreamError | None:
    """What ended the recorded run, where the stream does not tell."""
    match exit_fields:
        case {"status": int(status), "message": str(message)} if status in _NOT_IN_THE_STREAM:
            kinds = {kind.exit_code: kind for kind in GstreamError.__subclasses__()}
            return kinds[status](f"as recorded: {message}")
    return None
