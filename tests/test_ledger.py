from collections.abc import Iterable, Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gstream.ledger import Ledger
from gstream.track import Track

from .interactions import interactions, recut
from .support import Event, answer, batch, completed, created, delta, event, line, start, stop


def ledger_of(events: Sequence[Event], sizes: Iterable[int] = ()) -> Ledger:
    """The ledger of events that are recorded in batches of some sizes, the rest in one."""
    ledger = Ledger()
    at = 0
    for size in sizes:
        if at < len(events):
            ledger.record(batch(*events[at : at + size]))
            at += size
    if at < len(events):
        ledger.record(batch(*events[at:]))
    return ledger


def state(ledger: Ledger) -> tuple[Any, ...]:
    return ledger.as_json(), list(ledger.ids), ledger.history


# --- what is recorded


def test_a_new_ledger_has_not_begun() -> None:
    assert not Ledger().begun


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(created(), id="created"),
        pytest.param(delta(text="a"), id="delta"),
        pytest.param(event("interaction.heartbeat"), id="notice"),
    ],
)
def test_a_ledger_has_begun_with_any_event(first: Event) -> None:
    assert ledger_of([first]).begun


def test_the_interaction_is_known_from_its_first_event() -> None:
    ledger = ledger_of([created("v1_x")])

    assert (ledger.created, ledger.interaction_id) == (True, "v1_x")


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(event("interaction.created"), id="no-interaction"),
        pytest.param(event("interaction.created", interaction={"id": None}), id="no-id"),
    ],
)
def test_an_interaction_without_an_id_is_not_stored(broken: Event) -> None:
    ledger = ledger_of([broken])

    assert (ledger.created, ledger.interaction_id) == (True, "")


def test_the_end_of_an_interaction_is_known() -> None:
    ended = ledger_of([created(), completed()])

    assert (ledger_of([created()]).completed, ended.completed) == (False, True)
    assert Ledger.from_json(ended.as_json()).completed


def test_steps_are_known_by_their_types_and_whether_they_stopped() -> None:
    ledger = ledger_of([start("thought"), start(index=1), stop(0), delta(text="a", index=2)])

    kinds = {index: (track.kind, track.stopped) for index, track in ledger.tracks.items()}

    assert kinds == {0: ("thought", True), 1: ("model_output", False), 2: ("", False)}


def test_a_step_that_starts_again_starts_over() -> None:
    ledger = ledger_of([start(), delta(text="old"), start(), delta(text="new")])

    assert ledger.tracks[0] == ledger_of([start(), delta(text="new")]).tracks[0]


def test_what_comes_after_its_stop_makes_a_step_late() -> None:
    on_time = ledger_of([start(), delta(text="a"), stop()])
    late = ledger_of([start(), stop(), delta(text="a")])

    assert (on_time.tracks[0].late, late.tracks[0].late) == (False, True)


def test_notices_are_all_events_that_belong_to_no_step() -> None:
    update = event("interaction.status_update", status="in_progress")
    broken = {"event_type": "step.delta", "index": "x"}

    ledger = ledger_of([created(), update, broken, event("error"), completed()])

    assert len(ledger.notices) == 2


def test_text_that_is_none_is_recorded_like_any_delta() -> None:
    ledger = ledger_of([start(), delta(text=7), delta(text="a")])

    assert set(ledger.tracks[0].sequences) == {"other", "content"}


def test_a_checkpoint_is_what_had_come_by_the_newest_id() -> None:
    events = [
        start(),
        event("interaction.heartbeat"),
        {**delta(text="a"), "event_id": "e1"},
        delta(text="b"),
        start(index=1),
        event("interaction.heartbeat"),
    ]

    ledger = ledger_of(events)

    assert ledger.last_event_id == "e1"
    assert ledger.checkpoint == {0: ledger_of(events[:3]).tracks[0]}
    assert (ledger.notices_at_checkpoint, len(ledger.notices)) == (1, 2)


@pytest.mark.parametrize("event_id", [None, "", 7])
def test_an_id_that_is_none_is_ignored(event_id: object) -> None:
    ledger = ledger_of([{**created(), "event_id": "e1"}, {**start(), "event_id": event_id}])

    assert (ledger.last_event_id, ledger.ids) == ("e1", {"e1": None})


@given(interactions(), st.lists(st.integers(1, 6), max_size=8))
def test_it_does_not_matter_in_which_batches_events_come(
    events: list[Event], sizes: list[int]
) -> None:
    assert state(ledger_of(events, sizes)) == state(ledger_of(events, [1] * len(events)))


@given(interactions(ids=st.just("none")), st.lists(st.integers(1, 3), min_size=1, max_size=3))
def test_it_does_not_matter_how_the_text_is_cut(events: list[Event], sizes: list[int]) -> None:
    whole, cut = ledger_of(recut(events, [99])), ledger_of(recut(events, sizes))

    assert (cut.tracks, cut.notices) == (whole.tracks, whole.notices)


def test_a_ledger_can_begin_after_an_event_that_somebody_else_saw() -> None:
    ledger = Ledger()

    ledger.begin_after("e7")

    assert (ledger.last_event_id, ledger.ids, ledger.partial) == ("e7", {"e7": None}, True)


def test_a_ledger_that_begins_after_nothing_is_whole() -> None:
    ledger = Ledger()

    ledger.begin_after("")

    assert (ledger.last_event_id, ledger.ids, ledger.partial) == ("", {}, False)


def test_events_that_a_replay_found_new_do_not_move_the_last_id() -> None:
    ledger = ledger_of([{**created(), "event_id": "e1"}])

    ledger.record_one({**start(), "event_id": "e2"}, b"{}\n")
    ledger.hand_on(b"[]\n")

    assert ledger.last_event_id == "e1"
    assert ledger.history == [line({**created(), "event_id": "e1"})]


# --- history


def test_history_is_the_lines_up_to_the_last_id() -> None:
    events = [created(), {**start(), "event_id": "e1"}, delta(text="a")]

    assert ledger_of(events).history == [line(one) for one in events[:2]]


def test_without_an_id_there_is_no_history() -> None:
    assert ledger_of([created(), start()]).history == []


def test_the_line_after_the_last_id_is_known() -> None:
    events = [{**start(), "event_id": "e1"}, delta(text="a"), delta(text="b")]

    assert ledger_of(events[:1]).next_line == b""
    assert ledger_of(events, [1, 2]).next_line == line(events[1])


def test_history_is_bounded() -> None:
    ledger = Ledger()
    for number in range(2000):
        ledger.record(batch({**delta(text="x" * 1000), "event_id": f"e{number}"}))

    assert 200_000 < sum(map(len, ledger.history)) <= 256 * 1024
    assert orjson.loads(ledger.history[-1])["event_id"] == "e1999"


def test_of_a_huge_line_only_the_place_is_in_history() -> None:
    huge = delta("image", data="A" * 300_000)

    history = ledger_of([created(), huge, {**stop(), "event_id": "e1"}]).history

    assert history == [line(created()), b"", line({**stop(), "event_id": "e1"})]


# --- in a file


@given(interactions(), st.integers(1, 20))
def test_a_ledger_comes_back_from_json(events: list[Event], count: int) -> None:
    ledger = ledger_of(events[:count])

    kept = Ledger.from_json(orjson.loads(orjson.dumps(ledger.as_json())))

    assert kept.as_json() == ledger.as_json()
    assert (kept.tracks, kept.checkpoint) == (ledger.tracks, ledger.checkpoint)


def test_of_the_history_the_newest_lines_are_kept_and_of_the_ids_all_theirs() -> None:
    events = [{**delta(text=str(number)), "event_id": f"e{number}"} for number in range(100)]
    events[98] = {**delta("image", data="A" * 2000), "event_id": "e98"}
    ledger = ledger_of([start(), *events])

    kept = Ledger.from_json(ledger.as_json())

    assert kept.history == [*ledger.history[-32:-2], b"", line(events[99])]
    assert list(kept.ids) == [f"e{number}" for number in range(68, 100)]


def test_what_came_after_the_last_id_is_history_once_another_id_comes() -> None:
    before = [created(), {**start(), "event_id": "e1"}]
    after = [delta(text=str(number)) for number in range(40)]
    kept = Ledger.from_json(ledger_of([*before, *after]).as_json())

    assert kept.history == [line(one) for one in before]
    kept.record(batch({**stop(), "event_id": "e2"}))
    expected = [*before, *after[-32:], {**stop(), "event_id": "e2"}]
    assert kept.history == [line(one) for one in expected]


def test_of_many_batches_the_newest_lines_are_kept_too() -> None:
    ledger = Ledger()
    for number in range(100):
        ledger.record(batch(delta(text=str(number))))
    ledger.record(batch(start(index=1), {**stop(1), "event_id": "e1"}))
    ledger.record(batch(delta(text="a"), delta(text="b")))
    ledger.record(batch(delta(text="c")))

    kept = Ledger.from_json(ledger.as_json())

    assert kept.history == ledger.history[-32:]
    assert kept.as_json() == ledger.as_json()


def test_the_history_in_a_file_is_as_new_as_its_last_id() -> None:
    ledger = ledger_of([{**start(), "event_id": "e1"}])
    before = ledger.as_json()["history"]
    ledger.record(batch({**delta(text="a"), "event_id": "e2"}))

    assert len(before) == 1
    assert Ledger.from_json(ledger.as_json()).history == ledger.history


def test_a_ledger_from_json_goes_on_without_changing_its_checkpoint() -> None:
    ledger = Ledger.from_json(ledger_of([{**start(), "event_id": "e1"}]).as_json())

    ledger.record(batch(delta(text="a")))

    assert ledger.checkpoint[0] == Track("model_output")
    assert ledger.tracks[0] != ledger.checkpoint[0]


def test_a_ledger_from_json_knows_that_it_is_partial() -> None:
    ledger = Ledger()
    ledger.begin_after("e7")

    assert Ledger.from_json(ledger.as_json()).partial


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({}, id="empty"),
        pytest.param({"tracks": {"x": []}}, id="index-that-is-no-number"),
        pytest.param({"tracks": {"0": [1]}}, id="track-of-another-shape"),
        pytest.param({"notices": 1}, id="notices-that-are-no-list"),
        pytest.param({"at_checkpoint": [5]}, id="checkpoint-of-no-step"),
    ],
)
def test_anything_else_is_no_ledger(broken: Event) -> None:
    value = {**Ledger().as_json(), **broken} if broken else {}

    with pytest.raises((KeyError, TypeError, ValueError)):
        Ledger.from_json(value)


def test_ids_are_kept_in_bounded_memory() -> None:
    ledger = Ledger()
    for number in range(30_000):
        ledger.set_checkpoint(f"e{number}", {}, 0)

    assert len(ledger.ids) <= 20_000
    assert list(ledger.ids)[-1] == ledger.last_event_id == "e29999"


def test_a_ledger_that_keeps_no_places_knows_the_same_steps() -> None:
    events = [{**one, "event_id": f"e{number}"} for number, one in enumerate(answer("a", "b"))]
    kept, light = Ledger(), Ledger(places=False)
    for ledger in (kept, light):
        ledger.record(batch(*events))

    assert light.tracks == kept.tracks
    assert (light.ids, light.history, light.last_event_id) == ({}, [], "")
