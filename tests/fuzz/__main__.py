"""Search for some seconds: `python -m tests.fuzz --seconds 60 [--seed N] [--target NAME]`."""

import argparse
import random
import sys
import time

from .search import TARGETS, search, small


def main() -> int:
    """Search; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--target", choices=list(TARGETS), default="")
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    begin = time.monotonic()
    tried, finding = search(
        given.seed, lambda _tried: time.monotonic() - begin > given.seconds, given.target
    )
    print(f"{tried} inputs in {time.monotonic() - begin:.0f} s", flush=True)
    if finding is None:
        return 0
    least = small(finding)
    print(f"{least.target}: {least.why}\nfor tests/fuzz/found.py:\n{least.row}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
