"""A server that keeps an interaction and breaks its connections by script.

`FaultModel` decides what bytes a connection carries and how it ends; `FaultServer` puts them on
real sockets; `FaultModel.connect` hands them to the pure core without any.
"""

import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import orjson

from gstream.steps import Accumulator
from gstream.transport import Answer, BrokenStreamError, Request, UnansweredError

Event = dict[str, Any]

RAW_503 = b"""[{
  "error": {
    "code": 503,
    "message": "Try later.",
    "status": "UNAVAILABLE"
  }
}
]
"""
DONE = b"event: done\ndata: [DONE]\n\n"
ENDINGS = ("clean", "unfinished", "reset", "silent", "raw503", "error", "done")


@dataclass(frozen=True, slots=True)
class Fault:
    """What one connection does.

    Attributes:
        events: How many events it sends before it ends; None for all that are left.
        extra: How many bytes of the next event it sends, too.
        ending: How it ends, one of ENDINGS.
        split: Cuts text deltas into pieces of this many characters; 0 leaves them.
        repeat: How many events from before the cursor come first.
        from_start: Whether it ignores the cursor.
        preamble: Whether created and status_update come first.
        status: Answers with this HTTP status instead; 0 refuses the connection.
        noise: Whether an error event without meaning comes first.
        pieces: The sizes in which the bytes are written.
    """

    events: int | None = None
    extra: int = 0
    ending: str = "clean"
    split: int = 0
    repeat: int = 0
    from_start: bool = False
    preamble: bool = False
    status: int = 200
    noise: bool = False
    pieces: int = 1 << 20


WHOLE = Fault()


@dataclass
class FaultModel:
    """One interaction and the faults of its connections, in order; after them all is well.

    Attributes:
        events: The whole stream.
        faults: One for each connection.
        posts: How many requests created an interaction.
        requests: All requests, for tests.
    """

    events: list[Event]
    faults: list[Fault] = field(default_factory=list)
    interaction_id: str = "v1_fault"
    posts: int = 0
    requests: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    polled_status: str | None = None

    def next_fault(self) -> Fault:
        return self.faults.pop(0) if self.faults else WHOLE

    def note(self, method: str, target: str, body: bytes) -> None:
        self.requests.append(f"{method} {target}")
        self.bodies.append(body)
        if method == "POST":
            self.posts += 1

    def stream(self, after: str, fault: Fault) -> bytes:
        """The bytes of a connection; what its ending adds is left to the caller."""
        first = 0
        preamble: list[Event] = []
        if after and not fault.from_start:
            ids = [event.get("event_id") for event in self.events]
            cursor = ids.index(after) + 1
            first = max(0, cursor - fault.repeat)
            if fault.preamble and first >= 2:
                preamble = self.events[:2]
        events = self.events[first:]
        if fault.split:
            events = resplit(events, fault.split)
        if fault.noise:
            preamble = [*preamble, {"event_type": "error", "error": {}}]
        blocks = [frame(event) for event in [*preamble, *events]] + [DONE]
        if fault.events is None:
            return b"".join(blocks)
        if fault.ending in {"error", "done"}:
            return b"".join(blocks[: fault.events])  # such a server ends between events
        shown = blocks[: fault.events]
        rest = blocks[fault.events : fault.events + 1]
        return b"".join(shown) + b"".join(block[: fault.extra] for block in rest)

    def interaction(self) -> Event:
        accumulator = Accumulator()
        for event in self.events:
            accumulator.feed(event)
        whole = accumulator.interaction
        if self.polled_status:
            whole = {**whole, "status": self.polled_status}
        return whole

    def connect(self, request: Request) -> Answer:
        """The pure core's connection."""
        parts = urlsplit(request.url)
        self.note(request.method, f"{parts.path}?{parts.query}", request.body)
        query = parse_qs(parts.query)
        if request.method == "GET" and "stream" not in query:
            return _answer(200, [orjson.dumps(self.interaction())], "clean")
        fault = self.next_fault()
        if fault.status == 0:
            raise UnansweredError("connection refused", sent=False)
        if fault.status != 200:
            body = orjson.dumps({"error": {"code": fault.status, "message": "no"}})
            return _answer(fault.status, [body], "clean")
        data = self.stream(query.get("last_event_id", [""])[0], fault) + tail(fault)
        size = fault.pieces
        return _answer(
            200, [data[at : at + size] for at in range(0, len(data), size)], fault.ending
        )


def tail(fault: Fault) -> bytes:
    """What an ending writes before the connection goes."""
    if fault.events is None:
        return b""
    if fault.ending == "raw503":
        return (b"\n" if fault.extra else b"") + RAW_503
    if fault.ending == "done":
        return DONE
    if fault.ending == "error":
        error = {"event_type": "error", "error": {"code": "deadline_exceeded", "message": ""}}
        return frame(error)
    return b""


def _answer(status: int, chunks: list[bytes], ending: str) -> Answer:
    def read() -> Iterator[bytes]:
        yield from chunks
        if ending in {"unfinished", "reset", "silent"}:
            raise BrokenStreamError(ending)

    return Answer(status, {}, read(), lambda: None)


def frame(event: Event) -> bytes:
    """An event as the server writes it."""
    return f"event: {event['event_type']}\ndata: ".encode() + orjson.dumps(event) + b"\n\n"


def resplit(events: list[Event], size: int) -> list[Event]:
    """The same stream with its text in other deltas; an id stays with the last piece."""
    result: list[Event] = []
    for event in events:
        delta = event.get("delta", {})
        key = {"text": "text", "arguments_delta": "arguments"}.get(delta.get("type"), "")
        value = delta.get(key, "")
        if not value:
            result.append(event)
            continue
        pieces = [value[at : at + size] for at in range(0, len(value), size)]
        for number, piece in enumerate(pieces):
            part = {**event, "delta": {**delta, key: piece}}
            if number < len(pieces) - 1:
                part.pop("event_id", None)
            result.append(part)
    return result


class FaultServer:
    """The model on a real socket: HTTP/1.1, chunked, one thread a connection."""

    def __init__(self, model: FaultModel) -> None:
        self.model = model
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "FaultServer":
        return self

    def __exit__(self, *_exc: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._open:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection.makefile("rb") as file:
                method, target = file.readline().decode().split()[:2]
                headers = {}
                while (line := file.readline()) not in {b"\r\n", b""}:
                    name, _, value = line.decode().partition(":")
                    headers[name.lower()] = value.strip()
                body = file.read(int(headers.get("content-length", "0")))
            with self._lock:
                self.model.note(method, target, body)
                get = method == "GET" and "stream=true" not in target
                fault = WHOLE if get else self.model.next_fault()
            self._respond(connection, target, fault, get=get)
        except OSError:
            pass  # the client went away
        finally:
            if connection.fileno() >= 0 and not _stays_open(connection):
                connection.close()

    def _respond(self, connection: socket.socket, target: str, fault: Fault, *, get: bool) -> None:
        if fault.status == 0:
            _reset(connection)
            return
        if get or fault.status != 200:
            body = orjson.dumps(
                self.model.interaction()
                if fault.status == 200
                else {"error": {"code": fault.status, "message": "no"}}
            )
            head = f"HTTP/1.1 {fault.status} X\r\nContent-Type: application/json\r\n"
            connection.sendall(
                f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body
            )
            connection.close()
            return
        after = parse_qs(urlsplit(target).query).get("last_event_id", [""])[0]
        data = self.model.stream(unquote(after), fault) + tail(fault)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
        connection.sendall(b"Transfer-Encoding: chunked\r\n\r\n")
        for at in range(0, len(data), fault.pieces):
            piece = data[at : at + fault.pieces]
            connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        self._end(connection, fault)

    def _end(self, connection: socket.socket, fault: Fault) -> None:
        ending = "clean" if fault.events is None else fault.ending
        if ending == "silent":
            return  # and stay open
        if ending == "reset":
            _reset(connection)
            return
        if ending == "unfinished":
            connection.sendall(b"40\r\nevent: st")  # inside a chunk
        else:
            connection.sendall(b"0\r\n\r\n")
        connection.close()


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def _stays_open(connection: socket.socket) -> bool:
    return connection.fileno() >= 0
