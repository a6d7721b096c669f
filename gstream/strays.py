"""Signals to all that a command has started, also to what has left its process group.

`timeout 10 …` in a script makes a group of its own, `setsid` a session: a signal to the group of
the command does not reach them. Linux tells of them in /proc; where that is not, none are found,
and a daemon that has cut all ties is nobody's child any more.
"""

import os
import signal
from collections.abc import Collection
from contextlib import suppress
from typing import NamedTuple

_PROC = "/proc"
_ROUNDS = 3

# proc_pid_stat(5), counted from what follows the name, which may itself hold blanks and brackets.
_PARENT, _GROUP, _SESSION, _STARTED = 1, 2, 3, 19


class Stray(NamedTuple):
    """A process outside of the group of its command.

    Attributes:
        pid: Its id.
        started: When it began, in ticks: an id alone may be another process by now.
    """

    pid: int
    started: int


class _Process(NamedTuple):
    parent: int
    group: int
    session: int
    started: int


def strays_of(leader: int, known: Collection[Stray] = ()) -> set[Stray]:
    """The processes of a session, and those that they have started, outside of the leader's group.

    Args:
        leader: The process that leads the session; it may have ended.
        known: Strays that were found earlier; their parents may have ended since.
    """
    processes = _processes()
    family = {one.pid for one in known if _began(processes, one.pid) == one.started}
    family |= {pid for pid, process in processes.items() if process.session == leader}
    family.add(leader)
    while more := {
        pid for pid, process in processes.items() if process.parent in family and pid not in family
    }:
        family |= more
    return {
        Stray(pid, processes[pid].started)
        for pid in family
        if pid in processes and processes[pid].group != leader
    }


def send(signum: signal.Signals, leader: int, known: Collection[Stray] = ()) -> set[Stray]:
    """Send a signal to the group that a process leads, and to its strays; returns these.

    Args:
        signum: The signal.
        leader: As for `strays_of`.
        known: As for `strays_of`.
    """
    # Before the group has the signal: its processes are what strays are known by.
    strays = _stopped(leader, known) if signum == signal.SIGKILL else strays_of(leader, known)
    _send_to_group(leader, signum)
    _send_to_each(strays, signum)
    return strays


def _stopped(leader: int, known: Collection[Stray]) -> set[Stray]:
    """All strays, stopped as the group is: a shell would start its next command while it waits."""
    _send_to_group(leader, signal.SIGSTOP)
    stopped = strays_of(leader, known)
    for _ in range(_ROUNDS):  # more, where one started another just before it was stopped
        _send_to_each(stopped, signal.SIGSTOP)
        stopped |= strays_of(leader, stopped)
    return stopped


def _send_to_group(leader: int, signum: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signum)


def _send_to_each(strays: Collection[Stray], signum: signal.Signals) -> None:
    for stray in strays:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(stray.pid, signum)


def _began(processes: dict[int, _Process], pid: int) -> int | None:
    process = processes.get(pid)
    return process.started if process else None


def _processes() -> dict[int, _Process]:
    """All processes that can be seen."""
    found: dict[int, _Process] = {}
    with suppress(FileNotFoundError):
        for name in os.listdir(_PROC):
            if name.isdigit() and (process := _process(name)):
                found[int(name)] = process
    return found


def _process(pid: str) -> _Process | None:
    try:
        with open(f"{_PROC}/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:  # it has ended meanwhile
        return None
    return _Process(*(int(fields[place]) for place in (_PARENT, _GROUP, _SESSION, _STARTED)))
