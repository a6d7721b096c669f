"""Whole processes over a stream: `gstream decode` in each view, the floor, grep and jq, node."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from .child import CHUNKS
from .report import Row, usage_of
from .running import Measure, Unmeasurable, Usage, best_of, gstream, run, run_file
from .streams import Sample, write

VIEWS = ("text", "ndjson", "steps", "json", "sse")
_FED_VIEWS = ("text", "ndjson")

FLOOR = """
import sys, orjson
for line in sys.stdin.buffer:
    if line.startswith(b"data: {"):
        orjson.loads(line[6:])
"""
_PIPELINE = "grep '^data: {' | cut -c7- | jq -r 'select(.delta.text).delta.text'"
_NODE = """
const { createParser } = require("eventsource-parser");
const { StringDecoder } = require("string_decoder");
const fs = require("fs");
let count = 0;
const parser = createParser({
  onEvent(event) { if (event.data !== "[DONE]" && JSON.parse(event.data)) count++; },
});
const text = new StringDecoder("utf8");
const buffer = Buffer.alloc(65536);
for (let size; (size = fs.readSync(0, buffer)) > 0;)
  parser.feed(text.write(buffer.subarray(0, size)));
"""

Commands = list[tuple[str, str, Measure]]
"""What, chunks, and how to measure it."""


def floor(path: Path) -> Usage:
    """The floor: a process that only splits lines and parses JSON."""
    return run_file([sys.executable, "-c", FLOOR], path)


def rows(sample: Sample, directory: Path, rounds: int, kinds: tuple[str, ...]) -> Iterator[Row]:
    """The rows of one stream, besides the usual reads of 64 KiB in chunks of these kinds."""
    path = directory / "stream.sse"
    size = write(sample, path)
    commands = [
        ("floor: lines and orjson.loads", "", lambda: floor(path)),
        *_commands(path, kinds[1:]),
    ]
    results = best_of(rounds, [measure for _, _, measure in commands])
    base = usage_of(results[0])
    for (what, chunks, _), result in zip(commands, results, strict=True):
        yield Row(sample.name, what, chunks, result, sample.deltas, size, base)


def _commands(path: Path, kinds: tuple[str, ...]) -> Commands:
    views = [(f"gstream decode --{view}", "", _view(view, path)) for view in VIEWS]
    fed = [
        (f"gstream decode --{view}", chunks, _fed_view(view, chunks, path))
        for chunks in kinds
        for view in _FED_VIEWS
    ]
    others: Commands = [
        ("grep | cut | jq", "", lambda: run_file(["sh", "-c", _PIPELINE], path)),
        ("node, eventsource-parser", "", lambda: _node(path)),
    ]
    return [*views, *fed, *others]


def _view(view: str, path: Path) -> Measure:
    return lambda: run_file(gstream("decode", f"--{view}"), path)


def _fed_view(view: str, chunks: str, path: Path) -> Measure:
    return lambda: run_fed(gstream("decode", f"--{view}"), path, chunks)


def _node(path: Path) -> Usage:
    try:
        return run_file(["node", "-e", _NODE], path)
    except Unmeasurable as exc:
        if "node is" in str(exc):
            raise
        raise Unmeasurable("node does not find eventsource-parser") from exc


def run_fed(command: list[str], path: Path, chunks: str) -> Usage:
    """Run a program that reads exactly these chunks, each with one `read`, from another process.

    Raises:
        Unmeasurable: As for `run`.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        feeder = subprocess.Popen(
            [sys.executable, "-m", __name__, str(path), chunks], stdout=ours.fileno()
        )
        ours.close()
        try:
            return run(command, theirs.fileno())
        finally:
            theirs.close()
            feeder.wait()


def feed(path: Path, chunks: str) -> None:
    """Write a file to stdout, each chunk as a packet."""
    from .child import Source

    for chunk in Source(path, CHUNKS[chunks], path.stat().st_size):
        for at in range(0, len(chunk), 65536):
            try:
                os.write(1, chunk[at : at + 65536])
            except ConnectionError:
                return


if __name__ == "__main__":
    feed(Path(sys.argv[1]), sys.argv[2])
