"""Look for inputs that break a target, and make small what was found."""

import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, pairwise
from random import Random

from . import connections, files, inputs, targets
from .targets import Chunks, Target

MOST_SECONDS = 10.0
"""What one small input may take of CPU time, on any machine: a guard, no measurement."""

MOST_MEMORY = 100 * 1024
"""By how many KiB one small input may raise the memory of the process."""

TARGETS: dict[str, Target] = {
    **targets.STREAM_TARGETS,
    "replayed": targets.replayed,
    "array": targets.array,
    "arguments": targets.arguments,
    "kept": files.kept,
    "answers": files.answers,
    "served": files.served,
    "saved": files.saved,
    "followed": connections.followed,
}

_KINDS = {
    "recorded": ["stream", "stream", "lines", "array", "curl"],
    "followed": ["stream"],
    "replayed": ["recording", "recording", "stream"],
    "array": ["array", "lines"],
    "arguments": ["pieces"],
    "kept": ["cursor"],
    "answers": ["recording", "stream", "lines"],
    "served": ["request"],
}
_STREAMS = ["stream", "stream", "lines", "array", "curl", "recording"]


@dataclass(frozen=True)
class Finding:
    """An input that breaks a target.

    Attributes:
        target: The name of the target.
        chunks: The input.
        why: What was raised.
    """

    target: str
    chunks: Chunks
    why: str

    @property
    def row(self) -> str:
        """A row for `found.py`."""
        name = "name-me"
        return f'    pytest.param("{self.target}", {self.chunks!r}, id="{name}"),'


def breaks(target: str, chunks: Chunks) -> str:
    """What a target raises on an input; empty if it holds."""
    begin, memory = time.process_time(), _memory()
    try:
        TARGETS[target](list(chunks))
    except Exception as exc:  # noqa: BLE001 - whatever it is, it is what we look for
        return f"{type(exc).__name__}: {exc}"
    if time.process_time() - begin > MOST_SECONDS:
        return "it takes too long"
    return "it takes too much memory" if _memory() - memory > MOST_MEMORY else ""


def search(seed: int, until: Callable[[int], bool], only: str = "") -> tuple[int, Finding | None]:
    """Try inputs until one breaks a target, or `until` says so; returns how many were tried.

    Args:
        seed: The same seed gives the same inputs.
        until: Is told how many have been tried.
        only: The name of the one target to try; empty for all.
    """
    for tried, (target, chunks) in enumerate(cases(seed, only)):
        if until(tried):
            return tried, None
        if why := breaks(target, chunks):
            return tried + 1, Finding(target, chunks, why)
    raise AssertionError("there is no end of cases")


def cases(seed: int, only: str = "") -> Iterator[tuple[str, Chunks]]:
    """Targets and inputs, without end."""
    random = Random(seed)
    seeds = inputs.seeds()
    names = [only] if only else list(TARGETS)
    for number in count():
        target = names[number % len(names)]
        pool = seeds[random.choice(_KINDS.get(target, _STREAMS))]
        yield target, inputs.cut(random, inputs.mutated(random, pool))


def small(finding: Finding) -> Finding:
    """The same finding with fewer and simpler bytes, and in fewer chunks."""
    sign = _sign(finding.why)

    def still(chunks: Chunks) -> bool:
        return _sign(breaks(finding.target, chunks)) == sign

    chunks = finding.chunks
    if still([b"".join(chunks)]):
        chunks = [b"".join(chunks)]
    while True:
        smaller = _with_fewer_chunks(_with_fewer_bytes(chunks, still), still)
        if smaller == chunks:
            return Finding(finding.target, chunks, breaks(finding.target, chunks))
        chunks = smaller


def _sign(why: str) -> str:
    """What two findings that are the same have in common."""
    return ":".join(why.split(":")[:2])


def _with_fewer_bytes(chunks: Chunks, still: Callable[[Chunks], bool]) -> Chunks:
    size = sum(map(len, chunks))
    while size:
        at = 0
        while at < sum(map(len, chunks)):
            fewer = _without(chunks, at, at + size)
            if still(fewer):
                chunks = fewer
            else:
                at += size
        size //= 2
    return chunks


def _with_fewer_chunks(chunks: Chunks, still: Callable[[Chunks], bool]) -> Chunks:
    at = 1
    while at < len(chunks):
        joined = [*chunks[: at - 1], chunks[at - 1] + chunks[at], *chunks[at + 1 :]]
        if still(joined):
            chunks = joined
        else:
            at += 1
    return chunks


def _without(chunks: Chunks, begin: int, end: int) -> Chunks:
    """The chunks without some of all their bytes."""
    data = b"".join(chunks)
    places = [0]
    for chunk in chunks:
        places.append(places[-1] + len(chunk))
    moved = [place - min(max(place - begin, 0), end - begin) for place in places]
    rest = data[:begin] + data[end:]
    return [rest[a:b] for a, b in pairwise(moved)]


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
