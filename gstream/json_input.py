"""JSON as a kind of input: events that stand one a line, one document, or an array. Pure.

Lines are NDJSON, as `--ndjson` writes it, where the first one is an event by itself; else they are
one document, such as an error body. An array is taken apart while it arrives.
"""

import io

from .documents import is_chunk, joined, values_in
from .errors import BadDataError, EventTooLargeError
from .events import NOTHING, Batch, dumps, loads
from .json_array import JSONArraySplitter
from .parser import EventParser, Placed

# A line of NDJSON that is broken or was cut holds it, most likely.
_EVENT_TYPE = b'"event_type"'


class LineInput:
    """Lines of JSON being read.

    Attributes:
        leftover: Whether they ended inside an event that could not be used.
        reads_lines: Whether each line is an event, as far as is known.
    """

    reads_array = False

    def __init__(self, parser: EventParser, max_event_size: int, offset: int) -> None:
        """Begin.

        Args:
            parser: Makes events of the JSON.
            max_event_size: Most bytes of one event or document.
            offset: How many bytes of the body came before.
        """
        self.leftover = self.reads_lines = False
        self._is_document = False
        self._parser = parser
        self._max_event_size = max_event_size
        self._size = offset
        self._pending = bytearray()
        self._failure: EventTooLargeError | None = None

    @property
    def pending_size(self) -> int:
        """How many of the newest bytes belong to a line or document that is not complete."""
        return len(self._pending)

    def feed(self, chunk: bytes) -> Batch:
        """Read the next bytes; returns the events that they complete.

        Raises:
            EventTooLargeError: An event or the document is larger than the bound.
        """
        if self._failure is not None:
            raise self._failure
        self._size += len(chunk)
        self._pending += chunk
        if b"\n" in chunk and not (self.reads_lines or self._is_document):
            self.reads_lines = _is_event(bytes(self._pending).partition(b"\n")[0])
            self._is_document = not self.reads_lines
        if b"\n" in chunk and self.reads_lines:
            return self._lines()
        check_size(len(self._pending), self._size - len(self._pending), self._max_event_size)
        return NOTHING

    def finish(self) -> Batch:
        """Say that nothing follows; returns the events of the document, or of a last line.

        A last line without its end counts if its JSON is complete.

        Raises:
            BadDataError: The document is none that is known.
            EventTooLargeError: As for `feed`.
        """
        if self._is_document or not self._pending:
            batch = self.feed(b"")
        elif self.reads_lines or _EVENT_TYPE in self._pending:
            self.reads_lines = True
            batch, broken = self._parser.forgiving(lambda: self.feed(b"\n"))
            self.leftover = bool(broken)
            return batch
        else:
            batch = self.feed(b"\n")
        return self._document() if self._is_document else batch

    def _lines(self) -> Batch:
        pending = self._pending
        end = pending.rfind(b"\n") + 1
        with memoryview(pending) as view:
            whole = bytes(view[:end])
        del pending[:end]
        lines = list(io.BytesIO(whole))
        irregular = b"\r" in whole
        begin = self._size - len(pending) - end
        if end > self._max_event_size:
            lines = self._bounded(lines, begin)
        del whole  # or a huge event would be held twice
        regular = _ended_by_lf(lines) if irregular else lines
        batch = None if regular is None else self._parser.parse(regular)
        return self._parser.one_by_one(_placed(begin, lines)) if batch is None else batch

    def _bounded(self, lines: list[bytes], begin: int) -> list[bytes]:
        """The lines before one that is too large; the next call raises for that one.

        Raises:
            EventTooLargeError: It is the first.
        """
        for number, line in enumerate(lines):
            try:
                check_size(len(line) - 1, begin, self._max_event_size)
            except EventTooLargeError as exc:
                if not number:
                    raise
                self._failure = exc
                return lines[:number]
            begin += len(line)
        return lines

    def _document(self) -> Batch:
        document = bytes(self._pending)
        self._pending.clear()
        values = values_in(document)
        raws = [document] if len(values) == 1 else map(dumps, values)
        try:
            return joined(*map(self._parser.values.feed, values, raws))
        except BadDataError as exc:
            raise BadDataError(f"the input is {exc}") from exc


class ArrayInput:
    """A JSON array being read, each element as soon as it is complete.

    Attributes:
        leftover: Whether it ended before its last bracket.
    """

    reads_lines = False
    reads_array = True

    def __init__(self, parser: EventParser, max_event_size: int, offset: int) -> None:
        """Begin; the arguments are those of `LineInput`."""
        self.leftover = False
        self._parser = parser
        self._splitter = JSONArraySplitter(max_event_size, offset=offset)
        self._empty = True

    @property
    def pending_size(self) -> int:
        """How many of the newest bytes belong to an element that is not complete."""
        return self._splitter.pending_size

    def feed(self, chunk: bytes) -> Batch:
        """Read the next bytes; returns the events that they complete.

        Raises:
            BadDataError: It is no array of objects.
            EventTooLargeError: An element is larger than the bound.
        """
        elements = self._splitter.feed(chunk)
        self._empty = self._empty and not elements
        return self._parser.elements(elements)

    def finish(self) -> Batch:
        """Say that nothing follows; returns what a converter held back.

        Raises:
            BadDataError: It is empty, or as for `feed`.
        """
        self._splitter.finish()
        self.leftover = not self._splitter.closed
        if self.leftover:
            return self._parser.values.break_off()
        if self._empty:
            raise BadDataError("the input is an empty JSON array")
        return NOTHING


def check_size(size: int, place: int, max_event_size: int) -> None:
    """Let no piece of input be larger than the bound.

    Args:
        size: Its bytes.
        place: Where it begins in the body, in bytes.
        max_event_size: The bound, in bytes.

    Raises:
        EventTooLargeError: It is.
    """
    if size > max_event_size:
        raise EventTooLargeError(
            f"the input at byte {place} is one piece of more than {max_event_size} bytes",
            hint="raise the bound with --max-event-size",
        )


def _is_event(line: bytes) -> bool:
    """Whether a first line is an event by itself; a broken one most likely was if it says so."""
    try:
        value = loads(line)
    except BadDataError:
        return _EVENT_TYPE in line and line.rstrip().endswith(b"}")
    return is_chunk(value) or (isinstance(value, dict) and "event_type" in value)


def _ended_by_lf(lines: list[bytes]) -> list[bytes] | None:
    """Lines without the CR at their ends; None if there are others: none may be in a string."""
    ended = [line.rstrip(b"\r\n") + b"\n" for line in lines]
    return None if any(b"\r" in line for line in ended) else ended


def _placed(offset: int, lines: list[bytes]) -> list[Placed]:
    """Lines that are not blank, with what is known of each; the first one is at an offset."""
    placed: list[Placed] = []
    for line in lines:
        if line.strip():
            placed.append((line, None, offset))
        offset += len(line)
    return placed
