"""Accumulation, rule by rule (PROTOCOL c.5): thoughts, calls and what is unknown."""

from typing import Any

import pytest

from gstream.steps import Accumulator
from tests.support import (
    Event,
    accumulated,
    delta,
    event,
    items,
    start,
    steps_of,
    stop,
)


def summary(text: str) -> Event:
    return delta("thought_summary", content={"type": "text", "text": text})


def arguments(fragment: Any) -> Event:
    return delta("arguments_delta", arguments=fragment)


def contents_after(*deltas: Event) -> Any:
    return steps_of(start(), *deltas)[0].get("content")


CALL: Event = {"id": "c1", "name": "f"}
PNG: Event = {"mime_type": "image/png", "data": "AA=="}

# --- H: thoughts


def test_h1_each_summary_is_an_item() -> None:
    image = {"type": "image", **PNG}
    deltas = [summary("a"), delta("thought_summary", content=image), summary("b")]

    assert steps_of(start("thought"), *deltas)[0]["summary"] == [
        *items("a"),
        image,
        *items("b"),
    ]


def test_h1_a_summary_goes_on_after_that_of_the_start() -> None:
    assert steps_of(start("thought", summary=items("a")), summary("b"))[0]["summary"] == items(
        "a", "b"
    )


def test_h1_a_summary_that_was_no_list_is_replaced() -> None:
    assert steps_of(start("thought", summary=None), summary("a"))[0]["summary"] == items("a")


@pytest.mark.parametrize(
    ("fields", "unapplied"),
    [({}, 0), ({"content": None}, 0), ({"content": {}}, 1), ({"content": "a"}, 1)],
)
def test_h1_a_summary_without_content_adds_nothing(fields: Event, unapplied: int) -> None:
    result = accumulated(start("thought"), delta("thought_summary", **fields))

    assert (result.steps, result.unapplied) == ([{"type": "thought"}], unapplied)


@pytest.mark.parametrize("kind", ["thought", "function_call"])
def test_h2_the_last_signature_that_is_not_empty_counts(kind: str) -> None:
    signatures = [delta("thought_signature", signature=value) for value in ("a", "b", "")]
    bare = delta("thought_signature")

    assert steps_of(start(kind, signature=""), *signatures, bare)[0]["signature"] == "b"


# --- F: arguments of functions


def arguments_after(*deltas: Event, **fields: Any) -> Any:
    result = accumulated(start("function_call", **CALL, **fields), *deltas, stop())
    return result.steps[0]["arguments"]


def test_f1_the_fragments_together_are_json_and_replace_the_start() -> None:
    fragments = [arguments(piece) for piece in ('{"a":"\\u00', "e4\\", '\\","b', '":[1', "]}")]

    assert arguments_after(*fragments, arguments={}) == {"a": "ä\\", "b": [1]}


def test_f1_missing_and_empty_fragments_add_nothing() -> None:
    nothing = [delta("arguments_delta"), arguments(""), arguments(None)]

    assert arguments_after(arguments('{"a"'), *nothing, arguments(":1}")) == {"a": 1}


def test_f1_arguments_may_come_whole() -> None:
    assert arguments_after(arguments({"a": 1})) == {"a": 1}


def test_f1_arguments_are_parsed_where_the_stop_is_missing() -> None:
    assert steps_of(start("function_call"), arguments('{"a":1}'))[0]["arguments"] == {"a": 1}


def test_f1_fragments_may_go_on_after_a_look() -> None:
    accumulator = Accumulator()
    seen = []
    for piece in ('{"a"', ":1", "}"):
        accumulator.feed(arguments(piece))
        seen.append(accumulator.steps[0]["arguments"])

    assert seen == ['{"a"', '{"a":1', {"a": 1}]


@pytest.mark.parametrize(
    ("fields", "kept"), [({"arguments": {"a": 1}}, {"a": 1}), ({"arguments": {}}, {}), ({}, {})]
)
def test_f2_without_fragments_the_start_counts(fields: Event, kept: Event) -> None:
    assert arguments_after(**fields) == kept
    assert arguments_after(arguments(""), **fields) == kept


def test_f3_what_is_no_json_stays_a_string() -> None:
    result = accumulated(
        start("function_call"), arguments('{"a":'), start("function_call", index=1), start(index=2)
    )

    assert result.steps[0]["arguments"] == '{"a":'


# --- X: calls and results


def test_x1_keys_are_replaced_whole() -> None:
    deltas = [
        delta("google_search_call", arguments={"queries": ["a"]}, search_type="web_search"),
        delta("google_search_call", arguments={"queries": ["b"]}),
    ]

    assert steps_of(start("google_search_call", id="s1"), *deltas) == [
        {
            "type": "google_search_call",
            "id": "s1",
            "arguments": {"queries": ["b"]},
            "search_type": "web_search",
        }
    ]


@pytest.mark.parametrize("kind", ["function_result", "code_execution_result", "later_call"])
def test_x1_u2_every_type_of_step_takes_deltas_of_its_name(kind: str) -> None:
    assert steps_of(start(kind), delta(kind, result="r", is_error=True)) == [
        {"type": kind, "result": "r", "is_error": True}
    ]


def test_x2_an_empty_signature_is_none() -> None:
    begun = start("google_search_call", id="s1", signature="")

    assert steps_of(begun) == [{"type": "google_search_call", "id": "s1"}]
    assert steps_of(begun, delta("google_search_call", signature="s"))[0]["signature"] == "s"


def test_x2_an_empty_signature_does_not_replace_one() -> None:
    begun = start("url_context_call", signature="s")

    assert steps_of(begun, delta("url_context_call", signature=""))[0]["signature"] == "s"


def test_x3_a_missing_result_is_not_invented() -> None:
    kind = "google_search_result"

    assert steps_of(start(kind, call_id="s1"), delta(kind, signature="s")) == [
        {"type": kind, "call_id": "s1", "signature": "s"}
    ]


# --- U: the unknown


@pytest.mark.parametrize(
    ("step", "known"),
    [
        ("model_output", delta(text="a")),
        ("model_output", delta("text_annotation_delta", annotations=[{"url": "https://a"}])),
        ("model_output", delta("image", **PNG)),
        ("model_output", delta("audio", data="AA==")),
        ("thought", summary("a")),
        ("thought", delta("thought_signature", signature="s")),
        ("function_call", delta("thought_signature", signature="s")),
        ("function_call", arguments("{}")),
        ("google_search_call", delta("google_search_call", arguments={})),
    ],
)
def test_u1_what_is_known_is_not_counted(step: str, known: Event) -> None:
    assert accumulated(start(step), known, known).unapplied == 0


@pytest.mark.parametrize("unknown", [delta("hologram", x=1), delta("")])
def test_u1_an_unknown_delta_changes_nothing_and_is_counted(unknown: Event) -> None:
    result = accumulated(start(), delta(text="a"), unknown, delta(text="b"))

    assert (result.text, result.unapplied) == ("ab", 1)


def test_u2_an_unknown_step_is_kept() -> None:
    step = {"type": "later_kind", "x": [1]}

    assert steps_of(start("later_kind", x=[1]), delta("hologram"), stop()) == [step]
    assert steps_of(start(type=None)) == [{"type": None}]


def test_u3_what_names_no_type_is_known_by_its_keys() -> None:
    deltas = [delta("", text="a"), delta("", **PNG), delta("", text="b")]

    assert contents_after(*deltas) == [*items("a"), {"type": "image", **PNG}, *items("b")]


def test_u3_audio_is_known_by_its_keys() -> None:
    audio: Event = {"mime_type": "audio/l16", "data": "YQ=="}

    assert contents_after(delta("", **audio)) == [{"type": "audio", **audio}]


@pytest.mark.parametrize(
    ("content", "item"),
    [
        ({"text": "a"}, {"type": "text", "text": "a"}),
        (PNG, {"type": "image", **PNG}),
        ({"later": 1}, {"later": 1}),
    ],
)
def test_u3_content_of_a_summary_is_known_by_its_keys(content: Event, item: Event) -> None:
    assert steps_of(delta("thought_summary", content=content))[0]["summary"] == [item]


@pytest.mark.parametrize(
    ("step", "wrong"),
    [
        ("function_call", delta(text="a")),
        ("thought", delta("image", **PNG)),
        ("model_output", delta("thought_signature", signature="s")),
        ("model_output", arguments("{}")),
        ("google_search_call", delta("url_context_call", arguments={})),
    ],
)
def test_u4_a_delta_of_the_wrong_kind_is_counted_only(step: str, wrong: Event) -> None:
    bare = steps_of(start(step))
    result = accumulated(start(step), wrong)

    assert (result.steps, result.unapplied) == (bare, 1)


@pytest.mark.parametrize(
    "broken",
    [
        event("step.delta"),
        event("step.delta", index=0),
        event("step.delta", index=0, delta=[]),
        event("step.delta", index="0", delta={"type": "text", "text": "a"}),
        event("step.delta", index=0.0, delta={"type": "text", "text": "a"}),
        event("step.delta", index=[], delta={"type": "text", "text": "a"}),
        event("step.delta", index=0, delta={"type": "text"}),
        event("step.delta", index=0, delta={"type": "text", "text": ["a"]}),
        event("step.delta", index=0, delta={"type": ["text"], "text": 1}),
    ],
)
def test_u4_a_delta_without_its_fields_is_counted_only(broken: Event) -> None:
    result = accumulated(start(), delta(text="a"), broken, broken)

    assert (result.text, result.unapplied) == ("a", 2)
