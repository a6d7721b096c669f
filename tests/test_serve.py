import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import httpx_sse
import orjson
import pytest

from gstream.answering import Library
from gstream.recording import Pace, Part, Recording
from gstream.serve import RecordingServer
from tests.support import STREAMS, answer, block, created, stream

DEADLINE = 20.0
COUNT = {"input": "Count.", "stream": True}
ANSWER = stream(*answer("1, ", "2, ", "3"))
ENDED = b"0\r\n\r\n"
CHUNKED = b"POST /x HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"

Serve = Callable[..., RecordingServer]


class FakeTime:
    """Time that passes for those who sleep once they are let."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        assert self.gate.wait(DEADLINE)

    def pace(self) -> Pace:
        return Pace(self.sleep, lambda: 0.0)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers; they end with the test."""
    servers: list[RecordingServer] = []

    def start(
        data: bytes = ANSWER, *, time: FakeTime | None = None, **options: Any
    ) -> RecordingServer:
        parts = [Part(0.5, part + b"\n\n") for part in data.split(b"\n\n") if part]
        recording = Recording("x.sse", {"request": {"body": COUNT}}, parts, {})
        server = RecordingServer(
            ("127.0.0.1", 0), Library([recording]), new_pace=(time or FakeTime()).pace, **options
        )
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def post(server: RecordingServer, body: dict[str, Any] = COUNT) -> httpx.Response:
    return httpx.post(f"{server.url}/v1beta/interactions", json=body, timeout=DEADLINE)


def connection(server: RecordingServer) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=DEADLINE)


def raw_answer(server: RecordingServer, request: bytes) -> bytes:
    """All that comes back for some bytes until the server closes."""
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=DEADLINE) as client:
        client.sendall(request)
        got = b""
        while piece := client.recv(65536):
            got += piece
    return got


def request_bytes(version: str = "1.1", *, close: bool = True) -> bytes:
    body = orjson.dumps(COUNT)
    end = b"connection: close\r\n" if close else b""
    head = f"POST /v1beta/interactions HTTP/{version}\r\nhost: a\r\n".encode()
    return head + end + b"content-length: %d\r\n\r\n%b" % (len(body), body)


def test_streams_the_recorded_bytes(serve: Serve) -> None:
    response = post(serve())

    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream"
    assert response.content == ANSWER


def test_each_block_is_a_chunk_at_its_time(serve: Serve) -> None:
    time = FakeTime()

    got = raw_answer(serve(stream(created(), done=False), time=time), request_bytes())

    head, _, body = got.partition(b"\r\n\r\n")
    one = block(created())
    assert b"Transfer-Encoding: chunked" in head
    assert body == b"%x\r\n%b\r\n" % (len(one), one) + ENDED
    assert time.slept == [0.5]


def test_each_block_is_a_chunk_although_several_came_at_once() -> None:
    recording = Recording("x.sse", {}, [Part(0.5, b"data: 1\n\ndata: 2\n\n")], {})
    library = Library([recording], find=lambda recordings, _body: recordings[0])
    with RecordingServer(("127.0.0.1", 0), library, new_pace=FakeTime().pace) as server:
        threading.Thread(target=server.handle_request).start()
        got = raw_answer(server, request_bytes())

    assert got.endswith(b"9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n")


def test_sends_a_block_before_it_waits_for_the_next(serve: Serve) -> None:
    time = FakeTime()
    time.gate.clear()
    client = connection(serve(time=time))
    client.request("POST", "/v1beta/interactions", orjson.dumps(COUNT))

    response = client.getresponse()  # the header is there before the first event
    time.gate.set()
    first = response.read1()

    assert response.status == 200
    assert ANSWER.startswith(first)
    assert first
    client.close()


def test_a_connection_serves_many_requests(serve: Serve) -> None:
    client = connection(serve())
    for _ in range(3):
        client.request("POST", "/v1beta/interactions", orjson.dumps(COUNT))
        assert client.getresponse().read() == ANSWER
        client.request("GET", "/v1beta/interactions/nobody")
        assert client.getresponse().read().startswith(b'{"error":')
    client.close()


def test_closes_when_the_client_asks_for_it(serve: Serve) -> None:
    got = raw_answer(serve(), request_bytes(close=True))

    assert got.endswith(ENDED)
    assert b"Connection: close" in got


def test_a_client_of_http_1_0_gets_no_chunks(serve: Serve) -> None:
    head, _, body = raw_answer(serve(), request_bytes("1.0", close=False)).partition(b"\r\n\r\n")

    assert b"chunked" not in head
    assert body == ANSWER


def test_cuts_a_stream_after_some_events(serve: Serve) -> None:
    server = serve(drop_after=3)
    got = b""

    with (
        httpx.stream("POST", f"{server.url}/v1beta/interactions", json=COUNT) as response,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        for piece in response.iter_raw():
            got += piece

    assert got == b"".join(ANSWER.split(b"\n\n")[n] + b"\n\n" for n in range(3))


def test_a_stream_that_is_short_enough_is_not_cut(serve: Serve) -> None:
    assert post(serve(drop_after=8)).content == ANSWER


def test_json_is_not_cut(serve: Serve) -> None:
    server = serve(drop_after=0)

    response = httpx.get(f"{server.url}/v1beta/interactions/v1_built")

    assert response.json()["status"] == "completed"


def test_a_refusal_is_json_with_its_length(serve: Serve) -> None:
    response = httpx.get(f"{serve().url}/v1beta/interactions/nobody")

    assert response.status_code == 404
    assert response.headers["content-type"].startswith("application/json")
    assert int(response.headers["content-length"]) == len(response.content)
    assert response.json()["error"]["code"] == "not_found"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
def test_other_methods_are_not_found(serve: Serve, method: str) -> None:
    response = httpx.request(method, f"{serve().url}/v1beta/interactions")

    assert response.status_code == 404
    assert response.json()["error"]["message"] == f"there is no {method} /v1beta/interactions"


def test_head_has_no_body(serve: Serve) -> None:
    got = raw_answer(serve(), b"HEAD /v1beta/interactions HTTP/1.1\r\nhost: a\r\n\r\n")

    assert got.startswith(b"HTTP/1.1 404 ")
    assert got.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        pytest.param(b"POST /x HTTP/1.1\r\ncontent-length: x\r\n\r\n", 400, id="no-number"),
        pytest.param(b"POST /x HTTP/1.1\r\ncontent-length: -1\r\n\r\n", 400, id="negative-length"),
        pytest.param(b"POST /x HTTP/1.1\r\ntransfer-encoding: br\r\n\r\n", 411, id="not-chunked"),
        pytest.param(CHUNKED + b"-5\r\n", 400, id="negative-chunk"),
        pytest.param(CHUNKED + b"1" * 5000, 400, id="endless-size"),
        pytest.param(CHUNKED + b"ffffffff\r\n", 413, id="too-large-chunk"),
        pytest.param(CHUNKED + b"1\r\n{}\r\n", 400, id="longer-than-its-size"),
        pytest.param(b"POST /x HTTP/1.1\r\ncontent-length: 999999999\r\n\r\n", 413, id="too-large"),
        pytest.param(
            b"POST /x HTTP/1.1\r\ncontent-length: %b\r\n\r\n" % (b"9" * 5000), 413, id="digits"
        ),
        pytest.param(b"what\r\n\r\n", 400, id="no-http"),
        pytest.param(b"GET /x HTTP/9.9\r\n\r\n", 505, id="version"),
        pytest.param(b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", 414, id="long-path"),
    ],
)
def test_a_broken_request_is_refused_in_the_shape_of_the_api(
    serve: Serve, request_head: bytes, status: int
) -> None:
    got = raw_answer(serve(), request_head)

    assert f" {status} ".encode() in got.partition(b"\r\n")[0]
    assert b'{"error":{"code":"invalid_request","message":' in got


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"content-length: 2\r\n\r\n{}", id="length"),
        pytest.param(b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", id="chunks"),
    ],
)
def test_the_body_of_any_request_is_read(serve: Serve, method: str, body: bytes) -> None:
    first = b"%b /x HTTP/1.1\r\n%b" % (method.encode(), body)
    last = b"GET /v1beta/interactions/v1_built HTTP/1.1\r\nconnection: close\r\n\r\n"

    got = raw_answer(serve(), first + last)

    assert got.count(b"HTTP/1.1 ") == 2
    assert b"HTTP/1.1 200 OK" in got


def test_a_post_without_a_body_and_a_length_is_answered(serve: Serve) -> None:
    request = b"POST /v1beta/interactions/v1_built/cancel HTTP/1.1\r\nconnection: close\r\n\r\n"

    assert b'"status":"cancelled"' in raw_answer(serve(), request)


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(b"0\r\n\r\n", id="plain"),
        pytest.param(b"0;last=1\r\nchecksum: 1\r\n\r\n", id="extension-and-trailer"),
    ],
)
def test_a_body_may_come_in_chunks(serve: Serve, end: bytes) -> None:
    body = orjson.dumps({**COUNT, "stream": False})
    chunks = b"".join(b"%X\r\n%b\r\n" % (len(part), part) for part in (body[:9], body[9:]))

    client = connection(serve())
    client.putrequest("POST", "/v1beta/interactions")
    client.putheader("transfer-encoding", "chunked")
    client.endheaders(chunks + end)
    answer = client.getresponse()
    answer.read()
    client.request("GET", "/none")  # in step on the same connection
    next_status = client.getresponse().status
    client.close()

    assert (answer.status, next_status) == (200, 404)


def test_waits_for_a_body_that_is_announced(serve: Serve) -> None:
    body = orjson.dumps({**COUNT, "input": "x" * 2_000_000})
    request = b"POST /v1beta/interactions HTTP/1.1\r\nexpect: 100-continue\r\n"
    request += b"connection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)

    got = raw_answer(serve(), request)

    assert got.startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert b"HTTP/1.1 404 " in got


def test_a_client_that_goes_away_disturbs_nobody(serve: Serve) -> None:
    told: list[str] = []
    server = serve(ANSWER * 2000, report=told.append)
    with socket.create_connection(("127.0.0.1", server.server_port)) as client:
        client.sendall(request_bytes())
        client.recv(10)

    assert post(server).content == ANSWER * 2000
    assert told == []


def test_a_bug_is_reported(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    server = serve(report=told.append)
    server.library = None  # type: ignore[assignment]

    assert raw_answer(server, request_bytes()) == b""
    assert len(told) == 1
    assert told[0].startswith("this is a bug: AttributeError: ")


def test_each_request_is_logged_with_what_answers_it(serve: Serve) -> None:
    log: list[str] = []
    server = serve(log=log.append)

    post(server)
    httpx.get(f"{server.url}/v1beta/interactions/nobody?stream=true")

    assert log == [
        "POST /v1beta/interactions: 200 x.sse",
        "GET /v1beta/interactions/nobody: 404 no recording holds interaction nobody",
    ]


def test_httpx_sse_reads_the_same_events(serve: Serve) -> None:
    server = serve((STREAMS / "simple_text.sse").read_bytes())

    url = f"{server.url}/v1beta/interactions"
    with (
        httpx.Client() as client,
        httpx_sse.connect_sse(client, "POST", url, json=COUNT) as source,
    ):
        events = [event.data for event in source.iter_sse()]

    assert events[-1] == "[DONE]"
    assert [orjson.loads(data)["event_type"] for data in events[:2]] == [
        "interaction.created",
        "interaction.status_update",
    ]


def test_fifty_clients_at_once_each_get_their_whole_answer(serve: Serve) -> None:
    time = FakeTime()
    time.gate.clear()
    server = serve(time=time)
    answers: list[bytes] = []

    def ask() -> None:
        client = connection(server)
        client.request("POST", "/v1beta/interactions", orjson.dumps(COUNT))
        answers.append(client.getresponse().read())
        client.close()

    clients = [threading.Thread(target=ask) for _ in range(50)]
    for client in clients:
        client.start()
    wait_until(lambda: len(time.slept) == 50)  # all of them are in the middle of their answer
    time.gate.set()
    for client in clients:
        client.join(DEADLINE)

    assert answers == [ANSWER] * 50


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_listens_on_ipv6() -> None:
    with RecordingServer(("::1", 0), Library([]), new_pace=FakeTime().pace) as server:
        assert server.url == f"http://[::1]:{server.server_port}"
