"""Print the table: `python -m tests.bench`, all sections side by side in one run."""

import argparse
import importlib.metadata
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from . import decoders, latency, network, startup, streams, whole
from .report import Row, table
from .running import use_bytecode
from .streams import Sample

_MB = 1024 * 1024
_PACKAGES = (
    "gstream", "click", "orjson", "httpx", "httpx-sse", "google-genai", "openai", "anthropic"
)  # fmt: skip
_QUICK = 0.05
_MANY = ("64 KiB", "1400 B", "one event")


def _samples(scale: float) -> list[tuple[Sample, tuple[str, ...]]]:
    """The streams, and in which chunks decoders get them."""

    def count(full: int) -> int:
        return max(1, int(full * scale))

    return [
        (streams.small(count(500_000)), _MANY),
        (streams.medium(count(50_000)), _MANY),
        (streams.images(count(200)), _MANY),
        (streams.line(count(64 * _MB)), ("64 KiB", "1400 B")),
        (streams.keep_alives(count(10_000_000)), ("64 KiB", "1400 B")),
    ]


def _byte_by_byte(directory: Path, rounds: int, scale: float) -> Iterator[Row]:
    """One line in chunks of one byte, at two lengths: twice as long takes twice the time."""
    for size in (2 * _MB, 4 * _MB):
        sample = streams.line(max(1, int(size * scale)))
        yield from decoders.rows(sample, directory, rounds, ("1 B",), ("feed", "feed_lines"))


Section = Callable[[Path, int, float], Iterator[Row]]


def _decode(directory: Path, rounds: int, scale: float) -> Iterator[Row]:
    for sample, chunks in _samples(scale):
        yield from whole.rows(sample, directory, rounds, chunks)


def _decoder(directory: Path, rounds: int, scale: float) -> Iterator[Row]:
    for sample, chunks in _samples(scale):
        yield from decoders.rows(sample, directory, rounds, chunks)
    yield from _byte_by_byte(directory, rounds, scale)


def _create(directory: Path, rounds: int, scale: float) -> Iterator[Row]:
    for sample in (
        streams.small(max(1, int(100_000 * scale))),
        streams.medium(max(1, int(20_000 * scale))),
    ):
        yield from network.rows(sample, directory, rounds)


SECTIONS: dict[str, Section] = {
    "start-up": lambda directory, rounds, _scale: startup.rows(directory, rounds),
    "latency": lambda directory, rounds, _scale: latency.rows(directory, rounds),
    "decode": _decode,
    "decoder": _decoder,
    "create": _create,
}


def main(args: list[str]) -> None:
    """Measure the sections that were asked for."""
    options = _parse(args)
    scale = _QUICK if options.quick else options.scale
    rounds = options.rounds or (1 if options.quick else 3)
    use_bytecode()
    print(_versions(), f"best of {rounds}", f"scale {scale:g}", sep="; ", flush=True)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="gstream-bench-") as directory:
        for name in options.section or SECTIONS:
            print(f"measuring {name} …", file=sys.stderr, flush=True)
            rows += SECTIONS[name](Path(directory), rounds, scale)
    print(table(rows))


def _parse(args: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("section", nargs="*", help=f"any of: {', '.join(SECTIONS)}; default all")
    parser.add_argument("--quick", action="store_true", help="small streams, one round")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the streams, 1 is full")
    parser.add_argument("--rounds", type=int, help="how often each is measured; default 3")
    options = parser.parse_args(args)
    for name in options.section:
        if name not in SECTIONS:
            parser.error(f"there is no section {name!r}")
    return options


def _versions() -> str:
    found = []
    for package in _PACKAGES:
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"no {package}")
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{python} on {platform.system()}, {os.cpu_count()} CPUs; {', '.join(found)}"


if __name__ == "__main__":
    main(sys.argv[1:])
