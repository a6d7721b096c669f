"""The cursor file: where a run is in its stream, so that another run can go on (DESIGN 7.4).

One JSON line, replaced atomically after the output was written: after `kill -9` at any moment at
most the last write repeats.
"""

import os
from dataclasses import dataclass, field
from typing import Any

import orjson

from .errors import BadDataError, CannotCreateError, NoInputError
from .events import Event, dumps
from .ledger import Ledger

_VERSION = 1


@dataclass(slots=True)
class Cursor:
    """What a cursor file holds.

    Attributes:
        interaction_id: Empty before the interaction began.
        last_event_id: The newest event id; empty without one.
        view: The name of the view that was written.
        status: The newest status of the interaction.
        finished: Whether all of it was written.
        ledger: What was handed on, as JSON.
        view_state: What the view needs to go on.
    """

    interaction_id: str = ""
    last_event_id: str = ""
    view: str = "text"
    status: str = ""
    finished: bool = False
    ledger: Event = field(default_factory=dict)
    view_state: Event = field(default_factory=dict)

    def restored_ledger(self, path: str) -> Ledger:
        """The ledger of the run that wrote the cursor.

        Raises:
            BadDataError: The file was not written by gstream.
        """
        try:
            return Ledger.from_json(self.ledger)
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            raise BadDataError(f"--cursor {path}: this is no cursor of gstream") from exc


def load(path: str) -> Cursor | None:
    """The cursor in a file; None if there is no file, or an empty one.

    Raises:
        NoInputError: It cannot be read.
        BadDataError: It is no cursor.
    """
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise NoInputError(f"--cursor {path}: {exc.strerror}") from exc
    if not data.strip():
        return None
    try:
        value: Any = orjson.loads(data)
        if value.pop("gstream_cursor") != _VERSION:
            raise KeyError
        return _checked(Cursor(**value))
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as exc:
        raise BadDataError(f"--cursor {path}: this is no cursor of gstream") from exc


def _checked(cursor: Cursor) -> Cursor:
    """The cursor, if its fields are what a run writes.

    Raises:
        TypeError: They are not.
    """
    for name in Cursor.__dataclass_fields__:
        if not isinstance(getattr(cursor, name), type(getattr(_EMPTY, name))):
            raise TypeError(name)
    shown = cursor.view_state.get("shown", [])
    if not (isinstance(shown, list) and all(isinstance(index, int) for index in shown)):
        raise TypeError("shown")
    return cursor


_EMPTY = Cursor()


def save(path: str, cursor: Cursor) -> None:
    """Replace the file atomically.

    Raises:
        CannotCreateError: It cannot be written.
    """
    value = {"gstream_cursor": _VERSION} | {
        name: getattr(cursor, name) for name in Cursor.__dataclass_fields__
    }
    aside = f"{path}.{os.getpid()}.new"
    try:
        file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        try:
            os.write(file, dumps(value) + b"\n")
        finally:
            os.close(file)
        os.replace(aside, path)
    except OSError as exc:
        raise CannotCreateError(f"--cursor {path}: {exc.strerror}") from exc
