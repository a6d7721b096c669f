"""Decoders alone: seconds that they time themselves, without start-up, reading and cutting."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .report import Row, usage_of
from .running import Measure, Usage, best_of, run
from .streams import Sample, write
from .whole import floor

_MB = 1_000_000

OURS = ("orjson.loads", "feed", "feed_lines")
PEERS = {"httpx-sse": 16 * _MB, "openai": 16 * _MB, "anthropic": 16 * _MB, "google-genai": _MB}
"""Other decoders with their JSON, and how many bytes of a stream of small events they get."""


def rows(
    sample: Sample,
    directory: Path,
    rounds: int,
    kinds: tuple[str, ...],
    decoders: tuple[str, ...] = (*OURS, *PEERS),
) -> Iterator[Row]:
    """The rows of one stream, for these decoders in chunks of these kinds."""
    path = directory / "stream.sse"
    size = write(sample, path)
    asked = [(name, kind) for kind in kinds for name in decoders]
    measures: list[Measure] = [lambda: floor(path)]
    measures += [_measure(name, kind, path, _limit(name, sample, size)) for name, kind in asked]
    base, *results = best_of(rounds, measures)
    for (name, chunks), result in zip(asked, results, strict=True):
        what = f"SSEDecoder.{name}" if name.startswith("feed") else name
        yield Row(sample.name, what, chunks, result, sample.deltas, size, usage_of(base))


def _limit(name: str, sample: Sample, size: int) -> int:
    """How many bytes a decoder gets: a few large events are as many bytes as many small ones."""
    if name in OURS or sample.deltas == 1:
        return size
    return PEERS[name] * (8 if size > 1000 * sample.events else 1)


def _measure(name: str, chunks: str, path: Path, limit: int) -> Measure:
    return lambda: run_child(name, chunks, path, limit)


def run_child(name: str, chunks: str, path: Path, limit: int) -> Usage:
    """Let a decoder time itself.

    Raises:
        Unmeasurable: It is not installed, too slow, or failed.
    """
    command = [sys.executable, "-m", "tests.bench.child", name, chunks, str(path), str(limit)]
    with tempfile.TemporaryFile() as stdout:
        peak = run(command, subprocess.DEVNULL, stdout=stdout).peak
        stdout.seek(0)
        seconds, cpu, events, size = stdout.read().split()
    return Usage(float(seconds), float(cpu), peak, int(events), int(size))
