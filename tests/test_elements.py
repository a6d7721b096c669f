import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gstream.elements import Element, content_of, elements_in_step, elements_of, joined, units_of

from .interactions import interactions, recut
from .support import Event, created, delta, event, items, start, stop

CITATIONS = [{"type": "url_citation", "url": url} for url in ("u1", "u2")]
PNG = {"type": "image", "mime_type": "image/png", "data": "AAAA"}


def audio(data: bytes, **fields: object) -> Event:
    return {"type": "audio", "data": base64.b64encode(data).decode(), **fields}


def summary(text: str) -> Event:
    return {"type": "thought_summary", "content": {"type": "text", "text": text}}


RUNS = [
    pytest.param({"type": "text", "text": "Héllo"}, "content", "Héllo", id="text"),
    pytest.param({"text": "Hello"}, "content", "Hello", id="text-without-a-type"),
    pytest.param({"type": "text", "text": ""}, "content", "", id="empty-text"),
    pytest.param(
        {"type": "arguments_delta", "arguments": '{"a"'}, "arguments", '{"a"', id="arguments"
    ),
    pytest.param({"type": "arguments_delta"}, "arguments", "", id="arguments-without-any"),
    pytest.param(summary("Plan."), "summary", "Plan.", id="thought-summary"),
    pytest.param(audio(b"\0\1\2"), "content", b"\0\1\2", id="audio"),
]


@pytest.mark.parametrize(("brought", "sequence", "value"), RUNS)
def test_what_can_be_cut_anew_is_a_piece_of_a_run(
    brought: Event, sequence: str, value: str | bytes
) -> None:
    (element,) = elements_of(brought)

    assert (element.sequence, element.value, element.delta) == (sequence, value, brought)
    assert element.key


TOKENS = [
    pytest.param(PNG, "content", id="image"),
    pytest.param({"type": "video", "uri": "gs://v"}, "content", id="video"),
    pytest.param({"type": "document", "data": "AAAA"}, "content", id="document"),
    pytest.param({"type": "audio", "uri": "gs://a", "data": "AAAA"}, "content", id="audio-by-uri"),
    pytest.param({"type": "audio"}, "content", id="audio-without-data"),
    pytest.param({"type": "audio", "data": "A"}, "content", id="audio-that-is-no-base64"),
    pytest.param({"type": "audio", "data": "é"}, "content", id="audio-that-is-no-ascii"),
    pytest.param({"type": "thought_summary", "content": PNG}, "summary", id="image-in-a-thought"),
    pytest.param({"type": "thought_summary"}, "summary", id="thought-without-content"),
    pytest.param({"type": "thought_signature", "signature": "s"}, "signature", id="signature"),
    pytest.param({"type": "thought_signature", "signature": ""}, "other", id="empty-signature"),
    pytest.param({"type": "text", "text": 1}, "other", id="text-that-is-none"),
    pytest.param({"type": "arguments_delta", "arguments": {}}, "other", id="whole-arguments"),
    pytest.param({"type": "text_annotation_delta", "annotations": []}, "other", id="no-annotation"),
    pytest.param({"type": "text_annotation_delta"}, "other", id="annotations-missing"),
    pytest.param({"type": "text_annotation_delta", "annotations": "x"}, "other", id="annotations"),
    pytest.param({"type": "hologram", "x": 1}, "other", id="unknown"),
    pytest.param({}, "other", id="empty"),
]


@pytest.mark.parametrize(("brought", "sequence"), TOKENS)
def test_everything_else_is_a_token(brought: Event, sequence: str) -> None:
    (element,) = elements_of(brought)

    assert (element.sequence, element.key, element.delta) == (sequence, "", brought)


def test_a_token_does_not_depend_on_the_order_of_keys() -> None:
    one, other = {"type": "x", "a": 1}, {"a": 1, "type": "x"}

    assert elements_of(one)[0].value == elements_of(other)[0].value


def test_an_event_nested_deeper_than_usual_is_a_token_too() -> None:
    deep: Any = 1
    for _ in range(300):
        deep = [deep]

    one, same = ({"type": "deep", "value": deep} for _ in range(2))

    assert elements_of(one)[0].value == elements_of(same)[0].value
    assert content_of(event("x", value=deep)) != content_of(event("x", value=[deep]))


def test_each_annotation_is_a_token_of_its_own() -> None:
    brought = {"type": "text_annotation_delta", "annotations": CITATIONS}

    first, second = elements_of(brought)

    assert (first.sequence, second.sequence) == ("annotations", "annotations")
    assert first.delta == {"type": "text_annotation_delta", "annotations": CITATIONS[:1]}
    assert second.delta == {"type": "text_annotation_delta", "annotations": CITATIONS[1:]}
    assert first.value != second.value


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"mime_type": "audio/wav"}, id="mime-type"),
        pytest.param({"sample_rate": 8000}, id="rate"),
        pytest.param({"channels": 2}, id="channels"),
    ],
)
def test_audio_of_another_format_is_another_run(other: Event) -> None:
    form = {"mime_type": "audio/l16", "sample_rate": 24000, "channels": 1}

    (one,) = elements_of(audio(b"x", **form))
    (two,) = elements_of(audio(b"x", **{**form, **other}))

    assert one.key != two.key


TAILS = [
    pytest.param({"type": "text", "text": "ab☕"}, {"type": "text", "text": "☕"}, id="text"),
    pytest.param({"text": "ab☕", "x": 1}, {"text": "☕", "x": 1}, id="text-without-a-type"),
    pytest.param(
        {"type": "arguments_delta", "arguments": "[1]"},
        {"type": "arguments_delta", "arguments": "]"},
        id="arguments",
    ),
    pytest.param(summary("A.B"), summary("B"), id="summary"),
    pytest.param(audio(b"\0\1\2", channels=1), audio(b"\2", channels=1), id="audio"),
]


@pytest.mark.parametrize(("brought", "rest"), TAILS)
def test_the_rest_of_a_piece_has_a_delta_that_brings_only_that(brought: Event, rest: Event) -> None:
    (element,) = elements_of(brought)

    assert element.tail(2) == elements_of(rest)[0]
    assert element.tail(2).length == 1


@given(st.text(max_size=8), st.integers(0, 8))
def test_head_and_tail_are_the_whole(text: str, cut: int) -> None:
    (element,) = elements_of({"type": "text", "text": text})

    assert element.head(cut).raw + element.tail(cut).raw == element.raw == text.encode()


def test_lengths_are_characters_of_text_and_bytes_of_audio() -> None:
    (text,) = elements_of({"type": "text", "text": "é☕"})
    (sound,) = elements_of(audio("é☕".encode()))

    assert (text.length, sound.length) == (2, 5)


def test_a_delta_of_which_a_part_is_new_brings_the_new_annotations() -> None:
    brought = {"type": "text_annotation_delta", "annotations": CITATIONS, "x": 1}

    assert joined(brought, elements_of(brought)[1:]) == {**brought, "annotations": CITATIONS[1:]}


def test_a_delta_of_which_a_part_is_new_brings_the_new_text() -> None:
    (element,) = elements_of({"type": "text", "text": "ab"})

    assert joined(element.delta, [element.tail(1)]) == {"type": "text", "text": "b"}


def test_a_step_has_its_elements_in_the_order_of_the_deltas() -> None:
    step = {
        "type": "model_output",
        "content": [
            {"type": "text", "text": "a", "annotations": CITATIONS},
            PNG,
            {"type": "text", "text": "b"},
        ],
    }
    deltas: list[Event] = [
        {"type": "text", "text": "a"},
        {"type": "text_annotation_delta", "annotations": CITATIONS},
        PNG,
        {"type": "text", "text": "b"},
    ]

    expected = [element for brought in deltas for element in elements_of(brought)]

    assert list(elements_in_step(step)) == expected


def test_a_thought_has_its_summary_and_its_signature() -> None:
    step = {"type": "thought", "summary": items("A", "B"), "signature": "s"}

    got = [(element.sequence, element.key) for element in elements_in_step(step)]

    assert got == [("summary", "text"), ("summary", "text"), ("signature", "")]


@pytest.mark.parametrize(
    "step",
    [
        pytest.param({"type": "model_output"}, id="bare"),
        pytest.param({"type": "model_output", "content": "x", "summary": 1}, id="no-lists"),
        pytest.param({"type": "model_output", "content": [1, None]}, id="no-objects"),
        pytest.param({"type": "thought", "signature": ""}, id="empty-signature"),
        pytest.param({"type": "function_call", "signature": "s"}, id="signature-of-a-call"),
    ],
)
def test_a_step_may_have_no_elements(step: Event) -> None:
    assert list(elements_in_step(step)) == []


def test_units_tell_steps_and_kinds_apart() -> None:
    events = [
        delta(text="a"),
        delta(text="a", index=1),
        delta("arguments_delta", arguments="a"),
        delta("hologram"),
        start(),
        start(index=1),
        stop(),
        created(),
        event("interaction.heartbeat", n=1),
        event("interaction.heartbeat", n=2),
    ]

    units = [unit for one in events for unit in units_of(one)]

    assert len(units) == len(set(units)) == len(events)


def test_units_do_not_depend_on_the_id() -> None:
    plain = event("interaction.heartbeat", n=1)

    assert units_of({**plain, "event_id": "e1"}) == units_of(plain)


@given(interactions(ids=st.just("none")), st.lists(st.integers(0, 3), min_size=1, max_size=3))
def test_units_stay_the_same_however_the_text_is_cut(events: list[Event], sizes: list[int]) -> None:
    def units(stream: list[Event]) -> list[object]:
        return [unit for one in stream for unit in units_of(one)]

    assert units(recut(events, sizes)) == units(events)


@given(interactions())
def test_every_delta_has_elements_of_one_sequence(events: list[Event]) -> None:
    for one in events:
        if "delta" in one:
            elements: list[Element] = elements_of(one["delta"])
            assert len({element.sequence for element in elements}) == 1
