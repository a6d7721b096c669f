"""Whatever a connection repeats, what is handed on is the original: event for event."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gstream.finished import events_of
from gstream.ledger import Ledger
from gstream.replay import ContradictionError, Replay

from .interactions import (
    Connection,
    accumulated,
    connections,
    follow,
    follow_for_now,
    interactions,
    line_of,
    poll,
    without_id,
)
from .replaying import PNG, ledger_of, replayed
from .support import Event, answer, batch, completed, created, delta, event, items, start, stop

FIRST = st.integers(1, 20)
UPDATE = event("interaction.status_update", interaction_id="v1_built", status="in_progress")


def with_id(number: int, one: Event) -> Event:
    return {**one, "event_id": f"e{number}"}


def numbered(events: Sequence[Event], *numbers: int) -> list[Event]:
    """The events, with ids on all, or on those with these numbers."""
    chosen = numbers or range(len(events))
    return [with_id(at, one) if at in chosen else one for at, one in enumerate(events)]


def ids(events: Sequence[Event]) -> list[str]:
    return [one["event_id"] for one in events if "event_id" in one]


# --- any interaction, any connections


@given(interactions(), FIRST, connections(), st.booleans(), st.booleans())
def test_what_is_handed_on_is_the_original_event_for_event(
    events: list[Event], first: int, more: list[Connection], in_file: bool, foreground: bool
) -> None:
    handed = follow(events, first, more, in_file=in_file, foreground=foreground)

    begun = [without_id(one) for one in events[:first]] if foreground else events[:first]
    expected = [*begun, *events[first:]]
    assert [one for one, _ in handed] == expected
    assert [line for _, line in handed] == [line_of(one) for one in expected]


@given(interactions(), FIRST, connections(cuts=True), st.booleans(), st.booleans())
def test_text_cut_anew_makes_the_same_interaction(
    events: list[Event], first: int, more: list[Connection], in_file: bool, foreground: bool
) -> None:
    pairs = follow(events, first, more, in_file=in_file, foreground=foreground)
    handed = [one for one, _ in pairs]

    assert accumulated(handed) == accumulated(events)
    assert len(ids(handed)) == len(set(ids(handed)))


@given(interactions(tidy=True), FIRST, connections(cuts=True))
def test_what_is_missing_can_be_taken_from_the_whole_interaction(
    events: list[Event], first: int, more: list[Connection]
) -> None:
    handed = [one for one, _ in poll(events, min(first, len(events) - 1), more)]

    assert accumulated(handed) == accumulated(events)
    assert len(ids(handed)) == len(set(ids(handed)))


@given(interactions(), FIRST, connections(cuts=True))
def test_what_is_handed_on_is_always_the_beginning_of_the_original(
    events: list[Event], first: int, more: list[Connection]
) -> None:
    handed, ledger = follow_for_now(events[:first], events, more)
    again = Ledger()
    again.record(batch(*[one for one, _ in handed]))

    assert ledger.tracks == again.tracks
    assert ledger.notices == again.notices


# --- exactly these streams, which a search has found once

FOUND = [
    pytest.param(
        [
            *[created(), UPDATE, UPDATE, start("thought"), with_id(4, delta("thought_summary"))],
            *[start(index=1), stop(), UPDATE, completed()],
        ],
        6,
        [],
        id="step-started-after-the-last-id-while-an-update-repeats",
    ),
    pytest.param(
        [with_id(0, created()), UPDATE, UPDATE, completed()],
        2,
        [Connection(count=3, overlap=1)],
        id="created-is-the-last-id-and-no-preamble",
    ),
    pytest.param(
        [created(), UPDATE, UPDATE, start(), with_id(4, start(index=1)), UPDATE, completed()],
        5,
        [Connection(count=2, overlap=1)],
        id="the-start-of-a-step-with-the-last-id-comes-again",
    ),
    pytest.param(
        [
            *[created(), event("interaction.heartbeat"), UPDATE, event("interaction.x"), UPDATE],
            *[with_id(5, delta(text="a")), UPDATE, completed()],
        ],
        6,
        [Connection(count=4, obey=False)],
        id="notices-after-created-from-a-server-that-ignores-the-cursor",
    ),
    pytest.param(
        [
            *[created(), start(), delta(text="a"), start(index=1), delta(text="b")],
            *[delta(text="b"), delta(text="c", index=1), delta(text="b")],
            *[with_id(8, delta(text="b")), delta(text="b"), stop(), stop(1), completed()],
        ],
        9,
        [Connection(count=8, overlap=7)],
        id="a-restarted-step-among-what-is-held-back",
    ),
]


@pytest.mark.parametrize(("events", "first", "more"), FOUND)
@pytest.mark.parametrize("in_file", [False, True])
def test_found_streams_are_handed_on_as_they_are(
    events: list[Event], first: int, more: list[Connection], in_file: bool
) -> None:
    handed = follow(events, first, more, in_file=in_file)

    assert [one for one, _ in handed] == events


# --- no ids: the stream begins again

TEXT = answer("Hello ", "wörld ☕", "", "!")


@pytest.mark.parametrize("count", range(1, len(TEXT)))
def test_a_stream_that_begins_again_goes_on_where_it_was_cut(count: int) -> None:
    assert replayed(ledger_of(*TEXT[:count]), *TEXT) == TEXT[count:]


def test_the_rest_of_a_delta_keeps_its_other_keys() -> None:
    ledger = ledger_of(created(), start(), delta(text="ab"))
    again = {**delta(text="abc"), "event_id": "e1", "metadata": {"total_usage": {}}}

    assert replayed(ledger, created(), start(), again) == [
        {**delta(text="c"), "event_id": "e1", "metadata": {"total_usage": {}}}
    ]


def test_the_same_text_twice_is_two_texts() -> None:
    events = answer("the ", "the ", "the ", "the ")

    assert replayed(ledger_of(*events[:4]), *events) == events[4:]


def test_the_same_update_twice_is_two_events() -> None:
    events = [created(), UPDATE, UPDATE, start(), UPDATE, completed()]

    assert replayed(ledger_of(*events[:2]), *events) == events[2:]


def test_a_notice_that_the_server_does_not_repeat_is_not_missed() -> None:
    beat = event("interaction.heartbeat", n=1)
    ledger = ledger_of(created(), beat, UPDATE, start())

    assert replayed(ledger, created(), UPDATE, start(), delta(text="a")) == [delta(text="a")]


def test_steps_that_run_side_by_side_are_followed_each_by_itself() -> None:
    both = [start(), start(index=1), delta(text="a"), delta(text="b", index=1)]
    events = [created(), *both, delta(text="c", index=1), delta(text="d"), completed()]

    assert replayed(ledger_of(*events[:5]), *events) == events[5:]


def test_an_item_that_came_whole_is_not_handed_on_again() -> None:
    ledger = ledger_of(created(), start(), delta(**PNG))
    two = [created(), start(), delta(**PNG), delta(**PNG)]

    assert replayed(ledger, *two) == [delta(**PNG)]


def test_of_a_list_of_annotations_only_the_new_ones_are_handed_on() -> None:
    one, two = ({"type": "url_citation", "url": url} for url in ("u1", "u2"))
    ledger = ledger_of(created(), start(), delta("text_annotation_delta", annotations=[one]))
    both = delta("text_annotation_delta", annotations=[one, two])

    assert replayed(ledger, created(), start(), both) == [
        delta("text_annotation_delta", annotations=[two])
    ]


def test_text_that_stands_in_the_start_of_a_step_counts() -> None:
    ledger = ledger_of(created(), start(content=items("Hello ")))

    assert replayed(ledger, created(), start(), delta(text="Hello world")) == [delta(text="world")]


def test_what_a_start_brings_more_than_before_is_handed_on_as_a_delta() -> None:
    ledger = ledger_of(created(), start(), delta(text="Hel"))

    assert replayed(ledger, created(), start(content=items("Hello"))) == [
        {**delta(text="lo"), "synthesized": True}
    ]


def test_an_end_that_an_earlier_run_handed_on_is_compared_and_handed_on_no_more() -> None:
    events = [created(), start(), delta(text="ab"), stop(), completed()]

    assert replayed(ledger_of(*events), *events) == []
    with pytest.raises(ContradictionError):
        replayed(ledger_of(*events), created(), start(), delta(text="a"), completed())


def test_an_error_and_its_like_are_left_to_others() -> None:
    error = event("error", error={})

    assert replayed(ledger_of(created(), UPDATE), created(), error, UPDATE) == [error]


# --- ids: the stream goes on after one

IDS = numbered(answer("a", "b", "a", "b"))


@pytest.mark.parametrize("overlap", range(9))
@pytest.mark.parametrize("count", range(1, len(IDS)))
def test_events_from_before_the_cursor_are_known_by_their_ids(count: int, overlap: int) -> None:
    arrived = IDS[max(0, count - overlap) :]

    assert replayed(ledger_of(*IDS[:count]), *arrived, after_last_id=True) == IDS[count:]


def test_events_after_the_last_id_come_again() -> None:
    events = numbered(answer("a", "b", "c", "d"), 2)

    assert replayed(ledger_of(*events[:5]), *events[3:], after_last_id=True) == events[5:]


def test_events_without_ids_from_before_the_cursor_are_known_by_the_id_that_follows() -> None:
    events = numbered(answer("a", "b", "c", "d"), 4)

    assert replayed(ledger_of(*events[:5]), *events[2:], after_last_id=True) == events[5:]


def test_of_large_events_from_before_the_cursor_the_place_is_kept() -> None:
    large = delta("image", mime_type="image/png", data="A" * 300_000)
    events = [created(), start(), delta(text="a"), large, with_id(4, delta(text="b"))]
    ledger = ledger_of(*events)

    assert ledger.history[-2:] == [b"", line_of(events[4])]
    assert replayed(ledger, *events[2:], completed(), after_last_id=True) == [completed()]


def test_text_from_before_the_cursor_may_be_cut_anew() -> None:
    events = numbered(answer("ab", "cd", "ef"), 3)
    again = [delta(text="b"), delta(text="c"), with_id(3, delta(text="d"))]

    assert replayed(ledger_of(*events[:4]), *again, *events[4:], after_last_id=True) == events[4:]


def test_what_only_looks_like_a_repetition_is_handed_on_once_that_is_certain() -> None:
    events = numbered(answer("a", "b", "a", "b", "c"), 3)
    replay = Replay(ledger_of(*events[:4]), after_last_id=True)

    assert replay.feed(events[4], line_of(events[4])) == []
    assert replay.feed(events[5], line_of(events[5])) == []
    assert [one for one, _ in replay.feed(events[6], line_of(events[6]))] == events[4:7]


def test_what_is_held_back_comes_before_what_says_that_it_is_new() -> None:
    events = [*numbered([created(), start(), delta(text="a")], 2), delta(text="a"), completed()]

    assert replayed(ledger_of(*events[:3]), *events[3:], after_last_id=True) == events[3:]


def test_what_follows_the_last_id_is_handed_on_at_once_even_if_it_looks_old() -> None:
    events = numbered(answer("a", "b", "a", "b"), 3)
    replay = Replay(ledger_of(*events[:4]), after_last_id=True)

    assert replay.feed(events[3], line_of(events[3])) == []
    assert [one for one, _ in replay.feed(events[4], line_of(events[4]))] == [events[4]]


def test_an_older_id_does_not_end_the_overlap() -> None:
    events = numbered(answer("a", "b", "c", "d"), 2, 4)
    arrived = [events[2], delta(text="b"), *events[4:]]

    assert replayed(ledger_of(*events[:5]), *arrived, after_last_id=True) == events[5:]


def test_known_ids_are_old_even_after_something_new() -> None:
    beat = event("interaction.heartbeat")

    got = replayed(ledger_of(*IDS[:4]), beat, *IDS[2:], after_last_id=True)

    assert got == [beat, *IDS[4:]]


def test_what_came_before_the_start_of_an_old_step_is_old() -> None:
    events = [created(), start(), delta(text="a"), UPDATE, start(index=1), delta(text="b", index=1)]
    ledger = ledger_of(*numbered(events, 5))
    new = delta(text="c", index=1)

    got = replayed(ledger, events[2], *events[4:], new, after_last_id=True)

    assert got == [new]


def test_what_is_held_back_comes_before_what_is_new_of_a_restarted_step() -> None:
    events = [created(), start(), start(index=1), delta(text="a"), delta(text="b", index=1)]
    ledger = ledger_of(*numbered(events, 4))
    new = [delta(text="a"), delta(text="c", index=1)]

    assert replayed(ledger, *events[2::2], *new, after_last_id=True) == new


def test_what_a_replay_handed_on_is_known_when_it_comes_again() -> None:
    events = numbered(answer("a", "b", "c", "d"), 2, 4)
    ledger = ledger_of(*events[:3])

    assert replayed(ledger, *events[3:5], after_last_id=True) == events[3:5]
    assert replayed(ledger, *events[3:], after_last_id=True) == events[5:]


def test_a_server_may_ignore_the_cursor() -> None:
    events = numbered(answer("a", "b", "a", "b"), 1, 3)

    assert replayed(ledger_of(*events[:5]), *events, after_last_id=True) == events[5:]


def test_a_server_may_begin_with_created_and_a_status_update() -> None:
    events = numbered([created(), UPDATE, *answer("a", "b")[1:]], 2, 3)
    ledger = ledger_of(*events[:4])

    assert replayed(ledger, created(), UPDATE, *events[4:], after_last_id=True) == events[4:]


def test_a_status_update_after_that_beginning_is_a_new_one() -> None:
    events = numbered([created(), UPDATE, start()], 2)
    arrived = [created(), UPDATE, UPDATE, delta(text="a")]

    got = replayed(ledger_of(*events), *arrived, after_last_id=True)

    assert got == [UPDATE, delta(text="a")]


def test_an_update_at_the_beginning_is_not_the_one_that_came_later() -> None:
    events = numbered([created(), UPDATE, start(), delta(text="a"), UPDATE, delta(text="b")], 2)
    arrived = [created(), UPDATE, *events[3:]]

    assert replayed(ledger_of(*events[:5]), *arrived, after_last_id=True) == events[5:]


def test_an_update_after_created_may_be_the_one_that_follows_the_id() -> None:
    events = numbered([created(), UPDATE, start(), UPDATE, delta(text="b")], 2)
    ledger = ledger_of(*events[:4])

    assert replayed(ledger, created(), *events[3:], after_last_id=True) == events[4:]


def test_an_error_among_what_was_handed_on_does_not_come_again() -> None:
    error = event("error", error={})
    events = numbered([created(), start(), delta(text="a"), error, delta(text="b")], 1, 4)
    again = [delta(text="a"), events[4], delta(text="c")]

    assert replayed(ledger_of(*events), *again, after_last_id=True) == [delta(text="c")]


def test_a_server_that_ignores_the_cursor_may_leave_out_the_ids() -> None:
    beat = event("interaction.heartbeat")
    events = [created(), start(), delta(text="a"), beat, delta(text="b"), delta(text="c")]
    ledger = ledger_of(*numbered(events[:5], 3))

    assert replayed(ledger, *events, after_last_id=True) == events[5:]


def test_what_is_no_repetition_is_new_beside_a_restarted_step() -> None:
    events = [created(), start(), start("thought", index=1), *answer("a", "b")[2:4]]
    ledger = ledger_of(*numbered(events, 4))
    beat = event("interaction.heartbeat")
    thought = delta("thought_summary", index=1, content=items("A")[0])

    got = replayed(
        ledger, start(), delta(text="a"), beat, delta(text="b"), thought, after_last_id=True
    )

    assert got == [beat, thought]


def test_an_update_is_the_same_with_and_without_an_id() -> None:
    events = numbered([created(), UPDATE, UPDATE, start()])
    ledger = ledger_of(*map(without_id, events[:2]))

    assert replayed(ledger, *events) == events[2:]


def test_an_id_that_is_no_string_is_none() -> None:
    ledger = ledger_of(*numbered([created(), start()], 1))
    odd = {**delta(text="a"), "event_id": ["e1"]}

    assert replayed(ledger, odd, stop(), after_last_id=True) == [odd, stop()]


def test_a_new_id_says_where_the_stream_is_even_behind_what_was_handed_on() -> None:
    ledger = ledger_of(created(), start(), delta(text="abcd"))

    replayed(ledger, created(), start(), delta(text="ab"), with_id(1, delta(text="c")))

    assert ledger.last_event_id == "e1"
    assert replayed(ledger, delta(text="de"), after_last_id=True) == [delta(text="e")]


def test_a_run_that_began_in_the_middle_hands_on_what_it_never_saw() -> None:
    ledger = Ledger()
    ledger.begin_after("e1")
    ledger.record(batch(delta(text="b", index=3)))

    arrived = [delta(text="bc", index=3), created(), completed()]

    assert replayed(ledger, *arrived, after_last_id=True) == [
        delta(text="c", index=3),
        created(),
        completed(),
    ]


# --- a whole interaction, as polled


def polled(*steps: Event) -> list[Event]:
    """The events of a polled interaction."""
    events = [created()]
    for index, step in enumerate(steps):
        events += [event("step.start", index=index, step=step), stop(index)]
    return [{**one, "synthesized": True} for one in [*events, completed()]]


def test_of_a_polled_step_only_what_is_missing_is_handed_on() -> None:
    ledger = ledger_of(created(), start(), delta(text="Hel"))
    whole = polled({"type": "model_output", "content": [*items("Hello"), PNG]})

    assert replayed(ledger, *whole) == [
        {**delta(text="lo"), "synthesized": True},
        {**delta(**PNG), "synthesized": True},
        *whole[2:],
    ]


def test_a_polled_step_that_never_began_is_handed_on_whole() -> None:
    whole = polled({"type": "model_output", "content": items("Hello")})

    assert replayed(ledger_of(created()), *whole) == whole[1:]


def test_a_polled_call_replaces_the_one_that_is_not_whole() -> None:
    call = {"type": "function_call", "id": "c1", "arguments": {"a": 1}}
    ledger = ledger_of(created(), start("function_call"), delta("arguments_delta", arguments='{"'))

    assert replayed(ledger, *polled(call)) == polled(call)[1:]


def test_a_polled_call_is_not_handed_on_if_it_was_whole() -> None:
    call = {"type": "function_call", "id": "c1", "arguments": {}}
    ledger = ledger_of(created(), start("function_call"), stop())

    assert replayed(ledger, *polled(call)) == polled(call)[3:]


NOT_IN_STEPS = [
    pytest.param(start(), delta("hologram", x=1), {}, id="unknown-delta"),
    pytest.param(start(), delta(text=""), {"content": []}, id="empty-text"),
    pytest.param(start("thought"), delta("thought_signature", signature=""), {}, id="no-signature"),
    pytest.param(
        start("thought"), delta("thought_signature", signature="s"), {}, id="signature-left-out"
    ),
    pytest.param(
        start(),
        delta("video", uri="gs://v"),
        {"content": [{"type": "video", "data": "AAAA"}]},
        id="video-inline-instead-of-by-uri",
    ),
]


@pytest.mark.parametrize(("begun", "brought", "content"), NOT_IN_STEPS)
def test_a_polled_step_need_not_hold_what_only_streams_hold(
    begun: Event, brought: Event, content: Event
) -> None:
    whole = polled({"type": begun["step"]["type"], **content})

    assert replayed(ledger_of(created(), begun, brought), *whole) == whole[2:]


# --- contradictions

CONTRADICTIONS = [
    pytest.param(
        [start(), delta(text="Hello")],
        [start(), delta(text="Holla, world")],
        "step 0: the text is not what it was",
        id="other-text",
    ),
    pytest.param(
        [start(), delta(text="Hello")],
        [start(), delta(text="He"), stop()],
        "step 0 is shorter now than it was",
        id="shorter-text",
    ),
    pytest.param(
        [start(), delta(text="Hello")],
        [start(), delta(text="Hell"), delta(**PNG)],
        "step 0: a part ends earlier now than it did",
        id="text-that-ends-earlier",
    ),
    pytest.param(
        [start(), delta(text="Hello")],
        [start(), delta(**PNG)],
        "step 0: something else follows now",
        id="an-image-instead-of-text",
    ),
    pytest.param(
        [start(), delta(**PNG)],
        [start(), delta(**{**PNG, "data": "BBBB"})],
        "step 0: a part is not what it was",
        id="another-image",
    ),
    pytest.param(
        [start(), delta(text="a"), delta(**PNG)],
        [start(), delta(text="b"), delta(**PNG)],
        "step 0: a part is not what it was",
        id="other-text-before-an-image",
    ),
    pytest.param(
        [start(), delta(text="a")],
        [start("thought")],
        "step 0 is thought now, it was model_output",
        id="another-kind-of-step",
    ),
    pytest.param(
        [start(), delta(text="a"), stop(), start(index=1), delta(text="b", index=1)],
        [start(), delta(text="a"), stop(), completed()],
        "step 1 is shorter now than it was",
        id="a-step-that-is-not-there",
    ),
    pytest.param(
        [start("thought"), delta("thought_summary", content=items("A")[0])],
        [start("thought"), delta("thought_summary", content=items("B")[0])],
        "step 0: the text is not what it was",
        id="another-thought",
    ),
]


@pytest.mark.parametrize(("handed", "again", "message"), CONTRADICTIONS)
def test_a_stream_that_differs_is_a_contradiction(
    handed: list[Event], again: list[Event], message: str
) -> None:
    ledger = ledger_of(created(), *handed)

    with pytest.raises(ContradictionError, match=f"^{message}$"):
        replayed(ledger, created(), *again)


@pytest.mark.parametrize(("handed", "again", "message"), CONTRADICTIONS)
def test_nothing_is_handed_on_before_a_contradiction(
    handed: list[Event], again: list[Event], message: str
) -> None:
    replay = Replay(ledger_of(created(), *handed), after_last_id=False)
    new: list[Any] = []

    with pytest.raises(ContradictionError, match=message):
        for one in [created(), *again]:
            new += replay.feed(one, line_of(one))

    assert new == []


def test_another_interaction_is_a_contradiction() -> None:
    with pytest.raises(ContradictionError, match="it is another interaction, v1_other"):
        replayed(ledger_of(created()), created("v1_other"))


def test_a_created_event_without_an_interaction_is_no_other() -> None:
    assert replayed(ledger_of(created()), event("interaction.created")) == []


def test_a_step_that_was_shorter_because_it_went_on_after_its_stop_is_none() -> None:
    events = [created(), start(), stop(), delta(text="late"), completed()]

    assert replayed(ledger_of(*events[:4]), *events) == events[4:]


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_of_what_ended_before_its_answer_less_may_be_kept(status: str) -> None:
    ledger = ledger_of(created(), start(), delta(text="abc"))

    assert replayed(ledger, created(), completed(status)) == [completed(status)]


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_kept_step_may_be_shorter_if_its_interaction_ended_before(status: str) -> None:
    step = {"type": "model_output", "content": [{"type": "text", "text": "ab"}]}
    events = events_of({"id": "v1_x", "status": status, "steps": [step]})
    ledger = ledger_of(created("v1_x"), start(), delta(text="abc"))

    assert replayed(ledger, *events) == events[2:]


def test_other_text_is_a_contradiction_even_then() -> None:
    ledger = ledger_of(created(), start(), delta(text="abc"))

    with pytest.raises(ContradictionError):
        replayed(ledger, created(), start(), delta(text="abX"), completed("failed"))


@example(cut=2, at=1)
@given(cut=st.integers(1, 6), at=st.integers(0, 5))
def test_one_other_character_anywhere_is_found(cut: int, at: int) -> None:
    text = "abcdef"
    ledger = ledger_of(created(), start(), delta(text=text[:cut]))
    other = text[:at] + "X" + text[at + 1 :]
    arrived = [created(), start(), *(delta(text=each) for each in other), stop(), completed()]

    if at >= cut:
        assert replayed(ledger, *arrived)[0] == delta(text=other[cut])
    else:
        with pytest.raises(ContradictionError):
            replayed(ledger, *arrived)
