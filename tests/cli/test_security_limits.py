"""Servers and streams without end: memory is bounded, and so is time (DESIGN 16)."""

import gzip
import os
import socket
import subprocess
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests import servers, support
from tests.cli.support_cli import DEADLINE, GSTREAM, environment, run
from tests.servers import HEAD, RawServer, Script, answering, http_chunk
from tests.support import block

MB = 1024 * 1024
OK = answering(servers.stream("ok"))


class Used(NamedTuple):
    """What a run was and took."""

    code: int
    memory: int
    stderr: bytes


def _use(server: RawServer, *args: str) -> Used:
    """Run `create`; its memory is the most that it had, in bytes."""
    command = [*GSTREAM, "create", "-p", "x", "--no-resume", "--retries=0", *args]
    with subprocess.Popen(
        [*command, "--base-url", server.url],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        guard = threading.Timer(2 * DEADLINE, process.kill)
        guard.start()
        stderr = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        guard.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
    return Used(process.returncode, usage.ru_maxrss * 1024, stderr)


@pytest.fixture(scope="module")
def usual() -> int:
    """The memory of a run that nobody attacks, or of pytest: the kernel counts it until `exec`."""
    with RawServer(OK) as server:
        return _use(server).memory


def _endless(
    piece: bytes, *, head: bytes = HEAD, begin: bytes = b"", chunked: bool = True
) -> Script:
    """An answer that repeats a piece until the client goes away."""

    def script(connection: socket.socket, stop: threading.Event) -> None:
        connection.sendall(head + (http_chunk(begin) if begin else b""))
        data = http_chunk(piece) if chunked else piece
        while not stop.is_set():
            connection.sendall(data)

    return script


DELTA = servers.text_delta("x" * 100)
BOUND = ["--max-event-size", str(MB)]
ENDLESS = {
    "lines-of-data": (b"data: " + b"x" * 65536 + b"\n", b""),
    "one-line": (b"x" * 65536, b"data: "),
    "fields": (b"id: x\nretry: 9\n" * 4000, b""),
    "no-kind": (b" \n" * 32768, b""),
    "ndjson": (b"x" * 65536, b'{"a":"'),
    "element": (b"x" * 65536, b'[{"a":"'),
    "nested-elements": (b"[" * 65536, b'[{"a":'),
    "header-lines": (b"x: y\r\n" * 10000, b"HTTP/1.1 200 OK\r\n"),
    "raw-json": (b"x" * 65536, servers.created() + b'{"error":"'),
    "document-of-lines": (b'"x",\n' * 10000, b"{\n"),
}


@pytest.mark.parametrize(("piece", "begin"), ENDLESS.values(), ids=ENDLESS)
def test_an_event_without_end_is_refused_in_little_memory(
    piece: bytes, begin: bytes, usual: int
) -> None:
    with RawServer(_endless(piece, begin=begin)) as server:
        used = _use(server, *BOUND)

    assert used.code == 65
    assert b"raise the bound with --max-event-size" in used.stderr
    assert used.memory - usual < 12 * MB


@pytest.mark.parametrize(
    ("view", "piece"),
    [
        pytest.param("--text", DELTA * 500, id="text"),
        pytest.param("--ndjson", DELTA * 500, id="ndjson"),
        pytest.param("--sse", DELTA * 500, id="sse"),
        pytest.param("--text", b": keep-alive\n\n" * 4000, id="comments"),
        pytest.param("--text", b": " + b"x" * 65536, id="one-comment"),
        pytest.param("--text", b"data: {}\n\n" * 4000, id="broken-events"),
        pytest.param("--text", b"id: x\nretry: 9\n\n" * 4000, id="no-data"),
        pytest.param("--text", block(support.event("x", y="z")) * 500, id="unknown-events"),
    ],
)
def test_a_stream_without_end_takes_little_memory_and_ends_in_time(
    view: str, piece: bytes, usual: int
) -> None:
    with RawServer(_endless(piece, begin=servers.opening())) as server:
        used = _use(server, view, "-q", "--max-time=1", *BOUND)

    assert used.code == 124
    assert used.memory - usual < 12 * MB


def test_a_byte_now_and_then_does_not_keep_a_run_alive() -> None:
    def script(connection: socket.socket, stop: threading.Event) -> None:
        connection.sendall(HEAD)
        while not stop.wait(0.2):
            connection.sendall(http_chunk(b":"))

    with RawServer(script) as server:
        used = _use(server, "--max-time=1.2")

    assert used.code == 124
    assert b"the run took longer than --max-time 1.2" in used.stderr


@pytest.mark.parametrize(
    "head",
    [
        pytest.param((b"HTTP/1.1 200 OK\r\n", b"x: " + b"y" * 9000 + b"\r\n"), id="many"),
        pytest.param((b"HTTP/1.1 200 OK\r\nx: ", b"y" * 65536), id="one"),
        pytest.param((b"HTTP/1.1 200 ", b"K" * 65536), id="reason"),
        pytest.param((b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 C\r\n\r\n" * 999), id="100"),
    ],
)
def test_header_lines_without_end_are_refused_in_little_memory(
    head: tuple[bytes, bytes], usual: int
) -> None:
    with RawServer(_endless(head[1], head=head[0], chunked=False)) as server:
        used = _use(server, "--max-time=2")

    assert used.code in {68, 124}
    assert used.memory - usual < 12 * MB


def _bomb(piece: bytes, times: int) -> Iterator[bytes]:
    packer = zlib.compressobj(9, wbits=31)
    for _ in range(times):
        yield packer.compress(piece)
    yield packer.flush()


@pytest.mark.parametrize(
    ("body", "coding", "code"),
    [
        pytest.param(b"".join(_bomb(b"x" * MB, 200)), b"gzip", 65, id="gzip"),
        pytest.param(gzip.compress(b"".join(_bomb(b"x" * MB, 200))), b"gzip, gzip", 68, id="twice"),
    ],
)
def test_a_compressed_bomb_takes_little_memory(
    body: bytes, coding: bytes, code: int, usual: int
) -> None:
    head = HEAD.replace(b"\r\n\r\n", b"\r\ncontent-encoding: %b\r\n\r\n" % coding)
    with RawServer(servers.raw(head + http_chunk(body) + http_chunk(b""))) as server:
        used = _use(server, *BOUND)

    assert used.code == code
    assert used.memory - usual < 12 * MB


@pytest.mark.parametrize("status", [b"400 No", b"500 No"])
def test_a_refusal_without_end_is_read_in_part(status: bytes, usual: int) -> None:
    head = HEAD.replace(b"200 OK", status)
    with RawServer(_endless(b"x" * 65536, head=head)) as server:
        used = _use(server)

    assert used.code in {64, 69}
    assert used.memory - usual < 12 * MB


def test_the_demo_server_bounds_what_it_reads(tmp_path: Path) -> None:
    (tmp_path / "a.sse").write_bytes(servers.stream("x"))
    script = (
        "exec 3<>/dev/tcp/127.0.0.1/${GOOGLE_GEMINI_BASE_URL##*:}; "
        "printf 'POST /v1/interactions HTTP/1.1\\r\\nContent-Length: 99999999999\\r\\n\\r\\n' >&3;"
        "head -1 <&3"
    )
    got = run("replay", "--serve", str(tmp_path / "a.sse"), "--", "bash", "-c", script)

    assert got.text.startswith("HTTP/1.1 413 ")
