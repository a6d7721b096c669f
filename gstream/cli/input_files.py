"""The bytes of files and of standard input, as they come."""

import os
from collections.abc import Iterator

from gstream.errors import NoInputError

from .signals import waiting

_CHUNK = 65536
_FILE_CHUNK = 4 * _CHUNK


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
