"""What each view shows of events, however they come in batches."""

import base64
from typing import Any

import orjson
import pytest

from gstream.errors import BadDataError
from gstream.events import Event
from gstream.views import VIEWS, JsonView, TextView, View, decoded_size, dump_line, step_text
from tests.support import (
    accumulated,
    answer,
    batch,
    completed,
    created,
    delta,
    event,
    growth,
    items,
    line,
    ndjson,
    start,
    stop,
)

PNG: Event = {"mime_type": "image/png", "data": "AAAA"}


TEXT = {"type": "text", "text": "a"}
IMAGE = {"type": "image", "mime_type": "image/png", "data": "AAAA"}
OUTPUT = {"type": "model_output", "content": [TEXT, IMAGE]}
THOUGHT = {"type": "thought", "summary": [IMAGE]}


def output(*texts: str) -> Event:
    """A step of output."""
    return {"type": "model_output", "content": items(*texts)}


def shown(
    view: str, events: list[Event], size: int = 1, *, whole: bool = True, ended: bool = True
) -> bytes:
    """All that a view shows of some events, in batches of some size."""
    made = VIEWS[view]()
    batches = [batch(*events[at : at + size]) for at in range(0, len(events), size)]
    return b"".join(map(made.feed, batches)) + made.end(whole=whole, ended=ended)


def fed(view: View, *events: Event) -> View:
    for one in events:
        view.feed(batch(one))
    return view


# --- text


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize(
    ("events", "text"),
    [
        pytest.param([*answer("a", "b")], b"ab\n", id="an-answer"),
        pytest.param(
            [*answer("a", "b"), completed(steps=[output("ab")])],
            b"ab\n",
            id="steps-come-again-at-the-end",
        ),
        pytest.param(
            [created(), completed(steps=[output("ab"), 1])], b"ab\n", id="steps-only-at-the-end"
        ),
        pytest.param(
            [*answer("a"), created("v1_hop"), completed(steps=[output("b")])],
            b"ab\n",
            id="a-hop-with-its-steps-only-at-its-end",
        ),
        pytest.param(
            [
                created(),
                start(),
                {"event_type": "step.delta", "index": 0, "delta": {"text": "a", "type": None}},
                delta(text="b"),
            ],
            b"ab\n",
            id="a-type-that-is-null",
        ),
        pytest.param(answer("a\n"), b"a\n", id="ends-in-a-newline"),
        pytest.param(answer(""), b"", id="no-text"),
        pytest.param(
            [delta(text="ö"), delta(text="😀"), delta(text="a", index=1)],
            "ö😀a\n".encode(),
            id="never-started",
        ),
        pytest.param(
            [start(), start(index=1), delta(text="a"), delta(text="b", index=1), delta(text="c")],
            b"abc\n",
            id="two-steps-at-once",
        ),
        pytest.param([start(content=items("a")), delta(text="b")], b"ab\n", id="text-of-the-start"),
        pytest.param(
            [start(), delta(text="a"), delta("", text="b"), delta("hologram"), delta(text=1)],
            b"ab\n",
            id="unusual-deltas",
        ),
        pytest.param(
            [
                start("thought", summary=items("x")),
                delta("thought_summary", content=items("x")[0]),
                start("user_input", index=1, content=items("x")),
                start("function_call", index=2),
                delta("arguments_delta", index=2, arguments="x"),
                delta(text="x", index=2),
                delta("arguments_delta", index=3, arguments="x"),
                delta(text="x", index=3),
                start(index=4),
                delta(text="a", index=4),
            ],
            b"a\n",
            id="only-of-the-output",
        ),
        pytest.param(
            [start("thought"), created(), delta(text="a"), completed()],
            b"a\n",
            id="a-new-interaction-begins-with-no-steps",
        ),
        pytest.param(
            [event("step.delta"), event("step.delta", index=0, delta=[]), delta(text="a")],
            b"a\n",
            id="broken-deltas",
        ),
    ],
)
def test_text_is_the_same_in_batches_of_any_size(
    events: list[Event], text: bytes, size: int
) -> None:
    assert shown("text", events, size) == text


def test_an_answer_that_is_not_whole_gets_no_newline() -> None:
    assert shown("text", answer("a"), whole=False) == b"a"


def test_a_line_that_was_left_open_is_closed_by_the_next_answer() -> None:
    view = fed(TextView(), *answer("a"))

    assert view.end(whole=False, ended=True) == b""
    assert fed(view, created("i2")).end(whole=True, ended=True) == b"\n"
    assert view.end(whole=True, ended=True) == b""


def test_text_view_keeps_no_more_than_the_last_character() -> None:
    view = fed(TextView(), start(), delta(text="a" * 1000))

    assert view.state() == {"last": "a"}


def test_text_goes_on_in_another_run() -> None:
    view = TextView()
    view.restore({"last": "a"}, {0: "thought", 1: "model_output"})

    assert view.feed(batch(delta(text="x"), delta(text="b", index=1))) == b"b"
    assert view.end(whole=True, ended=True) == b"\n"


def test_a_run_that_only_ends_closes_the_line_of_the_one_before() -> None:
    view = TextView()
    view.restore({"last": "a"}, {})

    assert view.end(whole=True, ended=True) == b"\n"


@pytest.mark.parametrize("size", [1, 9])
@pytest.mark.parametrize(
    ("events", "count"),
    [
        pytest.param([start(), delta(text="a"), delta("image", **PNG)], 3, id="image"),
        pytest.param([delta("audio", data="AA=="), delta("audio", data="AAA=")], 3, id="audio"),
        pytest.param([start(content=[{"type": "image", **PNG}, 1, *items("")])], 3, id="start"),
        pytest.param([delta("image", uri="gs://a"), start("x", content=[PNG])], 0, id="nothing"),
    ],
)
def test_the_size_of_media_that_text_leaves_out_is_known(
    events: list[Event], count: int, size: int
) -> None:
    view = TextView()
    for at in range(0, len(events), size):
        view.feed(batch(*events[at : at + size]))

    assert view.unshown == count


@pytest.mark.parametrize("size", range(7))
def test_the_size_of_base64_is_that_of_its_bytes(size: int) -> None:
    assert decoded_size(base64.b64encode(b"x" * size).decode()) == size


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (output("a", "b"), "ab"),
        ({"type": "thought", "content": items("a")}, ""),
        ({"type": "model_output"}, ""),
        ({"type": "model_output", "content": "a"}, ""),
        ({"type": "model_output", "content": [1, {"type": "text"}, {"text": "a"}, PNG]}, "a"),
    ],
)
def test_the_text_of_a_step_is_that_of_its_output(step: Event, text: str) -> None:
    assert step_text(step) == text


# --- ndjson and sse


def test_ndjson_is_the_lines_as_they_came() -> None:
    assert shown("ndjson", answer("a"), 3) == ndjson(*answer("a"))


def test_sse_is_the_bytes_as_they_came() -> None:
    view = VIEWS["sse"]()

    assert view.wants_raw
    assert view.raw(b"data: a\n\n") == b"data: a\n\n"
    assert view.feed(batch(*answer("a"))) + view.end(whole=True, ended=True) == b""


# --- steps


@pytest.mark.parametrize("size", [1, 2, 3, 9])
@pytest.mark.parametrize(
    ("events", "steps"),
    [
        pytest.param(answer("a", "b"), [output("ab")], id="one"),
        pytest.param(
            [start(), delta(text="a"), start("thought", index=1), stop(1), delta(text="b"), stop()],
            [{"type": "thought"}, output("ab")],
            id="when-each-has-stopped",
        ),
        pytest.param([*answer("a"), stop(), stop(7), stop("0")], [output("a")], id="each-once"),  # type: ignore[arg-type]
        pytest.param([start(), delta(text="a")], [output("a")], id="without-its-stop"),
        pytest.param([created(), completed(steps=[output("a")])], [output("a")], id="s3-final"),
        pytest.param(
            [created(), start(), delta(text="a"), stop(), delta(text="b"), completed()],
            [output("a"), output("ab")],
            id="s1-after-its-stop",
        ),
        pytest.param(
            [created(), start(), delta(text="a"), stop(), delta("hologram"), completed()],
            [output("a")],
            id="u1-nothing-after-its-stop",
        ),
        pytest.param(
            [*answer("a")[:-1], start(index=1), delta(index=1, text="b"), stop(1), completed()],
            [output("a"), output("b")],
            id="two",
        ),
        pytest.param(
            [*answer("a"), completed(steps=[output("b")])], [output("a")], id="s3-not-again"
        ),
        pytest.param(
            [created("i1"), start(), delta(text="a"), *answer("b")],
            [output("a"), output("b")],
            id="s5-of-each-hop",
        ),
        pytest.param([], [], id="none"),
    ],
)
def test_each_step_is_a_line(events: list[Event], steps: list[Event], size: int) -> None:
    assert [orjson.loads(one) for one in shown("steps", events, size).splitlines()] == steps


def test_a_step_is_shown_as_soon_as_it_has_stopped() -> None:
    view = VIEWS["steps"]()

    assert view.feed(batch(start(), delta(text="a"))) == b""
    assert view.feed(batch(stop(), start(index=1))) == line(output("a"))


def test_a_step_of_a_truncated_answer_is_partial() -> None:
    events = [*answer("a"), start(index=1)]

    assert shown("steps", events, whole=False, ended=False) == ndjson(
        output("a"), {"type": "model_output", "partial": True}
    )


def test_a_step_of_an_incomplete_answer_is_not() -> None:
    assert shown("steps", [start()], whole=False) == line({"type": "model_output"})


def test_steps_that_an_earlier_run_has_shown_are_not_shown_again() -> None:
    earlier = fed(VIEWS["steps"](), *answer("a"))
    view = VIEWS["steps"]()
    view.restore(earlier.state(), {0: "model_output"})

    assert earlier.state() == {"shown": [0]}
    assert view.feed(batch(*answer("a"), start(index=1), stop(1))) == line({"type": "model_output"})


@pytest.mark.parametrize(
    ("events", "count"),
    [
        pytest.param([start("model_output", content=[TEXT, IMAGE])], 3, id="beside-text"),
        pytest.param([start("thought", summary=[TEXT, IMAGE])], 3, id="in-a-thought"),
        pytest.param([delta("thought_summary", content=IMAGE)], 3, id="of-a-thought"),
        pytest.param([completed(steps=[OUTPUT, THOUGHT, 7])], 6, id="end"),
        pytest.param([start(content=[IMAGE]), completed(steps=[OUTPUT])], 3, id="once"),
    ],
)
def test_media_is_counted_wherever_it_stands(events: list[Event], count: int) -> None:
    for size in (1, len(events)):
        view = VIEWS["text"]()
        for at in range(0, len(events), size):
            view.feed(batch(*events[at : at + size]))

        assert view.unshown == count


@pytest.mark.parametrize(
    ("again", "shown"),
    [
        pytest.param([start(), delta(text="a"), stop()], [output("a")], id="the-same"),
        pytest.param(
            [start(), delta(text="ab"), stop()], [output("a"), output("ab")], id="another"
        ),
        pytest.param([start(), delta(text="ab")], [output("a"), output("ab")], id="never-stopped"),
        pytest.param([delta(text="b"), stop()], [output("a"), output("ab")], id="late"),
    ],
)
def test_a3_a_step_that_starts_again_is_shown_again_if_it_differs(
    again: list[Event], shown: list[Event]
) -> None:
    view = VIEWS["steps"]()
    out = view.feed(batch(*answer("a")[:-1])) + view.feed(batch(*again))

    assert out + view.end(whole=True, ended=True) == ndjson(*shown)


def test_steps_of_a_turn_that_has_ended_are_not_shown_again_until_the_next_one_begins() -> None:
    earlier = fed(VIEWS["steps"](), *answer("a"))
    earlier.end(whole=False, ended=True)

    assert earlier.state() == {"shown": [0]}
    assert fed(earlier, created("v1_next")).state() == {"shown": []}


# --- json


@pytest.mark.parametrize("size", [1, 3, 9])
def test_json_is_the_interaction_when_it_has_ended(size: int) -> None:
    interaction = accumulated(*answer("a", "b")).interaction

    assert shown("json", answer("a", "b"), size) == line(interaction)
    assert VIEWS["json"]().at_end


def test_json_shows_each_interaction_by_itself() -> None:
    view = fed(VIEWS["json"](), *answer("a"))

    first, second = (view.end(whole=True, ended=True) for _ in range(2))

    assert (first.count(b"\n"), second) == (1, b"")


def test_json_of_a_turn_that_an_earlier_run_has_shown_is_not_shown_again() -> None:
    earlier, view = VIEWS["json"](), VIEWS["json"]()
    shown = fed(earlier, *answer("a")).end(whole=False, ended=True)
    view.restore(earlier.state(), {})

    assert fed(view, *answer("a")).end(whole=False, ended=True) == b""
    assert fed(view, *answer("a")).end(whole=True, ended=True) == shown


def test_json_that_is_not_whole_or_not_written_yet_is_shown_by_another_run() -> None:
    cut = fed(VIEWS["json"](), start())
    cut.end(whole=False, ended=False)
    begun = fed(VIEWS["json"](), *answer("a"))
    begun.end(whole=False, ended=True)

    assert cut.state() == fed(begun, start()).state() == {}


def test_json_can_be_indented() -> None:
    view = fed(JsonView(indent=True), completed())

    assert view.end(whole=True, ended=True).startswith(b'{\n  "id": ')


# --- all of them


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_of_nothing_shows_nothing(view: str) -> None:
    assert shown(view, []) == b""
    assert VIEWS[view]().raw(b"x") == (b"x" if view == "sse" else b"")


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_that_needs_no_state_has_none(view: str) -> None:
    made = VIEWS[view]()
    states: dict[str, Event] = {"text": {"last": ""}, "steps": {"shown": []}}

    made.restore({}, {})

    assert made.state() == states.get(view, {})


@pytest.mark.parametrize("indent", [False, True])
def test_a_value_that_is_hard_to_write_is_written_in_one_line(indent: bool) -> None:
    assert dump_line({"a": 2**70}, indent=indent) == b'{"a":1180591620717411303424}\n'


def test_a_value_that_cannot_be_written_is_bad_data() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    with pytest.raises(BadDataError, match="nested too deeply"):
        dump_line(deep)


def test_steps_that_came_with_the_end_alone_follow_those_that_were_streamed() -> None:
    events = [
        created(),
        start("thought"),
        stop(),
        completed(steps=[{"type": "thought"}, output("b")]),
    ]

    assert shown("steps", events) == ndjson({"type": "thought"}, output("b"))


@pytest.mark.parametrize("view", ["text", "ndjson", "steps", "json"])
def test_time_is_linear_in_the_number_of_steps(view: str) -> None:
    def work(count: int) -> None:
        made = VIEWS[view]()
        for index in range(count):
            made.feed(batch(start(index=index), delta(text="a", index=index), stop(index)))
        made.end(whole=True, ended=True)

    assert growth(work, 400) < 100
