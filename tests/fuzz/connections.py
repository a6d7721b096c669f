"""What must hold of a run over many connections, whatever a server answers on each of them."""

from collections.abc import Iterator
from itertools import count

import orjson

from gstream.errors import GstreamError
from gstream.ledger import Ledger
from gstream.polling import Resuming
from gstream.reader import EventReader
from gstream.resume import Follower
from gstream.session import Session
from gstream.sink import Sink
from gstream.transport import Answer, BrokenStreamError, Request, UnansweredError
from gstream.views import VIEWS

from .targets import Chunks, Outcome, check_outcome

_URL = "http://127.0.0.1/interactions"
_MOST_REQUESTS = 2000


class Requests:
    """The requests about the one interaction."""

    def stream(self, interaction_id: str, last_event_id: str) -> Request:
        return Request("GET", f"{_URL}/{interaction_id}?stream=true&last_event_id={last_event_id}")

    def get(self, interaction_id: str) -> Request:
        return Request("GET", f"{_URL}/{interaction_id}")


class Server:
    """Answers each request with the next of some bodies; every other one breaks off."""

    def __init__(self, bodies: Chunks) -> None:
        self._bodies = bodies
        self.requests = 0

    def connect(self, _request: Request) -> Answer:
        self.requests += 1
        assert self.requests < _MOST_REQUESTS, "there is no end of requests"
        if not self._bodies:
            raise UnansweredError("nobody is there", sent=False)
        body, self._bodies = self._bodies[0], self._bodies[1:]
        status = 503 if body[:1] == b"<" else 200
        return Answer(status, {}, self._chunks(body), lambda: None)

    def _chunks(self, body: bytes) -> Iterator[bytes]:
        yield body
        if self.requests % 2:
            raise BrokenStreamError("reset")


def followed(chunks: Chunks) -> None:
    """Whatever the chunks are as answers, the run ends, and as documented."""
    for view in ("text", "ndjson", "steps"):
        check_outcome(view, _follow(view, chunks))


def _follow(view: str, bodies: Chunks) -> Outcome:
    written: list[bytes] = []
    session = Session(VIEWS[view](), Sink(written.append), report=lambda _text: None)
    server = Server(bodies or [b""])
    clock = count()
    resuming = Resuming(
        enabled=True,
        retries=4,
        sleep=lambda _seconds: None,
        clock=lambda: float(next(clock)),
        now=lambda: 0.0,
        random=lambda: 0.5,
        tell=lambda _line: None,
    )
    follower = Follower(
        session, server.connect, Requests(), resuming, lambda: EventReader(lambda _: None), Ledger()
    )
    failure: GstreamError | None
    try:
        failure = follower.follow(server.connect(Request("POST", _URL)))
    except GstreamError as exc:
        failure = exc
    failure = session.close(failure)
    code = failure.exit_code if failure else 0
    if failure is not None and view == "ndjson":
        written.append(session.exit_line(failure, code))
    text = str(failure or "")
    if follower.ledger.created:
        orjson.loads(orjson.dumps(follower.ledger.as_json()))
    return Outcome(b"".join(written), code, text)
