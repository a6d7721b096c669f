"""A cursor: where a run is in its stream, so that another run can go on (DESIGN 7.4).

Pure; `cursor_file.py` keeps it in a file, as one JSON line.
"""

from dataclasses import dataclass, field
from typing import Any

from .errors import BadDataError
from .events import Event, dumps, loads
from .inline import decoded
from .ledger import Ledger
from .views import VIEWS

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
        request: The hash of the request that began it; empty where another program did.
        hops: The ids of the interactions that it continues, in order (PROTOCOL d.5).
        token: The continuation token that it was begun with; empty without one.
        flawed: Whether events could not be read that do not come again.
    """

    interaction_id: str = ""
    last_event_id: str = ""
    view: str = "text"
    status: str = ""
    finished: bool = False
    ledger: Event = field(default_factory=dict)
    view_state: Event = field(default_factory=dict)
    request: str = ""
    hops: list[str] = field(default_factory=list)
    token: str = ""
    flawed: bool = False

    def restored_ledger(self, path: str) -> Ledger:
        """The ledger of the run that wrote the cursor.

        Raises:
            BadDataError: The file was not written by gstream.
        """
        try:
            return Ledger.from_json(self.ledger)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as exc:
            raise BadDataError(f"--cursor {path}: this is no cursor of gstream") from exc


def parse(data: bytes, path: str) -> Cursor:
    """The cursor in the content of a file.

    Args:
        data: The content.
        path: The name of the file, for messages.

    Raises:
        BadDataError: It is no cursor.
    """
    try:
        value: Any = loads(data)
        if value.pop("gstream_cursor") != _VERSION:
            raise KeyError
        return _checked(Cursor(**value))
    except (BadDataError, KeyError, TypeError, AttributeError) as exc:
        raise BadDataError(f"--cursor {path}: this is no cursor of gstream") from exc


def dump(cursor: Cursor) -> bytes:
    """The content of the file of a cursor."""
    fields = {name: getattr(cursor, name) for name in Cursor.__dataclass_fields__}
    return dumps({"gstream_cursor": _VERSION} | fields) + b"\n"


def _checked(cursor: Cursor) -> Cursor:
    """The cursor, if its fields are what a run writes.

    Raises:
        TypeError: They are not.
    """
    for name in Cursor.__dataclass_fields__:
        if not isinstance(getattr(cursor, name), type(getattr(_EMPTY, name))):
            raise TypeError(name)
    if cursor.view not in VIEWS:
        raise TypeError("view")
    shown = cursor.view_state.get("shown", [])
    if not (isinstance(shown, list) and all(isinstance(index, int) for index in shown)):
        raise TypeError("shown")
    media = cursor.view_state.get("media")
    if media is not None and not _is_media_state(media):
        raise TypeError("media")
    if not all(isinstance(hop, str) for hop in cursor.hops):
        raise TypeError("hops")
    return cursor


def _is_media_state(value: Any) -> bool:
    """Whether a value says what is saved: lists of paths by the hashes of their bytes.

    And what has begun: the number, the first event and the base64 of audio, by its step.
    """
    match value:
        case {"files": dict(files), **rest}:
            audio = rest.get("audio", {})
        case _:
            return False
    saved = all(
        isinstance(paths, list) and all(isinstance(path, str) for path in paths)
        for paths in files.values()
    )
    return saved and isinstance(audio, dict) and all(map(_is_audio, audio.items()))


def _is_audio(item: tuple[str, Any]) -> bool:
    index, begun = item
    match begun:
        case [int(), {"delta": dict()}, str(data)]:
            try:
                return index.isdecimal() and bool(decoded(data))
            except ValueError:
                return False
    return False


_EMPTY = Cursor()
