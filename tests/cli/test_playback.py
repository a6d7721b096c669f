"""`--offline` and `--cassette`: answers from recordings, and what is recorded for the next run."""

import os
import shutil
import sys
import zipapp
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from gstream.cli.playback import DEMO
from gstream.recording import Recording, read
from tests import servers
from tests.cli.support_cli import Ran, read_until, run, run_command, started
from tests.servers import RawServer
from tests.support import INTERACTION_ID

ANSWER = servers.stream("One, ", "two")
TEXT = "One, two\n"
PACKAGE = Path(__file__).parents[2] / "gstream"
NOWHERE = "http://127.0.0.1:1"
WITHOUT_KEY: dict[str, str | None] = {"GEMINI_API_KEY": None, "GOOGLE_GEMINI_BASE_URL": NOWHERE}


def create(server: RawServer, tapes: Path, *args: str) -> Ran:
    env = {"GOOGLE_GEMINI_BASE_URL": server.url}
    return run("create", "-p", "Count.", "--cassette", str(tapes), *args, env=env)


def recorded(tapes: Path) -> list[Recording]:
    return [one for path in sorted(tapes.iterdir()) for one in read(path.name, path.read_bytes())]


@pytest.fixture
def tapes(tmp_path: Path) -> Path:
    """A cassette with one recording."""
    with RawServer(servers.answering(ANSWER)) as server:
        assert create(server, tmp_path / "tapes").text == TEXT
    return tmp_path / "tapes"


# --- the demo


@pytest.mark.parametrize("args", [["--offline"], []])
def test_the_demo_needs_no_key_and_no_network(args: list[str]) -> None:
    env = {**WITHOUT_KEY, "GSTREAM_OFFLINE": None if args else "1"}

    got = run("create", "-p", "Count from 1 to 25.", *args, env=env)

    assert (got.code, got.stderr) == (0, "")
    assert got.text.startswith("1, 2, 3, ")


def test_a_miss_names_what_the_demo_answers() -> None:
    got = run("create", "--offline", "-p", "Sing.", env=WITHOUT_KEY)

    assert got.code == 66
    assert got.stderr.splitlines()[0] == "gstream: --offline: no recording answers this request"
    assert "Count from 1 to 25.; " in got.stderr.splitlines()[1]


def test_all_of_the_demo_is_known() -> None:
    assert sorted(path.name for path in (PACKAGE / "demo").iterdir()) == list(DEMO)


def test_the_demo_is_found_in_an_archive(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "app" / "gstream")
    zipapp.create_archive(tmp_path / "app", tmp_path / "app.pyz", main="gstream.cli:cli")

    command = [sys.executable, str(tmp_path / "app.pyz"), "create", "--offline"]
    got = run_command([*command, "-p", "Count from 1 to 25."], env=WITHOUT_KEY)

    assert (got.code, got.text[:9], got.stderr) == (0, "1, 2, 3, ", "")


def test_a_demo_is_resumed_by_its_id() -> None:
    got = run("resume", "v1_ChdEZW1vQ291bnQwMQ", "--offline", env=WITHOUT_KEY)

    assert (got.code, got.text[:9]) == (0, "1, 2, 3, ")


def test_an_interaction_that_was_not_recorded_cannot_be_resumed_offline() -> None:
    got = run("resume", "v1_nobody", "--offline", env=WITHOUT_KEY)

    assert got.code == 66


# --- a cassette


def test_what_is_recorded_is_not_asked_again(tapes: Path) -> None:
    with RawServer(servers.answering(servers.stream("another"))) as server:
        got = create(server, tapes)

    assert (got.code, got.text) == (0, TEXT)
    assert server.requests == []


def test_what_is_recorded_needs_no_key(tapes: Path) -> None:
    got = run("create", "-p", "Count.", env={**WITHOUT_KEY, "GSTREAM_CASSETTE": str(tapes)})

    assert (got.code, got.text, got.stderr) == (0, TEXT, "")


def test_another_request_is_sent_and_recorded(tapes: Path) -> None:
    with RawServer(servers.answering(servers.stream("other"))) as server:
        got = create(server, tapes, "-o", "seed=1")

    assert got.text == "other\n"
    assert len(server.requests) == 1
    assert sorted(len(one.body) for one in recorded(tapes)) == [3, 4]


def test_offline_another_request_fails_and_the_nearest_is_named(tapes: Path) -> None:
    with RawServer(servers.answering(servers.stream("other"))) as server:
        got = create(server, tapes, "--offline", "-o", "seed=1")

    (name,) = os.listdir(tapes)
    assert got.code == 66
    assert server.requests == []
    assert got.stderr == (
        f"gstream: --offline: {tapes}: no recording answers this request: {name} comes nearest; "
        'it has generation_config nothing instead of {"seed":1}\n'
        "gstream: record it: run once without --offline\n"
    )


@pytest.mark.parametrize(
    ("name", "why"),
    [(".", "no recording answers this request"), ("a", "there is no such directory")],
)
def test_offline_a_cassette_without_recordings_answers_nothing(
    name: str, why: str, tmp_path: Path
) -> None:
    tapes = str(tmp_path / name)

    got = run("create", "-p", "x", "--offline", "--cassette", tapes, env=WITHOUT_KEY)

    assert got.code == 66
    assert got.stderr.splitlines()[0] == f"gstream: --offline: {tapes}: {why}"
    assert not (tmp_path / "a").exists()


def test_the_demo_does_not_answer_for_a_cassette(tapes: Path) -> None:
    got = run("create", "-p", "Count from 1 to 25.", "--offline", "--cassette", str(tapes))

    assert got.code == 66


@pytest.mark.parametrize("view", ["--text", "--ndjson", "--steps", "--json", "--sse"])
def test_the_cassette_answers_byte_for_byte(tmp_path: Path, view: str) -> None:
    with RawServer(servers.answering(ANSWER)) as server:
        live = create(server, tmp_path / "tapes", view)
        again = create(server, tmp_path / "tapes", view, "--offline")

    assert again == live
    assert len(server.requests) == 1


def test_a_failed_interaction_is_played_with_its_exit_code(tmp_path: Path) -> None:
    body = servers.opening("Half") + servers.ending("failed")
    with RawServer(servers.answering(body)) as server:
        live = create(server, tmp_path / "tapes")
        again = create(server, tmp_path / "tapes", "--offline")

    assert live.code == 12
    assert again == live


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(servers.cut(servers.opening("One")), id="cut"),
        pytest.param(servers.refusing(400, {"message": "no"}), id="refused"),
        pytest.param(servers.answering(servers.opening("One")), id="truncated"),
    ],
)
def test_an_answer_that_is_not_whole_is_not_recorded(
    tmp_path: Path, script: servers.Script
) -> None:
    with RawServer(script) as server:
        got = create(server, tmp_path / "tapes", "--no-resume")

    assert got.code in {64, 76}
    assert os.listdir(tmp_path / "tapes") == []


def test_a_run_with_reconnects_is_recorded_as_one_answer(tmp_path: Path) -> None:
    tapes = tmp_path / "tapes"
    with RawServer(servers.cut(servers.opening("One, ")), servers.answering(ANSWER)) as server:
        assert create(server, tapes).text == TEXT

    (recording,) = recorded(tapes)
    assert b"".join(part.data for part in recording.parts) == ANSWER
    assert run("create", "-p", "Count.", "--offline", "--cassette", str(tapes)).text == TEXT


def test_an_interaction_in_a_cassette_is_resumed_from_it(tapes: Path) -> None:
    args = ("resume", INTERACTION_ID, "--cassette", str(tapes))

    assert run(*args, env=WITHOUT_KEY).text == TEXT


def test_an_interaction_that_is_not_in_a_cassette_is_resumed_from_the_network(tapes: Path) -> None:
    live = servers.stream("live").replace(INTERACTION_ID.encode(), b"v1_other")
    with RawServer(servers.answering(live)) as server:
        got = run(
            *("resume", "v1_other", "--cassette", str(tapes)),
            env={"GOOGLE_GEMINI_BASE_URL": server.url},
        )

    assert got.text == "live\n"
    assert len(recorded(tapes)) == 1


def test_a_broken_off_recording_ends_like_its_run(tmp_path: Path) -> None:
    """Whoever cut it, no reconnect and no polling can bring the rest."""
    recording = b': gstream-recording 1\n: {"request":{"body":{"input":"Count.","model":"m"}}}\n'
    (tmp_path / "cut.sse").write_bytes(recording + servers.opening("One"))

    got = run("create", "-p", "Count.", "-m", "m", "--offline", "--cassette", str(tmp_path))

    assert (got.code, got.text) == (76, "One")


def test_an_answer_can_be_recorded_and_played_at_once(tapes: Path, tmp_path: Path) -> None:
    path = tmp_path / "copy.sse"

    run("create", "-p", "Count.", "--offline", "--cassette", str(tapes), "--record", str(path))

    (copy,) = read("copy.sse", path.read_bytes())
    assert copy.body == recorded(tapes)[0].body
    assert b"".join(part.data for part in copy.parts) == ANSWER


def test_runs_at_the_same_time_record_into_one_directory(tmp_path: Path) -> None:
    tapes = tmp_path / "tapes"
    script = servers.answering(*(block + b"\n\n" for block in ANSWER.split(b"\n\n") if block))
    args = ("create", "-p", "Count.", "--cassette", str(tapes))
    with RawServer(script) as server, ExitStack() as stack:
        env = {"GOOGLE_GEMINI_BASE_URL": server.url}
        runs = [stack.enter_context(started(*args, env=env)) for _ in range(6)]
        outputs = [process.communicate()[0] for process in runs]

    assert [process.returncode for process in runs] == [0] * 6
    assert outputs == [TEXT.encode()] * 6
    (recording,) = recorded(tapes)
    assert b"".join(part.data for part in recording.parts) == ANSWER


def test_a_directory_that_cannot_be_made_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with RawServer(servers.answering(ANSWER)) as server:
        got = create(server, tmp_path / "file" / "tapes")

    assert got.code == 73
    assert server.requests == []


def test_a_kill_leaves_nothing_that_answers(tmp_path: Path) -> None:
    tapes = tmp_path / "tapes"
    with RawServer(servers.hanging(servers.opening("One"))) as server:
        env = {"GOOGLE_GEMINI_BASE_URL": server.url}
        args = ("create", "-p", "Count.", "--cassette", str(tapes))
        with started(*args, env=env) as process:
            read_until(process.stdout, b"One")
            process.kill()
            process.wait()

    assert run(*args, "--offline").code == 66


def test_verbose_tells_which_recording_answers(tapes: Path) -> None:
    got = run("create", "-p", "Count.", "-v", "--offline", "--cassette", str(tapes))

    (name,) = os.listdir(tapes)
    assert f": answered from {name}\n" in got.stderr


# --- secrets


def _key_in_a_file(tmp_path: Path) -> list[str]:
    (tmp_path / "key").write_text("of-a-file\n")
    (tmp_path / "key").chmod(0o600)
    return ["--api-key-file", str(tmp_path / "key")]


@pytest.mark.parametrize(
    ("secret", "args"),
    [
        pytest.param("s3cret-of-variable", lambda _: [], id="variable"),
        pytest.param("of-a-file", _key_in_a_file, id="file"),
        pytest.param("t0kent0ken", lambda _: ["-H", "Authorization: Bearer t0kent0ken"], id="-H"),
    ],
)
def test_a_key_in_a_prompt_is_not_recorded_and_still_finds_its_recording(
    secret: str, args: Callable[[Path], list[str]], tmp_path: Path
) -> None:
    record = ("--record", str(tmp_path / "x.sse"))
    given = ("create", "-p", f"a {secret} b", "--cassette", str(tmp_path / "tapes"))
    with RawServer(servers.answering(ANSWER)) as server:
        env = {"GOOGLE_GEMINI_BASE_URL": server.url, "GEMINI_API_KEY": "s3cret-of-variable"}
        live = run(*given, *args(tmp_path), *record, env=env)
        again = run(*given, *args(tmp_path), "--offline", env=env)

    [sent] = server.requests
    [tape] = recorded(tmp_path / "tapes")
    [copy] = read("x.sse", (tmp_path / "x.sse").read_bytes())
    assert secret.encode() in sent.body
    assert tape.body["input"] == copy.body["input"] == "a [removed] b"
    assert secret not in tape.name
    assert (again.code, again.text) == (live.code, live.text) == (0, TEXT)
