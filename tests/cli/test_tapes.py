"""`--record`, with real servers, pipes and signals."""

import json
import os
import signal
import stat
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import httpx_sse
import pytest

from gstream.recording import Recording, read
from tests import servers
from tests.cli.support_cli import KEY, Ran, read_until, run, run_bash, started
from tests.servers import RawServer
from tests.support import INTERACTION_ID

ANSWER = servers.stream("One, ", "two, ", "drei ☕")
TEXT = "One, two, drei ☕\n"
OPENING = servers.opening("One, ", "two, ")
REST = servers.text_delta("drei ☕") + servers.step_stop() + servers.ending()


def create(server: RawServer, *args: str, **env: str | None) -> Ran:
    return run("create", "-p", "x", *args, env={"GOOGLE_GEMINI_BASE_URL": server.url, **env})


def recorded(path: Path) -> Recording:
    (recording,) = read(path.name, path.read_bytes())
    return recording


def received(path: Path) -> bytes:
    return b"".join(part.data for part in recorded(path).parts)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.sse"


# --- create


@pytest.mark.parametrize("view", ["--text", "--ndjson", "--steps", "--json", "--sse"])
def test_create_records_what_it_receives_beside_any_view(path: Path, view: str) -> None:
    with RawServer(servers.answering(ANSWER)) as server:
        plain = create(server, view)
        got = create(server, view, "--record", str(path))

    assert (got.code, got.stdout) == (0, plain.stdout)
    assert received(path) == ANSWER
    assert recorded(path).exit == {"status": 0, "reason": "completed"}


def test_a_recording_holds_the_request_and_no_header_and_no_key(path: Path) -> None:
    with RawServer(servers.answering(ANSWER)) as server:
        create(server, "--record", str(path), "-H", "X-Secret: s3", "-o", "seed=7")

    request = recorded(path).header["request"]
    assert request == {
        "method": "POST",
        "path": "/v1beta/interactions",
        "body": {
            "input": "x",
            "model": "gemini-flash-latest",
            "generation_config": {"seed": 7},
            "stream": True,
        },
    }
    data = path.read_text().lower()
    assert KEY.lower() not in data
    assert "s3" not in data
    assert "x-goog-api-key" not in data
    assert "user-agent" not in data


def test_a_recording_of_a_picture_holds_its_hash(path: Path) -> None:
    body = {"input": [{"type": "image", "mime_type": "image/png", "data": "QUJD"}]}
    with RawServer(servers.answering(ANSWER)) as server:
        run(
            *("create", "-d", json.dumps(body), "--record", str(path)),
            env={"GOOGLE_GEMINI_BASE_URL": server.url},
        )

    digest = recorded(path).body["input"][0]["data"]
    assert digest["size"] == 3
    assert digest["sha256"].startswith("b5d4045c3f466fa91fe2cc6abe79232a")
    assert b"QUJD" in server.requests[0].body


def test_only_the_owner_can_read_a_recording(path: Path) -> None:
    with RawServer(servers.answering(ANSWER)) as server:
        create(server, "--record", str(path))

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_recording_that_exists_is_not_overwritten_and_nothing_is_sent(path: Path) -> None:
    path.write_bytes(b"old")
    with RawServer(servers.answering(ANSWER)) as server:
        got = create(server, "--record", str(path))

    assert got.code == 73
    assert got.stderr == (
        f"gstream: --record {path}: there is such a file\ngstream: overwrite it with --force\n"
    )
    assert path.read_bytes() == b"old"
    assert server.requests == []


def test_force_overwrites(path: Path) -> None:
    path.write_bytes(b"old")
    with RawServer(servers.answering(ANSWER)) as server:
        got = create(server, "--record", str(path), "--force")

    assert got.code == 0
    assert received(path) == ANSWER


def test_force_keeps_the_old_recording_when_the_request_is_refused(path: Path) -> None:
    path.write_bytes(b"old")
    with RawServer(servers.refusing(401, {"message": "no"})) as server:
        got = create(server, "--record", str(path), "--force")

    assert got.code == 77
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


def test_without_a_key_no_recording_is_begun(path: Path) -> None:
    got = run("create", "-p", "x", "--record", str(path), env={"GEMINI_API_KEY": None})

    assert got.code == 78
    assert not path.exists()


def test_a_recording_is_not_for_stdout() -> None:
    got = run("create", "--offline", "-p", "x", "--record", "-")

    assert got.code == 2
    assert "--record writes a file" in got.stderr


def test_a_refused_request_is_recorded_with_how_it_ended(path: Path) -> None:
    with RawServer(servers.refusing(429, {"code": "quota_exceeded", "message": "no"})) as server:
        got = create(server, "--record", str(path), "--retries", "0")

    recording = recorded(path)
    assert got.code == 75
    assert recording.parts == []
    assert (recording.exit["status"], recording.exit["reason"]) == (75, "rate_limited")


def test_tries_of_a_request_are_recorded_once(path: Path) -> None:
    busy = servers.refusing(503, {"message": "busy"}, retry_after_ms="1")
    with RawServer(busy, busy, servers.answering(ANSWER)) as server:
        create(server, "--record", str(path))

    assert len(server.requests) == 3
    assert path.read_bytes().count(b"gstream-recording") == 1
    assert received(path) == ANSWER


def test_a_pipe_that_nobody_reads_is_refused_before_any_request(path: Path) -> None:
    os.mkfifo(path)
    with RawServer(servers.answering(ANSWER)) as server:
        got = create(server, "--record", str(path), "--force", "--max-time", "60")

    assert (got.code, got.stdout, server.requests) == (73, b"", [])
    assert got.stderr == f"gstream: --record {path}: nobody reads from this pipe\n"


def test_a_pipe_with_a_reader_takes_a_recording(path: Path) -> None:
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with RawServer(servers.answering(ANSWER)) as server:
        got = create(server, "--record", str(path), "--force")

    data = os.read(reader, 65536)
    os.close(reader)
    assert (got.code, got.text) == (0, TEXT)
    assert b"".join(part.data for one in read("x", data) for part in one.parts) == ANSWER


def test_a_full_disk_costs_the_recording_and_not_the_answer(path: Path) -> None:
    with RawServer(servers.answering(ANSWER)) as server:
        got = create(server, "--record", "/dev/full", "--force")

    assert got.text == TEXT
    assert got.code == 73
    assert got.stderr == "gstream: /dev/full: No space left on device\n"


# --- dropped connections


def test_a_run_with_two_reconnects_is_recorded_once(path: Path) -> None:
    """Each answer begins again, as for all models without event ids."""
    whole = servers.stream("One, ", "two, ", "drei ☕")
    with RawServer(
        servers.cut(servers.opening("One, ")),
        servers.cut(servers.opening("One, ", "two, ") + b"event: step.delta\ndata: {"),
        servers.answering(whole),
    ) as server:
        got = create(server, "--record", str(path))

    assert (got.code, got.text) == (0, TEXT)
    assert path.read_bytes().count(b"\n: reconnect {") == 2
    assert received(path) == whole


def test_every_reader_reads_the_same_text_from_such_a_recording(path: Path) -> None:
    with RawServer(
        servers.cut(OPENING[:-20]), servers.cut(OPENING), servers.answering(OPENING + REST)
    ) as server:
        create(server, "--record", str(path))

    decoded = run("decode", str(path))
    replayed = run("replay", "--speed", "0", str(path))
    assert (decoded.code, decoded.text) == (0, TEXT)
    assert (replayed.code, replayed.text) == (0, TEXT)
    assert text_by_httpx_sse(path.read_bytes()) == TEXT.rstrip("\n")


def text_by_httpx_sse(data: bytes) -> str:
    import httpx

    response = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=data)
    events = [event.data for event in httpx_sse.EventSource(response).iter_sse()]
    deltas: list[dict[str, Any]] = [json.loads(data) for data in events if data != "[DONE]"]
    return "".join(event["delta"]["text"] for event in deltas if "delta" in event)


def test_a_run_that_cannot_be_resumed_reads_like_itself(path: Path) -> None:
    with RawServer(servers.cut(OPENING + REST[:30])) as server:
        live = create(server, "--record", str(path), "--no-resume")

    decoded = run("decode", str(path))
    assert (decoded.code, decoded.stdout) == (live.code, live.stdout) == (76, b"One, two, ")
    assert recorded(path).exit["status"] == 76


def test_resume_records_what_it_receives(path: Path) -> None:
    with RawServer(servers.answering(REST)) as server:
        got = run(
            *("resume", INTERACTION_ID, "--last-event-id", "e1", "--record", str(path)),
            env={"GOOGLE_GEMINI_BASE_URL": server.url},
        )

    assert got.code == 0
    assert received(path) == REST
    assert recorded(path).header["request"] == {
        "method": "GET",
        "path": f"/v1beta/interactions/{INTERACTION_ID}?stream=true&last_event_id=e1",
    }


# --- ends of a run


def test_a_recording_is_valid_at_the_moment_of_a_kill(path: Path) -> None:
    gate = threading.Event()
    env = None
    with RawServer(servers.waiting(OPENING, gate=gate, rest=REST)) as server:
        env = {"GOOGLE_GEMINI_BASE_URL": server.url}
        with started("create", "-p", "x", "--record", str(path), env=env) as process:
            read_until(process.stdout, b"two, ")
            process.send_signal(signal.SIGKILL)
            process.wait()
        gate.set()

    got = run("decode", str(path))
    assert (got.code, got.text) == (76, "One, two, ")
    assert received(path) == OPENING


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_so_in_its_recording(path: Path, signum: signal.Signals) -> None:
    gate = threading.Event()
    with RawServer(servers.waiting(OPENING, gate=gate, rest=REST)) as server:
        env = {"GOOGLE_GEMINI_BASE_URL": server.url}
        with started("create", "-p", "x", "--record", str(path), env=env) as process:
            read_until(process.stdout, b"two, ")
            process.send_signal(signum)
            assert process.wait() == -signum
        gate.set()

    assert received(path) == OPENING
    assert recorded(path).exit == {
        "status": 128 + signum,
        "reason": "interrupted",
        "message": "interrupted",
    }


def test_a_recording_outlives_the_reader_of_stdout(path: Path) -> None:
    got = run_bash(
        'gstream create --offline -p "Count from 1 to 25." --record "$1" | head -c 2', str(path)
    )

    assert got.text == "1,"
    assert recorded(path).exit["status"] == 141
    assert read(path.name, path.read_bytes())[0].parts


# --- decode


def test_decode_stamps_the_times_of_a_pipe(path: Path) -> None:
    with started("decode", "--record", str(path), stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(OPENING)
        process.stdin.flush()
        read_until(process.stdout, b"two, ")
        time.sleep(0.3)
        process.stdin.write(REST)
        process.stdin.close()
        assert process.wait() == 0

    recording = recorded(path)
    [before_the_rest] = [part for part in recording.parts if part.seconds >= 0.3]
    assert before_the_rest.data.startswith(servers.text_delta("drei ☕"))
    assert "request" not in recording.header


@pytest.mark.needs("curl")
def test_decode_records_a_stream_of_curl_without_its_headers(path: Path) -> None:
    with RawServer(servers.answering(ANSWER)) as server:
        got = run_bash('curl -siN "$2" | gstream decode --record "$1"', str(path), server.url)

    assert (got.code, got.text) == (0, TEXT)
    assert received(path) == ANSWER


def test_decode_flushes_each_event_into_its_recording(path: Path) -> None:
    with started("decode", "--record", str(path), stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(OPENING)
        process.stdin.flush()
        read_until(process.stdout, b"two, ")

        assert received(path) == OPENING


def test_a_recording_of_a_recording_keeps_the_request(tmp_path: Path, path: Path) -> None:
    with RawServer(servers.answering(ANSWER)) as server:
        create(server, "--record", str(path))
    for command, name in (("decode", "d.sse"), ("replay", "r.sse")):
        run(command, str(path), "--record", str(tmp_path / name))

        found = [one for one in read(name, (tmp_path / name).read_bytes()) if one.parts]
        assert [one.body for one in found] == [recorded(path).body]
        assert b"".join(part.data for part in found[0].parts) == ANSWER
