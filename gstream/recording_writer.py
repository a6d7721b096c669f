"""Write recordings (DESIGN 8.1): each block in one write, so that the file is valid at any instant.

Clock and file are arguments. What the bytes mean is not known here, only where a block ends.
"""

import os
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from .errors import CannotCreateError
from .events import Event, dumps
from .matching import recordable
from .outputs import open_output
from .recording import FIRST_LINE, Clock
from .sse import BOM

_NEXT_BLOCK = re.compile(rb"((?:\n\n|\n\r|\r\r)[\r\n]*)(?=[^\r\n])")
_END_OF_BLOCK = re.compile(rb"(?:\n\n|\n\r|\r\r)[\r\n]*\Z")


class Tape(Protocol):
    """Something that records a run."""

    def request(self, method: str, path: str, body: Event | None) -> None:
        """Begin to record the answer to a request."""
        ...

    def reconnect(self, fields: Event) -> None:
        """Say that another connection goes on with the answer."""
        ...

    def feed(self, blocks: bytes) -> None:
        """Record raw bytes of complete blocks as they were handed on."""
        ...

    def exit(self, fields: Event) -> None:
        """Say how the run ended."""
        ...

    def close(self) -> CannotCreateError | None:
        """Close the file; returns why it is not whole, if it is not."""
        ...


class RecordingFile:
    """A file for a recording; where there is an old one, the new one is written beside it first."""

    def __init__(self, fd: int, path: str, aside: str = "") -> None:
        """Take an open file.

        Args:
            fd: The file descriptor.
            path: The name that the file shall have.
            aside: The name that it has until `commit`, if another.
        """
        self.path = path
        self._fd = fd
        self._aside = aside

    def write(self, data: bytes) -> None:
        """Write all of it, in one piece where the system lets us.

        Raises:
            OSError: It could not be written; where possible, none of it was.
        """
        written = os.write(self._fd, data)
        while written < len(data):
            try:
                written += os.write(self._fd, data[written:])
            except OSError:
                self._take_back(written)
                raise

    def commit(self) -> None:
        """Put the file in its place.

        Raises:
            OSError: That cannot be done.
        """
        if self._aside:
            os.replace(self._aside, self.path)
            self._aside = ""

    def close(self) -> None:
        """Close the file; one that never came to its place is removed."""
        os.close(self._fd)
        if self._aside:
            os.unlink(self._aside)
            self._aside = ""

    def _take_back(self, size: int) -> None:
        with suppress(OSError):
            os.truncate(self._fd, os.fstat(self._fd).st_size - size)


def create(path: str, *, overwrite: bool = False) -> RecordingFile:
    """A new file that only its owner can read.

    An old file is replaced once the first block of the new one comes, not before: where nothing
    comes, it stays.

    Raises:
        CannotCreateError: It exists and must not be overwritten, or cannot be written.
    """
    try:
        if not (overwrite and os.path.lexists(path)):
            return RecordingFile(open_output(path, os.O_CREAT | os.O_EXCL, 0o600), path)
        if os.path.exists(path) and not os.path.isfile(path):  # a pipe, a device
            return RecordingFile(open_output(path, 0), path)
        path = os.path.realpath(path)
        aside = f"{path}.{os.getpid()}.new"
        fd = open_output(aside, os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        return RecordingFile(fd, path, aside)
    except FileExistsError as exc:
        if os.path.isdir(path):
            raise CannotCreateError(f"--record {path}: it is a directory") from exc
        raise CannotCreateError(
            f"--record {path}: there is such a file", hint="overwrite it with --force"
        ) from exc
    except OSError as exc:
        raise CannotCreateError(f"--record {path}: {exc.strerror}") from exc


class Recorder:
    """A run being recorded. A file that cannot be written ends the recording, not the run.

    Attributes:
        failure: Why the file is not whole; None if it is.
    """

    def __init__(
        self,
        file: RecordingFile,
        *,
        begun: Callable[[], None],
        clock: Clock,
        now: Callable[[], str],
        version: str,
    ) -> None:
        """Begin with an empty file.

        Args:
            file: Takes the recording.
            begun: Is called before the first block is written; may raise `OSError`.
            clock: Seconds that only go forward.
            now: The time of day as it shall be recorded.
            version: Of gstream.
        """
        self.failure: CannotCreateError | None = None
        self._file = file
        self._on_begun = begun
        self._clock = clock
        self._now = now
        self._version = version
        self._last = clock()
        self._request: dict[str, Any] | None = None
        self._begun = False
        self._fed = False
        self._unended = b""
        self._in_line = False

    def request(self, method: str, path: str, body: Event | None) -> None:
        """Begin to record the answer to a request; one that is tried again is recorded once."""
        request: dict[str, Any] = {"method": method, "path": path}
        if body is not None:
            request["body"] = recordable(body)
        if request == self._request and not self._fed:
            return
        self._request = request
        self._last = self._clock()
        self._begin(request=request)

    def reconnect(self, fields: Event) -> None:
        """Say that another connection goes on with the answer."""
        if not self._begun:
            self._begin()
        self._write(self._unended + _comment(b"reconnect ", fields))
        self._unended = b""
        self._in_line = False

    def feed(self, blocks: bytes) -> None:
        """Record raw bytes of complete blocks; only the last of all may lack its blank line."""
        if not self._fed:
            blocks = blocks.removeprefix(BOM)  # it means something only where a file begins
        if not blocks:
            return
        if not self._begun:
            self._begin()
        if not self._fed:
            self._fed = True
            self.attempt(self._on_begun)
        stamped = self._pause() + _NEXT_BLOCK.sub(rb"\1: +0\n", blocks)
        self._write(self._unended + stamped)
        self._unended = _missing_end(blocks)
        self._in_line = not blocks.endswith((b"\n", b"\r"))

    def exit(self, fields: Event) -> None:
        """Say how the run ended."""
        if not self._begun:
            self._begin()
        self._write((b"\n" if self._in_line else b"") + _comment(b"exit ", fields))

    def close(self) -> CannotCreateError | None:
        """Close the file; returns why it is not whole, if it is not."""
        with suppress(OSError):
            self._file.close()
        return self.failure

    def attempt(self, write: Callable[[], None]) -> CannotCreateError | None:
        """Do something with the file, unless it has failed before; returns why it failed."""
        if self.failure is None:
            try:
                write()
            except OSError as exc:
                self.failure = CannotCreateError(f"{self._file.path}: {exc.strerror}")
        return self.failure

    def _begin(self, **fields: object) -> None:
        header = {"recorded": self._now(), "version": self._version, **fields}
        self._write(self._unended + FIRST_LINE + _comment(b"", header))
        self._unended = b""
        self._in_line = False
        self._begun = True
        self._fed = False

    def _pause(self) -> bytes:
        """The line with the time since the block before; rounding does not add up."""
        seconds = max(0.0, round(self._clock() - self._last, 3))
        self._last += seconds
        return b": +%b\n" % f"{seconds:.3f}".rstrip("0").rstrip(".").encode()

    def _write(self, data: bytes) -> None:
        self.attempt(lambda: self._file.write(data))


def _comment(word: bytes, fields: Event) -> bytes:
    return b": " + word + dumps(fields) + b"\n"


def _missing_end(blocks: bytes) -> bytes:
    """The line ends that the last block lacks; comments alone lack none."""
    if _END_OF_BLOCK.search(blocks):
        return b""
    start = max((found.end() for found in _NEXT_BLOCK.finditer(blocks)), default=0)
    lines = blocks[start:].splitlines()
    if not any(line and not line.startswith(b":") for line in lines):
        return b"" if blocks.endswith((b"\n", b"\r")) else b"\n"
    return b"\n" if blocks.endswith((b"\n", b"\r")) else b"\n\n"
