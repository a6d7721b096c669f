"""What the server makes of the request to stop a run, for people."""

import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from gstream.cli import cancelling
from gstream.cli.cancelling import cancel, stop
from gstream.transport import Answer, BrokenStreamError, Request, UnansweredError
from tests import servers
from tests.cli.support_cli import GSTREAM, environment, read_until
from tests.servers import RawServer, hanging, opening, refusing

REQUEST = Request("POST", "http://h/v1/interactions/a/cancel", b"{}")


def told(status: int, body: bytes) -> tuple[bool, str]:
    return cancel(lambda _request: Answer(status, {}, iter([body]), lambda: None), REQUEST)


@pytest.mark.parametrize(
    ("body", "end"),
    [
        pytest.param(b'{"status":"cancelled"}', "its status is cancelled", id="status"),
        pytest.param(b"{}", "it did not say with what result", id="no-status"),
        pytest.param(b"", "it did not say with what result", id="nothing"),
        pytest.param(b"[1]", "it did not say with what result", id="a-list"),
    ],
)
def test_what_has_become_of_the_run_is_told(body: bytes, end: str) -> None:
    assert told(200, body) == (True, f"the server was asked to stop the run: {end}")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(
            b'{"error":{"code":"not_found","message":"No such run."}}',
            "HTTP 404: No such run. (not_found)",
            id="error",
        ),
        pytest.param(b"", "HTTP 404: the answer is empty", id="nothing"),
        pytest.param(b"<html>no", "HTTP 404: the answer begins with: <html>no", id="html"),
    ],
)
def test_a_refusal_is_told_in_the_servers_words(body: bytes, words: str) -> None:
    done, text = told(404, body)

    assert not done
    assert text == f"the server was asked to stop the run and did not: {words}"


OPTIONS: dict[str, Any] = {"cancel_on_interrupt": True, "header": (), "api_key_file": None}
COMMAND = f"curl -g -X POST -d '{{}}' -H \"x-goog-api-key: $GEMINI_API_KEY\" {REQUEST.url}"


def stopped(status: int, *, asked: bool, goes_on: str = "the run goes on") -> list[str]:
    options = {**OPTIONS, "cancel_on_interrupt": asked}
    answer = Answer(status, {}, iter([b'{"status":"cancelled"}']), lambda: None)
    return stop(options, lambda _request: answer, REQUEST, goes_on=goes_on)


def test_what_was_stopped_needs_no_command() -> None:
    told = "the server was asked to stop the run: its status is cancelled"

    assert stopped(200, asked=True) == [told]


def test_what_goes_on_is_told_with_the_command_that_stops_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    [refused] = stopped(400, asked=True, goes_on="")

    assert refused.endswith(f"; stop it with: {COMMAND}")
    assert stopped(200, asked=False) == [f"the run goes on; stop it with: {COMMAND}"]


def test_what_ends_with_its_connection_is_not_told_of() -> None:
    assert stopped(200, asked=False, goes_on="") == []


def test_a_connection_that_fails_is_told() -> None:
    def connect(_request: Request) -> Answer:
        raise UnansweredError("Connection refused", sent=False)

    assert cancel(connect, REQUEST) == (
        False,
        "the server was asked to stop the run and did not: Connection refused",
    )


def test_a_body_that_breaks_off_is_no_reason_to_fail() -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"status":'
        raise BrokenStreamError("gone")

    done, _ = cancel(lambda _request: Answer(200, {}, chunks(), lambda: None), REQUEST)

    assert done


def test_silence_is_waited_for_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancelling, "_SECONDS", 0.05)

    def connect(_request: Request) -> Answer:
        time.sleep(60)
        raise AssertionError

    assert cancel(connect, REQUEST) == (
        False,
        "the server was asked to stop the run and did not: no answer within 0.05 s",
    )


def test_an_interrupted_run_says_what_the_server_said() -> None:
    error = {"message": "it is not running", "code": "failed_precondition"}
    with RawServer(hanging(opening("half ")), refusing(400, error)) as server:
        process = subprocess.Popen(
            [*GSTREAM, "create", "-p", "x", "--base-url", server.url, "--cancel-on-interrupt"],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        read_until(process.stdout, b"half ")
        process.send_signal(signal.SIGINT)
        _, words = process.communicate(timeout=servers.DEADLINE)

    assert process.returncode == -signal.SIGINT
    assert b"HTTP 400: it is not running (failed_precondition); stop it with: curl" in words
    assert server.requests[-1].path.endswith("/cancel")
