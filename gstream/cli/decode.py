"""`gstream decode`: bytes from files or standard input."""

import os

import click

from gstream.errors import NoInputError

from .input_files import chunks_of
from .options import Command, check_stdin_once, view_options
from .run import Run, new_run, speed_up


@click.command(cls=Command)
@click.argument("files", nargs=-1, metavar="[FILE]...")
@view_options
@click.pass_context
def command(ctx: click.Context, /, **_options: object) -> None:
    """Decode server-sent events from files or standard input.

    Also reads NDJSON events, a JSON error body and a finished interaction;
    header lines of `curl -i` are skipped. The exit code is the one that
    `gstream create` would have given for the same stream.

    \b
    curl -sN … | gstream decode
    gstream decode --ndjson answer.sse | jq -c 'select(.event_type=="step.delta")'
    """  # noqa: D301 - \b is the character by which Click keeps the lines
    files: tuple[str, ...] = ctx.params["files"] or ("-",)
    check_stdin_once(files.count("-"))
    if files == ("-",) and not ctx.params["files"] and os.isatty(0):
        raise click.UsageError("nothing to read: name a file, or pipe a stream into it")
    speed_up()
    run = new_run(ctx)
    run.drive(lambda: _read_all(run, files))


def _read_all(run: Run, files: tuple[str, ...]) -> None:
    run.start_recording()
    unreadable: NoInputError | None = None
    for name in files:
        try:
            for chunk in chunks_of(name):
                run.feed(chunk)
        except NoInputError as exc:
            if unreadable is not None:
                run.note(str(exc))
            unreadable = unreadable or exc  # told at the end
            continue
        run.session.end_input()
    if unreadable is not None:
        raise unreadable
