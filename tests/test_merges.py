"""Accumulation of steps and output, rule by rule (PROTOCOL c.5), which begins a test's name.

Thoughts, calls and the unknown: `test_merges_calls.py`; the interaction: `test_steps.py`.
"""

import base64
from typing import Any

import pytest

from gstream.events import Event
from gstream.steps import Accumulator, Step
from tests.support import accumulated, delta, items, start, steps_of, stop


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def audio(data: bytes, **fields: Any) -> Event:
    """An audio item; a delta of it has the same fields."""
    return {"type": "audio", "mime_type": "audio/l16", "data": b64(data), **fields}


CALL: Event = {"id": "c1", "name": "f"}
SPAN: Event = {"type": "url_citation", "url": "https://a", "start_index": 0, "end_index": 3}
THOUGHT = delta("thought_summary", content={"type": "text", "text": "a"})
PNG: Event = {"mime_type": "image/png", "data": "AA=="}

# --- A: steps


def test_a1_steps_are_sorted_by_index_whatever_order_they_run_in() -> None:
    events = [
        start("thought", index=2),
        start(index=10),
        start("function_call", index=1, **CALL),
        delta(index=10, text="a"),
        delta("arguments_delta", index=1, arguments="{}"),
        delta(index=10, text="b"),
        stop(10),
        stop(1),
        stop(2),
    ]

    assert steps_of(*events) == [
        {"type": "function_call", **CALL, "arguments": {}},
        {"type": "thought"},
        {"type": "model_output", "content": items("ab")},
    ]


def test_a2_a_step_starts_with_all_that_its_start_has() -> None:
    whole: Event = {"id": "c1", "signature": "s", "later": {"x": [1]}}

    assert steps_of(start("tool_call", **whole), stop()) == [{"type": "tool_call", **whole}]


def test_a2_deltas_go_on_where_the_start_ended() -> None:
    assert steps_of(start(content=items("a")), delta(text="b")) == [
        {"type": "model_output", "content": items("ab")}
    ]


def test_a2_the_event_of_the_start_stays_as_it_was() -> None:
    begun = start(content=[*items("a"), audio(b"x")], summary=[1])
    before = start(content=[*items("a"), audio(b"x")], summary=[1])

    steps_of(begun, delta(text="b"), delta("text_annotation_delta", annotations=[SPAN]))

    assert begun == before


def test_a2_a_step_may_be_nested_more_deeply_than_python_copies() -> None:
    deep: list[Any] = []
    for _ in range(900):
        deep = [deep]

    assert steps_of(start("later", x=deep))[0]["x"] is deep


def test_a3_a_step_that_starts_again_replaces_the_first() -> None:
    events = [
        start("thought", signature="s"),
        THOUGHT,
        start(),
        delta(text="b"),
    ]

    assert steps_of(*events) == [{"type": "model_output", "content": items("b")}]


@pytest.mark.parametrize(
    ("given", "step"),
    [
        pytest.param(delta(text="a"), {"type": "model_output", "content": items("a")}, id="text"),
        pytest.param(
            delta("text_annotation_delta", annotations=[SPAN]),
            {
                "type": "model_output",
                "content": [{"type": "text", "text": "", "annotations": [SPAN]}],
            },
            id="annotation",
        ),
        pytest.param(
            delta("image", **PNG),
            {"type": "model_output", "content": [{"type": "image", **PNG}]},
            id="image",
        ),
        pytest.param(
            THOUGHT,
            {"type": "thought", "summary": items("a")},
            id="summary",
        ),
        pytest.param(
            delta("thought_signature", signature="s"),
            {"type": "thought", "signature": "s"},
            id="signature",
        ),
        pytest.param(
            delta("arguments_delta", arguments='{"a":1}'),
            {"type": "function_call", "arguments": {"a": 1}},
            id="arguments",
        ),
        pytest.param(
            delta("url_context_call", arguments={"urls": []}),
            {"type": "url_context_call", "arguments": {"urls": []}},
            id="call",
        ),
        pytest.param(
            delta("google_search_result", result=[]),
            {"type": "google_search_result", "result": []},
            id="result",
        ),
    ],
)
def test_a4_a_delta_without_a_start_makes_its_step(given: Event, step: Step) -> None:
    assert steps_of(given) == [step]


def test_a1_one_step_can_be_had_by_its_index() -> None:
    assert accumulated(start("thought", index=7), start()).step(7) == {"type": "thought"}


@pytest.mark.parametrize("strange", [["model_output"], {}, 1, None], ids=repr)
def test_a_delta_belongs_to_no_step_whose_type_is_no_text(strange: Any) -> None:
    begun = {"event_type": "step.start", "index": 0, "step": {"type": strange}}

    result = accumulated(begun, delta(text="x"), delta("hologram"))

    assert (result.steps, result.unapplied) == ([{"type": strange}], 2)


def test_a4_an_unknown_delta_without_a_start_makes_none() -> None:
    result = accumulated(delta("hologram"), delta(""), delta(text=1))

    assert result.steps == [{"type": "model_output"}]
    assert result.unapplied == 3


# --- T: text


def test_t1_text_is_appended_to_text() -> None:
    assert steps_of(start(), delta(text="a"), delta(text=""), delta(text="b")) == [
        {"type": "model_output", "content": items("ab")}
    ]


def test_t1_text_after_an_image_is_a_new_item() -> None:
    events = [start(), delta(text="a"), delta("image", **PNG), delta(text="b"), delta(text="c")]

    assert steps_of(*events)[0]["content"] == [
        *items("a"),
        {"type": "image", **PNG},
        *items("bc"),
    ]


def test_t1_a_start_with_text_that_is_none_begins_with_nothing() -> None:
    begun = start(content=[{"type": "text", "text": None}])

    assert steps_of(begun, delta(text="a"))[0]["content"] == items("a")


def test_t1_steps_can_be_looked_at_in_between() -> None:
    accumulator = Accumulator()
    for piece in ("a", "b", "c"):
        accumulator.feed(delta(text=piece))
        accumulator.steps  # noqa: B018 - looking is the point

    assert accumulator.text == "abc"


def test_t2_annotations_go_to_the_newest_text() -> None:
    other = {**SPAN, "url": "https://b"}
    events = [
        start(),
        delta(text="abc"),
        delta("text_annotation_delta", annotations=[SPAN]),
        delta(text="def"),
        delta("image", **PNG),
        delta("text_annotation_delta", annotations=[SPAN, other]),
    ]

    assert steps_of(*events)[0]["content"] == [
        {"type": "text", "text": "abcdef", "annotations": [SPAN, SPAN, other]},
        {"type": "image", **PNG},
    ]


def test_t2_annotations_without_text_make_an_empty_one() -> None:
    events = [start(), delta("text_annotation_delta", annotations=[SPAN]), delta(text="a")]

    assert steps_of(*events)[0]["content"] == [{**items("a")[0], "annotations": [SPAN]}]


@pytest.mark.parametrize("fields", [{}, {"annotations": None}, {"annotations": []}])
def test_t2_a_missing_list_of_annotations_is_nothing(fields: Event) -> None:
    result = accumulated(start(), delta("text_annotation_delta", **fields))

    assert (result.steps, result.unapplied) == ([{"type": "model_output"}], 0)


def test_t2_annotations_that_are_no_list_are_not_applied() -> None:
    assert accumulated(start(), delta("text_annotation_delta", annotations="x")).unapplied == 1


def test_t2_annotations_that_were_no_list_are_replaced() -> None:
    begun = start(content=[{"type": "text", "text": "a", "annotations": None}])
    added = delta("text_annotation_delta", annotations=[SPAN])

    assert steps_of(begun, added)[0]["content"] == [{**items("a")[0], "annotations": [SPAN]}]


def test_t2_the_annotation_of_the_older_api_is_one() -> None:
    events = [delta(text="a"), delta("text_annotation", annotations=[SPAN])]

    assert steps_of(*events)[0]["content"] == [{**items("a")[0], "annotations": [SPAN]}]


# --- M: media


@pytest.mark.parametrize("kind", ["image", "video", "document"])
def test_m1_each_delta_is_one_whole_item(kind: str) -> None:
    events = [delta(kind, data="AA==", later=1), delta(kind, data="AA==")]

    assert steps_of(start(), *events)[0]["content"] == [
        {"type": kind, "data": "AA==", "later": 1},
        {"type": kind, "data": "AA=="},
    ]


def contents_after(*deltas: Event, begun: Event | None = None) -> Any:
    return steps_of(begun or start(), *deltas)[0].get("content")


def test_m2_pieces_of_audio_are_joined_as_bytes() -> None:
    pieces = [delta(**audio(piece, rate=1)) for piece in (b"\0", b"\1\2", b"", b"\3")]

    assert contents_after(*pieces) == [audio(b"\0\1\2\3", rate=1)]


def test_m2_pieces_in_the_other_alphabet_are_joined_too() -> None:
    pieces = [delta(**{**audio(b""), "data": data}) for data in ("-_8", "QQ")]

    assert contents_after(*pieces) == [audio(b"\xfb\xffA")]


def test_m2_a_piece_joins_the_audio_of_the_start() -> None:
    begun = start(content=[audio(b"a")])

    assert contents_after(delta(**audio(b"b")), begun=begun) == [audio(b"ab")]


def test_m2_audio_can_be_looked_at_in_between() -> None:
    accumulator = Accumulator()
    for piece in (b"a", b"b", b"c"):
        accumulator.feed(delta(**audio(piece)))
        accumulator.steps  # noqa: B018 - looking is the point

    assert accumulator.steps[0]["content"] == [audio(b"abc")]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(audio(b"b", sample_rate=8000), id="another-rate"),
        pytest.param(audio(b"b", channels=2), id="other-channels"),
        pytest.param({**audio(b"b"), "mime_type": "audio/mp3"}, id="m3-another-type"),
        pytest.param({"type": "audio", "mime_type": "audio/l16", "uri": "gs://b"}, id="m3-uri"),
        pytest.param(audio(b"b", uri="gs://b"), id="m3-data-with-uri"),
        pytest.param({**audio(b"b"), "data": "not base64"}, id="broken-base64"),
        pytest.param({**audio(b"b"), "data": "Yg==!"}, id="base64-with-more"),
        pytest.param({**audio(b"b"), "data": "ö"}, id="not-even-ascii"),
        pytest.param({**audio(b"b"), "data": 1}, id="no-text"),
    ],
)
def test_m2_m3_other_audio_is_an_item_of_its_own(other: Event) -> None:
    assert contents_after(delta(**audio(b"a")), delta(**other), delta(**audio(b"c"))) == [
        audio(b"a"),
        other,
        audio(b"c"),
    ]


def test_m2_audio_after_text_is_an_item_of_its_own() -> None:
    deltas = [delta(**audio(b"a")), delta(text="x"), delta(**audio(b"b")), delta(**audio(b"c"))]

    assert contents_after(*deltas) == [audio(b"a"), *items("x"), audio(b"bc")]


def test_m3_items_with_uris_never_merge() -> None:
    item: Event = {"type": "audio", "uri": "gs://a"}

    assert contents_after(delta(**item), delta(**item)) == [item, item]


@pytest.mark.parametrize(
    ("untyped", "typed"),
    [
        pytest.param({"text": "a"}, {"type": "text", "text": "a"}, id="text"),
        pytest.param({"type": None, "text": "a"}, {"type": "text", "text": "a"}, id="null"),
        pytest.param(
            {"data": "AA", "mime_type": "audio/wav"},
            {"type": "audio", "data": "AA", "mime_type": "audio/wav"},
            id="audio",
        ),
        pytest.param({"strange": 1}, {"strange": 1}, id="unknown"),
    ],
)
def test_u3_content_of_a_start_says_its_type(untyped: Event, typed: Event) -> None:
    assert accumulated(start(content=[untyped])).steps[0]["content"] == [typed]


def test_u3_t1_text_goes_on_after_untyped_text() -> None:
    steps = accumulated(start(content=[{"text": "Hi"}]), delta(text=" you")).steps

    assert steps[0]["content"] == [{"type": "text", "text": "Hi you"}]


def test_u3_a_delta_whose_type_is_null_is_what_its_keys_say() -> None:
    given = {"type": None, "data": "AA", "mime_type": "image/png"}
    one = {"event_type": "step.delta", "index": 0, "delta": given}

    assert accumulated(start(), one).steps[0]["content"] == [{**given, "type": "image"}]


def test_t2_annotations_of_an_event_stay_as_they_were() -> None:
    events = [start(content=[{"type": "text", "text": "a", "annotations": [1]}])]
    events += [delta("text_annotation_delta", annotations=[2]) for _ in range(2)]
    accumulated(*events)

    assert events[0]["step"]["content"][0]["annotations"] == [1]
    assert events[1]["delta"]["annotations"] == [2]
