"""What the values of options stand for: text, JSON, the content of files or of standard input."""

import errno
import math
import os
from typing import Any

import click

from gstream.errors import BadDataError, NoInputError
from gstream.events import loads


def read_file(name: str) -> bytes:
    """A whole file, or standard input for `-`.

    Raises:
        NoInputError: It cannot be read.
    """
    try:
        with open(0 if name == "-" else name, "rb", closefd=name != "-") as file:
            return file.read()
    except OSError as exc:
        raise unreadable(name, exc) from exc


def unreadable(name: str, exc: OSError) -> NoInputError:
    """The failure of reading a file, or standard input for `-`."""
    if name == "-" and exc.errno == errno.EBADF:
        return NoInputError("standard input is closed")
    return NoInputError(f"{name}: {exc.strerror}")


def json_value(option: str, value: str) -> Any:
    """The JSON of an option's value: itself, the content of `@FILE`, or stdin's for `@-`.

    Raises:
        BadDataError: It is not JSON, or a number in it is too large.
        NoInputError: The file cannot be read.
    """
    raw = read_file(value[1:]) if value.startswith("@") else os.fsencode(value)
    try:
        found = loads(raw)
    except BadDataError as exc:
        raise BadDataError(f"{option}: {exc}") from exc
    if not _is_finite(found):
        raise BadDataError(f"{option}: a number is too large")
    return found


def loose_json(option: str, value: str) -> Any:
    """As `json_value`, but what is no JSON is text.

    Raises:
        BadDataError: As `json_value`, or the text is not UTF-8.
        NoInputError: The file cannot be read.
    """
    if not value.startswith("@"):
        try:
            loads(os.fsencode(value))
        except BadDataError:
            return text_of(option, value)
    return json_value(option, value)


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


def _is_finite(value: Any) -> bool:
    """Whether no number in it was too large for JSON's readers, which make it infinite."""
    open_values = [value]
    while open_values:
        match open_values.pop():
            case float(number) if not math.isfinite(number):
                return False
            case dict(fields):
                open_values += fields.values()
            case list(parts):
                open_values += parts
    return True
