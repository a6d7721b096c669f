"""Runs that follow a `FaultModel` without a program or a socket; sleep and clock are fake."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from gstream.errors import GstreamError
from gstream.events import Event
from gstream.ledger import Ledger
from gstream.polling import Resuming
from gstream.reader import EventReader
from gstream.resume import Follower
from gstream.session import Session
from gstream.sink import Sink
from gstream.transport import Answer, Request
from gstream.views import VIEWS
from tests.faults import FaultModel

POST = Request("POST", "http://127.0.0.1/v1beta/interactions", b"{}")
RETRIES = 4
REBUILT = frozenset({"steps", "json"})


class FakeRequests:
    """The requests about an interaction, as `cli/following.py` makes them."""

    def stream(self, interaction_id: str, last_event_id: str) -> Request:
        after = f"&last_event_id={last_event_id}" if last_event_id else ""
        return Request("GET", f"{POST.url}/{interaction_id}?stream=true{after}")

    def get(self, interaction_id: str) -> Request:
        return Request("GET", f"{POST.url}/{interaction_id}")


@dataclass
class Followed:
    """What came of following an interaction."""

    output: bytes
    failure: GstreamError | None
    told: list[str]
    model: FaultModel
    seconds: float
    waits: list[float] = field(default_factory=list)
    ended: bool = False
    refused: bool = False
    at_checkpoint: bool = False
    read: int = 0

    @property
    def polled(self) -> bool:
        return any("polling" in line for line in self.told)


def follow(
    model: FaultModel,
    view: str = "text",
    *,
    enabled: bool = True,
    first: Answer | None = None,
    after: str = "",
    handed_on: Callable[[Ledger, bytes], None] | None = None,
) -> Followed:
    """Follow an interaction.

    Args:
        model: The server.
        view: What is written.
        enabled: Whether to go on over other connections.
        first: The answer to begin with; one to a POST where it is not given.
        after: Begins with what follows this event instead, as `gstream resume` does.
        handed_on: Is told the place, and what has been written.
    """
    out = bytearray()
    running = _Running(view, out.extend, enabled=enabled)
    if handed_on is not None:
        running.handed_on = lambda ledger: handed_on(ledger, bytes(out))
    ledger = Ledger()
    request = POST
    if after:
        ledger.begin_after(after)
        running.session.progress.interaction_id = model.interaction_id
        request = FakeRequests().stream(model.interaction_id, after)
    failure = running.follow(model, first or model.connect(request), ledger, known=bool(after))
    waits = running.waits
    told = running.told
    follower = running.follower
    assert follower is not None
    return Followed(
        bytes(out),
        failure,
        told,
        model,
        sum(waits),
        [wait for wait in waits if wait],
        follower.ended,
        follower.refused,
        follower.at_checkpoint,
        sum(running.read),
    )


def uncut(events: list[dict[str, Any]], view: str) -> bytes:
    """What is written where nothing breaks."""
    return follow(FaultModel(events), view).output


class KilledError(BaseException):
    """The process is no more."""


@dataclass
class Kept:
    """What is kept when a process is killed: the cursor, and each write of each process."""

    cursor: bytes = b""
    processes: list[list[bytes]] = field(default_factory=list)
    polled: bool = False


def process(model: FaultModel, view: str, kept: Kept, *, writes: int, saves: int) -> object:
    """A process that begins where the cursor is; it is killed in a write or after a save.

    Args:
        model: The server.
        view: What is written.
        kept: What the processes before it left.
        writes: With which write it is killed: it is done, but the cursor does not know of it.
        saves: After which change of the cursor it is killed.

    Returns:
        Its failure, None without one, or KilledError.
    """
    written: list[bytes] = []
    kept.processes.append(written)
    left = {"writes": writes, "saves": saves}

    def write(data: bytes) -> None:
        written.append(bytes(data))
        _count(left, "writes")

    def save(ledger: Ledger) -> None:
        progress = running.session.progress
        state = running.session.view_state
        cursor = {"status": progress.status, "ledger": ledger.as_json(), "view": state}
        kept.cursor = orjson.dumps(cursor)
        _count(left, "saves")

    running = _Running(view, write)
    running.handed_on = save
    ledger, request = Ledger(), POST
    if kept.cursor:
        cursor: Event = orjson.loads(kept.cursor)
        ledger = Ledger.from_json(cursor["ledger"])
        running.go_on(model.interaction_id, cursor, ledger)
        ledger = Ledger() if view in REBUILT else ledger
        request = FakeRequests().stream(model.interaction_id, ledger.last_event_id)
    try:
        return running.follow(model, model.connect(request), ledger, known=bool(kept.cursor))
    except KilledError as exc:
        return exc
    finally:
        kept.polled |= any("polling" in line for line in running.told)


def _count(left: dict[str, int], what: str) -> None:
    left[what] -= 1
    if not left[what]:
        raise KilledError


class _Running:
    """A session and what following it needs, over fakes."""

    def __init__(self, view: str, write: Callable[[bytes], None], *, enabled: bool = True) -> None:
        self.told: list[str] = []
        self.waits: list[float] = []
        self.session = Session(VIEWS[view](), Sink(write), report=self.told.append)
        self.handed_on: Callable[[Ledger], None] | None = None
        self.follower: Follower | None = None
        self.read: list[int] = []
        self._enabled = enabled

    def go_on(self, interaction_id: str, cursor: Event, ledger: Ledger) -> None:
        progress = self.session.progress
        progress.interaction_id, progress.status = interaction_id, cursor["status"]
        progress.last_event_id = ledger.last_event_id
        kinds = {index: track.kind for index, track in ledger.tracks.items()}
        self.session.restore_view(cursor["view"], kinds)

    def follow(
        self, model: FaultModel, answer: Answer, ledger: Ledger, *, known: bool
    ) -> GstreamError | None:
        self.follower = follower = Follower(
            self.session,
            model.connect,
            FakeRequests(),
            self._resuming(),
            lambda: EventReader(self.told.append),
            ledger,
        )
        replays = ("after" if ledger.last_event_id else "all") if ledger.begun else ""
        try:
            failure = follower.follow(answer, replays=replays, known=known)
        except GstreamError as exc:
            failure = exc
        return self.session.close(failure)

    def _resuming(self) -> Resuming:
        """Time passes only in sleep."""
        clock: Callable[[], float] = lambda: sum(self.waits)  # noqa: E731 - a clock
        return Resuming(
            enabled=self._enabled,
            retries=RETRIES,
            sleep=self.waits.append,
            clock=clock,
            now=clock,
            random=lambda: 0.5,
            tell=self.told.append,
            handed_on=self.handed_on,
            bytes_read=self.read.append,
        )
