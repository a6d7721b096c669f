"""A run as its user sees it: what comes out when, how it is told, where it ends."""

import gzip
import json
import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from tests import servers
from tests.cli.support_cli import KEY, Ran, Terminal, read_until, run, run_bash, started
from tests.servers import HEAD, RawServer, Script, refusing

OK = servers.answering(servers.stream("ok"))
USAGE = {"total_input_tokens": 11, "total_output_tokens": 90, "total_tokens": 101}


def _create(server: RawServer, *args: str, env: dict[str, str | None] | None = None) -> Ran:
    more = env or {}
    return run("create", "-p", "x", *args, env={"GOOGLE_GEMINI_BASE_URL": server.url, **more})


# --- the first event is out before the second one is sent


@pytest.mark.parametrize(
    ("view", "first"),
    [
        pytest.param("--text", b"one ", id="text"),
        pytest.param("--ndjson", b'"text":"one "', id="ndjson"),
        pytest.param("--sse", b'"text":"one "', id="sse"),
        pytest.param("--steps", b'"text":"one "', id="steps"),
    ],
)
def test_an_event_is_shown_while_the_server_waits(
    view: str, first: bytes, httpserver: HTTPServer
) -> None:
    gate = threading.Event()
    head = servers.opening("one ") + (servers.step_stop() if view == "--steps" else b"")
    tail = servers.step_start(index=1) + servers.text_delta("two", 1) + servers.ending()

    def parts(_request: object) -> Response:
        def generate() -> Any:
            yield head
            assert gate.wait(servers.DEADLINE)
            yield tail

        return Response(generate(), content_type="text/event-stream")

    httpserver.expect_request(
        "/v1beta/interactions", method="POST", headers={"x-goog-api-key": KEY}
    ).respond_with_handler(parts)
    env = {"GOOGLE_GEMINI_BASE_URL": httpserver.url_for("")}
    with started("create", "-p", "x", view, env=env) as process:
        got = read_until(process.stdout, first)
        gate.set()
        rest, stderr = process.communicate(timeout=servers.DEADLINE)

    assert first in got
    assert b"two" in rest
    assert (process.returncode, stderr) == (0, b"")


def test_every_delta_is_written_by_itself() -> None:
    gates = [threading.Event() for _ in range(3)]

    def script(connection: socket.socket, _stop: threading.Event) -> None:
        connection.sendall(HEAD + servers.http_chunk(servers.opening("0")))
        for number, gate in enumerate(gates, 1):
            assert gate.wait(servers.DEADLINE)
            connection.sendall(servers.http_chunk(servers.text_delta(str(number))))
        connection.sendall(servers.http_chunk(servers.ending()) + servers.http_chunk(b""))

    with RawServer(script) as server:
        env = {"GOOGLE_GEMINI_BASE_URL": server.url}
        with started("create", "-p", "x", env=env) as process:
            for number, gate in enumerate(gates):
                assert read_until(process.stdout, str(number).encode()) == str(number).encode()
                gate.set()
            assert read_until(process.stdout, b"\n") == b"3\n"


def test_an_event_that_is_cut_inside_a_character_is_shown_when_it_is_whole() -> None:
    data = servers.stream("東京")
    gate = threading.Event()
    middle = data.index("京".encode()) + 1

    with RawServer(servers.waiting(data[:middle], gate=gate, rest=data[middle:])) as server:
        env = {"GOOGLE_GEMINI_BASE_URL": server.url}
        with started("create", "-p", "x", env=env) as process:
            gate.set()
            got = read_until(process.stdout, b"\n")

    assert got.decode() == "東京\n"


# --- flush


HALF = servers.opening("whole line\nhalf")


@pytest.mark.parametrize(
    ("flush", "text"),
    [("event", "whole line\nhalf"), ("line", "whole line\nhalf"), ("end", "")],
)
def test_what_a_cut_answer_leaves_depends_on_flush(flush: str, text: str) -> None:
    got = run("decode", "--flush", flush, stdin=HALF)

    assert (got.code, got.text) == (76, text)


def test_flush_end_says_what_was_not_written() -> None:
    got = run("decode", "--flush", "end", stdin=HALF)

    assert "gstream: 15 bytes were not written: the answer is not whole\n" in got.stderr


def test_flush_line_writes_whole_lines_while_the_server_waits() -> None:
    gate = threading.Event()
    rest = servers.text_delta(" and more") + servers.ending()
    with RawServer(servers.waiting(HALF, gate=gate, rest=rest)) as server:
        env = {"GOOGLE_GEMINI_BASE_URL": server.url}
        with started("create", "-p", "x", "--flush", "line", env=env) as process:
            first = read_until(process.stdout, b"\n")
            gate.set()
            last = read_until(process.stdout, b"\n")

    assert (first, last) == (b"whole line\n", b"half and more\n")


@pytest.mark.parametrize("flush", ["line", "end"])
def test_a_whole_answer_is_written_with_every_flush(flush: str) -> None:
    got = run("decode", "--flush", flush, stdin=servers.stream("a\nb"))

    assert (got.code, got.text) == (0, "a\nb\n")


# --- what is told


def _counted() -> bytes:
    end = servers.ending(usage=USAGE)
    return servers.opening("Grüße, ", "東京") + servers.step_stop() + end


def test_usage_is_one_line_on_stderr() -> None:
    got = run("decode", "-u", stdin=_counted())

    assert (got.code, got.text) == (0, "Grüße, 東京\n")
    assert got.stderr.startswith("gstream: tokens: 11 in, 90 out, 101 in all; 9 characters in ")
    assert got.stderr.count("\n") == 1


STATS = {
    "events": 6,
    "deltas": 2,
    "chars": 9,
    "bytes": len(_counted()),
    "reconnects": 0,
    "tokens": USAGE,
    "status": "completed",
    "interaction_id": "v1_built",
    "exit_code": 0,
}


def test_stats_are_one_json_object_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "stats.json"

    got = run("decode", "--stats", str(path), stdin=_counted())

    assert (got.code, got.stderr) == (0, "")
    stats = json.loads(path.read_text())
    assert {key: stats[key] for key in STATS} == STATS
    assert set(stats) - set(STATS) == {"ttft_s", "total_s", "tokens_per_s"}
    assert 0 < stats["ttft_s"] <= stats["total_s"]


def test_stats_can_go_to_stderr() -> None:
    got = run("decode", "--stats", "-", "-q", stdin=servers.opening("half"))

    *_, line = got.stderr.splitlines()
    stats = json.loads(line)
    assert (stats["exit_code"], stats["status"], stats["tokens"]) == (76, "in_progress", None)


def test_stats_that_cannot_be_written_are_found_before_anything_is_paid_for() -> None:
    with RawServer(OK) as server:
        got = _create(server, "--stats", "/nowhere/stats.json")

    assert (got.code, got.stdout) == (73, b"")
    assert server.requests == []


def test_verbose_tells_the_request_and_the_usage() -> None:
    with RawServer(OK) as server:
        got = _create(server, "-v")

    first, last = got.stderr.splitlines()
    assert first == f"gstream: POST {server.url}/v1beta/interactions"
    assert last.startswith("gstream: tokens: no token counts; 2 characters in ")


def test_very_verbose_tells_what_goes_over_the_wire() -> None:
    with RawServer(OK) as server:
        got = _create(server, "-vv")

    assert f"> POST {server.url}/v1beta/interactions\n" in got.stderr
    assert '> 57 bytes: {"input":"x","model":"gemini-flash-latest","stream":true}\n' in got.stderr
    assert "< HTTP/1.1 200 OK\n" in got.stderr
    assert "< content-type: text/event-stream\n" in got.stderr


def test_quiet_leaves_only_the_failure() -> None:
    broken = servers.opening("one") + b"data: {oops\n\n"

    got = run("decode", "-q", stdin=broken)

    assert got.code == 65
    assert got.stderr == "gstream: 1 events could not be read\n"


# --- terminals


CONTROLS = "red \x1b[31m bell \x07 del \x7f c1 \x9b31m cr\r tab\t lf\n"
VISIBLE = "red \\u001b[31m bell \\u0007 del \\u007f c1 \\u009b31m cr\\u000d tab\t lf\n"


def _shown(*args: str, stdin: bytes) -> bytes:
    """What a terminal gets of stdout."""
    with Terminal() as terminal:
        with started("decode", *args, stdin=-1, stdout=terminal.end) as process:
            process.communicate(stdin, timeout=servers.DEADLINE)
        return terminal.shown()


def test_control_characters_of_the_text_are_visible_on_a_terminal() -> None:
    assert _shown(stdin=servers.stream(CONTROLS)).decode() == VISIBLE


def test_control_characters_of_the_text_stay_in_a_pipe() -> None:
    assert run("decode", stdin=servers.stream(CONTROLS)).text == CONTROLS


@pytest.mark.parametrize("view", ["--text", "--ndjson", "--steps", "--json", "--sse"])
def test_no_view_lets_a_terminal_obey(view: str) -> None:
    raw_c1 = servers.stream(CONTROLS).replace(b"c1", "c1 \x9b31m".encode()) + b"\x1b[31m\n\n"

    shown = _shown(view, stdin=raw_c1).decode()

    assert "red " in shown
    assert not [c for c in shown if (c < " " and c not in "\n\t") or "\x7f" <= c <= "\x9f"]


def test_json_on_a_terminal_is_indented() -> None:
    shown = _shown("--json", stdin=servers.stream("x"))

    assert shown.startswith(b'{\n  "id": "v1_built",\n')
    assert json.loads(shown)["status"] == "completed"


def test_words_of_the_server_are_harmless_on_a_terminal_in_verbose_mode() -> None:
    script = refusing(400, {"message": "evil \x1b]0;title\x07 \x9b31m"}, x_evil="\x1b[31mred")
    with Terminal() as terminal, RawServer(script) as server:
        env = {"GOOGLE_GEMINI_BASE_URL": server.url, "NO_COLOR": "1"}
        args = ["create", "-p", "x", "-vv", "--retries", "0"]
        with started(*args, stderr=terminal.end, env=env) as process:
            process.wait(servers.DEADLINE)
        shown = terminal.shown().decode()

    assert "evil \\u001b]0;title\\u0007 \\u009b31m" in shown
    assert not [c for c in shown if (c < " " and c not in "\n\t") or "\x7f" <= c <= "\x9f"]


def test_a_failure_begins_a_line_of_its_own_on_a_shared_terminal() -> None:
    with Terminal() as terminal:
        with started("decode", stdin=-1, stdout=terminal.end, stderr=terminal.end) as process:
            process.communicate(servers.opening("half a line"), timeout=servers.DEADLINE)
        assert terminal.shown().startswith(b"half a line\ngstream: the stream ended before ")


# --- 200, and yet


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(b"<html>a login page", 65, id="html"),
        pytest.param(b'{"error":{"code":401,"message":"who?"}}', 77, id="error"),
        pytest.param(b'{"error":{"code":"safety","message":"no"}}', 12, id="blocked"),
    ],
)
def test_an_answer_that_is_no_stream_gives_the_code_of_what_it_is(body: bytes, code: int) -> None:
    with RawServer(servers.answering(body)) as server:
        assert _create(server, "--no-resume").code == code


def test_a_finished_interaction_instead_of_a_stream_is_shown() -> None:
    step = {"type": "model_output", "content": [{"type": "text", "text": "at once"}]}
    body = json.dumps({"id": "v1_a", "status": "completed", "steps": [step]}).encode()

    with RawServer(servers.answering(body)) as server:
        got = _create(server)

    assert (got.code, got.text) == (0, "at once\n")


def test_a_compressed_stream_is_read_all_the_same() -> None:
    data = gzip.compress(servers.stream("squeezed"))
    head = HEAD.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n")

    with RawServer(servers.raw(head + servers.http_chunk(data) + servers.http_chunk(b""))) as it:
        got = _create(it)

    assert (got.code, got.text) == (0, "squeezed\n")


def test_nothing_is_read_after_done() -> None:
    with RawServer(servers.hanging(servers.stream("all"))) as server:
        got = _create(server, "--max-time", "15")

    assert (got.code, got.text) == (0, "all\n")


# --- after the first event


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(servers.cut(servers.opening("half")), id="inside-a-chunk"),
        pytest.param(servers.answering(servers.opening("half")), id="well-formed-end"),
        pytest.param(
            servers.raw(
                b"HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
                + servers.opening("half")
            ),
            id="http-1.0",
        ),
        pytest.param(
            servers.raw(
                b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n" + servers.opening("half")
            ),
            id="content-length",
        ),
    ],
)
def test_a_stream_that_is_cut_keeps_its_text_and_is_truncated(script: Script) -> None:
    with RawServer(script) as server:
        got = _create(server, "--no-resume")

    assert (got.code, got.text) == (76, "half")
    assert "interaction v1_built" in got.stderr
    assert len(server.requests) == 1


def test_a_reset_in_the_stream_keeps_the_text_and_is_truncated() -> None:
    gate = threading.Event()

    def script(connection: socket.socket, stop: threading.Event) -> None:
        connection.sendall(HEAD + servers.http_chunk(servers.opening("half")))
        assert gate.wait(servers.DEADLINE)
        servers.reset(connection, stop)

    with RawServer(script) as server:
        env = {"GOOGLE_GEMINI_BASE_URL": server.url}
        with started("create", "-p", "x", "--no-resume", env=env) as process:
            assert read_until(process.stdout, b"half") == b"half"
            gate.set()
            rest, stderr = process.communicate(timeout=servers.DEADLINE)

    assert (process.returncode, rest) == (76, b"")
    assert b"Connection reset by peer" in stderr


def test_a_stream_that_stalls_is_truncated() -> None:
    with RawServer(servers.hanging(servers.opening("half"))) as server:
        got = _create(server, "--no-resume", "--idle-timeout", "0.3")

    assert (got.code, got.text) == (76, "half")
    assert "no byte came for 0.3 s" in got.stderr


def test_any_byte_keeps_an_idle_stream_alive() -> None:
    def script(connection: socket.socket, _stop: threading.Event) -> None:
        connection.sendall(HEAD + servers.http_chunk(servers.opening("slow")))
        for _ in range(6):
            time.sleep(0.1)
            connection.sendall(servers.http_chunk(b":\n"))
        connection.sendall(servers.http_chunk(servers.ending()) + servers.http_chunk(b""))

    with RawServer(script) as server:
        got = _create(server, "--no-resume", "--idle-timeout", "0.4")

    assert (got.code, got.text) == (0, "slow\n")


# --- the time limit


@pytest.mark.parametrize(
    ("script", "text"),
    [
        pytest.param(servers.hanging(), "", id="before-the-answer"),
        pytest.param(servers.hanging(servers.opening("half")), "half", id="in-the-stream"),
        pytest.param(refusing(429, {"message": "m"}, retry_after="30"), "", id="between-tries"),
    ],
)
def test_the_run_ends_when_its_time_is_up(script: Script, text: str) -> None:
    with RawServer(script) as server:
        got = _create(server, "--max-time", "0.5")

    assert (got.code, got.text) == (124, text)
    assert "gstream: the run took longer than --max-time 0.5\n" in got.stderr


def test_the_exit_line_says_that_the_time_is_up() -> None:
    with RawServer(servers.hanging(servers.opening("half"))) as server:
        got = _create(server, "--max-time", "0.5", "--ndjson")

    assert got.events[-1]["status"] == 124
    assert got.events[-1]["interaction_id"] == "v1_built"


def test_a_reader_that_does_not_read_does_not_stop_the_time() -> None:
    ours, theirs = os.pipe()
    with RawServer(servers.hanging(servers.opening(*["x" * 1000] * 200))) as server:
        env = {"GOOGLE_GEMINI_BASE_URL": server.url}
        with started(
            "create", "-p", "x", "--ndjson", "--max-time", "0.5", stdout=theirs, env=env
        ) as process:
            os.close(theirs)
            _, stderr = process.communicate(timeout=servers.DEADLINE)

    os.close(ours)
    assert process.returncode == 124
    assert b"--max-time" in stderr


# --- stdout comes first


@pytest.mark.parametrize(
    ("redirection", "words"),
    [
        pytest.param("> /dev/full", "No space left on device", id="full"),
        pytest.param(">&-", "standard output is closed", id="closed"),
    ],
)
def test_an_unusable_stdout_is_found_before_anything_is_paid_for(
    redirection: str, words: str
) -> None:
    with RawServer(OK) as server:
        env = {"GOOGLE_GEMINI_BASE_URL": server.url}
        got = run_bash(f"gstream create -p x {redirection}", env=env)

    assert got.code == 74
    assert words in got.stderr
    assert server.requests == []


def test_a_pipe_without_reader_is_found_before_anything_is_paid_for() -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    with RawServer(OK) as server:
        env = {"GOOGLE_GEMINI_BASE_URL": server.url}
        with started("create", "-p", "x", stdout=theirs, env=env) as process:
            os.close(theirs)
            _, stderr = process.communicate(timeout=servers.DEADLINE)

    assert (process.returncode, stderr) == (-13, b"")
    assert server.requests == []
