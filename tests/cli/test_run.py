"""A run as its user sees it: what comes out when, and how it is told."""

import json
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from gstream.cli import decode
from gstream.cli.failures import Exit
from gstream.cli.run import new_run
from gstream.errors import CannotCreateError, GstreamError, OutputError
from tests import servers
from tests.cli.support_cli import KEY, create, read_until, run, started
from tests.servers import HEAD, RawServer

OK = servers.answering(servers.stream("ok"))
USAGE = {"total_input_tokens": 11, "total_output_tokens": 90, "total_tokens": 101}


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


# --- the end


@pytest.mark.parametrize("kind", [OutputError, CannotCreateError])
@pytest.mark.parametrize(("end", "code"), [(servers.ending(), 0), (b"", 76)])
def test_what_fails_at_the_end_is_the_failure_of_the_run_if_nothing_else_is(
    end: bytes, code: int, kind: type[GstreamError], capfd: pytest.CaptureFixture[str]
) -> None:
    ctx = decode.command.make_context("decode", ["file"])
    this = new_run(ctx)

    def fail() -> None:
        raise kind("full")

    this.closed = fail
    with pytest.raises(Exit) as caught:
        this.drive(lambda: this.feed(servers.opening("a") + end))

    expected = kind.exit_code if kind is OutputError or not code else code
    assert caught.value.exit_code == expected
    assert ("gstream: full\n" in capfd.readouterr().err) == (expected == kind.exit_code)


# --- flush


HALF = servers.opening("whole line\nhalf")


@pytest.mark.parametrize(
    ("flush", "text"),
    [("event", "whole line\nhalf"), ("line", "whole line\nhalf\n"), ("end", "")],
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
        got = create(server, "--stats", "/nowhere/stats.json")

    assert (got.code, got.stdout) == (73, b"")
    assert server.requests == []


def test_verbose_tells_the_request_and_the_usage() -> None:
    with RawServer(OK) as server:
        got = create(server, "-v")

    first, last = got.stderr.splitlines()
    assert first == f"gstream: POST {server.url}/v1beta/interactions"
    assert last.startswith("gstream: tokens: no token counts; 2 characters in ")


def test_very_verbose_tells_what_goes_over_the_wire() -> None:
    with RawServer(OK) as server:
        got = create(server, "-vv")

    assert f"> POST {server.url}/v1beta/interactions\n" in got.stderr
    assert '> 57 bytes: {"input":"x","model":"gemini-flash-latest","stream":true}\n' in got.stderr
    assert "< HTTP/1.1 200 OK\n" in got.stderr
    assert "< content-type: text/event-stream\n" in got.stderr


def test_very_verbose_shows_no_secret_that_is_sent_on_to_others() -> None:
    tool = {"type": "mcp_server", "url": "u", "headers": {"Authorization": "Bearer s3cret"}}
    with RawServer(OK) as server:
        got = create(server, "-vv", "-T", json.dumps(tool))

    assert "s3cret" not in got.stderr
    assert '"headers":{"Authorization":"[removed]"}' in got.stderr
    assert b"s3cret" in server.requests[0].body


def test_quiet_leaves_only_the_failure() -> None:
    broken = servers.opening("one") + b"data: {oops\n\n"

    got = run("decode", "-q", stdin=broken)

    assert got.code == 65
    assert got.stderr == "gstream: 1 event could not be read\n"
