"""The file of `--stats`: opened before anything is paid for, written at the end."""

import os
import stat
from typing import Any

from gstream.errors import CannotCreateError
from gstream.events import dumps
from gstream.outputs import open_output, write_all

from .failures import say


class StatsFile:
    """Takes the statistics of one run."""

    def __init__(self, name: str) -> None:
        """Open the file; what is in it stays until there is something new.

        Args:
            name: Of the file; `-` is stderr.

        Raises:
            CannotCreateError: It cannot be written.
        """
        self._name = name
        if name == "-":
            return
        try:
            self._fd = open_output(name, os.O_CREAT)
        except OSError as exc:
            raise CannotCreateError(f"--stats {name}: {exc.strerror}") from exc

    def write(self, stats: dict[str, Any]) -> CannotCreateError | None:
        """Write the statistics, and close the file; returns why that failed, if it did."""
        line = dumps(stats)
        if self._name == "-":
            say(line.decode())
            return None
        try:
            self._replace_content(line + b"\n")
        except OSError as exc:
            return CannotCreateError(f"--stats {self._name}: {exc.strerror}")
        return None

    def _replace_content(self, content: bytes) -> None:
        try:
            if stat.S_ISREG(os.fstat(self._fd).st_mode):
                os.ftruncate(self._fd, 0)
            write_all(self._fd, content)
        finally:
            os.close(self._fd)
