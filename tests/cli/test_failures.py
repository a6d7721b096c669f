"""Every end of the program: exit codes, signals, standard files, messages."""

import os
import signal
import subprocess
from pathlib import Path

import click
import pytest

from gstream.cli import failures
from gstream.cli.failures import Exit, exit_codes
from gstream.cli.signals import Interrupted
from gstream.errors import EXIT_CODES, GstreamError, NetworkError, OutputError
from tests import servers
from tests.cli.support_cli import (
    GSTREAM,
    Terminal,
    bytes_in,
    read_until,
    run,
    run_bash,
    run_command,
    started,
    wait_for,
)


def _classes(kind: type[GstreamError]) -> list[type[GstreamError]]:
    return [one for sub in kind.__subclasses__() for one in (sub, *_classes(sub))]


# --- exit codes


@pytest.mark.parametrize("kind", _classes(GstreamError))
def test_a_failure_leaves_with_its_exit_code(
    kind: type[GstreamError], capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught, exit_codes():
        raise kind("what happened", hint="what to do")

    assert caught.value.code == kind.exit_code
    assert capfd.readouterr() == ("", "gstream: what happened\ngstream: what to do\n")


def test_every_exit_code_is_in_the_table() -> None:
    known = {row.code for row in EXIT_CODES}

    assert known >= {kind.exit_code for kind in _classes(GstreamError) if kind.exit_code < 128}


def test_a_told_failure_is_not_told_again(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught, exit_codes():
        raise Exit(76)

    assert caught.value.code == 76
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("end", "signum"),
    [
        pytest.param(Interrupted(signal.SIGTERM), signal.SIGTERM, id="interrupted"),
        pytest.param(BrokenPipeError(), signal.SIGPIPE, id="nobody-reads"),
    ],
)
def test_an_end_by_a_signal_is_one_for_the_shell_too(
    end: BaseException, signum: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    died: list[int] = []  # no test can tell what it saw of a process that died
    monkeypatch.setattr(failures, "die_by", died.append)

    def run_that_ends() -> None:
        with exit_codes():
            raise end

    run_that_ends()

    assert died == [signum]


@pytest.mark.parametrize("error", [click.UsageError("no"), click.exceptions.Exit(0), click.Abort()])
def test_ends_that_click_tells_are_left_to_it(error: Exception) -> None:
    with pytest.raises(type(error)), exit_codes():
        raise error


def test_a_bug_is_1_and_one_asks_for_a_report(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught, exit_codes():
        raise RuntimeError("two\nlines")

    assert caught.value.code == 1
    assert capfd.readouterr().err == (
        "gstream: this is a bug: RuntimeError: two lines\n"
        "gstream: please report it with the command and its -vv output\n"
    )


def test_too_little_memory_is_no_bug_to_report(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught, exit_codes():
        raise MemoryError

    assert caught.value.code == 1
    assert capfd.readouterr().err == (
        "gstream: there is not enough memory\n"
        "gstream: --max-event-size bounds what one event takes\n"
    )


def test_the_traceback_of_a_bug_is_shown_with_vv(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["gstream", "create", "-vv"])

    with pytest.raises(SystemExit), exit_codes():
        raise RuntimeError("deep inside")

    assert capfd.readouterr().err.startswith("Traceback (most recent call last):\n")


def test_a_message_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    failures.say_failure(NetworkError("the server\r\nsaid\tthis"))

    assert capfd.readouterr().err == "gstream: the server said this\n"


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(["--frobnicate"], id="unknown-option"),
        pytest.param(["frobnicate"], id="unknown-command"),
        pytest.param(["decode", "--flush", "never"], id="bad-choice"),
        pytest.param(["decode", "--max-event-size", "0"], id="bad-size"),
        pytest.param(["create", "--retries", "-1"], id="bad-number"),
        pytest.param(["create", "-p"], id="no-value"),
    ],
)
def test_bad_options_are_2_with_a_short_help(args: list[str]) -> None:
    got = run(*args)

    assert (got.code, got.stdout) == (2, b"")
    assert got.stderr.startswith("Usage: gstream")
    assert "--help' for help." in got.stderr


# --- standard files


HELPS = [["--help"], ["--version"], ["create", "--help"], ["decode", "--help"]]


@pytest.mark.parametrize("args", HELPS)
def test_help_on_a_full_stdout_is_74(args: list[str]) -> None:
    got = run_bash('gstream "$@" > /dev/full', *args)

    assert got.code == 74
    assert got.stderr == "gstream: standard output: No space left on device\n"


@pytest.mark.parametrize("args", HELPS)
def test_help_on_a_closed_stdout_is_74(args: list[str]) -> None:
    got = run_bash('gstream "$@" >&-', *args)

    assert (got.code, got.stderr) == (74, "gstream: standard output is closed\n")


@pytest.mark.parametrize("args", [["create"], ["frobnicate"], ["create", "--frobnicate"]])
def test_an_error_never_goes_to_stdout_when_stderr_is_closed(args: list[str]) -> None:
    got = run_bash('gstream "$@" 2>&- <&-', *args)

    assert (got.code, got.stdout) == (2, b"")


def test_a_pipe_without_reader_ends_help_silently() -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    with started("--help", stdout=theirs) as process:
        os.close(theirs)
        _, stderr = process.communicate(timeout=servers.DEADLINE)

    assert (process.returncode, stderr) == (-signal.SIGPIPE, b"")


def test_a_socket_without_reader_is_found_before_anything_is_paid_for() -> None:
    script = """
import os, socket
from gstream.cli.failures import check_stdout
ours, theirs = socket.socketpair()
ours.close()
os.dup2(theirs.fileno(), 1)
try:
    check_stdout()
except BrokenPipeError:
    raise SystemExit(9)
"""
    assert run_command([GSTREAM[0], "-c", script]).code == 9


def test_a_full_file_system_is_found_before_anything_is_paid_for(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    there = os.fstatvfs(1)
    monkeypatch.setattr(os, "fstatvfs", lambda _fd: os.statvfs_result((*there[:4], 0, *there[5:])))

    with pytest.raises(OutputError, match=r"^standard output: No space left on device$"):
        failures.check_stdout()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "args",
    [
        pytest.param([], id="while-it-is-written"),
        pytest.param(["--flush", "end"], id="at-the-end"),
        pytest.param(["-", "another"], id="before-another-file"),
    ],
)
def test_a_terminal_that_went_away_is_74(args: list[str]) -> None:
    with (
        Terminal() as terminal,
        started("decode", *args, stdin=subprocess.PIPE, stdout=terminal.end) as process,
    ):
        assert process.stdin is not None
        process.stdin.write(servers.opening("seen"))
        process.stdin.flush()
        wait_for(lambda: bytes_in(process.stdin) == 0, "the reading of it")
        terminal.hang_up()
        rest = servers.text_delta("lost") + servers.ending()
        _, stderr = process.communicate(rest, timeout=servers.DEADLINE)

    assert process.returncode == 74
    assert stderr.endswith(b"gstream: standard output: Input/output error\n")


def test_a_socket_can_be_stdout() -> None:
    script = "import socket, subprocess, sys\nours, theirs = socket.socketpair()\n"
    script += "subprocess.run(sys.argv[1:], stdout=theirs); theirs.close()\n"
    script += "print(ours.makefile().read(), end='')"

    got = run_command(
        [GSTREAM[0], "-c", script, *GSTREAM, "decode"], stdin=servers.stream("through it")
    )

    assert got.text == "through it\n"


def test_a_slow_reader_of_a_non_blocking_stdout_gets_everything(tmp_path: Path) -> None:
    long = tmp_path / "long.sse"
    long.write_bytes(servers.stream(*["x" * 1000] * 300))
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    with started("decode", str(long), stdout=theirs) as process:
        os.close(theirs)
        wait_for(lambda: bytes_in(ours) >= 65536, "a full pipe")
        got = read_until(ours, b"\n")
        process.wait(servers.DEADLINE)

    os.close(ours)
    assert (process.returncode, len(got)) == (0, 300_001)


def test_messages_make_control_characters_visible_on_a_terminal() -> None:
    body = b'{"error":{"code":400,"message":"red: \\u001b[31m bell: \\u0007 c1: \\u009b31m"}}'
    with Terminal() as terminal:
        with started(
            "decode", stdin=subprocess.PIPE, stderr=terminal.end, env={"NO_COLOR": "1"}
        ) as process:
            process.communicate(body, timeout=servers.DEADLINE)
        got = terminal.shown()

    assert got == (b"gstream: HTTP 400: red: \\u001b[31m bell: \\u0007 c1: \\u009b31m (400)\n")


def test_messages_make_control_characters_visible_in_a_file() -> None:
    body = b'{"error":{"code":400,"message":"red: \\u001b[31m turned: \\u202egpj.exe\\u202c"}}'

    expected = "gstream: HTTP 400: red: \\u001b[31m turned: \\u202egpj.exe\\u202c (400)\n"
    assert run("decode", stdin=body).stderr == expected
