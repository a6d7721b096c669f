"""Interruptions: one line, the signal itself, and nothing half written."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gstream.cli.failures import exit_codes
from gstream.cli.signals import (
    Interrupted,
    alarm,
    catch_signals,
    die_by,
    interrupt,
    release_signals,
    sleep,
    stop_alarm,
    undisturbed,
    waiting,
    while_waiting,
)
from tests import servers
from tests.cli.support_cli import GSTREAM, bytes_in, read_until, run_command, started, wait_for

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("signum", SIGNALS)
def test_a_signal_ends_the_run_by_itself_with_the_text_kept(signum: signal.Signals) -> None:
    with started("decode", "--flush", "line", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(servers.opening("whole line\nhalf a line"))
        process.stdin.flush()
        got = read_until(process.stdout, b"\n")
        process.send_signal(signum)
        rest, stderr = process.communicate(timeout=servers.DEADLINE)

    assert process.returncode == -signum
    assert got + rest == b"whole line\nhalf a line\n"
    assert stderr == b"gstream: interrupted\n"


@pytest.mark.parametrize("signum", SIGNALS)
def test_the_exit_line_of_ndjson_tells_of_a_signal(signum: signal.Signals) -> None:
    with started("decode", "--ndjson", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(servers.opening("half"))
        process.stdin.flush()
        read_until(process.stdout, b"half")
        process.send_signal(signum)
        rest, _ = process.communicate(timeout=servers.DEADLINE)

    assert process.returncode == -signum
    assert b'"status":%d,"reason":"interrupted"' % (128 + signum) in rest


@pytest.fixture
def stuck() -> Iterator[subprocess.Popen[bytes]]:
    """A run whose reader does not read: its pipe is full, in the middle of an event."""
    ours, theirs = os.pipe()
    fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, 4096)
    with started("decode", "--ndjson", stdin=subprocess.PIPE, stdout=theirs) as process:
        os.close(theirs)
        assert process.stdin is not None
        process.stdin.write(servers.opening(*["x" * 1000] * 30))
        process.stdin.flush()
        wait_for(lambda: bytes_in(ours) == 4096, "a full pipe")
        yield process
    os.close(ours)


def test_a_reader_that_does_not_read_is_not_waited_for(
    stuck: subprocess.Popen[bytes],
) -> None:
    stuck.send_signal(signal.SIGTERM)
    _, stderr = stuck.communicate(timeout=servers.DEADLINE)

    assert (stuck.returncode, stderr) == (-signal.SIGTERM, b"gstream: interrupted\n")


def test_a_second_signal_ends_the_run_at_once(stuck: subprocess.Popen[bytes]) -> None:
    stuck.send_signal(signal.SIGTERM)
    wait_for(lambda: not _catches(stuck.pid, signal.SIGINT), "the first signal")
    stuck.send_signal(signal.SIGINT)
    _, stderr = stuck.communicate(timeout=servers.DEADLINE)

    assert (stuck.returncode, stderr) == (-signal.SIGINT, b"")


def _catches(pid: int, signum: int) -> bool:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [mask] = [line.split()[1] for line in lines if line.startswith("SigCgt:")]
    return bool(int(mask, 16) & 1 << (signum - 1))


def test_an_ignored_signal_stays_ignored() -> None:
    script = "trap '' HUP; exec \"$@\""
    with subprocess.Popen(
        ["bash", "-c", script, "bash", *GSTREAM, "decode"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        process.stdin.write(servers.opening("one "))
        process.stdin.flush()
        read_until(process.stdout, b"one ")
        process.send_signal(signal.SIGHUP)
        rest, _ = process.communicate(
            servers.text_delta("two") + servers.ending(), timeout=servers.DEADLINE
        )

    assert (process.returncode, rest) == (0, b"two\n")


def test_a_signal_outside_of_a_stream_is_silent() -> None:
    with started("create", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(b"a prompt")
        process.stdin.flush()
        wait_for(lambda: bytes_in(process.stdin) == 0, "the reading of the prompt")
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=servers.DEADLINE)

    assert process.returncode == -signal.SIGINT
    assert stderr == b""


def test_where_a_signal_is_blocked_the_exit_code_tells_of_it() -> None:
    script = """
import signal
from gstream.cli.signals import die_by
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
die_by(signal.SIGTERM)
"""
    assert run_command([GSTREAM[0], "-c", script]).code == 128 + signal.SIGTERM


def test_nothing_goes_on_behind_a_signal_that_does_not_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ends: list[int] = []
    monkeypatch.setattr(os, "kill", lambda _pid, _signum: None)
    monkeypatch.setattr(os, "_exit", ends.append)
    die_by(signal.SIGUSR1)

    assert ends == [128 + signal.SIGUSR1]


def test_outside_of_a_run_a_signal_ends_the_process_at_once() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

    with exit_codes():
        assert [signal.getsignal(signum) for signum in SIGNALS] == [signal.SIG_DFL] * 3


def test_signals_are_given_back_at_the_end_of_a_run() -> None:
    catch_signals()
    during = {signal.getsignal(signum) for signum in SIGNALS}
    release_signals()

    assert signal.SIG_DFL not in during
    assert {signal.getsignal(signum) for signum in SIGNALS} == {signal.SIG_DFL}


def test_an_interruption_is_no_exception_that_somebody_swallows() -> None:
    assert not issubclass(Interrupted, Exception)


# --- when an interruption is raised


class Stop(BaseException):
    """Stands for an interruption."""


def test_outside_of_a_run_it_is_raised_at_once() -> None:
    with pytest.raises(Stop):
        interrupt(Stop())


def test_work_is_finished_first() -> None:
    done = []

    with pytest.raises(Stop), undisturbed():
        interrupt(Stop())
        done.append("work")

    assert done == ["work"]


def test_waiting_is_interrupted_at_once() -> None:
    done = []

    with pytest.raises(Stop), undisturbed(), waiting():
        interrupt(Stop())
        done.append("waiting")

    assert done == []


def test_waiting_does_not_begin_after_an_interruption() -> None:
    done = []

    with pytest.raises(Stop), undisturbed():
        interrupt(Stop())
        done.append("work")
        with waiting():
            done.append("waiting")

    assert done == ["work"]


def test_work_goes_on_undisturbed_after_waiting() -> None:
    done = []

    with pytest.raises(Stop), undisturbed():
        with waiting():
            pass
        interrupt(Stop())
        done.append("work")

    assert done == ["work"]


def test_an_interruption_during_work_that_hangs_is_raised_after_a_grace() -> None:
    begun = time.monotonic()

    with pytest.raises(Stop), undisturbed():
        interrupt(Stop())
        time.sleep(servers.DEADLINE)

    assert time.monotonic() - begun < servers.DEADLINE / 2


def test_an_interruption_is_raised_once() -> None:
    with pytest.raises(Stop), undisturbed():
        interrupt(Stop())

    with undisturbed(), waiting():
        pass


def test_each_item_is_waited_for_and_worked_on_without_disturbance() -> None:
    done = []

    with pytest.raises(Stop), undisturbed():
        for item in while_waiting(iter("abc")):
            if item == "b":
                interrupt(Stop())
            done.append(item)

    assert done == ["a", "b"]


def test_the_end_of_the_items_is_an_end() -> None:
    with undisturbed():
        assert list(while_waiting(iter("abc"))) == ["a", "b", "c"]


def test_sleeping_is_interrupted() -> None:
    with pytest.raises(Stop), undisturbed():
        alarm(0.01, lambda: interrupt(Stop()))
        sleep(servers.DEADLINE)


def test_an_alarm_can_be_stopped() -> None:
    rung = []
    alarm(0.2, lambda: rung.append(1))

    stop_alarm()
    time.sleep(0.3)

    assert rung == []


def test_a_signal_that_is_blocked_ends_the_process_by_its_code() -> None:
    code = (
        "import signal; from gstream.cli.signals import die_by; "
        "signal.pthread_sigmask(signal.SIG_BLOCK, {15}); die_by(15)"
    )

    got = run_command([sys.executable, "-c", code])

    assert (got.code, got.stderr) == (128 + signal.SIGTERM, "")
