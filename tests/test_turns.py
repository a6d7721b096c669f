"""Turns: which calls wait, and the requests that answer them."""

from collections.abc import Sequence
from typing import Any

import pytest

from gstream.errors import IncompleteError, RequiresActionError
from gstream.events import batch_of
from gstream.running import Call, Outcome
from gstream.turns import CallSteps, Turns, as_steps, waiting_calls
from tests.support import completed, created, delta, start, stop

Event = dict[str, Any]


def call_step(call_id: str = "c1", name: str = "f", **fields: Any) -> Event:
    return {"type": "function_call", "id": call_id, "name": name, "arguments": {}, **fields}


def turns_of(
    body: Event, *outcomes: Outcome, names: Sequence[str] = ("f",), max_turns: int = 8
) -> Turns:
    """Turns whose commands have these outcomes."""
    results = iter(outcomes)
    return Turns(body, lambda calls: [next(results) for _ in calls], names, max_turns)


def next_body(turns: Turns, *steps: Event, interaction_id: str = "v1_a") -> Event:
    return turns.answer(turns.calls(interaction_id, steps), steps)


def collect(*events: Event, stored: bool = True) -> CallSteps:
    found = CallSteps(stored=stored)
    for event in events:
        found.feed(batch_of([event], [b""]))
    return found


def user(*texts: str) -> Event:
    return {"type": "user_input", "content": [{"type": "text", "text": text} for text in texts]}


# --- the next request


def test_a_stored_turn_sends_the_results_alone_and_repeats_what_is_not_inherited() -> None:
    body = {
        "model": "m",
        "input": "Weather?",
        "tools": [{"type": "function", "name": "f"}],
        "generation_config": {"temperature": 0},
        "system_instruction": "brief",
        "response_format": {"type": "text"},
        "continuation_token": "t",
        "stream": True,
    }

    got = next_body(turns_of(body, Outcome({"t": 1})), call_step())

    assert got == {
        "model": "m",
        "tools": [{"type": "function", "name": "f"}],
        "generation_config": {"temperature": 0},
        "system_instruction": "brief",
        "response_format": {"type": "text"},
        "stream": True,
        "previous_interaction_id": "v1_a",
        "input": [{"type": "function_result", "name": "f", "call_id": "c1", "result": {"t": 1}}],
    }


def test_results_stand_in_the_order_of_the_calls() -> None:
    turns = turns_of({"input": "x"}, Outcome("one"), Outcome("two"))

    got = next_body(turns, call_step("c1"), {"type": "thought"}, call_step("c2"))

    assert [(step["call_id"], step["result"]) for step in got["input"]] == [
        ("c1", "one"),
        ("c2", "two"),
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param({"a": 1}, {"a": 1}, id="object"),
        pytest.param("text", "text", id="text"),
        pytest.param(22, "22", id="number"),
        pytest.param(1, "1", id="one-is-not-true"),
        pytest.param(True, "true", id="true"),
        pytest.param(None, "null", id="null"),
        pytest.param([1, 2], "[1,2]", id="list-of-no-contents"),
        pytest.param([], "[]", id="empty-list"),
        pytest.param([{"type": []}], '[{"type":[]}]', id="list-of-strange-objects"),
        pytest.param(
            [{"type": "text", "text": "x"}], [{"type": "text", "text": "x"}], id="contents"
        ),
    ],
)
def test_a_result_is_text_contents_or_an_object(value: Any, expected: Any) -> None:
    got = next_body(turns_of({"input": "x"}, Outcome(value)), call_step())

    assert got["input"][0]["result"] == expected


def test_an_error_is_marked_as_one() -> None:
    got = next_body(turns_of({"input": "x"}, Outcome("no", is_error=True)), call_step())

    assert got["input"] == [
        {"type": "function_result", "name": "f", "call_id": "c1", "result": "no", "is_error": True}
    ]


def test_an_unstored_turn_sends_the_whole_history_with_signatures_unchanged() -> None:
    steps = [
        {"type": "thought", "signature": "c2ln"},
        call_step("c1", signature="c2lnMg==", arguments={"a": 1}),
    ]
    body = {"input": "Weather?", "store": False, "model": "m"}
    turns = turns_of(body, Outcome("one"), Outcome("two"))

    first = next_body(turns, *steps, interaction_id="")
    second = next_body(turns, call_step("c2"), interaction_id="")

    result = {"type": "function_result", "name": "f", "call_id": "c1", "result": "one"}
    assert first == {"store": False, "model": "m", "input": [user("Weather?"), *steps, result]}
    assert second["input"][:4] == first["input"]
    assert [step["type"] for step in second["input"][4:]] == ["function_call", "function_result"]


def test_an_unstored_turn_on_top_of_a_stored_interaction_keeps_that() -> None:
    body = {"input": "x", "store": False, "previous_interaction_id": "v1_before"}

    got = next_body(turns_of(body, Outcome("one")), call_step(), interaction_id="v1_new")

    assert got["previous_interaction_id"] == "v1_before"
    assert got["input"][0] == user("x")


def test_an_interaction_without_an_id_is_answered_with_the_whole_history() -> None:
    got = next_body(turns_of({"input": "x"}, Outcome("one")), call_step(), interaction_id="")

    assert "previous_interaction_id" not in got
    assert [step["type"] for step in got["input"]] == [
        "user_input",
        "function_call",
        "function_result",
    ]


def test_arguments_that_are_no_json_do_not_go_back_as_arguments() -> None:
    body = {"input": "x", "store": False}

    got = next_body(turns_of(body, Outcome("no", is_error=True)), call_step(arguments="{bro"))

    assert got["input"][1]["arguments"] == {}


TEXT = {"type": "text", "text": "a"}
IMAGE = {"type": "image", "data": "AAAA", "mime_type": "image/png"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param("a", [user("a")], id="string"),
        pytest.param(TEXT, [user("a")], id="content"),
        pytest.param(
            [TEXT, IMAGE], [{"type": "user_input", "content": [TEXT, IMAGE]}], id="contents"
        ),
        pytest.param(
            [{"text": "a"}], [{"type": "user_input", "content": [{"text": "a"}]}], id="untyped"
        ),
        pytest.param([user("a"), call_step()], [user("a"), call_step()], id="steps"),
        pytest.param([TEXT, call_step(), TEXT], [user("a"), call_step(), user("a")], id="mixed"),
        pytest.param(["a", "b"], [user("a", "b")], id="strings"),
        pytest.param(None, [], id="nothing"),
        pytest.param([1], [], id="nonsense"),
    ],
)
def test_any_input_can_be_steps(given: Any, expected: list[Event]) -> None:
    assert as_steps(given) == expected


# --- which calls wait


def test_a_call_that_was_answered_in_the_stream_does_not_wait() -> None:
    answered = {"type": "function_result", "call_id": "c1", "result": "x"}

    assert waiting_calls([call_step("c1"), answered, call_step("c2")]) == [call_step("c2")]


@pytest.mark.parametrize("strange", [pytest.param({}, id="object"), pytest.param([1], id="list")])
def test_an_id_that_is_no_text_answers_no_call(strange: Any) -> None:
    result = {"type": "function_result", "call_id": strange, "result": "x"}
    steps = [call_step(strange), result, call_step("")]

    assert waiting_calls(steps) == [call_step(strange), call_step("")]


def test_a_call_without_an_id_cannot_be_answered_by_hand() -> None:
    with pytest.raises(RequiresActionError) as caught:
        turns_of({"input": "x"}).calls("v1_a", [call_step(""), call_step("c1", "g")])

    assert caught.value.hint == "answer with: gstream create --previous v1_a --function-result c1=…"


def test_a_call_without_a_command_says_how_to_answer_it() -> None:
    with pytest.raises(RequiresActionError) as caught:
        turns_of({"input": "x"}).calls("v1_a", [call_step("c 1", "g", arguments={"a": "$(x)"})])

    assert str(caught.value) == (
        'the interaction waits for the results of function calls: g({"a":"$(x)"})'
    )
    assert caught.value.hint == (
        "answer with: gstream create --previous v1_a --function-result 'c 1'=…"
    )


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([call_step("c1"), call_step("c2", "g")], id="one-of-two-has-none"),
        pytest.param([call_step("", "f")], id="no-id"),
        pytest.param([call_step("c1", id={"a": 1})], id="id-that-is-no-text"),
        pytest.param([{"type": "function_call", "id": "c1"}], id="no-name"),
        pytest.param([call_step("c1", "f/../f")], id="almost-the-name"),
        pytest.param([], id="no-call"),
    ],
)
def test_nothing_runs_unless_every_call_can_be_answered(steps: list[Event]) -> None:
    with pytest.raises(RequiresActionError):
        turns_of({"input": "x"}).calls("v1_a", steps)


def test_after_the_last_turn_nothing_runs() -> None:
    turns = turns_of({"input": "x"}, Outcome(1), Outcome(2), max_turns=2)
    next_body(turns, call_step())
    next_body(turns, call_step())

    with pytest.raises(IncompleteError, match="--max-turns 2 reached: the interaction waits"):
        turns.calls("v1_a", [call_step()])


def test_long_arguments_are_shortened_in_the_message() -> None:
    with pytest.raises(RequiresActionError) as caught:
        turns_of({"input": "x"}).calls("v1_a", [call_step(name="g", arguments={"a": "x" * 9999})])

    assert len(str(caught.value)) < 300


def test_a_call_knows_its_interaction() -> None:
    [found] = turns_of({"input": "x"}).calls("v1_a", [call_step(arguments={"a": 1})])

    assert found == Call("f", "c1", {"a": 1}, "v1_a")


# --- the steps that are kept


STREAM = [
    created("v1_a"),
    start(index=0),
    delta(text="long text", index=0),
    stop(0),
    start("function_call", index=1, id="c1", name="f", arguments={}),
    delta("arguments_delta", arguments='{"a":', index=1),
    delta("arguments_delta", arguments="1}", index=1),
    stop(1),
    completed("requires_action"),
]


def test_of_a_stored_interaction_only_the_calls_are_kept() -> None:
    assert collect(*STREAM).steps == [call_step(arguments={"a": 1})]


def test_of_an_unstored_interaction_all_steps_are_kept() -> None:
    kinds = [step["type"] for step in collect(*STREAM, stored=False).steps]

    assert kinds == ["model_output", "function_call"]


def test_an_interaction_that_turns_out_to_be_unstored_is_kept_whole() -> None:
    found = collect(created(""), *STREAM[1:])

    assert [step["type"] for step in found.steps] == ["model_output", "function_call"]


def test_an_interaction_that_comes_all_at_once_is_kept_whole_as_well() -> None:
    events = [created(""), start("thought", signature="s"), stop(), completed()]
    found = CallSteps(stored=True)

    found.feed(batch_of(events, [b""] * len(events)))

    assert found.steps == [{"type": "thought", "signature": "s"}]


def test_calls_that_come_with_the_end_are_kept() -> None:
    found = collect(created(), completed("requires_action", steps=[call_step("c9")]))

    assert waiting_calls(found.steps) == [call_step("c9")]


@pytest.mark.parametrize("stored", [True, False])
def test_events_of_a_strange_form_are_no_steps(stored: bool) -> None:
    strange: list[Any] = [{"a": 1}, [], None, "0"]
    starts = [{**call, "index": index} for call in STREAM[4:8] for index in strange]

    assert collect(*starts, {"event_type": "step.start"}, stored=stored).steps == []


def test_a_new_turn_begins_with_nothing() -> None:
    found = collect(*STREAM)
    found.begin()

    assert found.steps == []


def test_the_calls_of_all_hops_are_kept() -> None:
    found = collect(*STREAM, created("v1_b"), *STREAM[1:])

    assert len(found.steps) == 2
