"""Recorders for a run, with the clocks and the version of this program."""

import time
from collections.abc import Callable
from typing import Any

from gstream import __version__
from gstream.recording_writer import Recorder, RecordingFile, create


def record_tape(options: dict[str, Any]) -> Recorder:
    """What `--record` asks for.

    Raises:
        CannotCreateError: The file exists, or cannot be written.
    """
    file = create(options["record"], overwrite=options["force"])
    return new_recorder(file, begun=file.commit)


def new_recorder(file: RecordingFile, *, begun: Callable[[], None] = lambda: None) -> Recorder:
    """A recorder that writes to a file; `begun` is called before the first block."""
    return Recorder(file, begun=begun, clock=time.monotonic, now=_now, version=__version__)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
