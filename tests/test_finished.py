"""Finished interactions as events: decoded again, they give the interaction."""

import pytest

from gstream.finished import events_of, is_cut_short, is_running, missing_events
from gstream.steps import Accumulator

TEXT = {"type": "model_output", "content": [{"type": "text", "text": "Hi"}]}
CALL = {"type": "function_call", "id": "c1", "name": "f", "arguments": {"a": 1}}
ASKED = {"type": "user_input", "content": [{"type": "text", "text": "?"}]}
WHOLE = {"id": "i1", "status": "completed", "usage": {"total_tokens": 3}, "steps": [TEXT, CALL]}


def test_the_events_give_the_interaction_again() -> None:
    accumulator = Accumulator()

    for event in events_of(WHOLE):
        accumulator.feed(event)

    assert accumulator.interaction == WHOLE


def test_each_event_says_that_no_server_sent_it() -> None:
    assert all(event["synthesized"] is True for event in events_of(WHOLE))


def test_steps_take_the_indexes_that_are_known_and_go_on_after_them() -> None:
    starts = [event for event in events_of(WHOLE, [4]) if event["event_type"] == "step.start"]

    assert [(event["index"], event["step"]) for event in starts] == [(4, TEXT), (5, CALL)]


def test_an_interaction_without_steps_only_begins_and_ends() -> None:
    kinds = [event["event_type"] for event in events_of({"id": "i1", "status": "failed"})]

    assert kinds == ["interaction.created", "interaction.completed"]


def test_what_the_user_said_is_not_missing_from_a_stream_that_never_had_it() -> None:
    events = missing_events({**WHOLE, "steps": [ASKED, TEXT]}, {0: "model_output"})

    starts = [event for event in events if event["event_type"] == "step.start"]
    assert [(event["index"], event["step"]) for event in starts] == [(0, TEXT)]


def test_what_the_user_said_is_compared_where_the_stream_had_it() -> None:
    kinds = {0: "user_input", 1: "model_output"}
    events = missing_events({**WHOLE, "steps": [ASKED, TEXT]}, kinds)

    starts = [event for event in events if event["event_type"] == "step.start"]
    assert [event["step"] for event in starts] == [ASKED, TEXT]


def test_steps_that_are_no_objects_are_left_out() -> None:
    events = missing_events({**WHOLE, "steps": [1, TEXT, None]}, {})

    assert [e["step"] for e in events if e["event_type"] == "step.start"] == [TEXT]


# --- one that runs

RUNS = {**WHOLE, "status": "in_progress"}


@pytest.mark.parametrize(
    ("status", "running"),
    [("queued", True), ("in_progress", True), ("completed", False), ("unknown", False), (1, False)],
)
def test_runs_as_long_as_its_status_says_so(status: object, running: bool) -> None:
    assert is_running({"status": status}) is running


def test_what_is_no_interaction_does_not_run() -> None:
    assert not is_running(None)


def test_neither_one_that_runs_nor_its_last_step_has_an_end() -> None:
    kinds = [event["event_type"] for event in events_of(RUNS)]

    assert kinds == ["interaction.created", "step.start", "step.stop", "step.start"]


def test_one_that_runs_and_has_no_step_has_only_begun() -> None:
    kinds = [event["event_type"] for event in events_of({"id": "i1", "status": "queued"})]

    assert kinds == ["interaction.created"]


def test_what_is_missing_from_one_that_runs_is_left_to_its_stream() -> None:
    kinds = [event["event_type"] for event in missing_events(RUNS, {0: "model_output"})]

    assert kinds == ["interaction.created"]


@pytest.mark.parametrize(
    ("status", "cut_short"),
    [
        ("failed", True),
        ("cancelled", True),
        ("completed", False),
        ("incomplete", False),
        (1, False),
    ],
)
def test_is_cut_short_where_its_status_says_so(status: str, cut_short: bool) -> None:
    assert is_cut_short({"status": status}) is cut_short


def test_an_interaction_of_before_june_2026_has_its_outputs_as_steps() -> None:
    accumulator = Accumulator()
    old = {"id": "i1", "status": "completed", "outputs": [{"type": "text", "text": "Hi"}]}
    for event in events_of(old):
        accumulator.feed(event)

    assert accumulator.interaction == {"id": "i1", "status": "completed", "steps": [TEXT]}
