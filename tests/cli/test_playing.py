"""What recordings tell beside their streams: `decode` and `replay` end as the recorded run did."""

import subprocess
from pathlib import Path

import pytest

from gstream.recording import read
from tests import servers
from tests.cli.support_cli import Ran, bytes_in, run, started, wait_for
from tests.servers import RawServer
from tests.support import completed, created, delta, start, stop, stream

HEADER = b': gstream-recording 1\n: {"request":{"method":"POST","path":"/p","body":{%b}}}\n'
FAILED = servers.answering(servers.created() + servers.ending("failed"))
BROKEN = servers.opening("One") + b"data: {broken\n\n" + servers.ending()
CALL = stream(
    created("v1_one"),
    start("function_call", id="c1", name="add", arguments={}),
    delta("arguments_delta", arguments="{}"),
    stop(),
    completed("requires_action", id="v1_one"),
)


@pytest.fixture(params=["decode", "replay"])
def command(request: pytest.FixtureRequest) -> str:
    """Both commands read recordings."""
    return str(request.param)


def played(command: str, path: Path, *args: str) -> Ran:
    speed = ["--speed", "0"] if command == "replay" else []
    return run(command, *speed, *args, str(path))


def test_a_recording_is_known_however_its_first_bytes_come() -> None:
    recording = b': gstream-recording 1\n: {}\n: exit {"status":124,"message":"time"}\n'
    with started("decode", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        for at in range(0, 24, 6):
            process.stdin.write(recording[at : at + 6])
            process.stdin.flush()
            wait_for(lambda: bytes_in(process.stdin) == 0, "the reading of it")
        process.communicate(recording[24:], timeout=servers.DEADLINE)

    assert process.returncode == 124


@pytest.mark.parametrize(
    ("script", "code"),
    [
        pytest.param(servers.refusing(400, {"message": "bad"}), 64, id="rejected"),
        pytest.param(servers.refusing(403, {"message": "no"}), 77, id="refused"),
        pytest.param(servers.refusing(429, {"message": "slow"}), 75, id="rate-limited"),
        pytest.param(servers.refusing(503, b"<html>busy"), 69, id="server"),
        pytest.param(servers.cut(servers.opening("One")), 76, id="cut"),
        pytest.param(FAILED, 12, id="failed"),
        pytest.param(servers.answering(BROKEN), 65, id="broken-event"),
    ],
)
def test_a_recorded_run_ends_as_it_did_live(
    command: str, tmp_path: Path, script: servers.Script, code: int
) -> None:
    path = tmp_path / "x.sse"
    with RawServer(script) as server:
        live = run(
            *("create", "-p", "x", "--retries", "0", "--no-resume", "--record", str(path)),
            env={"GOOGLE_GEMINI_BASE_URL": server.url},
        )

    got = played(command, path)

    assert live.code == code
    assert (got.code, got.stdout) == (live.code, live.stdout)


def test_a_recorded_time_limit_is_told_again(command: str, tmp_path: Path) -> None:
    path = tmp_path / "x.sse"
    exit_line = b': exit {"status":124,"reason":"time_is_up","message":"too long"}\n'
    path.write_bytes(HEADER % b"" + servers.opening("One") + exit_line)

    got = played(command, path)

    assert (got.code, got.text) == (124, "One")
    assert got.stderr == "gstream: as recorded: too long\n"


@pytest.mark.parametrize("status", [b"130", b"73", b"1", b"null", b'"x"'])
def test_an_end_that_was_not_the_connections_is_not_told_again(
    command: str, tmp_path: Path, status: bytes
) -> None:
    path = tmp_path / "x.sse"
    exit_line = b': exit {"status":%b,"message":"interrupted"}\n' % status
    path.write_bytes(HEADER % b"" + servers.stream("One") + exit_line)

    assert played(command, path).code == 0


def test_what_was_cut_behind_a_whole_interaction_ends_as_it_did(
    command: str, tmp_path: Path
) -> None:
    cut = b'[{"id":"x","status":"completed","steps":[]},'
    live = run("decode", "--record", str(tmp_path / "x.sse"), stdin=cut)

    got = played(command, tmp_path / "x.sse")

    assert (live.code, got.code) == (76, 76)
    assert got.stderr.endswith("gstream: as recorded: the input ended inside a JSON array\n")


def test_a_hop_that_went_on_from_a_checkpoint_is_one_answer(command: str, tmp_path: Path) -> None:
    first = stream(created("v1_a"), start(), delta(text="One, "), done=False)
    second = stream(created("v1_b"), start(), delta(text="two"), stop(), completed())
    path = tmp_path / "x.sse"
    path.write_bytes(HEADER % b"" + first + HEADER % b'"continuation_token":"t"' + second)

    got = played(command, path)

    assert (got.code, got.text) == (0, "One, two\n")


@pytest.mark.parametrize("view", ["--text", "--ndjson", "--steps", "--json"])
def test_calls_that_the_run_answered_are_no_failure(
    command: str, tmp_path: Path, view: str
) -> None:
    path = tmp_path / "x.sse"
    with RawServer(servers.answering(CALL), servers.answering(servers.stream("Two."))) as server:
        live = run(
            *("create", "-p", "x", "--exec", "add=echo 2", view, "--record", str(path)),
            env={"GOOGLE_GEMINI_BASE_URL": server.url},
        )

    got = played(command, path, view)

    assert (live.code, got.code) == (0, 0)
    assert got.stdout == live.stdout


def test_calls_that_the_run_left_open_are_one(command: str, tmp_path: Path) -> None:
    path = tmp_path / "x.sse"
    left = HEADER % b"" + CALL + b': exit {"status":10,"message":"waits"}\n'
    path.write_bytes(left + HEADER % b"" + servers.stream("Another run."))

    got = played(command, path)

    assert (got.code, got.text) == (10, "Another run.\n")


def test_the_turns_of_a_run_are_played_from_a_cassette(tmp_path: Path) -> None:
    tapes = str(tmp_path / "tapes")
    create = ("create", "-p", "x", "--exec", "add=echo 2", "--cassette", tapes)
    with RawServer(servers.answering(CALL), servers.answering(servers.stream("Two."))) as server:
        live = run(*create, env={"GOOGLE_GEMINI_BASE_URL": server.url})

    got = run(*create, "--offline")

    assert (live.code, live.text) == (0, "Two.\n")
    assert got == live
    assert len(server.requests) == 2


def test_the_bytes_that_are_shown_are_those_that_came(command: str, tmp_path: Path) -> None:
    path = tmp_path / "x.sse"
    path.write_bytes(HEADER % b"" + b": +1\n" + servers.stream("One") + b': exit {"status":0}\n')

    assert played(command, path, "--sse").stdout == servers.stream("One")


def test_a_recording_of_a_recording_is_one(command: str, tmp_path: Path) -> None:
    path, copy = tmp_path / "x.sse", tmp_path / "copy.sse"
    stream = servers.opening("One") + servers.ending()
    path.write_bytes(HEADER % b'"input":"a"' + b": +1\n" + stream + b': exit {"status":0}\n')

    played(command, path, "--record", str(copy))

    [recording] = read("copy.sse", copy.read_bytes())
    assert recording.body == {"input": "a"}
    assert b"".join(part.data for part in recording.parts) == stream
    assert copy.read_bytes().count(b"\n: +") == stream.count(b"\n\n")


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(b'{"error":{"code":503,"message":"busy"}}', id="line"),
        pytest.param(
            b'[{\n  "error": {\n    "code": 503,\n    "message": "busy"}}\n]\n', id="list"
        ),
    ],
)
@pytest.mark.parametrize("begin", [b"", servers.opening("One")], ids=["alone", "behind-a-stream"])
def test_a_raw_error_is_recorded_as_one(
    command: str, begin: bytes, error: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "x.sse"
    with RawServer(servers.answering(begin + error)) as server:
        live = run(
            *("create", "-p", "x", "--retries", "0", "--no-resume", "--record", str(path)),
            env={"GOOGLE_GEMINI_BASE_URL": server.url},
        )
    got = played(command, path)

    assert live.code == (76 if begin else 69)
    assert (got.code, got.stdout) == (live.code, live.stdout)
    assert b"event: error" not in path.read_bytes()


def test_turns_that_were_enough_were_enough(command: str, tmp_path: Path) -> None:
    path = tmp_path / "x.sse"
    path.write_bytes(CALL + b': exit {"status":11,"message":"--max-turns: enough"}\n')
    path.write_bytes(HEADER % b"" + path.read_bytes())
    got = played(command, path)

    assert got.code == 11
    assert got.stderr == "gstream: as recorded: --max-turns: enough\n"


def test_the_last_part_of_a_long_answer_can_be_shown_by_itself(
    command: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.sse"
    path.write_bytes(HEADER % b'"continuation_token":"t"' + servers.stream("One"))

    assert (played(command, path).code, played(command, path).text) == (0, "One\n")


def test_behind_what_cannot_be_read_nothing_is(command: str, tmp_path: Path) -> None:
    path = tmp_path / "x.sse"
    large = HEADER % b"" + b"data: " + b"x" * 1000 + b"\n\n"
    path.write_bytes(large + HEADER % b"" + servers.stream("Two"))
    got = played(command, path, "--max-event-size", "500")

    assert (got.code, got.text) == (65, "")
