"""HTTP: a request out, an answer with its chunks of bytes in. The only module that knows httpx."""

import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from .errors import ConfigurationError, NetworkError
from .hosts import is_loopback
from .plain_words import (
    SOCKS_HINT,
    certificate_hint,
    is_untrusted,
    plain,
    proxy_variable,
    settings_flaw,
)
from .wire import Wire

_ERROR_BODY_LIMIT = 1024 * 1024
_PIECE = 64 * 1024
_CODINGS = frozenset({"gzip", "x-gzip", "deflate"})
_NO_CODINGS = frozenset({"", "identity", "none"})
_ANY_HEADER = zlib.MAX_WBITS | 32  # of gzip or zlib

# An address, or a name whose labels are as long as DNS allows.
_HOST = re.compile(r"[0-9A-Fa-f.:%]*:.*|[^.:]{1,63}(?:\.[^.:]{1,63})*\.?")


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the API.

    Attributes:
        method: GET or POST.
        url: Absolute.
        body: JSON; empty for GET.
    """

    method: str
    url: str
    body: bytes = b""

    def __str__(self) -> str:
        return f"{self.method} {self.url}"


class BrokenStreamError(Exception):
    """The connection broke, or was silent for too long, after its answer had begun."""


class UnansweredError(Exception):
    """The request may have been received, but nothing came back.

    Attributes:
        sent: Whether the server may have received it.
        final: Whether trying again is of no use, or would be a second paid run.
    """

    def __init__(self, message: str, *, sent: bool, final: bool = False) -> None:
        super().__init__(message)
        self.sent = sent
        self.final = final


@dataclass(slots=True)
class Answer:
    """An answer whose body has not been read.

    Attributes:
        status: The HTTP status.
        headers: Its headers, names in lower case.
        chunks: The bytes of the body as they arrive; raises `BrokenStreamError`.
        close: Closes the connection.
        hurry: Has the chunks break after so many seconds more.
    """

    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes]
    close: Callable[[], None]
    hurry: Callable[[float], None] = lambda _seconds: None

    def read(self, limit: int = _ERROR_BODY_LIMIT) -> bytes:
        """The body of a refusal, as far as it comes."""
        body = bytearray()
        with suppress(BrokenStreamError):
            for chunk in self.chunks:
                body += chunk
                if len(body) > limit:
                    break
        self.close()
        return bytes(body[:limit])


Connect = Callable[[Request], Answer]


@dataclass(slots=True)
class Transport:
    """Connections to the server.

    Attributes:
        base_url: With its scheme; plain http only to a loopback host.
        headers: Sent with each request in place of our own, the key among them.
        connect_timeout: Seconds to connect.
        idle_timeout: Seconds without a byte after which a connection counts as broken.
        log: Is told about what goes over the wire, secrets removed; None if nobody listens.
        shown: A body as it may be told.
    """

    base_url: str
    headers: Sequence[tuple[str, str]]
    connect_timeout: float = 10.0
    idle_timeout: float = 300.0
    log: Callable[[str], None] | None = None
    shown: Callable[[bytes], bytes] = bytes
    _client: httpx.Client | None = field(default=None, init=False)
    _wire: Wire = field(default_factory=Wire, init=False)

    def connect(self, request: Request) -> Answer:
        """Send a request; returns once the header of the answer is there.

        Raises:
            UnansweredError: No answer came.
            ConfigurationError: The URL or a proxy is not usable.
        """
        if self._client is None:
            self._client = self._new_client()
        headers = [*self.headers, *self._own_headers(request)]
        content = _pieces(request.body) if request.body else None
        self._tell_request(request, headers)
        try:
            outgoing = self._client.build_request(
                request.method, request.url, headers=headers, content=content
            )
            self._wire.begin()
            outgoing.extensions["trace"] = self._wire.trace
            response = self._client.send(outgoing, stream=True)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as exc:
            raise ConfigurationError(f"{request.url}: {exc}") from exc
        except UnicodeError as exc:  # what Python makes of a name that DNS cannot hold
            raise ConfigurationError(
                f"{request.url}: the name of the host, or of a proxy, is none: {exc}"
            ) from exc
        except httpx.TransportError as exc:
            raise self._unanswered(request, exc) from exc
        self._tell_response(response)
        return Answer(
            response.status_code,
            response.headers,
            self._chunks(response),
            response.close,
            self._wire.hurry,
        )

    def _own_headers(self, request: Request) -> Iterator[tuple[str, str]]:
        """What follows from a request, as far as it was not given."""
        given = {name.lower() for name, _ in self.headers}
        own = {"Accept": _accept(request)}
        if request.body:
            own |= {"Content-Type": "application/json", "Content-Length": str(len(request.body))}
        return ((name, value) for name, value in own.items() if name.lower() not in given)

    def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            self._client.close()

    def _new_client(self) -> httpx.Client:
        timeout = httpx.Timeout(self.idle_timeout, connect=self.connect_timeout)
        # Plain http is for loopback alone: no proxy may see the key, and a TLS context, which
        # costs a third of the start-up time, is not needed.
        remote = not self.base_url.startswith("http://")
        try:
            return httpx.Client(
                timeout=timeout, verify=remote, follow_redirects=False, trust_env=remote
            )
        except ImportError as exc:
            return self._client_without_socks(timeout, exc)
        except (ValueError, OSError, httpx.InvalidURL) as exc:
            raise ConfigurationError(settings_flaw(exc, os.environ)) from exc

    def _client_without_socks(self, timeout: httpx.Timeout, exc: ImportError) -> httpx.Client:
        """A client where some proxy is one of SOCKS, perhaps not ours, and its package is missing.

        Raises:
            ConfigurationError: It is ours.
        """
        name = proxy_variable(self.base_url, os.environ)
        proxy = os.environ.get(name)
        if proxy and proxy.lower().startswith("socks"):
            words = f"the proxy in {name} is not usable: for SOCKS the package socksio is missing"
            raise ConfigurationError(words, hint=SOCKS_HINT) from exc
        context = httpx.create_ssl_context()
        return httpx.Client(timeout=timeout, verify=context, trust_env=False, proxy=proxy)

    def _unanswered(self, request: Request, exc: httpx.TransportError) -> UnansweredError:
        match exc:
            case httpx.ConnectTimeout() | httpx.PoolTimeout():
                words = f"no connection within {self.connect_timeout:g} s"
                return UnansweredError(words + self._by_way_of(), sent=False)
            case httpx.ConnectError() | httpx.ProxyError():
                return UnansweredError(plain(exc) + self._by_way_of(), sent=False)
            case httpx.ReadTimeout():
                words = f"no answer within {self.idle_timeout:g} s"
                return UnansweredError(words, sent=True, final=True)
            case httpx.ProtocolError() if "disconnected" not in str(exc):  # it answered something
                return UnansweredError(plain(exc), sent=True, final=True)
            case _ if self._wire.heard:
                words = "the answer broke off within its header"
                return UnansweredError(words, sent=True, final=request.method == "POST")
            case _:
                return UnansweredError(plain(exc), sent=True)

    def _by_way_of(self) -> str:
        """Who was to be reached, if not the server itself."""
        name = proxy_variable(self.base_url, os.environ)
        return f" (by way of the proxy in {name})" if name else ""

    def _chunks(self, response: httpx.Response) -> Iterator[bytes]:
        coding = _coding_of(response)
        try:
            # `iter_raw` would only count the bytes once more, for each chunk.
            chunks = _raw(response)
            yield from _unpacked(chunks, coding) if coding else chunks
        except httpx.ReadTimeout as exc:
            message = f"no byte came for {self.idle_timeout:g} s"
            raise BrokenStreamError(message) from exc
        except httpx.TransportError as exc:
            raise BrokenStreamError(plain(exc)) from exc
        except zlib.error as exc:
            raise BrokenStreamError(f"the answer is no {coding}: {exc}") from exc

    def _tell_request(self, request: Request, headers: Iterable[tuple[str, str]]) -> None:
        if self.log is None:
            return
        self.log(f"> {request}")
        for name, value in headers:
            self.log(f"> {name}: {'[removed]' if is_secret(name) else value}")
        if request.body:
            text = self.shown(request.body)[:2000].decode("utf-8", "replace")
            self.log(f"> {len(request.body)} bytes: {text}")

    def _tell_response(self, response: httpx.Response) -> None:
        if self.log is None:
            return
        self.log(f"< {response.http_version} {response.status_code} {response.reason_phrase}")
        for name, value in response.headers.items():
            self.log(f"< {name}: {'[removed]' if is_secret(name) else value}")


def _raw(response: httpx.Response) -> Iterable[bytes]:
    stream = response.stream
    assert isinstance(stream, httpx.SyncByteStream)  # noqa: S101 - what a Client returns
    return stream


def _coding_of(response: httpx.Response) -> str:
    """What its body is encoded with; empty where that is nothing, as servers say in many ways."""
    codings = response.headers.get("content-encoding", "").lower().split(",")
    return ", ".join(word for word in map(str.strip, codings) if word not in _NO_CODINGS)


def _unpacked(chunks: Iterable[bytes], coding: str) -> Iterator[bytes]:
    """What a compressor holds that was not asked for, a piece at a time.

    One chunk may hold a thousand times its size, and twice compressed a million times.

    Raises:
        BrokenStreamError: It is another coding than gzip or deflate, or several.
    """
    if coding not in _CODINGS:
        raise BrokenStreamError(f"the answer is encoded as {coding[:80]!r}, which nobody asked for")
    unpacker = zlib.decompressobj(_ANY_HEADER)
    for chunk in chunks:
        rest, full = chunk, True
        while rest or full:
            piece = unpacker.decompress(rest, _PIECE)
            yield piece
            rest = unpacker.unconsumed_tail
            full = len(piece) == _PIECE  # then there may be more, even if nothing is left to take
            if unpacker.eof:
                rest, unpacker = unpacker.unused_data, zlib.decompressobj(_ANY_HEADER)


def is_secret(header: str) -> bool:
    """Whether a header's value must not be shown."""
    name = header.lower()
    return any(word in name for word in ("key", "auth", "token", "cookie", "secret"))


def check_base_url(url: str) -> str:
    """The base URL without its last slash, its scheme in lower case.

    Raises:
        ConfigurationError: It is no http(s) URL, or plain http to a host that is not loopback.
    """
    try:
        parts = urlsplit(url)
        if "@" in parts.netloc or "?" in url or "#" in url:  # not shown: it may be a secret
            raise ConfigurationError("the base URL must not hold a user, a query or a fragment")
        host, _ = parts.hostname or "", parts.port
    except ValueError as exc:
        raise ConfigurationError(f"the base URL is not usable: {exc}") from exc
    usable = parts.scheme in {"http", "https"} and _HOST.fullmatch(host)
    if not usable or not url.isprintable() or " " in url:
        raise ConfigurationError(
            f"base URL {url!r} is not usable", hint="write it as https://host[:port]"
        )
    if parts.scheme == "http" and not is_loopback(host):
        raise ConfigurationError(
            f"base URL {url!r} would send the key in plain text", hint="use https://"
        )
    return (parts.scheme + url[len(parts.scheme) :]).rstrip("/")


def _pieces(body: bytes) -> bytes | Iterator[bytes]:
    """A large body piece by piece: what is left of it is copied for each piece that was sent."""
    if len(body) <= _PIECE:
        return body
    return (body[start : start + _PIECE] for start in range(0, len(body), _PIECE))


def _accept(request: Request) -> str:
    streams = request.method == "POST" or "stream=true" in request.url
    return "text/event-stream" if streams else "application/json"


class Offline:
    """Answers requests from recordings instead of the network."""

    def __init__(self, status: int, parts: Iterable[bytes]) -> None:
        """Begin.

        Args:
            status: The HTTP status of the answer.
            parts: Its body, at its pace.
        """
        self._client = httpx.Client(transport=_RecordedTransport(status, parts), trust_env=False)

    def connect(self, request: Request) -> Answer:
        """As `Transport.connect`."""
        outgoing = self._client.build_request(request.method, request.url, content=request.body)
        response = self._client.send(outgoing, stream=True)
        return Answer(response.status_code, response.headers, response.iter_raw(), response.close)


class _RecordedTransport(httpx.BaseTransport):
    def __init__(self, status: int, parts: Iterable[bytes]) -> None:
        self._status = status
        self._parts = parts

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        return httpx.Response(self._status, stream=_Parts(self._parts))


class _Parts(httpx.SyncByteStream):
    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[bytes]:
        yield from self._parts


def network_error(request: Request, exc: UnansweredError) -> NetworkError:
    """The failure of a request that got no answer."""
    hint = certificate_hint(os.environ) if is_untrusted(str(exc)) else ""
    return NetworkError(f"{request}: {exc}", hint=hint)
