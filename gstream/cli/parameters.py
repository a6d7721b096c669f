"""The types of options: each turns a word of the command line into a value, or says what is wrong.

What they refuse is refused before anything is read, written or sent.
"""

import re
from typing import Any

import click

from .given import text_of

_SIZES = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_SIZE = re.compile(r"([0-9]{1,15})\s*([kmg]?)(?:i?b)?", re.IGNORECASE)
_COUNT = re.compile(r"\s*\+?[0-9]{1,15}\s*", re.ASCII)
_VERSION = re.compile(r"(?!\.)[A-Za-z0-9._~-]+(?:/(?!\.)[A-Za-z0-9._~-]+)*")

_LONGEST_SHOWN = 80

LONGEST = 1e6
"""Seconds, eleven days: longer than anybody waits, and not too long for any system."""


class _Parameter(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4 only
    name = "value"


class Size(_Parameter):
    """A number of bytes, with K, M or G as powers of 1024."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        found = _SIZE.fullmatch(str(value).strip())
        if found is None or int(found[1]) == 0:
            self.fail(f"{_shown(value)} is not a size like 1000, 64K or 256MiB", param, ctx)
        return int(found[1]) * _SIZES[found[2].lower()]


class Count(_Parameter):
    """A whole number."""

    def __init__(self, least: int = 0) -> None:
        """Begin.

        Args:
            least: The smallest number that it may be.
        """
        self._least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        if not _COUNT.fullmatch(str(value)) or int(value) < self._least:
            wanted = f"a whole number of at least {self._least}"
            self.fail(f"{_shown(value)} is not {wanted}", param, ctx)
        return int(value)


class Number(_Parameter):
    """A number that can be reckoned with: not infinite, not `nan`, not negative."""

    def __init__(self, *, zero: bool = False, most: float = LONGEST) -> None:
        """Begin.

        Args:
            zero: Whether it may be 0.
            most: The largest number that it may be.
        """
        self._zero = zero
        self._most = most

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not (0 < number <= self._most or (self._zero and number == 0)):
            least = "from 0" if self._zero else "above 0"
            self.fail(f"{_shown(value)} is not a number {least} up to {self._most:.0f}", param, ctx)
        return number


class Text(_Parameter):
    """Text, which is UTF-8 whatever the locale.

    Raises `BadDataError` for other bytes, as all options of text do.
    """

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return text_of(_name_of(param), str(value))


class InteractionId(Text):
    """An id that is a part of a path of its own."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = super().convert(value, param, ctx)
        if text in {".", ".."}:
            self.fail(f"{text!r} is a step of a path, and no id", param, ctx)
        return text


class Version(Text):
    """A version of the API, in a path."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = super().convert(value, param, ctx)
        if not _VERSION.fullmatch(text):
            self.fail(f"{_shown(text)} is not a version like v1beta", param, ctx)
        return text


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _name_of(parameter: click.Parameter | None) -> str:
    match parameter:
        case click.Option(opts=[*_, name]):
            return name
        case click.Parameter(metavar=str(name)):
            return name.strip("[]")
    return "value"
