"""The JSON of a stream as events, and what JSON parsers disagree on."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gstream import event_types, events
from gstream.errors import BadDataError
from gstream.events import (
    LEGACY_EVENTS,
    NOTHING,
    Batch,
    Event,
    batch_of,
    delta_type,
    dumps,
    line_of,
    loads,
    loads_exactly,
    modern_interaction,
    named,
    parse_event,
    parse_lines,
    shorten,
)
from tests.support import answer, batch, delta, event, line, ndjson, nested, start, stop

# --- parsing one


def test_keeps_every_key_that_came() -> None:
    raw = b'{"event_type":"later.kind","x":{"y":[1,null]},"event_id":"e"}'

    assert parse_event(raw) == orjson.loads(raw)


@pytest.mark.parametrize(
    ("raw", "name", "kind"),
    [
        pytest.param(b'{"event_type":"a"}', "b", "a", id="the-json-wins"),
        pytest.param(b'{"event_type":"a"}', None, "a", id="no-name-is-needed"),
        pytest.param(b'{"index":0}', "b", "b", id="the-stream-names-it"),
        pytest.param(b'{"event_type":7}', "b", "b", id="a-type-that-is-no-text"),
        pytest.param(b'{"error":{}}', None, "error", id="an-error-names-itself"),
        pytest.param(b'{"error":{}}', "b", "b", id="a-named-error"),
        pytest.param(b"{}", None, "", id="nothing-names-it"),
    ],
)
def test_the_type_of_an_event(raw: bytes, name: str | None, kind: str) -> None:
    assert parse_event(raw, name)["event_type"] == kind


@pytest.mark.parametrize("raw", [b"[]", b"null", b"1", b'"text"', b"[DONE]", b"", b"{", b"{} {}"])
def test_what_is_no_object_is_bad_data(raw: bytes) -> None:
    with pytest.raises(BadDataError, match=r"^not (JSON|a JSON object): "):
        parse_event(raw)


def test_the_message_names_what_came_and_why_it_is_not_json() -> None:
    with pytest.raises(BadDataError) as caught:
        parse_event(b'{"event_ty')

    assert str(caught.value) == (
        "not JSON: unexpected end of data: line 1 column 11 (char 10): '{\"event_ty'"
    )


# --- JSON


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        pytest.param(rb'"\ud800"', "\ufffd", id="lone-surrogate"),
        pytest.param(rb'"\ud83d\ude00"', "😀", id="pair"),
        pytest.param(rb'["\udc00x", 1]', ["\ufffdx", 1], id="in-a-list"),
        pytest.param(rb'{"\ud800": "\udc00"}', {"\ufffd": "\ufffd"}, id="in-a-key"),
        pytest.param(b'"\xff\xe2\x82"', "\ufffd\ufffd", id="invalid-utf-8"),
    ],
)
def test_reads_what_strict_parsers_refuse(raw: bytes, value: Any) -> None:
    assert loads(raw) == value


@pytest.mark.parametrize("raw", [b"NaN", b"[Infinity]", b"-Infinity", b"'a'", b"\xef\xbb\xbf{}"])
def test_reads_nothing_that_is_no_json(raw: bytes) -> None:
    with pytest.raises(BadDataError, match="not JSON"):
        loads(raw)


def test_nesting_beyond_any_bound_is_bad_data() -> None:
    with pytest.raises(BadDataError, match="not JSON"):
        loads(b"[" * 200_000)


def test_writes_one_line() -> None:
    assert dumps({"a": "ö\n", "b": [1.5, None]}) == '{"a":"ö\\n","b":[1.5,null]}'.encode()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(b'{"n":18446744073709551616}', {"n": 2**64}, id="65-bits"),
        pytest.param(b'["\\ud800",1180591620717411303424]', ["\ufffd", 2**70], id="surrogate"),
        pytest.param(b'["\xff",1180591620717411303424]', ["\ufffd", 2**70], id="no-utf-8"),
        pytest.param(b"[1.5]", [1.5], id="others"),
    ],
)
def test_integers_can_be_read_with_all_their_digits(raw: bytes, expected: Any) -> None:
    assert loads_exactly(raw) == expected


def test_writes_long_integers_and_deep_nesting() -> None:
    assert dumps({"a": 2**70}) == b'{"a":1180591620717411303424}'
    assert dumps({"b": 2**70, "a": 1}, sort=True) == b'{"a":1,"b":1180591620717411303424}'
    assert dumps(nested(500)) == b"[" * 500 + b"]" * 500


def test_nesting_that_cannot_be_written_is_bad_data() -> None:
    with pytest.raises(BadDataError, match="nested too deeply"):
        dumps(nested(100_000))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_what_was_written_reads_the_same(value: Any) -> None:
    assert loads(dumps(value)) == value
    assert b"\n" not in dumps(value)


@given(st.binary(max_size=30))
def test_any_bytes_are_json_or_bad_data(raw: bytes) -> None:
    try:
        value = loads(raw)
    except BadDataError:
        return
    line = dumps(value)
    loads(line)
    assert b"\n" not in line


# --- lines


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        pytest.param(b'{"a": 1.10}', b'{"a": 1.10}\n', id="unchanged"),
        pytest.param(b'{"a": 1} \t\n', b'{"a": 1} \t\n', id="space-at-the-end"),
        pytest.param(b'{"a":\n 1,\r\n"b":2}\r\n', b'{"a":  1,  "b":2}\n', id="several-lines"),
        pytest.param(b'{"a":"\xff"}', '{"a":"\ufffd"}\n'.encode(), id="invalid-utf-8"),
        pytest.param('{"a":"\u2028"}'.encode(), '{"a":"\u2028"}\n'.encode(), id="line-separator"),
    ],
)
def test_json_as_one_line(raw: bytes, shown: bytes) -> None:
    assert line_of(raw) == shown


def test_a_long_start_is_shortened() -> None:
    assert shorten(b"x" * 80) == repr("x" * 80)
    assert shorten(b"x" * 81) == repr("x" * 80) + "…"
    assert shorten("ö".encode() * 81) == repr("ö" * 80) + "…"


def test_a_start_is_shown_as_text_on_one_line() -> None:
    assert shorten(b'{"a":\n\xff\x1b}\n') == repr('{"a":\n\ufffd\x1b}')


# --- many at once


def test_parses_regular_lines_in_one_go() -> None:
    lines = ndjson(*answer("a", "b")).splitlines(keepends=True)

    parsed = parse_lines(lines)

    assert parsed.events == answer("a", "b")
    assert parsed.lines == lines
    assert [one["event_type"] for one in parsed.notable] == [
        "interaction.created",
        "step.start",
        "step.stop",
        "interaction.completed",
    ]


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"[DONE]\n", id="done"),
        pytest.param(b"{\n", id="broken"),
        pytest.param(b"[]\n", id="no-object"),
        pytest.param(b"{}\n", id="no-type"),
        *(pytest.param(line(event(old)), id=old) for old in LEGACY_EVENTS),
    ],
)
def test_refuses_lines_of_which_one_is_unusual(raw: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        parse_lines([line(event("ping")), raw])


def test_a_part_of_a_batch_has_its_lines_and_what_is_notable() -> None:
    part = batch(start(), delta(text="a"), stop()).part(1, 3)

    assert part.events == [delta(text="a"), stop()]
    assert part.lines == [line(delta(text="a")), line(stop())]
    assert part.notable == [stop()]


def test_nothing_has_nothing() -> None:
    assert (NOTHING.events, NOTHING.lines, NOTHING.notable) == ([], [], [])


def test_a_batch_shows_its_events() -> None:
    assert repr(batch(stop())) == "Batch([{'event_type': 'step.stop', 'index': 0}])"


@pytest.mark.parametrize(
    ("events", "run"),
    [
        pytest.param([delta(text="a")], (0, "a"), id="one"),
        pytest.param([delta(text="a", index=3), delta(text="b", index=3)], (3, "ab"), id="two"),
        pytest.param([], None, id="none"),
        pytest.param([start()], None, id="notable"),
        pytest.param([delta(text="a"), stop()], None, id="notable-at-the-end"),
        pytest.param([delta(text="a"), delta(text="b", index=1)], None, id="two-steps"),
        pytest.param([delta(text="a"), delta(text="")], None, id="empty-text"),
        pytest.param([delta("image", data="")], None, id="no-text"),
        pytest.param([delta("", text="a")], None, id="no-type"),
        pytest.param([{**delta(text="a"), "event_id": "e"}], None, id="an-id"),
        pytest.param([{**delta(text="a"), "index": True}], None, id="index-of-another-type"),
        pytest.param([{**delta(text="a"), "index": "0"}], None, id="index-that-is-text"),
        pytest.param([event("step.delta")], None, id="no-delta"),
        pytest.param([delta(text=1)], None, id="text-that-is-a-number"),
        pytest.param([{**delta(), "delta": []}], None, id="delta-that-is-a-list"),
    ],
)
def test_a_run_is_text_of_one_step_without_ids(
    events: list[Event], run: tuple[int, str] | None
) -> None:
    found = batch(*events)

    assert found.run() == run
    assert found.run() == run  # from memory


# --- kinds of deltas (PROTOCOL U3)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"type": "text", "text": "a"}, "text"),
        ({"type": "hologram"}, "hologram"),
        ({"text": "a"}, "text"),
        ({"text": "a", "type": None}, "text"),
        ({"data": "AA==", "mime_type": "image/png"}, "image"),
        ({"data": "AA==", "mime_type": "audio/l16"}, "audio"),
        ({"uri": "gs://a", "mime_type": "video/mp4"}, "video"),
        ({"uri": "gs://a", "mime_type": "application/pdf"}, "document"),
        ({"data": "AA=="}, "document"),
        ({"text": 1}, ""),
        ({}, ""),
    ],
)
def test_u3_the_kind_of_a_delta_without_type(value: Event, kind: str) -> None:
    assert delta_type(value) == kind


# --- events from before June 2026 (PROTOCOL c.2)


@pytest.mark.parametrize(("old", "new"), LEGACY_EVENTS.items())
def test_legacy_events_are_their_successors(old: str, new: str) -> None:
    assert parse_event(line(event(old, index=1, x=2))) == event(new, index=1, x=2)
    assert parse_event(b'{"index":1}', old) == event(new, index=1)


@pytest.mark.parametrize(
    ("content", "step"),
    [
        pytest.param({"type": "text"}, {"type": "model_output"}, id="text"),
        pytest.param({"type": "text", "text": ""}, {"type": "model_output"}, id="empty-text"),
        pytest.param(
            {"type": "text", "text": "a"},
            {"type": "model_output", "content": [{"type": "text", "text": "a"}]},
            id="text-that-has-begun",
        ),
        pytest.param({"type": "image"}, {"type": "model_output", "content": []}, id="image"),
        pytest.param(
            {"type": "audio", "uri": "gs://a"},
            {"type": "model_output", "content": [{"type": "audio", "uri": "gs://a"}]},
            id="whole-audio",
        ),
        pytest.param({"type": "video"}, {"type": "model_output", "content": []}, id="video"),
        pytest.param({"type": "document"}, {"type": "model_output", "content": []}, id="document"),
        pytest.param({"type": "thought"}, {"type": "thought"}, id="thought"),
        pytest.param(
            {"type": "function_call", "id": "c", "name": "f", "arguments": {"a": 1}},
            {"type": "function_call", "id": "c", "name": "f", "arguments": {"a": 1}},
            id="function-call",
        ),
        pytest.param(None, None, id="no-object"),
    ],
)
def test_a_legacy_content_is_a_step(content: Any, step: Any) -> None:
    old = event("content.start", index=0, content=content)

    assert named(old) == event("step.start", index=0, step=step)


def test_a_content_elsewhere_is_left_alone() -> None:
    assert named(event("content.stop", index=0, content=1)) == event(
        "step.stop", index=0, content=1
    )


def test_the_shapes_of_events_can_be_had_from_here() -> None:
    assert events.StepDelta is event_types.StepDelta


def test_nothing_else_can_be_had_from_here() -> None:
    for name in ("NoSuchShape", "no_such_function"):
        with pytest.raises(AttributeError, match=f"'gstream.events' has no attribute '{name}'"):
            getattr(events, name)


def test_a_batch_can_be_made_of_its_parts() -> None:
    made = batch_of([stop()], [b"x\n"])

    assert isinstance(made, Batch)
    assert (made.events, made.lines, made.notable) == ([stop()], [b"x\n"], [stop()])


@pytest.mark.parametrize("value", [1e400, [1e400, 10**30], {"a": {"b": -1e400, "n": 10**30}}])
def test_a_number_above_all_floats_is_written_as_null(value: Any) -> None:
    assert b"null" in dumps(value)
    assert b"nfinity" not in dumps(value)


@pytest.mark.parametrize("kind", ["null", "7", "[]"])
def test_lines_whose_type_is_no_text_are_unusual(kind: str) -> None:
    with pytest.raises((KeyError, TypeError)):
        parse_lines([b'{"event_type":%b}\n' % kind.encode()])


def test_the_outputs_of_a_legacy_interaction_are_steps() -> None:
    text = {"type": "text", "text": "Hi"}
    raw = dumps(
        {"event_type": "interaction.complete", "interaction": {"id": "i", "outputs": [text]}}
    )

    step = {"type": "model_output", "content": [text]}
    assert parse_event(raw)["interaction"] == {"id": "i", "steps": [step]}


@pytest.mark.parametrize(
    "interaction", [{"id": "i"}, {"steps": [], "outputs": [1]}, {"outputs": 1}]
)
def test_an_interaction_of_today_stays_as_it_is(interaction: Event) -> None:
    assert modern_interaction(interaction) == interaction
