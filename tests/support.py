"""Builders of streams, the ways to cut them, and the program as a user runs it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import orjson
from hypothesis import strategies as st

from gstream.errors import BadDataError
from gstream.events import Batch, batch_of
from gstream.reader import EventReader
from gstream.steps import Accumulator, Interaction, Step

Event = dict[str, Any]
T = TypeVar("T")

STREAMS = Path(__file__).parent / "data" / "streams"
INTERACTION_ID = "v1_built"
ERROR: Event = {"code": 503, "message": "gone", "status": "UNAVAILABLE"}
RAW_ERROR = b"[" + orjson.dumps({"error": ERROR}, option=orjson.OPT_INDENT_2) + b"]"
"""The same as servers write it into a stream, which is no server-sent event (PROTOCOL d.6)."""

_FOREIGN = ("GEMINI_", "GOOGLE_", "GSTREAM_")


def event(kind: str, **fields: Any) -> Event:
    """An event."""
    return {"event_type": kind, **fields}


def created(interaction_id: str = INTERACTION_ID, **fields: Any) -> Event:
    """The event that begins an interaction."""
    interaction = {"id": interaction_id, "status": "in_progress", **fields}
    return event("interaction.created", interaction=interaction)


def completed(status: str = "completed", **fields: Any) -> Event:
    """The event that ends an interaction."""
    interaction = {"id": INTERACTION_ID, "status": status, **fields}
    return event("interaction.completed", interaction=interaction)


def start(kind: str = "model_output", *, index: int = 0, **fields: Any) -> Event:
    """The event that starts a step."""
    return event("step.start", index=index, step={"type": kind, **fields})


def delta(kind: str = "text", *, index: int = 0, **fields: Any) -> Event:
    """The event that brings a delta; one without a type if `kind` is empty."""
    typed = {"type": kind} if kind else {}
    return event("step.delta", index=index, delta={**typed, **fields})


def stop(index: int = 0, **fields: Any) -> Event:
    """The event that ends a step."""
    return event("step.stop", index=index, **fields)


def answer(*texts: str, status: str = "completed") -> list[Event]:
    """The events of an interaction that answers with some deltas of text."""
    deltas = [delta(text=text) for text in texts]
    return [created(), start(), *deltas, stop(), completed(status)]


def line(of: Event) -> bytes:
    """An event as one line of JSON."""
    return orjson.dumps(of) + b"\n"


def ndjson(*events: Event) -> bytes:
    """Events as NDJSON."""
    return b"".join(map(line, events))


def block(of: Event) -> bytes:
    """An event as a block of server-sent events."""
    return b"event: %b\ndata: %b\n" % (of["event_type"].encode(), line(of))


def stream(*events: Event, done: bool = True) -> bytes:
    """Events as a stream, the way the API sends it; ended by `[DONE]` unless it is cut."""
    return b"".join(map(block, events)) + (b"event: done\ndata: [DONE]\n\n" if done else b"")


def batch(*events: Event) -> Batch:
    """Events as the reader hands them on."""
    return batch_of(list(events), [line(one) for one in events])


def nested(levels: int) -> list[Any]:
    """A list in a list in a list: so many."""
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


def accumulated(*events: Event) -> Accumulator:
    """What some events make; it must not matter whether they come one by one or in batches."""
    single, batched, paired = Accumulator(), Accumulator(), Accumulator()
    for one in events:
        single.feed(one)
    batched.feed_all(events)
    for at in range(0, len(events), 2):
        pair = list(events[at : at + 2])
        paired.feed_batch(batch_of(pair, [b""] * len(pair)))
    for other in (batched, paired):
        assert other.interaction == single.interaction
        assert other.unapplied == single.unapplied
    return single


def steps_of(*events: Event) -> list[Step]:
    """The steps that some events make."""
    return accumulated(*events).steps


def interaction_of(*events: Event) -> Interaction:
    """The interaction that some events make."""
    return accumulated(*events).interaction


def items(*items: str) -> list[Event]:
    """Texts as the items of a content or a summary."""
    return [{"type": "text", "text": item} for item in items]


def feed_all(feed: Callable[[bytes], Iterable[T]], chunks: Iterable[bytes]) -> list[T]:
    """Everything that feeding some chunks returns."""
    return [result for chunk in chunks for result in feed(chunk)]


def one_by_one(data: bytes) -> list[bytes]:
    """Some bytes in chunks of one byte."""
    return [data[at : at + 1] for at in range(len(data))]


def cuts(data: bytes) -> Iterator[list[bytes]]:
    """Some bytes whole, byte by byte, and cut at every place with an empty chunk between."""
    yield [data]
    yield one_by_one(data)
    for cut in range(len(data) + 1):
        yield [data[:cut], b"", data[cut:]]


def chunked(data: st.SearchStrategy[bytes]) -> st.SearchStrategy[list[bytes]]:
    """The drawn bytes in chunks of drawn sizes."""
    return data.flatmap(
        lambda whole: st.lists(st.integers(0, len(whole)), max_size=8).map(
            lambda places: _cut_at(whole, sorted(places))
        )
    )


def _cut_at(data: bytes, places: list[int]) -> list[bytes]:
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


class Reading:
    """A body that has been read, in some chunks.

    Attributes:
        events: All events.
        lines: Their lines.
        reports: What was told about broken ones.
        failure: The message of the failure that reading ended with; empty without one.
    """

    def __init__(self, chunks: Iterable[bytes], max_event_size: int = 1000) -> None:
        self.events: list[Event] = []
        self.lines: list[bytes] = []
        self.reports: list[str] = []
        self.failure = ""
        self.reader = EventReader(self.reports.append, max_event_size=max_event_size)
        try:
            for chunk in chunks:
                self._take(self.reader.feed(chunk))
            self._take(self.reader.finish())
        except BadDataError as exc:
            self.failure = str(exc)

    def _take(self, found: Batch) -> None:
        self.events += found.events
        self.lines += found.lines

    @property
    def known(self) -> tuple[object, ...]:
        """All that must not depend on the chunks."""
        reader = self.reader
        found = (reader.broken, reader.http_status, reader.raw_error, reader.leftover)
        return (self.events, self.lines, self.reports, bool(self.failure), *found)


def read(body: bytes) -> Reading:
    """A body that was read whole; cutting it anywhere must not make a difference."""
    whole = Reading([body])
    for chunks in cuts(body):
        assert Reading(chunks).known == whole.known
    return whole


def run_gstream(*args: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run the program, with bytes in and bytes out, in an environment without settings for it."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    command = [sys.executable, "-m", "gstream", *args]
    return subprocess.run(
        command, input=stdin, env=env, capture_output=True, timeout=60, check=False
    )


def growth(work: Callable[[int], object], size: int, times: int = 16) -> float:
    """How many times the CPU time some work takes for a size that is `times` as large.

    The best of three runs each; what is linear gives about `times`, what is quadratic its square.
    """
    return _seconds(work, size * times) / _seconds(work, size)


def _seconds(work: Callable[[int], object], size: int) -> float:
    return min(_timed(work, size) for _ in range(3))


def _timed(work: Callable[[int], object], size: int) -> float:
    begin = time.process_time()
    work(size)
    return time.process_time() - begin
