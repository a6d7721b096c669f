"""Raw JSON among server-sent events, where servers write errors (PROTOCOL d.6). Pure."""

from typing import TYPE_CHECKING

from .documents import error_of
from .errors import BadDataError, EventTooLargeError
from .events import Event, loads

if TYPE_CHECKING:
    from .json_array import JSONArraySplitter

_FIRST_WORDS = 200


class RawJSON:
    """The lines of a stream that are no fields, until they are a JSON value.

    Attributes:
        words: The first words of the newest one.
    """

    def __init__(self, max_size: int) -> None:
        """Begin outside of any; `max_size` is the most bytes of one."""
        self.words = b""
        self._max_size = max_size
        self._inside: JSONArraySplitter | None = None

    @property
    def is_open(self) -> bool:
        """Whether one has begun and is not complete."""
        return self._inside is not None

    def feed(self, line: bytes) -> Event | None:
        """Take a line; returns the error that it completes, an empty one for any other value.

        Words in brackets that are no JSON are nothing.

        Raises:
            EventTooLargeError: It is larger than the bound.
        """
        if self._inside is None:
            if not line.startswith((b"{", b"[")):
                return None
            from .json_array import JSONArraySplitter

            self._inside = JSONArraySplitter(self._max_size)
            self._inside.feed(b"[" if line.startswith(b"{") else b"")
            self.words = b""
        self.words += line[: _FIRST_WORDS - len(self.words)]
        try:
            elements = self._inside.feed(line)
            error = error_of(loads(elements[0].raw)) if elements else None
        except EventTooLargeError:
            raise
        except BadDataError:
            error = None
            self._inside = None
        if error is not None:
            self._inside = None
        return error
