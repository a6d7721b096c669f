"""Processes that are killed at any moment while connections break: the cursor knows where (7.4).

What `tests/cli/test_following_kills.py` does with real processes, some dozen times as often.
"""

import os
import random

import pytest

from gstream.views import VIEWS
from tests.drawn_faults import LIVE_ENDINGS, any_stream, faults
from tests.faults import DONE, FaultModel
from tests.followers import REBUILT, Kept, KilledError, process, uncut
from tests.writes import ends

SCHEDULES = 4000 if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 300
NEVER = 1 << 30


def told(model: FaultModel, view: str, draw: random.Random) -> tuple[Kept, object]:
    """One process after the other, until one is not killed; and how that one ended."""
    kept = Kept()
    end: object = KilledError()
    for last in [*[False] * draw.randint(1, 4), True]:
        moment = NEVER if last else draw.randint(1, 25)
        by_write = draw.random() < 0.5
        writes, saves = (moment, NEVER) if by_write else (NEVER, moment)
        if isinstance(end, KilledError):
            end = process(model, view, kept, writes=writes, saves=saves)
    return kept, end


@pytest.mark.parametrize("view", VIEWS)
def test_killed_anywhere_it_repeats_its_last_write_at_most(view: str) -> None:
    differing = []
    for seed in range(SCHEDULES // len(VIEWS)):
        draw = random.Random(seed)
        events = any_stream(seed)
        breaks = faults(seed, endings=LIVE_ENDINGS, cut_anew=view in REBUILT | {"text"})
        short = [each for each in breaks if (each.events or 0) < len(events)]
        kept, end = told(FaultModel(events, short * draw.randint(0, 1)), view, draw)
        whole = uncut(events, view)
        wholes = [whole, whole.removesuffix(DONE)]  # which may not have come
        same = any(len(each) in ends(each, kept.processes) for each in wholes)
        same = same or (kept.polled and view != "text")
        if end is not None or not same:
            differing.append((seed, end))

    assert differing == []
