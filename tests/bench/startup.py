"""Start-up: whole processes that have next to nothing to do, beside an interpreter that imports."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from .report import Row, usage_of
from .running import Measure, Unmeasurable, Usage, attempt, gstream, run
from .streams import small, write

_COMPLETION = {"_GSTREAM_COMPLETE": "bash_complete", "COMP_WORDS": "gstream de", "COMP_CWORD": "1"}
_TIMES = 7
"""How many runs stand for one round: a start is short, and its noise is not."""


def rows(directory: Path, rounds: int) -> Iterator[Row]:
    """The rows; each time is a median, the ratio that to the first row."""
    path = directory / "start.sse"
    write(small(1), path)
    python = [sys.executable, "-c"]
    measures: dict[str, Measure] = {
        'python -c "import click, orjson"': lambda: _run([*python, "import click, orjson"]),
        'python -c "pass"': lambda: _run([*python, "pass"]),
        "gstream --version": lambda: _run(gstream("--version")),
        "gstream --help": lambda: _run(gstream("--help")),
        "completion of a command": _complete,
        "gstream decode, 6 events": lambda: _run(gstream("decode", str(path))),
        "gstream create --offline, request only": lambda: _run(gstream(*_CREATE, "-n")),
        "gstream create to the first byte sent": _first_byte,
    }
    found = _medians(list(measures.values()), rounds * _TIMES)
    for what, result in zip(measures, found, strict=True):
        yield Row("start-up", what, "", result, floor=usage_of(found[0]))


def _medians(measures: list[Measure], times: int) -> list[Usage | Unmeasurable]:
    """The median of many runs that take turns; the first of each is not counted."""
    runs: list[list[Usage | Unmeasurable]] = [[] for _ in measures]
    for _ in range(times + 1):
        for measure, results in zip(measures, runs, strict=True):
            results.append(attempt(measure))
    return [_median(results[1:]) for results in runs]


def _median(results: list[Usage | Unmeasurable]) -> Usage | Unmeasurable:
    usages = [result for result in results if isinstance(result, Usage)]
    if not usages:
        return results[0]
    return Usage(
        median(usage.seconds for usage in usages),
        median(usage.cpu for usage in usages),
        max(usage.peak for usage in usages),
    )


def _run(command: list[str]) -> Usage:
    with open(os.devnull, "rb") as nothing:
        return run(command, nothing.fileno())


def _complete() -> Usage:
    with _environment(_COMPLETION):
        return _run(gstream())


_CREATE = ("create", "-p", "hello")


def _first_byte() -> Usage:
    """Until a server on loopback has received something."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        start = time.perf_counter()
        with _environment({"GEMINI_API_KEY": "none"}):
            process = subprocess.Popen(
                gstream(*_CREATE, "--base-url", url, "--retries", "0"),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        with process:
            server.settimeout(10)
            try:
                connection, _ = server.accept()
            except TimeoutError as exc:
                raise Unmeasurable("nothing was sent") from exc
            with connection:
                connection.recv(1)
                seconds = time.perf_counter() - start
            process.kill()
    return Usage(seconds)


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
