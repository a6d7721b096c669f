"""`gstream decode`: bytes from files or standard input."""

import os
from itertools import chain

import click

from .given import check_stdin_once
from .input_files import chunks_of, read_each
from .options import Command, view_options
from .run import Run, new_run, speed_up

_RECORDING = b": gstream-recording "


# Not the docstring of the command: `python -OO` has none.
_HELP = """Decode server-sent events from files or standard input.

Also reads NDJSON events, both forms of generateContent, a JSON error
body and a finished interaction; header lines of `curl -i` are skipped.
The exit code is the one that `gstream create` would have given for the
same stream.

\b
curl -sN … | gstream decode
gstream decode --ndjson answer.sse | jq -c 'select(.event_type=="step.delta")'
"""


@click.command(help=_HELP, cls=Command)
@click.argument("files", nargs=-1, metavar="[FILE]...")
@view_options
@click.pass_context
def command(ctx: click.Context, /, **_options: object) -> None:
    """Decode the files."""
    files: tuple[str, ...] = ctx.params["files"] or ("-",)
    check_stdin_once(files.count("-"))
    if files == ("-",) and not ctx.params["files"] and os.isatty(0):
        raise click.UsageError("nothing to read: name a file, or pipe a stream into it")
    speed_up()
    run = new_run(ctx)
    run.drive(lambda: read_each(run, files, lambda name: _decode(run, name)))


def _decode(run: Run, name: str) -> None:
    chunks = chunks_of(name)
    first = next(chunks, b"")
    while (
        len(first) < len(_RECORDING)
        and _RECORDING.startswith(first)
        and (more := next(chunks, b""))
    ):
        first += more
    if first.startswith(_RECORDING):
        from gstream.recording import pieces

        from .playing import play

        play(run, pieces(chain([first], chunks), timed=False))
        return
    for chunk in chain([first], chunks):
        run.feed(chunk)
    run.session.end_file()
