"""Open files to write to without ever waiting for a reader."""

import errno
import os
import stat


def open_output(path: str, flags: int, mode: int = 0o666) -> int:
    """Open a file to write to; returns its descriptor.

    To open a pipe that nobody reads would wait for a reader, and no signal or time limit of ours
    is there to end that.

    Args:
        path: Its name.
        flags: For `os.open`, besides the access mode.
        mode: Of a new file.

    Raises:
        OSError: It cannot be opened, or it is a pipe that nobody reads.
    """
    always = os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    try:
        fd = os.open(path, flags | always, mode)
    except OSError as exc:
        if exc.errno == errno.ENXIO and stat.S_ISFIFO(os.stat(path).st_mode):
            raise OSError(errno.ENXIO, "nobody reads from this pipe") from exc
        raise
    os.set_blocking(fd, True)
    return fd


def write_all(fd: int, data: bytes) -> None:
    """Write all of it.

    Raises:
        OSError: It cannot be written.
    """
    while data:
        data = data[os.write(fd, data) :]
