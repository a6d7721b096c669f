"""Strays: processes that have left the group of their command, found by their family."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from gstream import strays
from gstream.strays import Stray, send, strays_of
from tests.commands import DEADLINE, sh


@contextmanager
def leading(script: str) -> Iterator[tuple[int, list[int]]]:
    """A shell that leads a session; its id, and those of as many processes as it tells of."""
    with subprocess.Popen(sh(script), stdout=subprocess.PIPE, start_new_session=True) as leader:
        assert leader.stdout is not None
        told = [int(pid) for pid in leader.stdout.readline().split()]
        try:
            yield leader.pid, told
        finally:
            leader.stdout.close()
            send(signal.SIGKILL, leader.pid)
            for pid in told:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def pids(found: set[Stray]) -> set[int]:
    return {stray.pid for stray in found}


def test_a_process_in_a_session_of_its_own_is_a_stray() -> None:
    script = "setsid sh -c 'echo $$; exec sleep 1000' & wait"
    with leading(script) as (leader, [stray]):
        assert pids(strays_of(leader)) == {stray}


def test_a_process_in_a_group_of_its_own_is_a_stray_even_without_a_parent() -> None:
    script = "(timeout 1000 sh -c 'echo $PPID $$; exec sleep 1000' &); exec sleep 1000"
    with leading(script) as (leader, told):
        assert pids(strays_of(leader)) == set(told)


def test_what_a_stray_has_started_is_a_stray() -> None:
    script = "setsid sh -c 'sleep 1000 & echo $$ $!; wait' & wait"
    with leading(script) as (leader, told):
        assert pids(strays_of(leader)) == set(told)


def test_what_stays_in_the_group_is_none() -> None:
    with leading("sleep 1000 & echo; wait") as (leader, _):
        assert strays_of(leader) == set()


def test_a_stray_stays_known_once_its_parent_has_ended() -> None:
    with leading("setsid sh -c 'echo $$; exec sleep 1000' & wait") as (leader, [stray]):
        known = strays_of(leader)
        os.killpg(leader, signal.SIGKILL)
        os.waitpid(leader, 0)

        assert strays_of(leader) == set()
        assert pids(strays_of(leader, known)) == {stray}


def test_another_process_with_the_id_of_a_stray_is_none() -> None:
    with leading("sleep 1000 & echo; wait") as (leader, _):
        assert strays_of(leader, [Stray(os.getpid(), 1)]) == set()


def wait_for_the_end_of(*pids: int) -> None:
    deadline = time.monotonic() + DEADLINE
    while any(is_alive(pid) for pid in pids):
        assert time.monotonic() < deadline, "one of them lives"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    done = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, check=False)
    return done.stdout.strip()[:1] not in {b"", b"Z"}


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_reaches_the_group_and_its_strays(signum: signal.Signals) -> None:
    with leading("setsid sh -c 'echo $$; exec sleep 1000' & wait") as (leader, [stray]):
        assert pids(send(signum, leader)) == {stray}

        wait_for_the_end_of(leader, stray)


def test_a_stray_that_is_gone_is_forgiven() -> None:
    gone = Stray(2**22 + 1, 0)  # no process of Linux has so high an id

    assert send(signal.SIGKILL, gone.pid, [gone]) == set()


def test_all_are_stopped_before_any_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, int]] = []
    with leading("setsid sh -c 'echo $$; exec sleep 1000' & wait") as (leader, [stray]):
        with monkeypatch.context() as patch:
            patch.setattr(os, "kill", lambda pid, signum: sent.append((pid, signum)))
            patch.setattr(os, "killpg", lambda pid, signum: sent.append((pid, signum)))

            send(signal.SIGKILL, leader)

        stop, kill = signal.SIGSTOP, signal.SIGKILL
        first = sent.index((leader, kill))
        assert set(sent[:first]) == {(leader, stop), (stray, stop)}
        assert sent[first:] == [(leader, kill), (stray, kill)]


def test_no_shell_among_the_strays_goes_on_while_they_are_killed() -> None:
    mark = f"1000.{os.getpid()}"
    script = f"setsid sh -c 'echo $$; while :; do sleep {mark}; done' & wait"
    with leading(script) as (leader, [stray]):
        send(signal.SIGKILL, leader)

        wait_for_the_end_of(leader, stray)
        left = subprocess.run(["pgrep", "-f", f"^sleep {mark}"], capture_output=True, check=False)
        wait_for_the_end_of(*map(int, left.stdout.split()))


@pytest.mark.parametrize("name", ["4000000", "self"])
def test_a_process_that_has_ended_meanwhile_is_skipped(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).mkdir()
    monkeypatch.setattr(strays, "_PROC", str(tmp_path))

    assert strays_of(1) == set()


def test_where_no_processes_can_be_seen_there_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strays, "_PROC", str(tmp_path / "absent"))

    assert strays_of(1) == set()
