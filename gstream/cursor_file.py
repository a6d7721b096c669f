"""The file of a cursor, in use by one run at a time (DESIGN 7.4).

It is replaced atomically after the output was written: after `kill -9` at any moment at most the
last write repeats. The lock is on the file itself, so nothing is left beside it, and a process that
ends in whatever way gives it up; each new file is locked before it takes the place of the old one.
"""

import errno
import fcntl
import os
import stat
from contextlib import suppress

from .cursor import Cursor, dump, parse
from .errors import BadDataError, CannotCreateError
from .outputs import write_all

MAX_SIZE = 64 * 1024 * 1024
"""Most bytes of a cursor: what is larger was never one, and is not read."""

_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_WRITE = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_NO_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS})


class CursorFile:
    """A cursor file that this run alone uses, until it is closed."""

    def __init__(self, path: str, *, new: bool) -> None:
        """Take the file for this run.

        Args:
            path: Its name; a symbolic link stands for the file that it leads to.
            new: Whether to make it if it is not there.

        Raises:
            CannotCreateError: Another run uses it, it is no regular file, or the directory does
                not let us replace it.
        """
        self._path = path
        self._made = False
        self._fd = -1
        try:
            self._place = os.path.realpath(path)
            while not self._take(new=new):
                pass
        except OSError as exc:
            raise self._failure(exc) from exc

    def load(self) -> Cursor | None:
        """The cursor in it; None if there is no file, or an empty one.

        Raises:
            BadDataError: It is no cursor.
            CannotCreateError: It cannot be read.
        """
        if self._fd < 0:
            return None
        try:
            size = os.fstat(self._fd).st_size
            if size > MAX_SIZE:
                raise BadDataError(f"--cursor {self._path}: this is no cursor of gstream")
            data = os.pread(self._fd, size, 0)
        except OSError as exc:
            raise self._failure(exc) from exc
        return parse(data, self._path) if data.strip() else None

    def save(self, cursor: Cursor) -> None:
        """Replace the file atomically.

        Raises:
            CannotCreateError: It cannot be written.
        """
        aside = f"{self._place}.{os.getpid()}.new"
        try:
            fd = os.open(aside, _WRITE, 0o600)
            try:
                _lock(fd)
                write_all(fd, dump(cursor))
                os.replace(aside, self._place)
            except OSError:
                os.close(fd)
                with suppress(OSError):
                    os.unlink(aside)
                raise
        except OSError as exc:
            raise self._failure(exc) from exc
        self._give_up(fd)

    def close(self) -> None:
        """Let other runs use it; a file that was made for nothing is removed."""
        with suppress(OSError):
            if self._made and not os.fstat(self._fd).st_size:
                os.unlink(self._place)
        self._give_up(-1)

    def _take(self, *, new: bool) -> bool:
        """Open and lock the file; False if it is another one by now."""
        with suppress(FileNotFoundError):
            _check_regular(os.stat(self._place))  # to open a device may do something
        try:
            fd = os.open(self._place, _READ)
        except FileNotFoundError:
            return not new or self._make()
        try:
            in_place = self._lock_in_place(fd)
        except BaseException:
            os.close(fd)
            raise
        if in_place:
            self._fd = fd
        else:
            os.close(fd)
        return in_place

    def _lock_in_place(self, fd: int) -> bool:
        """Lock a file; returns whether the path still leads to it."""
        there = os.fstat(fd)
        _check_regular(there)
        _lock(fd)
        _check_directory(self._place)
        try:
            return os.path.samestat(there, os.stat(self._place))
        except FileNotFoundError:
            return False

    def _make(self) -> bool:
        with suppress(FileExistsError):
            os.close(os.open(self._place, _CREATE, 0o600))
            self._made = True
        return False  # now there is one to take

    def _give_up(self, fd: int) -> None:
        """Close the file that we have; another one, or none, comes in its place."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = fd

    def _failure(self, exc: OSError) -> CannotCreateError:
        in_use = isinstance(exc, BlockingIOError)
        why = "another run is using it" if in_use else exc.strerror or str(exc)
        return CannotCreateError(f"--cursor {self._path}: {why}")


def _check_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError("it is no regular file")


def _check_directory(place: str) -> None:
    if not os.access(os.path.dirname(place), os.W_OK | os.X_OK):
        raise OSError("nothing can be written to its directory")


def _lock(fd: int) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        if exc.errno not in _NO_LOCKS:  # some network file systems have none
            raise
