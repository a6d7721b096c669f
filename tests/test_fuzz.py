"""The search for inputs that break something: a minute in CI, a moment elsewhere; what was found.

The inputs follow from the seed, and the seed from the source text: what was searched without a
finding stays without one until something is changed. `python -m tests.fuzz` takes another seed.
"""

import os
import time
import zlib
from itertools import islice
from pathlib import Path

import pytest

from tests.fuzz.found import FOUND
from tests.fuzz.search import TARGETS, Finding, breaks, cases, search, small
from tests.fuzz.targets import Chunks

SECONDS = 60.0 if "CI" in os.environ else 2.0
FEWEST = 5 * len(TARGETS)
SOURCE = sorted((Path(__file__).parents[1] / "gstream").rglob("*.py"))


def test_any_bytes_in_any_chunks_hold(capsys: pytest.CaptureFixture[str]) -> None:
    seed = zlib.crc32(b"".join(path.read_bytes() for path in SOURCE))
    begin = time.monotonic()

    tried, finding = search(
        seed, lambda tried: tried >= FEWEST and time.monotonic() - begin > SECONDS
    )

    with capsys.disabled():
        print(f"\nfuzz: seed {seed}, {tried} inputs in {SECONDS:.0f} s")
    assert finding is None, f"{finding.why}\n{small(finding).row}"


@pytest.mark.parametrize(("target", "chunks"), FOUND)
def test_what_was_found_holds(target: str, chunks: Chunks) -> None:
    assert breaks(target, chunks) == ""


def test_a_seed_gives_the_same_inputs() -> None:
    assert list(islice(cases(7), 50)) == list(islice(cases(7), 50))
    assert list(islice(cases(7), 50)) != list(islice(cases(8), 50))


def test_a_finding_is_made_small(monkeypatch: pytest.MonkeyPatch) -> None:
    def target(chunks: Chunks) -> None:
        data = b"".join(chunks)
        if b"a" in data and b"b" in data[data.index(b"a") :] and chunks[0] != data:
            raise ValueError(f"a before b: {len(data)}")

    monkeypatch.setitem(TARGETS, "mine", target)
    chunks = [b"xxaxx", b"", b"xb", b"xx"]

    least = small(Finding("mine", chunks, breaks("mine", chunks)))

    assert least.chunks in ([b"a", b"b"], [b"", b"ab"])
    assert least.row.startswith('    pytest.param("mine", [b')


def test_what_a_target_raises_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def target(_chunks: Chunks) -> None:
        raise KeyError("x")

    monkeypatch.setitem(TARGETS, "mine", target)

    assert breaks("mine", [b""]) == "KeyError: 'x'"
    assert search(1, lambda _tried: False, "mine")[0] == 1
