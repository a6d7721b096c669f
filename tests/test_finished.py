"""Finished interactions as events: decoded again, they give the interaction."""

from gstream.finished import events_of, missing_events
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
