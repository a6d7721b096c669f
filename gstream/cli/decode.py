"""`gstream decode`: bytes from files or standard input."""

import os
from collections.abc import Iterator

import click

from gstream.errors import NoInputError

from .options import Command, check_stdin_once, view_options
from .run import Run, new_run, speed_up
from .signals import waiting

_CHUNK = 65536
_FILE_CHUNK = 4 * _CHUNK


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
    unreadable: NoInputError | None = None
    for name in files:
        try:
            for chunk in _chunks(name):
                run.feed(chunk)
        except NoInputError as exc:
            if unreadable is not None:
                run.note(str(exc))
            unreadable = unreadable or exc  # told at the end
            continue
        run.session.end_input()
    if unreadable is not None:
        raise unreadable


def _chunks(name: str) -> Iterator[bytes]:
    """The bytes of a file as they come.

    Raises:
        NoInputError: It cannot be read.
    """
    try:
        file = 0 if name == "-" else os.open(name, os.O_RDONLY | os.O_CLOEXEC)
        size = _CHUNK if name == "-" else _FILE_CHUNK
        try:
            while chunk := _read(file, size):
                yield chunk
        finally:
            if name != "-":
                os.close(file)
    except OSError as exc:
        raise NoInputError(f"{name}: {exc.strerror}") from exc


def _read(file: int, size: int) -> bytes:
    """As `os.read`; waits where somebody else has set the file not to."""
    while True:
        try:
            with waiting():
                return os.read(file, size)
        except BlockingIOError:
            import select

            with waiting():
                select.select([file], [], [])
