"""`gstream replay`: recordings played, at their pace and without."""

import signal
import subprocess
import time
from pathlib import Path

import pytest

from gstream.cli.replay import ReplayCommand, command
from gstream.recording import read
from tests import servers
from tests.cli.support_cli import read_until, run, run_bash, started
from tests.support import STREAMS

ANSWER = servers.stream("One, ", "two")
TEXT = "One, two\n"
HEADER = b": gstream-recording 1\n: {}\n"
VIEWS = ["--text", "--ndjson", "--steps", "--json", "--sse"]


@pytest.fixture
def recording(tmp_path: Path) -> str:
    """A recording with a pause of a minute before each block."""
    path = tmp_path / "x.sse"
    blocks = [b": +60\n" + block + b"\n\n" for block in ANSWER.split(b"\n\n") if block]
    path.write_bytes(HEADER + b"".join(blocks) + b': exit {"status":0}\n')
    return str(path)


def write(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return str(path)


# --- views


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem)
        for path in (
            STREAMS / "simple_text.sse",
            STREAMS / "framing.sse",
            STREAMS / "deep_research_cut.sse",
            STREAMS / "error_midstream.sse",
        )
    ],
)
def test_a_plain_stream_plays_without_waiting_as_decode_shows_it(path: Path, view: str) -> None:
    decoded = run("decode", view, str(path))

    assert run("replay", view, str(path)) == decoded


def test_what_was_received_is_shown_without_our_lines(recording: str) -> None:
    assert run("replay", "--speed", "0", "--sse", recording).stdout == ANSWER


def test_several_files_are_played_one_after_another(recording: str) -> None:
    got = run("replay", "--speed", "0", recording, recording)

    assert (got.code, got.text) == (0, 2 * TEXT)


def test_standard_input_is_played(recording: str) -> None:
    data = Path(recording).read_bytes()

    assert run("replay", "--speed", "0", "-", stdin=data).text == TEXT


def test_joined_recordings_are_played_like_their_files(recording: str) -> None:
    got = run_bash('cat "$1" "$1" | gstream replay --speed 0 -', recording)

    assert (got.code, got.text) == (0, 2 * TEXT)


def test_a_recording_is_played_while_it_is_read(recording: str) -> None:
    with started("replay", "-", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(servers.opening("One, "))
        process.stdin.flush()

        assert read_until(process.stdout, b"One, ") == b"One, "


@pytest.mark.parametrize(
    ("stream_name", "code"),
    [
        ("simple_text", 0),
        ("function_call_split_args", 10),
        ("incomplete", 11),
        ("error_midstream", 14),
        ("deep_research_cut", 76),
    ],
)
def test_the_exit_code_is_that_of_the_stream(stream_name: str, code: int) -> None:
    assert run("replay", "-q", str(STREAMS / f"{stream_name}.sse")).code == code


@pytest.mark.parametrize(
    "args", [[], ["-", "--speed", "-1"], ["-", "--speed", "x"], ["-", "-i", "-1"], ["-", "-"]]
)
def test_bad_options_are_refused(args: list[str]) -> None:
    got = run("replay", *args, stdin=ANSWER)

    assert (got.code, got.text) == (2, "")


@pytest.mark.parametrize("option", [["--drop-after", "3"], ["--allow-remote"]])
def test_options_of_the_server_need_it(recording: str, option: list[str]) -> None:
    got = run("replay", *option, recording)

    assert got.code == 2
    assert "need --serve" in got.stderr


def test_a_file_that_is_not_there_costs_no_other(recording: str, tmp_path: Path) -> None:
    got = run("replay", "--speed", "0", str(tmp_path / "none"), recording, str(tmp_path))

    assert (got.code, got.text) == (66, TEXT)
    assert f"{tmp_path / 'none'}: No such file or directory" in got.stderr
    assert f"{tmp_path}: Is a directory" in got.stderr


def test_does_not_load_what_only_a_server_needs(recording: str) -> None:
    env = {"PYTHONPROFILEIMPORTTIME": "1"}
    with started("replay", "--speed", "0", recording, env=env) as process:
        loaded = process.communicate()[1].decode()

    assert "gstream.recording" in loaded
    assert not [name for name in ("httpx", "http.server", "subprocess") if name in loaded]


# --- pace


def test_waits_between_blocks(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x.sse", servers.opening("One, ") + b": +600\n" + servers.text_delta("two")
    )

    with started("replay", path) as process:
        assert read_until(process.stdout, b"One, ") == b"One, "
        time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read() if process.stdout else b""

        assert process.wait() == -signal.SIGTERM
    assert rest == b""


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["--speed", "0"], id="without-waiting"),
        pytest.param(["--speed", "1e9"], id="fast"),
        pytest.param(["-i", "0.001"], id="longest-wait"),
        pytest.param(["--idle-time-limit", "1", "--speed", "1000"], id="both"),
    ],
)
def test_long_waits_are_shortened(recording: str, options: list[str]) -> None:
    """The recording takes six minutes; the tests would not wait for them."""
    assert run("replay", *options, recording).text == TEXT


@pytest.mark.parametrize("speed", ["1e9", "1e-300"])
def test_no_speed_is_a_bug(tmp_path: Path, speed: str) -> None:
    path = write(tmp_path / "x.sse", ANSWER)

    assert run("replay", "--speed", speed, path).text == TEXT


def test_a_replay_is_recorded_with_its_own_times(recording: str, tmp_path: Path) -> None:
    path = tmp_path / "copy.sse"

    run("replay", "--speed", "0", recording, "--record", str(path))

    (copy,) = [one for one in read("copy", path.read_bytes()) if one.parts]
    assert b"".join(part.data for part in copy.parts) == ANSWER
    assert sum(part.seconds for part in copy.parts) < 60


# --- the arguments


@pytest.mark.parametrize(
    ("args", "serve", "recordings", "after"),
    [
        pytest.param(["a"], None, ["a"], [], id="none"),
        pytest.param(["--serve", "a"], "127.0.0.1:0", ["a"], [], id="recording-follows"),
        pytest.param(["--serve", "h:1", "a"], "h:1", ["a"], [], id="address-follows"),
        pytest.param(["--serve", ":80", "a"], ":80", ["a"], [], id="port-follows"),
        pytest.param(["--serve", "[::1]:0", "a"], "[::1]:0", ["a"], [], id="ipv6-follows"),
        pytest.param(["--serve=h:1", "a"], "h:1", ["a"], [], id="equals-sign"),
        pytest.param(["--serve", "./h:1"], "127.0.0.1:0", ["./h:1"], [], id="path-with-a-colon"),
        pytest.param(["a", "--serve"], "127.0.0.1:0", ["a"], [], id="last"),
        pytest.param(["--serve", "-q", "a"], "127.0.0.1:0", ["a"], [], id="option-follows"),
        pytest.param(
            ["--serve", "a", "--", "b", "--serve", "--", "-q"],
            "127.0.0.1:0",
            ["a"],
            ["b", "--serve", "--", "-q"],
            id="command",
        ),
        pytest.param(["--", "--serve", "-a"], None, ["--serve", "-a"], [], id="only-files"),
    ],
)
def test_tells_address_recordings_and_command_apart(
    args: list[str], serve: str | None, recordings: list[str], after: list[str]
) -> None:
    assert isinstance(command, ReplayCommand)
    context = command.make_context("replay", list(args))

    assert context.params["serve"] == serve
    assert list(context.params["recordings"]) == recordings
    assert context.meta["gstream.command"] == after


def test_a_command_without_a_server_to_run_it_against_is_2(recording: str) -> None:
    got = run("replay", recording, "--", "true")

    assert (got.code, got.stdout) == (2, b"")
    assert got.stderr.endswith("Error: a COMMAND after -- needs --serve\n")


def test_a_recording_of_an_odd_name_can_follow_the_dashes(tmp_path: Path, recording: str) -> None:
    Path(recording).rename(tmp_path / "--odd")

    assert run("replay", "--speed", "0", "--", "--odd", cwd=tmp_path).code == 0


@pytest.mark.parametrize(
    ("args", "option"),
    [
        (["--json"], "--json"),
        (["--text"], "--text"),
        (["--flush", "end"], "--flush"),
        (["-u"], "--usage"),
        (["--record", "x"], "--record"),
    ],
)
def test_a_view_of_what_is_served_is_2(args: list[str], option: str, recording: str) -> None:
    got = run("replay", "--serve", recording, *args, "--", "true")

    assert (got.code, got.stdout) == (2, b"")
    assert f"Error: {option} says what is shown, and --serve shows nothing" in got.stderr
