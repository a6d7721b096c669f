"""Hops of a long answer as one interaction (PROTOCOL c.5 S5, d.5)."""

from typing import Any

import pytest

from tests.support import Event, answer, completed, created, event, interaction_of, start


def update(**fields: Any) -> Event:
    return event("interaction.status_update", **fields)


def test_s5_the_first_hop_knows_what_was_asked_for() -> None:
    asked = {"previous_interaction_id": "i0", "input": "a", "created": "1"}
    events = [
        created("i1", **asked),
        update(status="requires_continuation", continuation_token="t"),
        created("i2", previous_interaction_id="i1", input="b", created="2"),
        completed(),
    ]

    assert interaction_of(*events).items() >= asked.items()
    assert "continuation_token" not in interaction_of(*events)


@pytest.mark.parametrize("inputs", [0, 1, 2])
def test_s5_only_the_inputs_that_a_later_hop_begins_with_are_left_out(inputs: int) -> None:
    kinds = ["user_input"] * inputs + ["thought", "user_input", "later"]
    steps = [start(kind, index=index) for index, kind in enumerate(kinds)]

    result = interaction_of(*answer("a"), created("i2"), *steps)

    assert [step["type"] for step in result["steps"][1:]] == ["thought", "user_input", "later"]


def hops(*usages: Any) -> Any:
    events = []
    for number, usage in enumerate(usages):
        events += [created(f"i{number}"), update(usage=usage)]
    return interaction_of(*events).get("usage")


def test_s5_usage_is_summed_key_by_key_over_hops() -> None:
    text, image = {"modality": "text", "tokens": 3}, {"modality": "image", "tokens": 4}
    first = {
        "total_tokens": 1,
        "output_tokens_by_modality": [text],
        "tier": "a",
        "total_input_tokens": 7,
    }
    second = {"total_tokens": 2, "output_tokens_by_modality": [image, text], "tier": "b"}

    assert hops(first, second) == {
        "total_tokens": 3,
        "output_tokens_by_modality": [{"modality": "text", "tokens": 6}, image],
        "tier": "b",
        "total_input_tokens": 7,
        "initial_input_tokens": 7,
    }


@pytest.mark.parametrize(
    ("usages", "total"),
    [
        pytest.param([None, {"n": 1}], {"n": 1}, id="a-hop-without"),
        pytest.param([None, None], None, id="none-at-all"),
        pytest.param(
            [{"initial_input_tokens": 1, "total_input_tokens": 5}, {}],
            {"initial_input_tokens": 1, "total_input_tokens": 5},
            id="initial-input-of-the-first",
        ),
        pytest.param([{"n": "x"}, {"n": 1}], {"n": 1}, id="a-number-after-a-text"),
        pytest.param([{"n": 1}, {"n": []}], {"n": []}, id="a-list-after-a-number"),
        pytest.param([{"n": ["a"]}, {"n": ["b"]}], {"n": ["b"]}, id="lists-of-no-modalities"),
        pytest.param(
            [{"x_by_modality": 1}, {"x_by_modality": [{"modality": "text", "tokens": 2}, 3]}],
            {"x_by_modality": [{"modality": "text", "tokens": 2}]},
            id="modalities-that-were-none",
        ),
    ],
)
def test_s5_odd_usages_of_hops_are_summed_as_far_as_possible(usages: Any, total: Any) -> None:
    assert hops(*usages) == total
