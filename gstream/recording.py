"""Recordings: valid SSE whose comment lines hold the request and the times (DESIGN 8.1). Pure.

Between the received bytes, which are unchanged, stand comment lines that every parser skips:

    : gstream-recording 1
    : {"recorded":…,"version":…,"request":{"method":…,"path":…,"body":…}}
    : +SECONDS          since the block before; since the request before the first
    : reconnect {…}     a new connection
    : exit {…}          how the run ended

A file may hold several recordings one after another: the turns of one run, or files joined by
`cat`. SSE without any of these lines is a recording without a request and without times.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import orjson

from .events import Event, exact

FIRST_LINE = b": gstream-recording 1\n"

Clock = Callable[[], float]
Sleep = Callable[[float], None]

# Our lines end in LF and begin where a line begins, even in a stream whose lines end in CR. Each is
# found with the line end before it: a look behind would be tried at every byte.
_OUR_LINE = re.compile(
    rb"[\r\n]: "
    rb"(?:\+(?P<seconds>[0-9]{1,9}(?:\.[0-9]{1,9})?)"
    rb"|(?P<first>gstream-recording [0-9]{1,9})"
    rb"|(?P<word>(?:reconnect |exit )?)(?P<json>\{[^\r\n]*\}))"
    rb"[ \t]*(?=\r?\n)"
)
# After a block that was late, the next ones come this much sooner at most: pauses stay pauses.
_CATCH_UP = 0.002

# What `time.sleep` takes on any system, and longer than anybody waits.
_LONGEST_SLEEP = 1e6


class Part(NamedTuple):
    """Received bytes, and the seconds that passed before they came."""

    seconds: float
    data: bytes


class Header(NamedTuple):
    """The beginning of a recording: when, by which version, and the request, as far as known."""

    fields: Event


class Exit(NamedTuple):
    """The end of the run that was recorded: its exit code as `status`, and why."""

    fields: Event


Piece = Header | Part | Exit


class Recording(NamedTuple):
    """A recording that was read.

    Attributes:
        name: What it is called in messages.
        header: When, by which version, and the request: method, path, body.
        parts: The received bytes in order.
        exit: How the run ended; empty if the recording does not say.
    """

    name: str
    header: Event
    parts: list[Part]
    exit: Event

    @property
    def body(self) -> Event:
        """The body of the recorded request; empty if it was not recorded."""
        match self.header:
            case {"request": {"body": dict(body)}}:
                return body
        return {}

    @property
    def path(self) -> str:
        """The path of the recorded request; empty if it was not recorded."""
        match self.header:
            case {"request": {"path": str(path)}}:
                return path
        return ""


def read(name: str, data: bytes) -> list[Recording]:
    """The recordings in a file; other SSE is one without a request and without times."""
    found = [Recording(name, {}, [], {})]
    for piece in pieces([data]):
        match piece:
            case Header(fields):
                found.append(Recording(name, fields, [], {}))
            case Part():
                found[-1].parts.append(piece)
            case _:  # its exit
                found[-1].exit.update(piece.fields)
    return [one for one in found if one.parts or one.header]


def pieces(chunks: Iterable[bytes], *, timed: bool = True) -> Iterator[Piece]:
    """Take recordings apart while they are read; keeps no more than a line that is not whole.

    Args:
        chunks: The bytes of a file.
        timed: Whether the seconds between its parts matter; else there are fewer parts, without.
    """
    cutter = _Cutter(timed=timed)
    pending = bytearray()
    for chunk in chunks:
        pending += chunk
        whole = chunk.rfind(b"\n") + 1
        if whole:
            size = len(pending) - len(chunk) + whole
            region = bytes(pending[:size])
            del pending[:size]
            yield from cutter.cut(region)
    yield from cutter.cut(bytes(pending))


class _Cutter:
    """Tells our lines from the received bytes; what came at once is one part."""

    def __init__(self, *, timed: bool) -> None:
        self._timed = timed
        self._seconds = 0.0
        self._header_follows = False
        self._data: list[bytes] = []

    def cut(self, region: bytes) -> Iterator[Piece]:
        """Take whole lines apart."""
        lines = b"\n" + region
        start = 1
        for line in _OUR_LINE.finditer(lines):
            before = line.start() + 1
            header = self._header_follows and before == start
            if line.lastgroup == "json" and not (line["word"] or header):
                continue  # a comment of the server's own
            self._take(lines[start:before])
            yield from self._our_line(line)
            start = lines.index(b"\n", line.end()) + 1
        self._take(lines[start:])
        yield from self._part()

    def _take(self, data: bytes) -> None:
        if data:
            self._data.append(data)
            self._header_follows = False

    def _part(self) -> Iterator[Part]:
        if self._data:
            yield Part(self._seconds, b"".join(self._data))
            self._data.clear()
            self._seconds = 0.0

    def _our_line(self, line: re.Match[bytes]) -> Iterator[Piece]:
        if line.lastgroup == "seconds":  # stands even in a header, where a recording was recorded
            if self._timed and (seconds := float(line["seconds"])):
                yield from self._part()
                self._seconds += seconds
            return
        self._header_follows = line.lastgroup == "first"
        if line.lastgroup == "json" and line["word"] != b"reconnect ":
            yield from self._part()
            fields = _fields(line["json"])
            yield Exit(fields) if line["word"] else Header(fields)


def _fields(text: bytes) -> Event:
    try:
        fields: Event = exact(orjson.loads(text), text)
    except orjson.JSONDecodeError:
        return {}
    return fields


class Pace:
    """Waits as it was waited when a recording was made."""

    def __init__(
        self, sleep: Sleep, clock: Clock, *, speed: float = 1.0, longest: float | None = None
    ) -> None:
        """Start the clock.

        Args:
            sleep: Waits some seconds.
            clock: Seconds that only go forward.
            speed: How much faster than recorded; 0 does not wait.
            longest: Seconds of the longest wait, before the speed shortens it.
        """
        self._sleep = sleep
        self._clock = clock
        self._speed = speed
        self._longest = longest
        self._due = clock()

    def wait(self, seconds: float) -> None:
        """Return when these seconds have passed since the last return."""
        if not (self._speed and seconds):
            return
        if self._longest is not None:
            seconds = min(seconds, self._longest)
        now = self._clock()
        # From when the last wait should have ended: what sleeping overshoots does not add up.
        self._due = max(self._due, now - _CATCH_UP) + seconds / self._speed
        if self._due > now:
            self._sleep(min(self._due - now, _LONGEST_SLEEP))

    def play(self, parts: Iterable[Part]) -> Iterator[bytes]:
        """The bytes of a recording at this pace."""
        for part in parts:
            self.wait(part.seconds)
            yield part.data
