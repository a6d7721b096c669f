"""The promises of DESIGN 16, one claim each, against servers and models that mean harm.

What a single module promises stands in its own file, such as `test_network_key.py` (what shows of
the key), `test_transport_url.py` (plain http), `test_folder.py` (links where media are saved), and
`test_security_limits.py` (what never ends).
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests import servers, support
from tests.cli.support_cli import DEADLINE, GSTREAM, KEY, Terminal, create, environment, run
from tests.servers import RawServer, Script, answering, refusing
from tests.support import block, delta, start, stop

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
