"""The bytes of files and of standard input, as they come."""

import os
from collections.abc import Callable, Iterator, Sequence

from gstream.errors import CannotCreateError, GstreamError, OutputError

from .given import unreadable
from .run import Run
from .signals import waiting

_CHUNK = 65536
_FILE_CHUNK = 4 * _CHUNK


def read_each(run: Run, files: Sequence[str], read: Callable[[str], None]) -> None:
    """Read files one after another; one that cannot be read, or tells of a failure, costs no other.

    Raises:
        GstreamError: There is but one, and it is such a file; or the output cannot be written.
    """
    run.start_recording()
    if len(files) == 1:
        read(files[0])
        return
    for name in files:
        run.session.begin_file(name)
        try:
            read(name)
        except (OutputError, CannotCreateError):
            raise
        except GstreamError as exc:
            run.session.give_up_file(exc)


def chunks_of(name: str) -> Iterator[bytes]:
    """The bytes of a file as they come; `-` is standard input.

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
        raise unreadable(name, exc) from exc


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
