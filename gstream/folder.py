"""A folder in which files appear whole, and never in place of others.

A file is written under another name and then linked to its own, which fails if there is anything
of that name, be it a link that leads nowhere.
"""

import errno
import os
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

from .errors import CannotCreateError

_NUMBERED = re.compile(r"([0-9]{1,9})-")
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EXDEV, errno.EMLINK})


class Folder:
    """A folder to write to.

    Attributes:
        path: As it was named.
    """

    def __init__(self, path: str) -> None:
        """Open the folder; make it if it is not there.

        Raises:
            CannotCreateError: That cannot be done, or nothing can be written to it.
        """
        self.path = path
        try:
            os.makedirs(path, exist_ok=True)
            self._fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileExistsError as exc:
            raise CannotCreateError(f"{path}: {os.strerror(errno.ENOTDIR)}") from exc
        except OSError as exc:
            raise CannotCreateError(f"{path}: {exc.strerror}") from exc
        if not os.access(path, os.W_OK | os.X_OK):
            raise CannotCreateError(f"{path}: {os.strerror(errno.EACCES)}")

    def highest_number(self) -> int:
        """The highest number at the start of a name; 0 without one."""
        found = (_NUMBERED.match(name) for name in os.listdir(self._fd))
        return max((int(match[1]) for match in found if match), default=0)

    def add(self, name: str, write: Callable[[BinaryIO], object]) -> int:
        """Add a file; returns its size in bytes.

        Raises:
            FileExistsError: There is something of that name.
            OSError: It cannot be written.
        """
        temporary = f".{name}.{secrets.token_hex(4)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with open(os.open(temporary, flags, 0o666, dir_fd=self._fd), "wb") as file:
                write(file)
                file.flush()
                size = os.fstat(file.fileno()).st_size
            self._link(temporary, name, flags)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=self._fd)
        return size

    def _link(self, temporary: str, name: str, flags: int) -> None:
        here = self._fd
        try:
            os.link(temporary, name, src_dir_fd=here, dst_dir_fd=here, follow_symlinks=False)
        except OSError as exc:
            if exc.errno not in _NO_LINKS:
                raise
            # No hard links here: reserve the name, so that nothing is replaced but that.
            os.close(os.open(name, flags, 0o666, dir_fd=here))
            os.rename(temporary, name, src_dir_fd=here, dst_dir_fd=here)
