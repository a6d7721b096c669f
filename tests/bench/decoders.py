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

OURS = ("orjson.loads", "feed", "feed_lines")
PEERS = {"httpx-sse": 4, "openai": 4, "anthropic": 4, "google-genai": 64}
"""Other decoders with their JSON, and which part of a stream they get: a fourth, a 64th."""


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
    """How many bytes a decoder gets; two events at least."""
    if name in OURS:
        return size
    two = 2 * size // sample.deltas if sample.deltas else 0
    return min(size, max(size // PEERS[name], two))


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
