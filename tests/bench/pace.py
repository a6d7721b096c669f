"""How far the pauses of a replay are from the recorded ones: `python -m tests.bench.pace`."""

import http.client
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from .report import Row, table
from .running import Usage, gstream

PAUSES = (0.0, 0.02, 0.1, 0.5, 0.05, 0.25, 0.01, 1.0, 0.03, 0.2)
"""Seconds before each event; the first one tells nothing."""

TARGETS = {1.0: 0.020, 10.0: 0.005}
"""Most seconds that a pause may be off, by speed."""

_ANY_EVENT = b'data: {"event_type":"step.delta","index":0,"delta":{"type":"text","text":"a"}}\n\n'


def rows(directory: Path, rounds: int) -> Iterator[Row]:
    """The rows: the pause that is farthest off, played and served, beside a bare program's.

    Of each pause the best of the rounds counts, as everywhere in the bench: the worst of them tells
    what else the machine was doing.
    """
    recording = directory / "pauses.sse"
    recording.write_bytes(recording_of(PAUSES))
    for speed, target in TARGETS.items():
        for name, arrivals in WAYS.items():
            off = [_off(arrivals(recording, speed), speed) for _ in range(rounds)]
            best = [min(pause) for pause in zip(*off, strict=True)]
            every = [each for pauses in off for each in pauses]
            note = (
                f"median {median(every) * 1e3:.2f} ms, worst of all {max(every) * 1e3:.1f} ms; "
                f"to reach {target * 1e3:.0f} ms"
            )
            yield Row("pace", f"{name} --speed {speed:g}", "", Usage(max(best)), note=note)


def _off(arrivals: list[float], speed: float) -> list[float]:
    """How far each pause was off."""
    pairs = zip(PAUSES[1:], pauses_between(arrivals), strict=True)
    return [abs(got - wanted / speed) for wanted, got in pairs]


def recording_of(pauses: tuple[float, ...]) -> bytes:
    """A recording with these seconds before its events."""
    return b"".join(b": +%b\n%b" % (f"{pause:g}".encode(), _ANY_EVENT) for pause in pauses)


def pauses_between(arrivals: list[float]) -> list[float]:
    """The seconds between each two moments."""
    return [after - before for before, after in pairwise(arrivals)]


def slept(_recording: Path, speed: float) -> list[float]:
    """When each line came from a program that only sleeps and prints: what the machine allows."""
    pauses = [pause / speed for pause in PAUSES]
    program = f"import time\nfor pause in {pauses}: time.sleep(pause); print(flush=True)"
    return _printed([sys.executable, "-c", program])


def played(recording: Path, speed: float) -> list[float]:
    """When each event was printed."""
    return _printed([*gstream("replay", "--ndjson", "-q", "--speed", f"{speed:g}"), str(recording)])


def _printed(command: list[str]) -> list[float]:
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
    ) as process:
        assert process.stdout is not None
        stdout = process.stdout.fileno()
        return _arrivals(lambda: os.read(stdout, 65536), b"\n")


def served(recording: Path, speed: float) -> list[float]:
    """When each event came over HTTP."""
    command = gstream("replay", "--serve", "--speed", f"{speed:g}", str(recording))
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        url = urlsplit(process.stderr.readline().split()[-1].decode())
        with closing(http.client.HTTPConnection(str(url.hostname), url.port)) as client:
            client.request("POST", "/v1beta/interactions", b'{"stream":true}')
            with client.getresponse() as answer:
                arrivals = _arrivals(answer.read1, b"\n\n")
        process.kill()
    return arrivals


def _arrivals(read: Callable[[], bytes], end: bytes) -> list[float]:
    """When the end of each event came; what gstream adds at the end does not count."""
    arrivals: list[float] = []
    while len(arrivals) < len(PAUSES) and (data := read()):
        arrivals += [time.perf_counter()] * data.count(end)
    return arrivals[: len(PAUSES)]


Way = Callable[[Path, float], list[float]]

WAYS: dict[str, Way] = {
    "bare sleep": slept,
    "gstream replay": played,
    "gstream replay --serve": served,
}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="gstream-bench-") as place:
        print(table(rows(Path(place), 3)))
