"""What must hold of any stream, in any chunks. A target raises what it finds."""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson

from gstream import Stream
from gstream.cli.playing import play
from gstream.cli.thoughts import Thoughts
from gstream.errors import EXIT_CODES, BadDataError, GstreamError
from gstream.events import dumps
from gstream.json_array import JSONArraySplitter
from gstream.partial_args import PartialArgs
from gstream.recording import Piece, pieces, read
from gstream.recording_writer import Recorder, RecordingFile, Tape
from gstream.session import Session
from gstream.sink import Sink
from gstream.stats import Meter
from gstream.views import VIEWS

Chunks = list[bytes]
Target = Callable[[Chunks], None]

_DOCUMENTED = {code.code for code in EXIT_CODES} - {1}
_OUR_LINE = re.compile(rb"(?:\A|[\r\n]|\xef\xbb\xbf): (?:\+|gstream-recording|exit|reconnect)")
_LINES_OF_CALLS = re.compile(rb"\s*\{.*requires_action", re.DOTALL)
_OF_JSON = frozenset({"ndjson", "steps", "json"})
_UNBOUNDED = 1 << 28
_BOUNDED = 300


@dataclass
class Outcome:
    """What a run came to."""

    out: bytes = b""
    exit_code: int = 0
    message: str = ""
    reports: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    stats: dict[str, Any] = field(default_factory=dict)
    unreadable: bool = False


class Memory(RecordingFile):
    """A recording in memory."""

    def __init__(self) -> None:
        super().__init__(-1, "memory")
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data

    def close(self) -> None:
        """Nothing is open."""


class FakeRun:
    """A run for `play`: a session alone."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.feed = session.feed
        self.tapes: list[Tape] = []


def ran(
    view: str,
    drive: Callable[[Session], object],
    *,
    flush: str = "event",
    max_event_size: int = _UNBOUNDED,
    recorder: Recorder | None = None,
) -> Outcome:
    """A run with all that looks on beside the view."""
    written: list[bytes] = []
    reports: list[str] = []
    thoughts: list[str] = []
    meter = Meter(lambda: 0.0)
    session = Session(
        VIEWS[view](),
        Sink(written.append, flush=flush),
        report=reports.append,
        observers=[meter, Thoughts(thoughts.append)],
        raw_observers=[recorder] if recorder else [],
        max_event_size=max_event_size,
    )
    failure: GstreamError | None = None
    try:
        drive(session)
    except GstreamError as exc:
        failure = exc
    cause = failure and failure.__cause__  # of a refusal whose body is unreadable
    bad = isinstance(failure, BadDataError) or isinstance(cause, BadDataError)
    failure = session.close(failure)
    code = failure.exit_code if failure else 0
    stats = meter.as_json(session.progress, code)
    if failure is not None and view == "ndjson":
        written.append(session.exit_line(failure, code))
    return Outcome(b"".join(written), code, str(failure or ""), reports, thoughts, stats, bad)


def feeding(chunks: Iterable[bytes]) -> Callable[[Session], None]:
    """Drive a session with one body."""

    def drive(session: Session) -> None:
        for chunk in chunks:
            session.feed(chunk)
        session.end_input()

    return drive


def playing(found: Iterable[Piece]) -> Callable[[Session], None]:
    """Drive a session with recordings."""
    return lambda session: play(FakeRun(session), found)  # type: ignore[arg-type]


def check_outcome(view: str, outcome: Outcome) -> None:
    """Look whether this may be the outcome of a run at all."""
    assert outcome.exit_code in {0, *_DOCUMENTED}, f"exit code {outcome.exit_code}"
    assert bool(outcome.exit_code) == bool(outcome.message), "a failure without a message"
    if view in _OF_JSON:
        lines = outcome.out.split(b"\n")
        assert lines.pop() == b"", "the last line has no end"
        for line in lines:
            # The standard library's: a lone surrogate that was received is passed on as it is.
            assert isinstance(json.loads(line), dict), f"no object: {line[:80]!r}"


def check_same(view: str, whole: Outcome, cut: Outcome) -> None:
    """Look whether the chunks made a difference."""
    ends = (cut.exit_code, cut.message), (whole.exit_code, whole.message)
    check_equal("the end", *ends)
    check_equal("what is told", sorted(cut.reports), sorted(whole.reports))
    check_equal("the thoughts", cut.thoughts, whole.thoughts)
    check_equal("the statistics", cut.stats, whole.stats)
    if view != "sse" or not whole.unreadable:  # raw bytes go out before they are found to be so
        check_equal("the output", cut.out, whole.out)


def check_equal(what: str, got: object, wanted: object) -> None:
    """Raise with both values where two are not the same."""
    if got != wanted:
        raise AssertionError(f"{what}: {got!r} instead of {wanted!r}")


def shows(view: str, flush: str = "event", max_event_size: int = _UNBOUNDED) -> Target:
    """A view: what it shows, how the run ends and what is told do not depend on the chunks."""

    def target(chunks: Chunks) -> None:
        given: Any = {"flush": flush, "max_event_size": max_event_size}
        whole = ran(view, feeding([b"".join(chunks)]), **given)
        check_outcome(view, whole)
        check_same(view, whole, ran(view, feeding(chunks), **given))

    return target


def again(chunks: Chunks) -> None:
    """What `--ndjson` wrote, read again, gives the same in every view.

    It has no line for `[DONE]`: an end that nothing else tells is not told again.
    """
    data = b"".join(chunks).replace(b"[DONE]", b"{}")
    lines = ran("ndjson", feeding([data])).out
    for view in ("text", "ndjson", "steps", "json"):
        first, second = ran(view, feeding([data])), ran(view, feeding([lines]))
        outs = (_without_exit(one.out) for one in (second, first))
        check_equal(f"{view} output", *outs)
        check_equal(f"{view} exit code", second.exit_code, first.exit_code)


def recorded(chunks: Chunks) -> None:
    """The recording of a run reads like the run.

    Unless the server writes our lines itself, or the input is `--ndjson` output of a run that
    answered calls: a recording of that does not know where one turn ended.
    """
    data = b"".join(chunks)
    if _OUR_LINE.search(data) or _LINES_OF_CALLS.match(data):
        return
    file = Memory()
    recorder = Recorder(file, begun=lambda: None, clock=lambda: 0.0, now=lambda: "", version="0")
    recorder.request("POST", "/interactions", {})
    run = ran("ndjson", feeding(chunks), recorder=recorder)
    recorder.exit({"status": run.exit_code, "message": run.message})
    second = ran("ndjson", playing(pieces([file.data], timed=False)))
    check_equal("the exit code", second.exit_code, run.exit_code)
    check_equal("the output", _without_exit(second.out), _without_exit(run.out))


def _without_exit(lines: bytes) -> list[bytes]:
    return [line for line in lines.split(b"\n") if b'"gstream.exit"' not in line]


def replayed(chunks: Chunks) -> None:
    """A recording is taken apart and played the same in any chunks, and no byte is lost."""
    data = b"".join(chunks)
    whole = list(pieces([data]))
    check_equal("the pieces", _joined(pieces(chunks)), _joined(whole))
    for way in (pieces, partial(pieces, timed=False)):
        outcome = ran("ndjson", playing(way([data])))
        check_outcome("ndjson", outcome)
        check_same("ndjson", outcome, ran("ndjson", playing(way(chunks))))
    read("x", data)


def _joined(found: Iterable[Piece]) -> list[Any]:
    """Pieces, those that came at once as one."""
    joined: list[Any] = []
    for name, piece in ((type(piece).__name__, piece) for piece in found):
        if name == "Part" and piece[0] == 0 and joined and joined[-1][0] == "Part":
            joined[-1][1][1] += piece[1]
        else:
            joined.append((name, list(piece)))
    return joined


def library(chunks: Chunks) -> None:
    """`Stream` yields the same events in any chunks and raises documented failures only."""
    whole = _streamed([b"".join(chunks)])
    check_equal("the stream", _streamed(chunks), whole)
    assert whole[-1][0] in {0, *_DOCUMENTED}


def _streamed(chunks: Chunks) -> tuple[list[Any], Any, tuple[int, str]]:
    stream = Stream(chunks)
    events: list[Any] = []
    try:
        events.extend(stream)
    except GstreamError as exc:
        return events, stream.interaction, (exc.exit_code, str(exc))
    return events, stream.interaction, (0, "")


def array(chunks: Chunks) -> None:
    """Each element of a JSON array is found at its place, in any chunks."""
    data = b"".join(chunks)
    found, failure = _elements(chunks)
    check_equal("the elements", (found, failure), _elements([data]))
    for raw, offset in found:
        assert data[offset : offset + len(raw)] == raw


def _elements(chunks: Chunks) -> tuple[list[Any], str]:
    splitter = JSONArraySplitter(_BOUNDED)
    found: list[Any] = []
    try:
        for chunk in chunks:
            found += splitter.feed(chunk)
        splitter.finish()
    except BadDataError as exc:
        return found, str(exc)
    return found, ""


def arguments(chunks: Chunks) -> None:
    """Pieces of arguments become an object that can be written, of a size like theirs."""
    try:
        given = orjson.loads(b"".join(chunks))
    except orjson.JSONDecodeError:
        return
    args = PartialArgs()
    for piece in given if isinstance(given, list) else [given]:
        args.feed(piece)
    assert len(dumps(args.joined())) < 1_000_000


STREAM_TARGETS: dict[str, Target] = {
    **{view: shows(view) for view in VIEWS},
    **{f"{view}-bounded": shows(view, max_event_size=_BOUNDED) for view in ("text", "ndjson")},
    "text-line": shows("text", "line"),
    "steps-end": shows("steps", "end"),
    "again": again,
    "recorded": recorded,
    "library": library,
}
