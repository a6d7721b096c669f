"""Real servers on loopback that do what servers do on bad days, and streams for them to send."""

import json
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

from tests import support
from tests.support import INTERACTION_ID, block

DEADLINE = 20.0


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came; names of headers in lower case, one of each."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Script = Callable[[socket.socket, threading.Event], None]
"""Answers one connection; the event says that the server is to stop."""


class RawServer:
    """Answers its connections by scripts, one after the other; the last one repeats.

    Attributes:
        url: Where it is.
        requests: What has been received.
    """

    def __init__(self, *scripts: Script) -> None:
        self.requests: list[Received] = []
        self._scripts = list(scripts)
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stop.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(DEADLINE)
        self._listener.close()

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
            self._start(self._serve, connection, script)

    def _serve(self, connection: socket.socket, script: Script) -> None:
        with connection, suppress(OSError):
            connection.settimeout(DEADLINE)
            request = receive(connection)
            if request is not None:
                self.requests.append(request)
                script(connection, self._stop)


def receive(connection: socket.socket) -> Received | None:
    """The next request on a connection; None if it was closed without one."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (piece := connection.recv(65536)):
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers: dict[str, str] = {}
    for name, _, value in pairs:
        before = f"{headers[name.lower()]}, " if name.lower() in headers else ""
        headers[name.lower()] = before + value.strip()
    whole = bytearray(body)
    while len(whole) < int(headers.get("content-length", "0")):
        whole += connection.recv(1024 * 1024)
    method, path, _ = first.split(" ", 2)
    return Received(method, path, headers, bytes(whole))


HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n"
    b"connection: close\r\n\r\n"
)


def http_chunk(data: bytes) -> bytes:
    """Some bytes as a chunk of HTTP/1.1; the last one is empty."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def answering(*parts: bytes) -> Script:
    """A whole chunked answer."""

    def script(connection: socket.socket, _stop: threading.Event) -> None:
        connection.sendall(HEAD + b"".join(map(http_chunk, [*parts, b""])))

    return script


def waiting(*parts: bytes, gate: threading.Event, rest: bytes = b"") -> Script:
    """A chunked answer that stops until the gate opens; the rest and the end follow then."""

    def script(connection: socket.socket, _stop: threading.Event) -> None:
        connection.sendall(HEAD + b"".join(map(http_chunk, parts)))
        if gate.wait(DEADLINE):
            connection.sendall((http_chunk(rest) if rest else b"") + http_chunk(b""))

    return script


def cut(*parts: bytes) -> Script:
    """A chunked answer that ends in the middle of a chunk."""

    def script(connection: socket.socket, _stop: threading.Event) -> None:
        connection.sendall(HEAD + b"".join(map(http_chunk, parts)) + b"ff\r\n")

    return script


def hanging(*parts: bytes) -> Script:
    """A chunked answer after which nothing comes any more."""

    def script(connection: socket.socket, stop: threading.Event) -> None:
        if parts:
            connection.sendall(HEAD + b"".join(map(http_chunk, parts)))
        connection.settimeout(0.05)
        while not stop.is_set():
            with suppress(TimeoutError):
                if not connection.recv(1):
                    return

    return script


def reset(connection: socket.socket, _stop: threading.Event) -> None:
    """Drop the connection with RST instead of an answer."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def raw(data: bytes) -> Script:
    """These bytes and no more."""

    def script(connection: socket.socket, _stop: threading.Event) -> None:
        connection.sendall(data)

    return script


def refusing(status: int, error: dict[str, Any] | bytes, **headers: str) -> Script:
    """An answer with a status, headers (`_` for `-`) and an error body."""
    body = error if isinstance(error, bytes) else json.dumps({"error": error}).encode()
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = "\r\n".join([f"HTTP/1.1 {status} No", f"content-length: {len(body)}", *lines, "", ""])
    return raw(head.encode() + body)


# --- streams, as bytes


def created(interaction_id: str = INTERACTION_ID) -> bytes:
    """The event that begins a stream."""
    return block(support.created(interaction_id))


def step_start(kind: str = "model_output", index: int = 0) -> bytes:
    """The event that begins a step."""
    return block(support.start(kind, index=index))


def text_delta(text: str, index: int = 0, **fields: str) -> bytes:
    """A delta of text."""
    return block({**support.delta(text=text, index=index), **fields})


def thought_delta(text: str, index: int = 0) -> bytes:
    """A delta with a thought summary."""
    content = {"text": text, "type": "text"}
    return block(support.delta("thought_summary", index=index, content=content))


def step_stop(index: int = 0) -> bytes:
    """The event that ends a step."""
    return block(support.stop(index))


def ending(status: str = "completed", **fields: Any) -> bytes:
    """The events that end a stream."""
    return support.stream(support.completed(status, **fields))


def opening(*texts: str) -> bytes:
    """A stream with these deltas of text, up to where the server thinks on."""
    return created() + step_start() + b"".join(map(text_delta, texts))


def stream(*texts: str) -> bytes:
    """A whole stream with these deltas of text."""
    return opening(*texts) + step_stop() + ending()
