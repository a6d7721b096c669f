"""`create --exec` with commands that fail, a hostile model, and real signals."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.calling import calling, create, function_call, results, saying
from tests.cli.support_cli import Terminal, environment, started, wait_for
from tests.servers import RawServer

pytestmark = pytest.mark.usefixtures("place")

# --- commands that fail


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        pytest.param("sh -c 'echo no >&2; exit 7'", "exit status 7: no", id="exit-status"),
        pytest.param("sleep 20", "timed out after 1 s", id="timeout"),
        pytest.param("yes", "more than 1,024 bytes of output", id="output"),
    ],
)
def test_a_failing_command_is_an_error_for_the_model(command: str, expected: str) -> None:
    limits = ["--exec-timeout", "1", "--exec-max-output", "1K"]
    with RawServer(calling(), saying("I could not find out.")) as server:
        got = create(server, "--exec", f"get_weather={command}", *limits)

    assert (got.code, got.text) == (0, "I could not find out.\n")
    assert results(server)[0] == {
        "type": "function_result",
        "name": "get_weather",
        "call_id": "c1",
        "result": expected,
        "is_error": True,
    }
    assert f"gstream: get_weather: {expected.partition(': ')[0]}\n" in got.stderr


def test_arguments_that_are_no_json_are_an_error_for_the_model(place: Path) -> None:
    broken = function_call(arguments='{"location": "Par')
    with RawServer(calling(broken), saying("Sorry.")) as server:
        got = create(server, "--exec", "get_weather=./weather.sh")

    assert (got.code, got.text) == (0, "Sorry.\n")
    assert results(server)[0]["is_error"] is True
    assert results(server)[0]["result"].startswith("the arguments are not JSON")
    assert not (place / "weather.sh.seen").exists()


def test_calls_run_at_the_same_time_and_a_slow_one_leaves_no_process(place: Path) -> None:
    slow = f"1003.{os.getpid()}"
    script = (
        f"case $GSTREAM_CALL_ID in c3) sleep {slow};; c1) other=c2;; c2) other=c1;; esac; "
        "touch $GSTREAM_CALL_ID; until [ -e $other ]; do sleep 0.01; done; echo $GSTREAM_CALL_ID"
    )
    (place / "both.sh").write_text(script)
    calls = [function_call(n, call_id=f"c{n}") for n in (1, 2, 3)]
    with RawServer(calling(*calls), saying("ok")) as server:
        got = create(server, "--exec", "get_weather=sh both.sh", "--exec-timeout", "2")

    assert got.code == 0
    assert [(step["call_id"], step["result"]) for step in results(server)] == [
        ("c1", "c1"),
        ("c2", "c2"),
        ("c3", "timed out after 2 s"),
    ]
    assert not _running(slow)


def _running(mark: str) -> bytes:
    done = subprocess.run(["pgrep", "-f", f"sleep {mark}"], capture_output=True, check=False)
    return done.stdout


# --- a hostile model


HOSTILE_ARGUMENTS = '{"a":"$(touch pwned) `touch pwned` \'; touch pwned; \\"\\n\\u0000","b":[]}'


def test_hostile_arguments_reach_the_command_as_data(place: Path) -> None:
    call = function_call(arguments=HOSTILE_ARGUMENTS, call_id="c$(touch pwned)\n'\u0000")
    with RawServer(calling(call), saying("ok")) as server:
        got = create(server, "--exec", "get_weather=./weather.sh")

    assert got.code == 0
    assert json.loads((place / "weather.sh.seen").read_text()) == json.loads(HOSTILE_ARGUMENTS)
    assert results(server)[0]["call_id"] == "c$(touch pwned)\n'\u0000"
    assert sorted(path.name for path in place.iterdir()) == [
        "weather.json",
        "weather.sh",
        "weather.sh.env",
        "weather.sh.seen",
    ]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("../../bin/touch pwned", id="path-and-words"),
        pytest.param("./weather.sh", id="the-command"),
        pytest.param("get_weather ", id="blank-at-the-end"),
        pytest.param("get_weather\u0000", id="nul"),
        pytest.param("$(touch pwned)", id="shell"),
        pytest.param("", id="empty"),
        pytest.param("x" * 100_000, id="long"),
    ],
)
def test_a_hostile_name_runs_nothing(name: str, place: Path) -> None:
    with RawServer(calling(function_call(name=name))) as server:
        got = create(server, "--exec", "get_weather=./weather.sh")

    assert got.code == 10
    assert len(got.stderr.splitlines()) == 2
    assert sorted(path.name for path in place.iterdir()) == ["weather.json", "weather.sh"]


def test_a_call_id_too_long_for_a_variable_is_an_error_for_the_model() -> None:
    with RawServer(calling(function_call(call_id="x" * 300_000)), saying("ok")) as server:
        got = create(server, "--exec", "get_weather=cat")

    assert got.code == 0
    assert results(server)[0]["is_error"] is True


def test_a_hostile_name_cannot_write_to_a_terminal() -> None:
    with (
        RawServer(calling(function_call(name="\u001b]0;pwned\u0007"))) as server,
        Terminal() as screen,
    ):
        args = ["create", "--base-url", server.url, "-p", "x", "--exec", "f=cat"]
        with started(*args, stderr=screen.end) as process:
            process.wait(20)
        shown = screen.shown()

    assert b"\x1b]0;" not in shown
    assert b"\\u001b]0;pwned\\u0007" in shown


def test_what_a_command_repeats_of_the_model_cannot_write_to_a_terminal() -> None:
    call = function_call(arguments='{"a":"x\\u001b]0;pwned\\u0007"}')
    script = 'import json,sys; sys.stderr.write(json.load(sys.stdin)["a"])'
    with RawServer(calling(call), saying("ok")) as server, Terminal() as screen:
        command = f"get_weather={sys.executable} -c '{script}'"
        args = ["create", "--base-url", server.url, "-p", "x", "-q", "--exec", command]
        with started(*args, stderr=screen.end) as process:
            process.wait(20)
        shown = screen.shown()

    assert shown == b"x\\u001b]0;pwned\\u0007\n"


# --- interruptions


@pytest.fixture
def sleeping(place: Path) -> Iterator[tuple[list[str], str]]:
    """Options whose command sleeps for a time that marks it, and the mark."""
    mark = f"1002.{os.getpid()}"
    yield ["--exec", f"get_weather=sh -c 'touch begun; sleep {mark} & wait'"], mark
    assert not _running(mark)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_a_call_ends_call_and_run(
    signum: signal.Signals, sleeping: tuple[list[str], str], place: Path
) -> None:
    options, mark = sleeping
    with RawServer(calling(text="Looking.")) as server:
        args = ["create", "--base-url", server.url, "-p", "x", *options]
        with started(*args) as process:
            wait_for((place / "begun").exists, "the command")
            process.send_signal(signum)
            out, err = process.communicate(timeout=20)

    assert process.returncode == -signum
    assert out == b"Looking."
    assert b"answer with: gstream create --previous v1_one --function-result c1=" in err
    assert not _running(mark)


def test_a_second_signal_leaves_no_command_that_is_deaf_to_the_first(place: Path) -> None:
    mark = f"1004.{os.getpid()}"
    deaf = f"trap 'touch asked' TERM; touch begun; while :; do sleep {mark}; done"
    (place / "deaf.sh").write_text(deaf)
    with RawServer(calling()) as server:
        args = ["create", "--base-url", server.url, "-p", "x", "--exec", "get_weather=sh deaf.sh"]
        with started(*args) as process:
            wait_for((place / "begun").exists, "the command")
            process.send_signal(signal.SIGINT)
            asked = place / "asked"  # or killed already, on a busy machine
            wait_for(lambda: asked.exists() or process.poll() is not None, "the first signal")
            process.send_signal(signal.SIGINT)
            process.wait(20)

    assert process.returncode == -signal.SIGINT
    wait_for(lambda: not _running(mark), "the end of the command")


def test_control_c_on_a_terminal_ends_call_and_run(
    sleeping: tuple[list[str], str], place: Path
) -> None:
    options, mark = sleeping
    command = [sys.executable, "-m", "gstream", "create", "-p", "x", *options]
    with RawServer(calling()) as server:
        code = _press_control_c([*command, "--base-url", server.url], place / "begun")

    assert code == -signal.SIGINT
    assert not _running(mark)


def _press_control_c(command: list[str], begun: Path) -> int:
    """Run a command in a terminal, and press Ctrl-C once a file is there; returns its code."""
    import pty

    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(command[0], command, environment())
    try:
        wait_for(begun.exists, "the command")
        os.write(terminal, b"\x03")
        _, status = os.waitpid(pid, 0)
    finally:
        os.close(terminal)
    return os.waitstatus_to_exitcode(status)


def test_max_time_ends_a_call_too(sleeping: tuple[list[str], str]) -> None:
    options, mark = sleeping
    with RawServer(calling()) as server:
        got = create(server, *options, "--max-time", "1.5")

    assert got.code == 124
    assert not _running(mark)
