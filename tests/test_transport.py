"""Requests and answers over real sockets, and what breaks on the way."""

import gzip
import socket
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest

from gstream.errors import ConfigurationError
from gstream.transport import (
    Answer,
    BrokenStreamError,
    Offline,
    Request,
    Transport,
    UnansweredError,
    is_secret,
    network_error,
)
from tests import servers
from tests.servers import HEAD, RawServer, Script

PIECES = (b"data: one\n\n", b"data: two\n\n")


@contextmanager
def _transport(
    url: str,
    headers: Mapping[str, str] | None = None,
    *,
    connect_timeout: float = servers.DEADLINE,
    idle_timeout: float = servers.DEADLINE,
    log: Callable[[str], None] | None = None,
) -> Iterator[Transport]:
    transport = Transport(url, list((headers or {}).items()), connect_timeout, idle_timeout, log)
    try:
        yield transport
    finally:
        transport.close()


@contextmanager
def _answer(script: Script, *, idle_timeout: float = servers.DEADLINE) -> Iterator[Answer]:
    """The answer of a server to one request."""
    with RawServer(script) as server, _transport(server.url, idle_timeout=idle_timeout) as it:
        yield it.connect(Request("GET", f"{server.url}/x?stream=true"))


# --- the request


def test_a_post_carries_its_headers_and_body() -> None:
    with RawServer(servers.answering()) as server, _transport(server.url, {"X-Team": "us"}) as it:
        it.connect(Request("POST", f"{server.url}/v1/x", b'{"a":1}')).read()

    [request] = server.requests
    assert (request.method, request.path, request.body) == ("POST", "/v1/x", b'{"a":1}')
    assert request.headers["x-team"] == "us"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept"] == "text/event-stream"


@pytest.mark.parametrize(
    ("path", "accept"),
    [("/x?stream=true", "text/event-stream"), ("/x", "application/json")],
)
def test_a_get_has_no_body_and_accepts_what_it_asks_for(path: str, accept: str) -> None:
    with RawServer(servers.answering()) as server, _transport(server.url) as it:
        it.connect(Request("GET", server.url + path)).read()

    [request] = server.requests
    assert (request.body, request.headers["accept"]) == (b"", accept)
    assert "content-type" not in request.headers


def test_a_request_is_named_by_method_and_url() -> None:
    assert str(Request("GET", "https://h/x")) == "GET https://h/x"
    failure = network_error(Request("GET", "https://h/x"), UnansweredError("gone", sent=True))
    assert str(failure) == "GET https://h/x: gone"


# --- the answer


def test_chunks_come_as_they_arrive() -> None:
    gate = threading.Event()
    with _answer(servers.waiting(PIECES[0], gate=gate, rest=PIECES[1])) as answer:
        first = next(answer.chunks)
        gate.set()
        rest = list(answer.chunks)

    assert (first, rest) == (PIECES[0], [PIECES[1]])


def test_status_and_headers_are_there_before_the_body() -> None:
    with _answer(servers.hanging(PIECES[0])) as answer:
        assert answer.status == 200
        assert answer.headers["content-type"] == "text/event-stream"


def test_a_redirect_is_an_answer_like_others() -> None:
    with _answer(servers.refusing(307, b"", location="http://127.0.0.1:1/")) as answer:
        assert answer.status == 307


def test_a_compressed_body_is_unpacked() -> None:
    head = HEAD.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n")
    data = servers.http_chunk(gzip.compress(b"data: x\n\n")) + servers.http_chunk(b"")

    with _answer(servers.raw(head + data)) as answer:
        assert b"".join(answer.chunks) == b"data: x\n\n"


def test_a_body_that_is_not_what_its_header_says_is_a_broken_stream() -> None:
    head = HEAD.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n")

    with (
        _answer(servers.raw(head + servers.http_chunk(b"not gzip"))) as answer,
        pytest.raises(BrokenStreamError),
    ):
        list(answer.chunks)


def _compressed(*chunks: bytes, coding: bytes = b"gzip") -> Script:
    head = HEAD.replace(b"\r\n\r\n", b"\r\ncontent-encoding: %b\r\n\r\n" % coding)
    return servers.raw(head + b"".join(map(servers.http_chunk, [*chunks, b""])))


def test_each_piece_of_a_compressed_body_is_there_when_it_comes() -> None:
    packer = zlib.compressobj(wbits=31)
    pieces = [packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH) for piece in PIECES]

    with _answer(_compressed(*pieces, packer.flush())) as answer:
        assert [chunk for chunk in answer.chunks if chunk] == list(PIECES)


def test_compressed_bodies_may_follow_each_other() -> None:
    with _answer(_compressed(gzip.compress(b"a") + gzip.compress(b"b"))) as answer:
        assert b"".join(answer.chunks) == b"ab"


def test_what_expands_a_thousandfold_comes_in_pieces() -> None:
    with _answer(_compressed(gzip.compress(bytes(10_000_000)))) as answer:
        sizes = list(map(len, answer.chunks))

    assert sum(sizes) == 10_000_000
    assert max(sizes) <= 65536


@pytest.mark.parametrize("coding", [b"br", b"gzip, gzip", b"zstd"])
def test_a_coding_that_cannot_be_bounded_is_a_broken_stream(coding: bytes) -> None:
    with (
        _answer(_compressed(gzip.compress(b"x"), coding=coding)) as answer,
        pytest.raises(BrokenStreamError, match=f"encoded as '{coding.decode()}'"),
    ):
        list(answer.chunks)


@pytest.mark.parametrize("coding", [b"", b"none", b"Identity", b"identity, identity", b" , none"])
def test_a_coding_that_changes_nothing_is_none(coding: bytes) -> None:
    with _answer(_compressed(*PIECES, coding=coding)) as answer:
        assert list(answer.chunks) == list(PIECES)


def test_a_coding_may_stand_beside_what_changes_nothing() -> None:
    with _answer(_compressed(gzip.compress(b"a"), coding=b"identity, gzip")) as answer:
        assert b"".join(answer.chunks) == b"a"


def _reset_after(data: bytes) -> Script:
    def script(connection: socket.socket, stop: threading.Event) -> None:
        connection.sendall(data)
        time.sleep(0.05)  # or the RST overtakes the data
        servers.reset(connection, stop)

    return script


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(servers.cut(PIECES[0]), id="inside-a-chunk"),
        pytest.param(servers.raw(HEAD + servers.http_chunk(PIECES[0])), id="between-chunks"),
        pytest.param(_reset_after(HEAD + servers.http_chunk(PIECES[0])), id="reset"),
        pytest.param(
            servers.raw(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n" + PIECES[0]),
            id="content-length",
        ),
        pytest.param(
            servers.raw(HEAD + servers.http_chunk(PIECES[0]) + b"nonsense\r\n"), id="no-chunk"
        ),
    ],
)
def test_what_came_before_a_break_is_handed_over(script: Script) -> None:
    got = bytearray()

    with _answer(script) as answer, pytest.raises(BrokenStreamError):
        for chunk in answer.chunks:
            got += chunk

    assert got == PIECES[0]


def test_silence_is_a_break() -> None:
    with _answer(servers.hanging(PIECES[0]), idle_timeout=0.5) as answer:
        assert next(answer.chunks) == PIECES[0]
        with pytest.raises(BrokenStreamError, match=r"^no byte came for 0\.5 s$"):
            next(answer.chunks)


def test_silence_in_a_hurry_is_a_break_soon() -> None:
    with _answer(servers.hanging(PIECES[0])) as answer:
        assert next(answer.chunks) == PIECES[0]
        answer.hurry(0.1)
        with pytest.raises(BrokenStreamError):
            next(answer.chunks)


def test_the_body_of_a_refusal_is_read_as_far_as_it_comes() -> None:
    with _answer(servers.cut(b"Bad Gate")) as answer:
        assert answer.read() == b"Bad Gate"


def test_the_body_of_a_refusal_is_not_read_without_end() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 1000

    answer = Answer(500, {}, endless(), lambda: None)

    assert answer.read(limit=2500) == b"x" * 2500


# --- no answer


def _unanswered(url: str, method: str = "GET", **options: float) -> UnansweredError:
    with (
        _transport(url, **options) as it,  # type: ignore[arg-type]
        pytest.raises(UnansweredError) as caught,
    ):
        it.connect(Request(method, url))
    return caught.value


def test_a_refused_connection_sent_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    failure = _unanswered(url)

    assert "Connection refused" in str(failure)
    assert (failure.sent, failure.final) == (False, False)


def test_a_connection_that_is_not_accepted_in_time_sent_nothing() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        url = f"http://127.0.0.1:{address[1]}"
        with socket.create_connection(address):  # the one that the queue has room for
            failure = _unanswered(url, connect_timeout=0.2)

    assert str(failure) == "no connection within 0.2 s"
    assert (failure.sent, failure.final) == (False, False)


@pytest.mark.parametrize(
    "script", [pytest.param(servers.reset, id="reset"), pytest.param(servers.raw(b""), id="closed")]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_connection_that_drops_may_have_been_heard(method: str, script: Script) -> None:
    with RawServer(script) as server:
        failure = _unanswered(server.url, method)

    assert (failure.sent, failure.final) == (True, False)


HEADER_BEGUN = b"HTTP/1.1 200 OK\r\nContent-"


@pytest.mark.parametrize(("method", "final"), [("POST", True), ("GET", False)])
@pytest.mark.parametrize(
    "script",
    [
        pytest.param(servers.raw(HEADER_BEGUN), id="closed"),
        pytest.param(_reset_after(HEADER_BEGUN), id="reset"),
        pytest.param(servers.raw(b"H"), id="one-byte"),
        pytest.param(servers.raw(b"SSH-2.0-OpenSSH_9.6"), id="no-http"),
        pytest.param(servers.raw(b"HTTP/1.1 103 Early Hints\r\n\r\n"), id="early-hints"),
    ],
)
def test_a_paid_request_whose_answer_has_begun_is_not_sent_again(
    script: Script, method: str, final: bool
) -> None:
    with RawServer(script) as server:
        failure = _unanswered(server.url, method)

    assert str(failure) == "the answer broke off within its header"
    assert (failure.sent, failure.final) == (True, final)


@pytest.mark.parametrize("second", [b"", HEADER_BEGUN], ids=["nothing", "a-header"])
def test_what_was_heard_before_on_a_connection_does_not_count(second: bytes) -> None:
    whole = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx"

    def script(connection: socket.socket, stop: threading.Event) -> None:
        connection.sendall(whole)
        servers.receive(connection)
        connection.sendall(second)

    with RawServer(script) as server, _transport(server.url) as it:
        it.connect(Request("GET", server.url)).read()
        with pytest.raises(UnansweredError) as caught:
            it.connect(Request("POST", server.url))

    assert caught.value.final == bool(second)


@pytest.mark.parametrize("data", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n"])
def test_an_answer_that_is_no_http_is_final(data: bytes) -> None:
    with RawServer(servers.raw(data)) as server:
        failure = _unanswered(server.url)

    assert (failure.sent, failure.final) == (True, True)


def test_silence_after_the_request_is_final() -> None:
    with RawServer(servers.hanging()) as server:
        failure = _unanswered(server.url, idle_timeout=0.2)

    assert str(failure) == "no answer within 0.2 s"
    assert (failure.sent, failure.final) == (True, True)


def test_a_transport_can_be_used_again() -> None:
    with RawServer(servers.answering(PIECES[0])) as server, _transport(server.url) as it:
        for _ in range(2):
            answer = it.connect(Request("GET", server.url))
            assert list(answer.chunks) == [PIECES[0]]

    assert len(server.requests) == 2


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "https://127.0.0.1:x/"])
def test_an_address_that_cannot_be_asked_is_a_mistake_of_the_settings(url: str) -> None:
    with _transport(url) as it, pytest.raises(ConfigurationError, match=f"^{url}: "):
        it.connect(Request("GET", url))


def test_a_transport_that_was_never_used_can_be_closed() -> None:
    with _transport("https://nowhere.invalid"):
        pass


# --- proxies of SOCKS


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> str:
    """An address where nobody listens, and no package for SOCKS."""
    monkeypatch.setitem(sys.modules, "socksio", None)
    for name in ("HTTPS_PROXY", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


def test_a_proxy_of_socks_without_its_package_is_named_with_what_helps(closed: str) -> None:
    with (
        _transport(f"https://{closed}") as it,
        pytest.raises(ConfigurationError, match="the proxy in ALL_PROXY is not") as caught,
    ):
        it.connect(Request("GET", f"https://{closed}/x"))

    assert "socksio" in caught.value.hint


def test_a_proxy_of_socks_that_is_not_for_this_host_is_not_needed(
    closed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    assert str(_unanswered(f"https://{closed}")) == "Connection refused"


def test_a_proxy_of_socks_is_not_needed_beside_one_for_https(
    closed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://{closed}")

    failure = _unanswered("https://nowhere.invalid")

    assert str(failure) == "Connection refused (by way of the proxy in HTTPS_PROXY)"


# --- the log


def test_the_log_shows_no_body_where_there_is_none() -> None:
    lines: list[str] = []
    with RawServer(servers.answering()) as server, _transport(server.url, log=lines.append) as it:
        it.connect(Request("GET", f"{server.url}/x")).read()

    assert lines[:2] == [f"> GET {server.url}/x", "> Accept: application/json"]
    assert lines[2].startswith("< HTTP/1.1 200")


def test_the_log_shows_a_body_as_it_may_be_shown() -> None:
    lines: list[str] = []
    with RawServer(servers.answering()) as server, _transport(server.url, log=lines.append) as it:
        it.shown = bytes.upper
        it.connect(Request("POST", f"{server.url}/x", b'{"a":1}')).read()

    assert '> 7 bytes: {"A":1}' in lines
    assert server.requests[0].body == b'{"a":1}'


def test_the_log_shows_both_directions_without_secrets() -> None:
    lines: list[str] = []
    script = servers.refusing(200, b"", set_cookie="s3cret", x_team="them")
    headers = {"x-goog-api-key": "s3cret", "X-Team": "us"}
    with RawServer(script) as server, _transport(server.url, headers, log=lines.append) as it:
        it.connect(Request("POST", f"{server.url}/x", b'{"a":1}')).read()

    assert lines == [
        f"> POST {server.url}/x",
        "> x-goog-api-key: [removed]",
        "> X-Team: us",
        "> Accept: text/event-stream",
        "> Content-Type: application/json",
        "> Content-Length: 7",
        '> 7 bytes: {"a":1}',
        "< HTTP/1.1 200 No",
        "< content-length: 0",
        "< set-cookie: [removed]",
        "< x-team: them",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "x-goog-api-key",
        "Authorization",
        "PROXY-AUTHORIZATION",
        "Cookie",
        "Set-Cookie",
        "X-Auth",
        "X-Session-Token",
        "X-Client-Secret",
    ],
)
def test_headers_that_may_hold_secrets_are_known_by_name(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", ["Accept", "User-Agent", "X-Team", "Content-Type"])
def test_other_headers_are_shown(name: str) -> None:
    assert not is_secret(name)


# --- offline


def test_offline_answers_without_a_network() -> None:
    answer = Offline(200, iter(PIECES)).connect(Request("POST", "https://nowhere.invalid/x", b"{}"))

    assert (answer.status, list(answer.chunks)) == (200, list(PIECES))


def test_offline_plays_as_its_parts_come() -> None:
    taken = []

    def parts() -> Iterator[bytes]:
        for piece in PIECES:
            taken.append(piece)
            yield piece

    chunks = Offline(200, parts()).connect(Request("POST", "https://nowhere.invalid/x")).chunks

    assert next(chunks) == PIECES[0]
    assert taken == [PIECES[0]]
