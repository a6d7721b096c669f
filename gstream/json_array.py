"""Take a JSON array of objects apart while it arrives: chunks of bytes in, whole elements out.

Pure. An element is handed on with its last byte; the regular expressions know strings and escapes,
and look at every byte once, in C. Whether an element is valid JSON inside is not looked at.
Grammar: RFC 8259, section 5 <https://www.rfc-editor.org/rfc/rfc8259#section-5>.
"""

import re
from typing import NamedTuple

from .errors import BadDataError, EventTooLargeError
from .events import shorten
from .sse import MAX_EVENT_SIZE

# Possessive throughout: nothing is ever given back, so time and memory stay linear.
_BLANKS = re.compile(rb"[ \t\r\n]*+")
_IN_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_TO_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+', re.DOTALL)

_QUOTE = ord('"')
_OPENING = frozenset(b"{[")

# What may stand between elements, and what is due after it.
_ARRAY = {ord("["): "first"}
_PLACES: dict[str, dict[int, str]] = {
    "array": _ARRAY,
    "first": {ord("{"): "element", ord("]"): "array"},
    "next": {ord("{"): "element"},
    "separator": {ord(","): "next", ord("]"): "array"},
}


class Element(NamedTuple):
    """One element of the array.

    Attributes:
        raw: Its bytes.
        offset: Where it begins in the input, in bytes.
    """

    raw: bytes
    offset: int


class JSONArraySplitter:
    """An array that is arriving; another one may follow it."""

    def __init__(self, max_event_size: int = MAX_EVENT_SIZE, *, offset: int = 0) -> None:
        """Start before the opening bracket.

        Args:
            max_event_size: Most bytes of one element; a larger one raises `EventTooLargeError`.
            offset: How many bytes of the input came before.
        """
        self._max_event_size = max_event_size
        self._offset = offset
        self._due = "array"
        self._pending = bytearray()
        self._begin = 0
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self._failure: BadDataError | None = None

    @property
    def closed(self) -> bool:
        """Whether no array is open."""
        return self._due == "array"

    @property
    def pending_size(self) -> int:
        """How many of the newest bytes belong to an element that is not complete."""
        return len(self._pending)

    def feed(self, chunk: bytes) -> list[Element]:
        """Take the next bytes; returns the elements that they complete.

        Raises:
            BadDataError: This is no array of objects. What came before it was returned.
            EventTooLargeError: An element is larger than the bound. As above.
        """
        self.finish()
        elements: list[Element] = []
        at = 0
        try:
            while at < len(chunk):
                if self._due == "element":
                    at = self._inside(chunk, at, elements)
                else:
                    at = self._between(chunk, at)
        except BadDataError as exc:
            self._failure = exc
            if not elements:
                raise
        self._offset += len(chunk)
        return elements

    def finish(self) -> None:
        """Say that nothing follows.

        Raises:
            BadDataError: As for `feed`, where elements came before it in the same chunk.
        """
        if self._failure is not None:
            raise self._failure

    def _between(self, chunk: bytes, at: int) -> int:
        """Take one bracket or comma between elements; returns where to go on."""
        at = _BLANKS.match(chunk, at).end()  # type: ignore[union-attr]  # it matches anything
        if at == len(chunk):
            return at
        places = _PLACES[self._due]
        if chunk[at] not in places:
            due = " or ".join(chr(byte) for byte in places)
            raise BadDataError(
                f"the input is no JSON array of objects: {shorten(bytes(chunk[at : at + 1]))} "
                f"at byte {self._offset + at}, where {due} was due"
            )
        self._due = places[chunk[at]]
        if self._due == "element":
            self._begin = self._offset + at
            return at  # its bracket is part of it
        return at + 1

    def _inside(self, chunk: bytes, at: int, elements: list[Element]) -> int:
        """Take bytes of an element, to its end at most; returns where to go on."""
        begin = at
        while at < len(chunk):
            if self._in_string:
                at = self._string(chunk, at)
                continue
            at = _TO_BRACKET.match(chunk, at).end()  # type: ignore[union-attr]
            if at == len(chunk):
                break
            byte = chunk[at]
            at += 1
            if byte == _QUOTE:
                self._in_string = True
            else:
                self._depth += 1 if byte in _OPENING else -1
                if self._depth == 0:
                    self._check_size(at - begin)
                    elements.append(self._element(chunk[begin:at]))
                    return at
        self._check_size(at - begin)
        self._pending += chunk[begin:] if begin else chunk
        return at

    def _element(self, end: bytes) -> Element:
        self._due = "separator"
        if not self._pending:
            return Element(end, self._begin)
        self._pending += end
        raw = bytes(self._pending)
        self._pending = bytearray()
        return Element(raw, self._begin)

    def _string(self, chunk: bytes, at: int) -> int:
        """Take bytes of a string that began in an earlier place; returns where to go on."""
        if self._escaped:
            self._escaped = False
            at += 1
        at = _IN_STRING.match(chunk, at).end()  # type: ignore[union-attr]
        if at == len(chunk):
            return at
        if chunk[at] == _QUOTE:
            self._in_string = False
        else:
            self._escaped = True  # a backslash is the last byte of the chunk
        return at + 1

    def _check_size(self, more: int) -> None:
        if len(self._pending) + more > self._max_event_size:
            raise EventTooLargeError(
                f"the element at byte {self._begin} is larger than {self._max_event_size} bytes",
                hint="raise the bound with --max-event-size",
            )
