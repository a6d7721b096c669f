"""The promises of DESIGN 16, one claim each, against servers and models that mean harm.

What a single module promises stands in its own file, such as `test_network_key.py` (what shows of
the key), `test_transport_url.py` (plain http), `test_folder.py` (links where media are saved).
"""

import gzip
import json
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
from tests.cli.support_cli import DEADLINE, GSTREAM, KEY, Terminal, create, environment, run
from tests.servers import HEAD, RawServer, Script, answering, http_chunk, refusing
from tests.support import block, delta, start, stop

MB = 1024 * 1024
OK = answering(servers.stream("ok"))
CALL = start("function_call", id="call_1", name="f", arguments={})
CALLING = servers.created() + block(CALL) + block(stop()) + servers.ending("requires_action")

# --- the key


def test_the_key_is_in_no_file_that_a_run_writes(tmp_path: Path) -> None:
    files = ["--record=r.sse", "--cursor=c", "--stats=s", "--save-media=m", "--cassette=k"]
    with RawServer(OK) as server:
        args = ["create", "-p", "x", "--base-url", server.url, *files]
        got = run(*args, "-H", f"X-My-Secret: {KEY}", cwd=tmp_path)

    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert got.code == 0
    assert len(written) == 4  # and no media
    assert [path.name for path in written if KEY.encode() in path.read_bytes()] == []


@pytest.mark.parametrize("name", ["GEMINI_API_KEY", "GOOGLE_API_KEY"])
def test_no_child_can_read_the_key(name: str) -> None:
    env = {"GEMINI_API_KEY": None, name: KEY, "COPY_OF_THE_KEY": f"Bearer {KEY}"}
    with RawServer(answering(CALLING), OK) as server:
        got = create(
            server, "--exec", "f=sh -c 'cat /proc/self/environ /proc/self/cmdline'", env=env
        )

    assert got.code == 0
    assert "GSTREAM_CALL_ID=call_1" in server.requests[1].body.decode()
    assert KEY not in server.requests[1].body.decode()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("args", [("create", "-p", "x"), ("resume", "v1_x")], ids=["post", "get"])
def test_no_request_follows_a_redirect(args: tuple[str, ...], status: int) -> None:
    with (
        RawServer(OK) as elsewhere,
        RawServer(refusing(status, b"", location=f"{elsewhere.url}/x")) as server,
    ):
        got = run(*args, "--base-url", server.url)

    assert got.code == 64
    assert len(server.requests) == 1
    assert elsewhere.requests == []


@pytest.mark.parametrize("host", ["api.invalid", "127.0.0.1.invalid", "localhost.invalid", "1"])
@pytest.mark.parametrize("args", [("create", "-p", "x"), ("resume", "v1_x")], ids=["post", "get"])
def test_the_key_goes_nowhere_by_plain_http(args: tuple[str, ...], host: str) -> None:
    with RawServer(refusing(502, b"")) as proxy:
        url = f"http://{host}"
        env = {"HTTP_PROXY": proxy.url, "ALL_PROXY": proxy.url, "GOOGLE_GEMINI_BASE_URL": url}
        got = run(*args, env=env)

    assert got.code == 78
    assert proxy.requests == []


# --- terminals

EVIL = "evil\x1b]0;title\x07\x9b31m\x1b[2J\r\x08\x7f"
EVIL_CALL = {**CALL["step"], "id": EVIL, "name": EVIL}
TEXTS = {
    "text": servers.stream(EVIL),
    "thought": servers.created() + servers.step_start("thought") + servers.thought_delta(EVIL),
    "status-line": servers.created() + servers.step_start(EVIL),
    "function-result-hint": servers.created()
    + block(start(index=0) | {"step": EVIL_CALL})
    + servers.ending("requires_action"),
    "resume-hint": servers.created(EVIL),
    "event-id": servers.opening() + servers.text_delta("x", event_id=EVIL),
    "status": servers.created() + servers.ending(EVIL),
    "error-event": block(support.event("error", error={"code": EVIL, "message": EVIL})),
    "raw-error": json.dumps({"error": {"message": EVIL}}).encode() + b"\n",
    "broken-event": b"data: " + EVIL.encode() + b"\n\n",
    "broken-element": b"[{" + EVIL.encode() + b"}]",
    "html": b"<html>" + EVIL.encode(),
    "mime-type": servers.created()
    + servers.step_start()
    + block(delta("image", data="AAAA", mime_type=EVIL)),
    "image-uri": servers.created()
    + block(start("thought", summary=[{"type": "image", "uri": EVIL}])),
    "broken-arguments": servers.created()
    + block(start() | {"step": EVIL_CALL})
    + block(delta("arguments_delta", arguments=EVIL))
    + servers.ending("requires_action"),
    "exit-line": support.ndjson(support.event("gstream.exit", status=12, message=EVIL)),
    "recorded-exit": b": gstream-recording 1\n: {}\n: exit "
    + json.dumps({"status": 65, "message": EVIL}).encode()
    + b"\n",
}
HARMLESS = frozenset("\n\t")


def _dangerous(shown: bytes, allowed: frozenset[str] = HARMLESS) -> list[str]:
    text = shown.decode()
    return [c for c in text if (c < " " or "\x7f" <= c <= "\x9f") and c not in allowed]


@pytest.mark.parametrize("body", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("view", ["--text", "--ndjson"])
def test_no_word_of_the_server_commands_a_terminal(body: bytes, view: str, tmp_path: Path) -> None:
    args = [view, "--thoughts", "-u", "-vv", f"--save-media={tmp_path}", "--stats=-"]
    with Terminal() as terminal:
        shown = _shown(["decode", *args], body, terminal, stdout=terminal.end)

    assert b"evil" in shown or view == "--text"
    assert _dangerous(shown) == []


@pytest.mark.parametrize("name", ["status-line", "thought", "broken-event", "resume-hint"])
def test_no_word_of_the_server_commands_a_terminal_with_a_status_line(name: str) -> None:
    with Terminal() as terminal:
        args = ["decode", "--thoughts"]
        shown = _shown(args, TEXTS[name], terminal, stdout=subprocess.DEVNULL)

    assert b" characters" in shown
    assert _dangerous(shown, HARMLESS | {"\r"}) == []


def _shown(args: list[str], body: bytes, terminal: Terminal, *, stdout: int) -> bytes:
    """What a terminal gets that is stderr; the input stays open until something was drawn."""
    with subprocess.Popen(
        [*GSTREAM, *args],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=terminal.end,
    ) as process:
        assert process.stdin is not None
        process.stdin.write(body)
        process.stdin.flush()
        drawn = terminal.read_until(b" characters") if stdout == subprocess.DEVNULL else b""
        process.communicate(timeout=DEADLINE)
    return drawn + terminal.shown()


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(refusing(400, {"code": EVIL, "message": EVIL}), id="message"),
        pytest.param(refusing(400, f"<html>{EVIL}".encode()), id="html"),
        pytest.param(
            servers.raw(b"HTTP/1.1 400 \x1b[31m\r\nx-\x1b[31m: a\r\n\r\n"), id="status-line"
        ),
        pytest.param(
            servers.raw("HTTP/1.1 400 \x9b31m\r\nx: \x9b31m\r\n\r\n".encode("latin-1")),
            id="latin-1",
        ),
        pytest.param(refusing(307, b"", location="\x9b31m"), id="location"),
    ],
)
def test_no_word_of_a_refusal_commands_a_terminal(script: Script) -> None:
    with Terminal() as terminal, RawServer(script) as server:
        args = ["create", "-p", "x", "-vv", "--retries=0", "--base-url", server.url]
        shown = _shown(args, b"", terminal, stdout=terminal.end)

    assert b"gstream: POST http" in shown
    assert _dangerous(shown) == []


# --- files


@pytest.mark.parametrize("target", ["there", "absent"])
def test_a_recording_is_never_written_through_a_link(target: str, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    (tmp_path / "r.sse").symlink_to(target)

    got = run("decode", "--record=r.sse", stdin=servers.stream("x"), cwd=tmp_path)

    assert got.code == 73
    assert (tmp_path / "there").read_text() == "mine"
    assert not (tmp_path / "absent").exists()


def test_media_never_leave_their_folder(tmp_path: Path) -> None:
    evil = ["../../x", "image/../../x", "image/x\0y", "/etc/passwd", "image/" + "a" * 5000]
    deltas = [
        delta("image", data="AAAA", mime_type=each, name=each, path=each, id=each) for each in evil
    ]
    body = support.stream(support.created("../x"), start(), *deltas, support.completed())

    got = run("decode", "--save-media=m", "--json", stdin=body, cwd=tmp_path)

    assert got.code == 0
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == [
        f"{number:03d}-image.bin" for number in range(1, 6)
    ]
    assert os.listdir(tmp_path) == ["m"]


# --- servers without end


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
    """The memory of a run that nobody attacks."""
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
        used = _use(server, "--max-time=1.2", "--idle-timeout=1")

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
