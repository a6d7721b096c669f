"""Run a program and see how long it took and how much memory it needed; many, in turn."""

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_KIB = 1024
_SLOW = 5.0
"""A measure that takes more seconds than this is not repeated."""

TIMEOUT = 60.0
"""Seconds after which a program is stopped as too slow."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one run took.

    Attributes:
        seconds: From start to end, of the whole process or of what it timed itself.
        cpu: Seconds of all processors, which other programs disturb less; 0 if unknown.
        peak: Most bytes of memory that were resident; 0 if unknown.
        events: How many events it counted; 0 if it does not count.
        size: How many bytes it read; 0 for all.
    """

    seconds: float
    cpu: float = 0.0
    peak: int = 0
    events: int = 0
    size: int = 0


class Unmeasurable(Exception):  # noqa: N818 - a finding, not a failure
    """The program is not installed, too slow, or ended with a failure."""


Measure = Callable[[], Usage]


def best_of(rounds: int, measures: Iterable[Measure]) -> list[Usage | Unmeasurable]:
    """The least that each needed; they take turns, so that noise hits all of them alike."""
    taken: list[tuple[Measure, list[Usage | Unmeasurable]]] = [(each, []) for each in measures]
    for _ in range(rounds):
        for measure, results in taken:
            if not results or _is_repeated(results[-1]):
                results.append(attempt(measure))
    return [_best(results) for _, results in taken]


def attempt(measure: Measure) -> Usage | Unmeasurable:
    """What was measured, or why nothing was."""
    try:
        return measure()
    except Unmeasurable as exc:
        return exc


def _is_repeated(last: Usage | Unmeasurable) -> bool:
    return isinstance(last, Usage) and last.seconds < _SLOW


def _best(results: list[Usage | Unmeasurable]) -> Usage | Unmeasurable:
    usages = [result for result in results if isinstance(result, Usage)]
    if not usages:
        return results[0]
    return Usage(
        min(usage.seconds for usage in usages),
        min(usage.cpu for usage in usages),
        max(usage.peak for usage in usages),
        usages[0].events,
        usages[0].size,
    )


def gstream(*args: str) -> list[str]:
    """The command line of gstream: its console script if it is installed, else the module."""
    script = Path(sys.executable).with_name("gstream")
    return [str(script), *args] if script.exists() else [sys.executable, "-m", "gstream", *args]


def run_file(command: list[str], path: Path) -> Usage:
    """Run a program whose input is a file and whose output nobody reads.

    Raises:
        Unmeasurable: It is not there, too slow, or failed.
    """
    with path.open("rb") as stdin:
        return run(command, stdin.fileno())


def run(command: list[str], stdin: int, *, stdout: IO[bytes] | int = subprocess.DEVNULL) -> Usage:
    """As `run_file`, for a file descriptor.

    The memory is that of the process and of those that it waited for. It begins with the memory
    of this very process, which therefore never holds a stream.
    """
    with tempfile.TemporaryFile() as stderr:
        start = time.perf_counter()
        try:
            process = subprocess.Popen(
                command, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True
            )
        except FileNotFoundError as exc:
            raise Unmeasurable(f"{command[0]} is not installed") from exc
        cpu, peak = _wait(process)
        seconds = time.perf_counter() - start
        if process.returncode:
            stderr.seek(0)
            raise Unmeasurable(_failure(process.returncode, stderr.read()))
    return Usage(seconds, cpu, peak)


def _wait(process: "subprocess.Popen[bytes]") -> tuple[float, int]:
    """Wait for a process, not for ever; returns its CPU seconds and its most memory."""
    watchdog = threading.Timer(TIMEOUT, _kill, [process.pid])
    watchdog.start()
    _, status, usage = os.wait4(process.pid, 0)
    watchdog.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _KIB


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _failure(code: int, stderr: bytes) -> str:
    if code == -signal.SIGKILL:
        return f"more than {TIMEOUT:.0f} s"
    lines = [line for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else f"ended with {code}"


def use_bytecode() -> None:
    """Let all children load compiled modules, as installed programs do, from a place of our own."""
    place = tempfile.mkdtemp(prefix="gstream-bench-")
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = place
