"""What a run was, counted while it passes."""

from typing import Any

import pytest

from gstream.outcome import Progress
from gstream.stats import Meter
from tests.support import (
    Event,
    accumulated,
    answer,
    batch,
    completed,
    created,
    delta,
    event,
    items,
    start,
    stop,
)


class FakeClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def metered(*events: Event) -> Meter:
    meter = Meter(FakeClock())
    for one in events:
        meter.feed(batch(one))
    return meter


def stats_of(*events: Event) -> dict[str, Any]:
    return metered(*events).as_json(Progress(), 0)


def test_tells_all_there_is_to_tell() -> None:
    clock = FakeClock()
    meter, progress = Meter(clock), Progress()
    events = [created("i1"), start(), delta(text="öb"), stop()]
    events += [completed(usage={"total_output_tokens": 6, "total_tokens": 9})]
    for seconds, one in zip((0.25, 0.25, 0.5, 1.0, 2.0), events, strict=True):
        clock.now += seconds
        meter.bytes(10)
        meter.feed(batch(one))
        progress.feed(batch(one))
    meter.reconnects += 2

    assert meter.as_json(progress, 12) == {
        "ttft_s": 1.0,
        "total_s": 4.0,
        "events": 5,
        "deltas": 1,
        "chars": 2,
        "bytes": 50,
        "reconnects": 2,
        "tokens": {"total_output_tokens": 6, "total_tokens": 9},
        "tokens_per_s": 2.0,
        "status": "completed",
        "interaction_id": "v1_built",
        "exit_code": 12,
    }


def test_what_is_not_known_is_null() -> None:
    assert stats_of() == {
        "ttft_s": None,
        "total_s": 0.0,
        "events": 0,
        "deltas": 0,
        "chars": 0,
        "bytes": 0,
        "reconnects": 0,
        "tokens": None,
        "tokens_per_s": None,
        "status": None,
        "interaction_id": None,
        "exit_code": 0,
    }


def test_counts_the_same_in_batches_of_any_size() -> None:
    events = [*answer("a", "b", "c"), *answer("d")]
    meter = Meter(FakeClock())
    meter.feed(batch(*events))

    assert meter.as_json(Progress(), 0) == stats_of(*events)


def test_only_text_of_the_output_is_text() -> None:
    summary = delta("thought_summary", content=items("thought")[0])
    stats = stats_of(created(), start("thought"), summary, stop())

    assert (stats["ttft_s"], stats["chars"], stats["deltas"]) == (None, 0, 1)


def test_knows_the_type_of_the_step_at_work() -> None:
    assert metered(start("thought"), delta(text="a")).kind == "thought"
    assert metered(event("step.start", step=1)).kind == ""


@pytest.mark.parametrize(
    ("events", "usage"),
    [
        pytest.param([completed(usage={"n": 2})], {"n": 2}, id="of-the-end"),
        pytest.param([stop(usage={"n": 1}), completed(usage={"n": 2})], {"n": 2}, id="the-newest"),
        pytest.param([stop(usage={"n": 1}), completed()], {"n": 1}, id="cumulative"),
        pytest.param([stop(step_usage={"n": 1})], None, id="not-of-one-step"),
        pytest.param(
            [{**delta(text="a"), "metadata": {"total_usage": {"n": 1}}}], {"n": 1}, id="of-a-delta"
        ),
        pytest.param(
            [*answer("a"), event("ping", metadata={"total_usage": {"n": 1}})],
            {"n": 1},
            id="metadata-of-any-event",
        ),
        pytest.param([event("ping", usage=[])], None, id="no-object"),
        pytest.param(
            [{**start(), "metadata": {"total_usage": {"n": 1}}}], {"n": 1}, id="of-a-start"
        ),
        pytest.param([stop(usage={"n": 1}), completed(usage=None)], {"n": 1}, id="not-null"),
        pytest.param([stop(usage={"n": 1}), completed(usage={})], {"n": 1}, id="not-an-empty-one"),
        pytest.param([stop(usage={"n": 1}), stop(usage={})], {"n": 1}, id="nor-of-a-step"),
        pytest.param(
            [{**delta(), "metadata": {"total_usage": usage}} for usage in ({"n": 1}, {})],
            {"n": 1},
            id="nor-of-a-delta",
        ),
        pytest.param(
            [event("later.kind", interaction={"usage": {"n": 1}})], {"n": 1}, id="unknown-event"
        ),
    ],
)
def test_s4_the_newest_cumulative_usage_counts(events: list[Event], usage: Event | None) -> None:
    whole = Meter(FakeClock())
    whole.feed(batch(*events))

    assert whole.usage == metered(*events).usage == usage
    assert accumulated(created(), *events).interaction.get("usage") == usage


def test_s5_the_usages_of_several_interactions_are_summed() -> None:
    first = [created("i1"), completed(usage={"total_tokens": 1})]
    again = [created("i1"), completed(usage={"total_tokens": 2})]
    second = [created("i2"), completed(usage={"total_tokens": 4})]

    assert metered(*first, *again, *second).usage == {"total_tokens": 6}


@pytest.mark.parametrize("fields", [{"id": ""}, {}], ids=["empty", "absent"])
def test_s5_interactions_without_an_id_are_several_too(fields: Event) -> None:
    turns = [
        [event("interaction.created", interaction=fields), completed(usage={"total_tokens": n})]
        for n in (1, 2)
    ]

    assert metered(*turns[0], *turns[1]).usage == {"total_tokens": 3}


@pytest.mark.parametrize(
    ("usage", "words"),
    [
        pytest.param(
            {"total_input_tokens": 1234, "total_output_tokens": 5, "total_tokens": 1239},
            "1,234 in, 5 out, 1,239 in all",
            id="some",
        ),
        pytest.param(
            {
                "total_cached_tokens": 1,
                "total_thought_tokens": 2,
                "total_tool_use_tokens": 3,
                "total_input_tokens": 0,
                "total_output_tokens": "x",
            },
            "1 cached, 2 thought, 3 tool use",
            id="others",
        ),
        pytest.param({}, "no token counts", id="none"),
    ],
)
def test_a_line_for_people(usage: Event, words: str) -> None:
    line = metered(*answer("abc"), completed(usage=usage)).line()

    assert line == f"tokens: {words}; 3 characters in 0.00 s, first text after 0.00 s"


def test_a_line_without_text() -> None:
    clock = FakeClock()
    meter = Meter(clock)
    clock.now += 1.234

    assert meter.line() == "tokens: no token counts; 0 characters in 1.23 s"


def test_tokens_that_are_no_number_have_no_rate() -> None:
    assert stats_of(*answer("a"), completed(usage={"total_output_tokens": "x"}))["tokens"] == {
        "total_output_tokens": "x"
    }
