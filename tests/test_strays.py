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
from gstream.strays import Stray, end, strays_of
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
            end([Stray(pid, 0) for pid in told], signal.SIGKILL)
            with suppress(ProcessLookupError):
                os.killpg(leader.pid, signal.SIGKILL)


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


def test_an_end_reaches_each_and_forgives_those_that_are_gone() -> None:
    with leading("setsid sh -c 'echo $$; exec sleep 1000' & wait") as (leader, [stray]):
        gone = Stray(2**22 + 1, 0)  # no process of Linux has so high an id

        end([gone, *strays_of(leader)], signal.SIGKILL)

        deadline = time.monotonic() + DEADLINE
        while stray in pids(strays_of(leader)):
            assert time.monotonic() < deadline, "the stray lives"
            time.sleep(0.01)


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
