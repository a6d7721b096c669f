"""A run over connections that end in all ways, at all times."""

import gzip
import json
import os
import socket
import threading
import time

import pytest

from tests import servers
from tests.cli.support_cli import create, read_until, run_bash, started
from tests.servers import HEAD, RawServer, Script, refusing

OK = servers.answering(servers.stream("ok"))


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
        assert create(server, "--no-resume").code == code


def test_a_finished_interaction_instead_of_a_stream_is_shown() -> None:
    step = {"type": "model_output", "content": [{"type": "text", "text": "at once"}]}
    body = json.dumps({"id": "v1_a", "status": "completed", "steps": [step]}).encode()

    with RawServer(servers.answering(body)) as server:
        got = create(server)

    assert (got.code, got.text) == (0, "at once\n")


def test_a_compressed_stream_is_read_all_the_same() -> None:
    data = gzip.compress(servers.stream("squeezed"))
    head = HEAD.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n")

    with RawServer(servers.raw(head + servers.http_chunk(data) + servers.http_chunk(b""))) as it:
        got = create(it)

    assert (got.code, got.text) == (0, "squeezed\n")


def test_nothing_is_read_after_done() -> None:
    with RawServer(servers.hanging(servers.stream("all"))) as server:
        got = create(server, "--max-time", "15")

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
        got = create(server, "--no-resume")

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
        got = create(server, "--no-resume", "--idle-timeout", "1")

    assert (got.code, got.text) == (76, "half")
    assert "no byte came for 1 s" in got.stderr


def test_any_byte_keeps_an_idle_stream_alive() -> None:
    def script(connection: socket.socket, _stop: threading.Event) -> None:
        connection.sendall(HEAD + servers.http_chunk(servers.opening("slow")))
        for _ in range(6):
            time.sleep(0.2)
            connection.sendall(servers.http_chunk(b":\n"))
        connection.sendall(servers.http_chunk(servers.ending()) + servers.http_chunk(b""))

    with RawServer(script) as server:
        got = create(server, "--no-resume", "--idle-timeout", "1")

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
        got = create(server, "--max-time", "1")

    assert (got.code, got.text) == (124, text)
    assert "gstream: the run took longer than --max-time 1\n" in got.stderr


def test_the_exit_line_says_that_the_time_is_up() -> None:
    with RawServer(servers.hanging(servers.opening("half"))) as server:
        got = create(server, "--max-time", "1", "--ndjson")

    assert got.events[-1]["status"] == 124
    assert got.events[-1]["interaction_id"] == "v1_built"


def test_a_reader_that_does_not_read_does_not_stop_the_time() -> None:
    ours, theirs = os.pipe()
    with RawServer(servers.hanging(servers.opening(*["x" * 1000] * 200))) as server:
        env = {"GOOGLE_GEMINI_BASE_URL": server.url}
        with started(
            "create", "-p", "x", "--ndjson", "--max-time", "1", stdout=theirs, env=env
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
