"""Cassettes: a directory with a recording of each request that was answered (DESIGN 8.3).

A recording is written aside and comes to its place once its interaction has ended, so that runs at
the same time do not disturb each other, and no answer that broke off is ever played again.
"""

import hashlib
import os
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from .answering import Library
from .errors import CannotCreateError, NoInputError
from .events import Event
from .matching import canonical, with_model
from .outcome import Progress
from .reader import EventReader
from .recording import read
from .recording_writer import Recorder, RecordingFile

NewRecorder = Callable[[RecordingFile], Recorder]

_SLUG = 40
_ASIDE = ".gstream-"
_END_ASIDE = ".new"
_SECONDS_TO_LOCK = 60.0  # longer than anyone needs from making a file to locking it


def library(directory: str) -> Library:
    """The recordings in a directory; none if there is no such directory yet.

    Raises:
        NoInputError: They cannot be read.
    """
    try:
        names = os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        names = []
    except OSError as exc:  # such as a name that is too long
        raise NoInputError(f"--cassette {directory}: {exc.strerror}") from exc
    paths = [Path(directory, name) for name in sorted(names) if name.endswith(".sse")]
    files = [path for path in paths if path.is_file()]
    return Library([one for path in files for one in read(path.name, _content(path))])


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise NoInputError(f"--cassette {path}: {exc.strerror}") from exc


class CassetteTape:
    """Records each request of a run, and its answer, in a file of its own in the directory."""

    def __init__(self, directory: str, new_recorder: NewRecorder) -> None:
        self._directory = directory
        self._new_recorder = new_recorder
        self._file: RecordingFile | None = None
        self._recorder: Recorder | None = None
        self._failure: CannotCreateError | None = None
        self._asked: Event | None = None

    def request(self, method: str, path: str, body: Event | None) -> None:
        """Begin the recording of a request; what is asked for by GET is not found by its body.

        Raises:
            CannotCreateError: No file can be written there.
        """
        if body == self._asked and self._recorder is not None:
            return  # tried again
        self._end()
        if method != "POST" or body is None:
            return
        self._file = _new_file(self._directory, with_model(body, path))
        self._recorder = self._new_recorder(self._file)
        self._recorder.request(method, path, body)
        self._asked = body
        self._reader = EventReader(lambda _message: None)
        self._progress = Progress()

    def reconnect(self, fields: Event) -> None:
        """Say that another connection goes on with the answer."""
        if self._recorder is not None:
            self._recorder.reconnect(fields)

    def feed(self, blocks: bytes) -> None:
        """Record raw blocks."""
        if self._recorder is not None:
            self._recorder.feed(blocks)
            self._progress.feed(self._reader.feed(blocks))

    def exit(self, fields: Event) -> None:
        """Say how the run ended."""
        if self._recorder is not None:
            self._recorder.exit(fields)

    def close(self) -> CannotCreateError | None:
        """Put the last recording in its place; returns what could not be written."""
        self._end()
        return self._failure

    def _end(self) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder is None or self._file is None:
            return
        self._progress.feed(self._reader.finish())
        failure = recorder.failure
        if failure is None and self._progress.ended:
            failure = recorder.attempt(self._file.commit)
        self._failure = self._failure or failure
        recorder.close()


def _new_file(directory: str, body: Mapping[str, Any]) -> RecordingFile:
    """A file with a name of its own that is to become the recording of a request.

    Raises:
        CannotCreateError: It cannot be written.
    """
    from fcntl import LOCK_EX, LOCK_NB, flock
    from tempfile import mkstemp

    path = os.path.join(directory, file_name(body))
    try:
        os.makedirs(directory, exist_ok=True)
        _sweep(directory)
        fd, aside = mkstemp(_END_ASIDE, _ASIDE, directory)
        with suppress(OSError):  # there are file systems without locks
            flock(fd, LOCK_EX | LOCK_NB)
    except OSError as exc:
        raise CannotCreateError(f"--cassette {directory}: {exc.strerror}") from exc
    return RecordingFile(fd, path, aside)


def _sweep(directory: str) -> None:
    """Remove what killed runs were writing: runs that live hold a lock on it."""
    from fcntl import LOCK_EX, LOCK_NB, flock

    for path in Path(directory).glob(f"{_ASIDE}*{_END_ASIDE}"):
        with suppress(OSError), path.open("rb") as file:
            flock(file, LOCK_EX | LOCK_NB)
            if time.time() - os.fstat(file.fileno()).st_mtime > _SECONDS_TO_LOCK:
                path.unlink()


def file_name(body: Mapping[str, Any]) -> str:
    """The name for the recording of a request: for people its first words, then its hash."""
    given = body.get("input")
    words = re.sub(r"[^a-z0-9]+", "-", given.lower()) if isinstance(given, str) else ""
    slug = words[:_SLUG].strip("-") or "request"
    return f"{slug}-{hashlib.sha256(canonical(body)).hexdigest()[:12]}.sse"
