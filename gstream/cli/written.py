"""The files that options name to be written: each thing has one of its own, and none is read."""

import os
from contextlib import suppress
from typing import Any

import click

_WRITTEN = ("record", "stats", "cursor")
_READ = ("files", "recordings", "file")


def check_written_files(options: dict[str, Any]) -> None:
    """Refuse to write two things to one file, or to a file that is read.

    Raises:
        click.UsageError: That is asked for.
    """
    written = [path for name in _WRITTEN if (path := options.get(name))]
    if not written:
        return
    read = [path for name in _READ for path in options.get(name) or ()]
    with suppress(FileNotFoundError):  # there is no working directory
        places = _places(written)
        if len(set(places)) < len(places):
            raise click.UsageError("--record, --stats and --cursor need a file each")
        if same := set(places).intersection(_places(read)):
            raise click.UsageError(f"{same.pop()} is read: nothing else can be written to it")
        for place in places:
            if _is_stdout(place):
                raise click.UsageError(f"{place} is where stdout goes: it needs a file of its own")


def _is_stdout(path: str) -> bool:
    """Whether a regular file is where standard output goes."""
    with suppress(OSError):  # one of them is not there
        return os.path.isfile(path) and os.path.samestat(os.stat(path), os.fstat(1))
    return False


def _places(paths: list[str]) -> list[str]:
    """Where regular files are, or will be."""
    found = [os.path.realpath(path) for path in paths if path != "-"]
    return [place for place in found if os.path.isfile(place) or not os.path.exists(place)]
