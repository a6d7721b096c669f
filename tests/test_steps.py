"""The interaction out of its events, rule by rule (PROTOCOL c.5, d.5)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gstream.steps import Accumulator
from tests.support import (
    INTERACTION_ID,
    Event,
    accumulated,
    answer,
    completed,
    created,
    delta,
    event,
    growth,
    interaction_of,
    items,
    start,
    steps_of,
    stop,
)


def update(**fields: Any) -> Event:
    return event("interaction.status_update", **fields)


def output(*texts: str) -> Event:
    return {"type": "model_output", "content": items(*texts)}


# --- S: the interaction


def test_s1_a_delta_after_the_stop_is_applied() -> None:
    assert steps_of(start(), delta(text="a"), stop(), delta(text="b")) == [output("ab")]


def test_s1_a_step_that_never_stops_counts() -> None:
    assert interaction_of(created(), start(), delta(text="a"), completed())["steps"] == [
        output("a")
    ]


def test_s2_the_end_is_laid_over_the_updates_over_the_beginning() -> None:
    events = [
        created(model="m", object="interaction", updated="1"),
        update(status="queued", continuation_token="t", interaction_id="other"),
        completed(updated="2", service_tier="flex"),
    ]

    assert interaction_of(*events) == {
        "id": INTERACTION_ID,
        "status": "completed",
        "model": "m",
        "object": "interaction",
        "updated": "2",
        "service_tier": "flex",
        "steps": [],
    }


def test_s2_an_update_changes_status_and_token() -> None:
    updates = [update(status="queued"), update(status=None, continuation_token="t")]

    assert interaction_of(created(), *updates) == {
        "id": INTERACTION_ID,
        "status": "queued",
        "continuation_token": "t",
        "steps": [],
    }


def test_s2_an_update_tells_the_id_where_nothing_else_did() -> None:
    assert interaction_of(update(interaction_id="a", status="queued"))["id"] == "a"


def test_s2_an_update_tells_the_id_where_an_empty_one_came() -> None:
    assert interaction_of(created(""), update(interaction_id="a"))["id"] == "a"
    assert interaction_of(created("b"), update(interaction_id="a"))["id"] == "b"


@pytest.mark.parametrize("empty", ["", None])
def test_s2_an_empty_value_does_not_replace_one(empty: str | None) -> None:
    assert interaction_of(created(model="m"), completed(model=empty, created=""))["model"] == "m"
    assert interaction_of(created(), completed(created=""))["created"] == ""


def test_s2_events_without_their_objects_change_nothing() -> None:
    broken = [event("interaction.created"), event("interaction.completed", interaction=[])]
    broken += [event("step.start", index=0), event("step.start", index="0", step={})]

    assert interaction_of(*broken) == {}
    assert interaction_of(*answer("a"), *broken) == interaction_of(*answer("a"))


def test_s2_unknown_events_change_nothing() -> None:
    assert interaction_of(*answer("a"), event("later.kind", index=0)) == interaction_of(
        *answer("a")
    )


def test_s2_an_unknown_event_tells_status_id_and_usage_and_nothing_else() -> None:
    told = {"id": "i9", "status": "paused", "usage": {"n": 9}, "model": "m", "steps": [output("b")]}
    found = interaction_of(*answer("a"), event("later.kind", interaction=told))

    assert (found["id"], found["status"], found["usage"]) == ("i9", "paused", {"n": 9})
    assert "model" not in found
    assert found["steps"] == [output("a")]


def test_s2_what_an_unknown_event_leaves_empty_stays() -> None:
    empty = event("later.kind", interaction={"id": None, "status": "", "usage": {}})

    assert interaction_of(*answer("a"), empty) == interaction_of(*answer("a"))


def test_s3_final_steps_replace_the_rebuilt_ones() -> None:
    final = completed(steps=[output("final")])
    result = accumulated(created(), start(), delta(text="a"), final)

    assert result.interaction["steps"] == result.steps == result.final_steps == [output("final")]
    assert result.text == "final"


def test_u3_final_steps_say_the_types_of_their_items() -> None:
    untyped = [{"type": "model_output", "content": [{"text": "a"}]}]
    result = accumulated(created(), completed(steps=untyped))

    assert (result.text, result.steps) == ("a", [output("a")])


@pytest.mark.parametrize("steps", [[], None, "x", [1], 5])
def test_s3_without_final_steps_the_rebuilt_ones_count(steps: Any) -> None:
    result = accumulated(created(), start(), delta(text="a"), completed(steps=steps))

    assert result.interaction["steps"] == [output("a")]


def test_s4_the_usage_of_the_end_wins() -> None:
    events = [created(), update(usage={"total_tokens": 1}), completed(usage={"total_tokens": 2})]

    assert interaction_of(*events)["usage"] == {"total_tokens": 2}


@pytest.mark.parametrize(
    "last",
    [
        pytest.param(update(usage={"n": 9}), id="status-update"),
        pytest.param(stop(usage={"n": 9}, step_usage={"n": 1}), id="step-stop"),
        pytest.param({**delta(text="a"), "metadata": {"total_usage": {"n": 9}}}, id="delta"),
        pytest.param(stop(metadata={"total_usage": {"n": 9}}), id="metadata-of-another-event"),
        pytest.param({**start(index=1), "metadata": {"total_usage": {"n": 9}}}, id="step-start"),
        pytest.param({**completed(), "metadata": {"total_usage": {"n": 9}}}, id="the-end"),
        pytest.param(event("later.kind", usage={"n": 9}), id="unknown-event"),
    ],
)
def test_s4_else_the_newest_cumulative_usage_counts(last: Event) -> None:
    events = [created(), start(), update(usage={"n": 1}), last, completed()]

    assert interaction_of(*events)["usage"] == {"n": 9}


@pytest.mark.parametrize("kind", ["step.delta", "step.stop"])
def test_s4_an_empty_usage_is_none(kind: str) -> None:
    empty = event(kind, index=0, metadata={"total_usage": {}}, usage={})

    assert interaction_of(created(), update(usage={"n": 9}), empty)["usage"] == {"n": 9}


def test_s4_the_usage_of_a_step_alone_is_none() -> None:
    assert "usage" not in interaction_of(*answer("a"), stop(step_usage={"n": 1}), stop(usage=None))


@pytest.mark.parametrize(
    "before",
    [
        pytest.param([], id="the-first"),
        pytest.param(answer("a"), id="another"),
    ],
)
def test_s4_the_usage_beside_a_beginning_counts(before: list[Event]) -> None:
    begun = {**created(), "usage": {"n": 9}}

    assert interaction_of(*before, begun)["usage"] == {"n": 9}


def test_s5_a_replay_starts_over() -> None:
    events = [created(), start(), delta(text="a"), start(index=1)]

    assert interaction_of(*events, *answer("b")) == interaction_of(*answer("b"))


def test_s5_another_interaction_is_the_next_hop() -> None:
    first = [
        created("i1", model="m", created="1", continuation_token="t0"),
        start(),
        delta(text="a"),
        event("interaction.completed", interaction={"status": "requires_continuation"}),
    ]
    second = [
        created("i2", previous_interaction_id="i1"),
        start("user_input", content=[]),
        start(index=1),
        delta(index=1, text="b"),
        event("interaction.completed", interaction={"status": "completed", "created": "2"}),
    ]

    result = accumulated(*first, *second)

    assert result.interaction == {
        "id": "i2",
        "status": "completed",
        "model": "m",
        "created": "1",
        "previous_interaction_id": "i1",
        "continuation_ids": ["i1", "i2"],
        "steps": [output("a"), output("b")],
    }
    assert result.text == "ab"
    assert result.indexes == [0, 1]


def test_s5_a_hop_that_is_not_stored_is_known_by_the_status_before_it() -> None:
    def hop(status: str) -> list[Event]:
        begun = event("interaction.created", interaction={"status": "in_progress"})
        return [begun, start(), delta(text="a"), update(status=status)]

    assert accumulated(*hop("requires_continuation"), *hop("completed")).text == "aa"
    assert accumulated(*hop("in_progress"), *hop("completed")).text == "a"


def test_s5_a_hop_that_is_not_stored_is_known_by_its_token() -> None:
    def hop(**fields: Any) -> list[Event]:
        begun = event("interaction.created", interaction={"status": "in_progress", **fields})
        return [begun, start(), delta(text="a")]

    assert accumulated(*hop(continuation_token="t1"), *hop()).text == "aa"


def test_s5_steps_before_the_first_beginning_are_not_its_own() -> None:
    begun = event("interaction.created", interaction={"status": "in_progress"})

    events = [start(), delta(text="a"), begun, start(index=1), delta(index=1, text="b")]

    assert accumulated(*events).text == "b"


def test_s4_the_usage_of_a_delta_counts_wherever_its_text_goes() -> None:
    counted = {**delta(text="b"), "metadata": {"total_usage": {"n": 9}}}

    result = accumulated(created(), start(), delta(text="a"), delta(text="a"), counted)

    assert (result.text, result.interaction["usage"]) == ("aab", {"n": 9})


def test_s3_before_the_end_there_are_no_final_steps() -> None:
    assert accumulated(created(), start()).final_steps == []


def test_only_a_step_that_came_is_there() -> None:
    result = accumulated(created(), start(index=1))

    assert (result.has(0), result.has(1)) == (False, True)


def test_u1_text_of_an_unknown_delta_is_no_text() -> None:
    result = accumulated(start(), delta(text="a"), delta("hologram", text="b"), delta(text="c"))

    assert (result.text, result.unapplied) == ("ac", 1)


def test_s5_a_hop_that_has_not_begun_in_earnest_leaves_the_first() -> None:
    events = [*answer("a"), event("interaction.created", interaction={})]

    assert interaction_of(*events)["steps"] == [output("a")]


# --- E: output


def test_e1_the_text_is_that_of_all_outputs_in_order() -> None:
    events = [
        start("thought", index=0, summary=items("thought")),
        start(index=1, content=[*items("a"), {"type": "image", "text": "x"}, {"type": "text"}]),
        start("user_input", index=2, content=items("input")),
        start(index=3, content=None),
        start(index=4, content=[1, {"type": "text", "text": 1}]),
        start(index=5),
        delta(index=5, text="b"),
    ]

    assert accumulated(*events).text == "ab"


def test_h1_the_thoughts_are_the_texts_of_all_summaries_in_order() -> None:
    image = {"type": "image", "data": "AA=="}
    events = [
        start("thought", summary=[*items("a\n"), image]),
        start(index=1, content=items("output")),
        delta("thought_summary", index=2, content={"text": "b"}),
    ]

    assert accumulated(*events).thoughts == "a\nb"


def test_h1_the_summary_of_a_step_that_is_no_thought_is_none() -> None:
    assert accumulated(start("model_output", summary=items("a"))).thoughts == ""


# --- whatever comes

VALUES = st.sampled_from(
    [None, 0, 1, 1.0, True, "", "a", "text", [], ["a"], {}, {"type": "text", "text": "a"}, "AA=="]
)
KINDS = st.sampled_from(
    "text image audio thought_summary thought_signature arguments_delta text_annotation_delta "
    "function_call google_search_call model_output thought hologram".split()
)
FIELDS = st.dictionaries(
    st.sampled_from(
        "text data uri mime_type content summary annotations arguments signature id status "
        "usage steps tokens_by_modality total_input_tokens continuation_token".split()
    ),
    VALUES | st.lists(st.dictionaries(st.sampled_from(["type", "text", "modality"]), VALUES)),
    max_size=4,
)
TYPED = st.builds(lambda kind, fields: {"type": kind, **fields}, KINDS | VALUES, FIELDS) | VALUES
EVENTS = st.builds(
    lambda kind, index, fields: {"event_type": kind, "index": index, **fields},
    st.sampled_from(
        "interaction.created interaction.status_update interaction.completed "
        "step.start step.delta step.delta step.delta step.stop error".split()
    ),
    st.integers(0, 2) | VALUES,
    st.fixed_dictionaries(
        {},
        optional={
            "interaction": FIELDS | VALUES,
            "step": TYPED,
            "delta": TYPED,
            "metadata": st.just({"total_usage": {"n": 1}}) | VALUES,
            "usage": FIELDS | VALUES,
            "interaction_id": VALUES,
            "status": VALUES,
        },
    ),
)


@given(st.lists(EVENTS, max_size=12))
def test_any_events_make_some_interaction(events: list[Event]) -> None:
    result = accumulated(*events)

    assert isinstance(result.interaction.get("steps", []), list)
    assert isinstance(result.text + result.thoughts, str)


@given(st.lists(st.text(), max_size=8))
def test_the_text_is_the_texts_of_the_deltas(texts: list[str]) -> None:
    assert accumulated(*answer(*texts)).text == "".join(texts)


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(delta(text="some text"), id="text"),
        pytest.param(delta("audio", mime_type="audio/l16", data="AAAAAAAA"), id="audio"),
        pytest.param(delta("arguments_delta", arguments="[1],"), id="arguments"),
        pytest.param(delta("text_annotation_delta", annotations=[{}]), id="annotations"),
    ],
)
def test_time_is_linear_in_the_deltas_of_a_step(made: Event) -> None:
    def work(count: int) -> None:
        accumulator = Accumulator()
        for _ in range(count):
            accumulator.feed(made)
        accumulator.steps  # noqa: B018 - joining is part of the work

    assert growth(work, 3_000) < 100


def test_s5_what_only_announces_an_interaction_is_part_of_it() -> None:
    found = interaction_of(update(status="queued"), *answer("a"))

    assert (found["status"], found["steps"]) == ("completed", [output("a")])
    assert "continuation_ids" not in found
