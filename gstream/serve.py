"""Serve recordings over HTTP, as the API would (DESIGN 8.2); what answers what is `answering`.

HTTP/1.1 with chunked bodies, one thread a connection, each answer at its recorded pace.
"""

import re
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from . import __version__
from .answering import Library, Reply, first_events, not_found, refusal, single_blocks
from .recording import Pace, Part

_MOST_BODY = 256 * 1024 * 1024
_MOST_DIGITS = 18  # `int` refuses more than 4,300
_IDLE_SECONDS = 300.0
_HTTP_1_0 = "HTTP/1.0"
_ON_THIS_MACHINE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - looked up, not bound
_LONGEST_LINE = 1024
_LINE_ENDS = frozenset({b"\r\n", b"\n"})
_SIZE_OF_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")


class RecordingServer(ThreadingHTTPServer):
    """Answers any number of clients at once.

    Attributes:
        url: Where it is.
        local_url: Where clients on this machine reach it.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128  # clients that come at once wait here, or are turned away

    def __init__(
        self,
        address: tuple[str, int],
        library: Library,
        *,
        new_pace: Callable[[], Pace],
        drop_after: int | None = None,
        log: Callable[[str], None] = lambda _line: None,
        report: Callable[[str], None] = lambda _line: None,
    ) -> None:
        """Listen.

        Args:
            address: Host and port; port 0 is any that is free.
            library: Answers the requests.
            new_pace: Begins an answer.
            drop_after: Cut each stream after so many events; None lets it end.
            log: Is told each request and its answer.
            report: Is told what should not happen.

        Raises:
            OSError: The address is not to be had.
        """
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.library = library
        self.new_pace = new_pace
        self.drop_after = drop_after
        self.log = log
        self.report = report
        super().__init__(address, _Handler)
        host = f"[{address[0]}]" if ":" in address[0] else address[0]
        self.url = f"http://{host}:{self.server_port}"
        nearest = _ON_THIS_MACHINE.get(self.server_name, host)
        self.local_url = f"http://{nearest}:{self.server_port}"

    def server_bind(self) -> None:
        """Bind without asking DNS for a name for this host, which may take long."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell of a bug; a client that went away is none."""
        exc = sys.exception()
        if not isinstance(exc, OSError):
            self.report(f"this is a bug: {type(exc).__name__}: {exc}")


class _BodyError(Exception):
    """The body of a request that cannot be read."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: RecordingServer
    protocol_version = "HTTP/1.1"
    default_request_version = _HTTP_1_0  # HTTP/0.9 has no status line to refuse with
    server_version = f"gstream/{__version__}"
    sys_version = ""
    disable_nagle_algorithm = True
    timeout = _IDLE_SECONDS

    def do_GET(self) -> None:
        """Answer a GET."""
        self._reply()

    def do_DELETE(self) -> None:
        """Answer a DELETE."""
        self._reply()

    def do_POST(self) -> None:
        """Answer a POST."""
        self._reply()

    def _reply(self) -> None:
        try:
            body = self._body()  # whatever the method: what is left of it is no next request
        except _BodyError as exc:
            self.send_error(exc.status)
        else:
            self._answer(self.server.library.reply(self.command, self.path, body))

    def _body(self) -> bytes:
        size = self.headers.get("Content-Length", "0")
        encoding = self.headers.get("Transfer-Encoding")
        if encoding is not None:
            if encoding.strip().lower() != "chunked":
                raise _BodyError(HTTPStatus.LENGTH_REQUIRED)
            return b"".join(self._chunks())
        if not (size.isascii() and size.isdecimal()):
            raise _BodyError(HTTPStatus.BAD_REQUEST)
        if len(size) > _MOST_DIGITS or int(size) > _MOST_BODY:
            raise _BodyError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return self.rfile.read(int(size))

    def _chunks(self) -> Iterator[bytes]:
        """The chunks of a body (RFC 9112, 7.1)."""
        total = 0
        while size := self._size_of_chunk():
            total += size
            if total > _MOST_BODY:
                raise _BodyError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            yield self.rfile.read(size)
            if self.rfile.readline(_LONGEST_LINE) not in _LINE_ENDS:
                raise _BodyError(HTTPStatus.BAD_REQUEST)
        while self.rfile.readline(_LONGEST_LINE) not in {*_LINE_ENDS, b""}:
            pass  # trailers mean nothing here

    def _size_of_chunk(self) -> int:
        found = _SIZE_OF_CHUNK.fullmatch(self.rfile.readline(_LONGEST_LINE))
        if found is None:
            raise _BodyError(HTTPStatus.BAD_REQUEST)
        return int(found[1], 16)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse in the API's shape, and close, since the body was not read."""
        self.close_connection = True
        if code == HTTPStatus.NOT_IMPLEMENTED:
            self._answer(not_found(f"there is no {self.command} {self.path}"))
        else:
            words = message or HTTPStatus(code).phrase
            self._answer(refusal(int(code), "invalid_request", words))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        """Say nothing here."""

    def _answer(self, reply: Reply) -> None:
        what = getattr(self, "path", "").partition("?")[0]
        self.server.log(f"{self.command} {what}: {reply.status} {reply.told}")
        if reply.streamed:
            self._stream(reply)
        else:
            self._send(reply)

    def _send(self, reply: Reply) -> None:
        body = b"".join(part.data for part in reply.parts)
        size = ("Content-Length", str(len(body)))
        self._head(reply.status, "application/json; charset=UTF-8", size)
        self.wfile.write(b"" if self.command == "HEAD" else body)

    def _stream(self, reply: Reply) -> None:
        parts: Iterable[Part] = single_blocks(reply.parts)
        cut = False
        if self.server.drop_after is not None:
            parts, cut = first_events(parts, self.server.drop_after)
        chunked = self.request_version != _HTTP_1_0
        self.close_connection = self.close_connection or cut or not chunked
        framing = [("Transfer-Encoding", "chunked")] if chunked else []
        self._head(reply.status, "text/event-stream", *framing)
        for data in self.server.new_pace().play(parts):
            self.wfile.write(_chunk(data) if chunked else data)
        if chunked and not cut:
            self.wfile.write(_chunk(b""))

    def _head(self, status: int, kind: str, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (("Content-Type", kind), *headers):
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()


def _chunk(data: bytes) -> bytes:
    """Some bytes as a chunk of HTTP/1.1 (RFC 9112, 7.1); the last one is empty."""
    return b"%x\r\n%b\r\n" % (len(data), data)
