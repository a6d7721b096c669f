"""Whatever breaks while a run is recorded, its recording reads like the run."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gstream.errors import GstreamError
from gstream.ledger import Ledger
from gstream.polling import Resuming
from gstream.reader import EventReader
from gstream.recording import read
from gstream.recording_writer import Recorder, RecordingFile
from gstream.resume import Follower
from gstream.session import Session
from gstream.sink import Sink
from gstream.transport import Request
from gstream.views import NdjsonView
from tests.faults import ENDINGS, Fault, FaultModel
from tests.support import completed, created, delta, start, stop

URL = "http://test/interactions"
IDS = st.lists(st.booleans(), min_size=9, max_size=9)
FAULTS = st.lists(
    st.builds(
        Fault,
        events=st.integers(0, 9),
        extra=st.integers(0, 40),
        ending=st.sampled_from(ENDINGS),
        split=st.sampled_from([0, 0, 1, 3]),
        repeat=st.integers(0, 3),
        from_start=st.booleans(),
        preamble=st.booleans(),
        status=st.sampled_from([200, 200, 200, 503, 0]),
        noise=st.booleans(),
        pieces=st.sampled_from([1 << 20, 7, 1]),
    ),
    max_size=6,
)


class Requests:
    """The requests about the one interaction."""

    def stream(self, interaction_id: str, last_event_id: str) -> Request:
        after = f"&last_event_id={last_event_id}" if last_event_id else ""
        return Request("GET", f"{URL}/{interaction_id}?stream=true{after}")

    def get(self, interaction_id: str) -> Request:
        return Request("GET", f"{URL}/{interaction_id}")


class MemoryFile(RecordingFile):
    """A file in memory."""

    def __init__(self) -> None:
        super().__init__(-1, "memory")
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data

    def close(self) -> None:
        """Nothing is open."""


def interaction(ids: list[bool]) -> list[dict[str, Any]]:
    """A stream of which some events have an id."""
    deltas = [delta(text=text) for text in ("One ", "two ", "drei ☕", " vier")]
    events = [created("v1_fault"), start(), *deltas, stop(), completed(id="v1_fault")]
    return [
        {**event, "event_id": f"e{number}"} if with_id else event
        for number, (event, with_id) in enumerate(zip(events, ids, strict=False))
    ]


def follow(model: FaultModel, recorders: list[Recorder]) -> tuple[bytes, GstreamError | None]:
    """A run over all the faults; returns its NDJSON and how it ended."""
    output: list[bytes] = []
    session = new_session(output, recorders)
    clock = iter(range(10**9))
    resuming = Resuming(
        enabled=True,
        retries=8,
        sleep=lambda _seconds: None,
        clock=lambda: float(next(clock)),
        now=lambda: 0.0,
        random=lambda: 0.5,
        tell=lambda _line: None,
    )
    follower = Follower(session, model.connect, Requests(), resuming, new_reader, Ledger())
    failure: GstreamError | None
    try:
        failure = follower.follow(model.connect(Request("POST", URL)))
    except GstreamError as exc:
        failure = exc
    return b"".join(output), session.close(failure)


def new_reader() -> EventReader:
    return EventReader(lambda _line: None)


def new_session(output: list[bytes], recorders: list[Recorder]) -> Session:
    return Session(
        NdjsonView(), Sink(output.append), report=lambda _line: None, raw_observers=recorders
    )


def decode(data: bytes) -> tuple[bytes, GstreamError | None]:
    output: list[bytes] = []
    session = new_session(output, [])
    session.feed(data)
    session.end_input()
    return b"".join(output), session.close()


@given(IDS, FAULTS)
def test_a_recording_reads_like_its_run(ids: list[bool], faults: list[Fault]) -> None:
    file = MemoryFile()
    recorder = Recorder(file, begun=lambda: None, clock=lambda: 0.0, now=lambda: "now", version="0")
    first = Fault(events=max(1, faults[0].events or 0)) if faults else Fault()
    model = FaultModel(interaction(ids), [first, *faults])

    shown, failure = follow(model, [recorder])
    recorder.exit({})

    again, failure_again = decode(file.data)
    received = b"".join(part.data for one in read("x", file.data) for part in one.parts)
    assert again == shown
    assert type(failure_again) is type(failure)
    assert decode(received)[0] == shown


def test_the_run_is_the_whole_interaction() -> None:
    shown, failure = follow(FaultModel(interaction([False] * 9), [Fault(events=3), Fault()]), [])

    assert failure is None
    assert shown.count(b'"step.delta"') == 4
