"""What the values of options stand for: text, JSON, the content of files or of standard input."""

import codecs
import errno
import os
from typing import Any

import click

from gstream.errors import BadDataError, NoInputError, input_name
from gstream.events import loads, loads_exactly
from gstream.sendable import flaw_in

_PIECE = 1024 * 1024

MOST_BYTES = 100 * _PIECE
"""Of a file whose content is sent: more than that no request holds."""


def read_file(name: str, *, most: float = MOST_BYTES) -> bytes:
    """A whole file, or standard input for `-`.

    Args:
        name: Its name.
        most: Bytes that it may have: some files, such as devices, never end.

    Raises:
        NoInputError: It cannot be read.
        BadDataError: It is too large.
    """
    content = bytearray()
    try:
        with open(0 if name == "-" else name, "rb", closefd=name != "-") as file:
            while piece := file.read(_PIECE):
                content += piece
                if len(content) > most:
                    raise BadDataError(
                        f"{input_name(name)}: more than {MOST_BYTES >> 20} MiB are too many"
                    )
    except OSError as exc:
        raise unreadable(name, exc) from exc
    return bytes(content)


def read_text(name: str) -> bytes:
    """As `read_file`, without the byte order mark that some editors begin a text with."""
    return read_file(name).removeprefix(codecs.BOM_UTF8)


def unreadable(name: str, exc: OSError) -> NoInputError:
    """The failure of reading a file, or standard input for `-`."""
    if name == "-" and exc.errno == errno.EBADF:
        return NoInputError("standard input is closed")
    return NoInputError(f"{input_name(name)}: {exc.strerror}")


def json_value(option: str, value: str) -> Any:
    """The JSON of an option's value: itself, the content of `@FILE`, or stdin's for `@-`.

    Raises:
        BadDataError: It is not JSON, or nothing that can be sent.
        NoInputError: The file cannot be read.
    """
    of_file = value.startswith("@")
    if value == "@":
        raise click.UsageError(f"{option} @: which file?")
    raw = read_text(value[1:]) if of_file else os.fsencode(value)
    where = f"{option} {value}" if of_file else option
    try:
        raw.decode()
        found = loads_exactly(raw)
    except UnicodeDecodeError as exc:
        raise BadDataError(f"{where}: not UTF-8 at byte {exc.start}") from exc
    except BadDataError as exc:
        hint = f"a file is written @{value}" if os.path.isfile(value) else ""
        raise BadDataError(f"{where}: {exc}", hint=hint) from exc
    if problem := flaw_in(found):
        raise BadDataError(f"{where}: {problem}")
    return found


def loose_json(option: str, value: str) -> Any:
    """As `json_value`, but what is no JSON is text.

    Raises:
        BadDataError: As `json_value`, or the text is not UTF-8.
        NoInputError: The file cannot be read.
    """
    if value.startswith("@") or is_json(value):
        return json_value(option, value)
    return text_of(option, value)


def is_json(value: str) -> bool:
    """Whether an option's value is JSON as it stands."""
    try:
        loads(os.fsencode(value))
    except BadDataError:
        return False
    return True


def text_of(option: str, value: str) -> str:
    """The text of an option's value: its bytes as UTF-8, whatever the locale.

    Raises:
        BadDataError: They are not UTF-8.
    """
    try:
        return os.fsencode(value).decode()
    except UnicodeDecodeError as exc:
        raise BadDataError(f"{option}: not UTF-8 at byte {exc.start}") from exc


def check_stdin_once(uses: int) -> None:
    """Refuse to read standard input twice.

    Raises:
        click.UsageError: It is named more than once.
    """
    if uses > 1:
        raise click.UsageError("standard input (-) can be read only once")
