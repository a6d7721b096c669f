"""Serve recordings over HTTP, as the API would (DESIGN 8.2); what answers what is `answering`.

HTTP/1.1 with chunked bodies, one thread a connection, each answer at its recorded pace.
"""

import socket
import sys
from collections.abc import Callable, Iterable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import urlsplit

from . import __version__
from .answering import Library, Reply, first_events, not_found, refusal, single_blocks
from .recording import Pace, Part

_MOST_BODY = 256 * 1024 * 1024
_IDLE_SECONDS = 300.0
_HTTP_1_0 = "HTTP/1.0"


class RecordingServer(ThreadingHTTPServer):
    """Answers any number of clients at once.

    Attributes:
        url: Where it is.
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

    def server_bind(self) -> None:
        """Bind without asking DNS for a name for this host, which may take long."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell of a bug; a client that went away is none."""
        exc = sys.exception()
        if not isinstance(exc, OSError):
            self.report(f"this is a bug: {type(exc).__name__}: {exc}")


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
        self._answer(self.server.library.reply("GET", self.path))

    def do_DELETE(self) -> None:
        """Answer a DELETE."""
        self._answer(self.server.library.reply("DELETE", self.path))

    def do_POST(self) -> None:
        """Answer a POST."""
        size = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers:
            self.send_error(HTTPStatus.LENGTH_REQUIRED)
        elif not (size.isascii() and size.isdecimal()):
            self.send_error(HTTPStatus.BAD_REQUEST)
        elif int(size) > _MOST_BODY:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            body = self.rfile.read(int(size))
            self._answer(self.server.library.reply("POST", self.path, body))

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
        what = urlsplit(getattr(self, "path", "")).path
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
