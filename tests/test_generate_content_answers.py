"""Where one answer ends and another begins, and which candidate is the answer."""

from typing import Any

import pytest

from gstream.generate_content import Converter
from gstream.steps import Accumulator
from tests.chunks import chunk, convert, interaction


def test_another_response_id_is_another_answer() -> None:
    events = convert(
        chunk({"text": "a"}, reason="STOP"),
        {**chunk({"text": "b"}, reason="STOP"), "responseId": "r2"},
    )

    ends = [event for event in events if event["event_type"] == "interaction.completed"]
    assert [event["interaction"]["response_id"] for event in ends] == ["r1", "r2"]


def test_an_answer_that_broke_off_before_another_one_is_not_completed() -> None:
    events = convert(
        chunk({"text": "a"}), {**chunk({"text": "b"}, reason="STOP"), "responseId": "r2"}
    )

    ends = [event for event in events if event["event_type"] == "interaction.completed"]
    assert [event["interaction"]["response_id"] for event in ends] == ["r2"]


def counted(text: str, prompt: int, total: int, **fields: Any) -> dict[str, Any]:
    usage = {"promptTokenCount": prompt, "totalTokenCount": total}
    return {**chunk({"text": text}, reason="STOP"), "usageMetadata": usage, **fields}


UNNAMED = {"responseId": ""}


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param(
            [{**chunk({"text": "a"}, reason="STOP"), **UNNAMED}] * 2, id="neither-id-nor-counts"
        ),
        pytest.param([counted("a", 5, 9, **UNNAMED)] * 2, id="counts-that-begin-again"),
        pytest.param([counted("a", 5, 9), counted("b", 5, 8)], id="fewer-tokens"),
        pytest.param([counted("a", 5, 9), counted("b", 10, 14)], id="another-prompt"),
        pytest.param(
            [counted("a", 5, 9), counted("b", 5, 11, responseId="r2")], id="another-response"
        ),
    ],
)
def test_content_after_the_end_is_another_answer(answers: list[dict[str, Any]]) -> None:
    types = [event["event_type"] for event in convert(*answers)]

    assert types.count("interaction.completed") == 2


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param(
            [chunk({"text": "a"}, reason="STOP"), chunk({"text": "b"}, reason="STOP")], id="id"
        ),
        pytest.param([counted("a", 5, 9), counted("b", 5, 11)], id="id-and-counts"),
        pytest.param(
            [counted("a", 5, 9, **UNNAMED), counted("b", 5, 11, **UNNAMED)], id="counts-that-grow"
        ),
    ],
)
def test_an_answer_whose_every_chunk_says_stop_is_one(answers: list[dict[str, Any]]) -> None:
    assert [event["event_type"] for event in convert(*answers)] == [
        "interaction.created",
        "step.start",
        "step.delta",
        "step.delta",
        "step.stop",
        "interaction.completed",
    ]


def test_the_last_reason_counts() -> None:
    cut_off = chunk({"text": "b"}, reason="MAX_TOKENS")

    assert interaction(chunk({"text": "a"}, reason="STOP"), cut_off)["status"] == "incomplete"


def test_an_answer_that_was_broken_off_is_not_completed() -> None:
    converter = Converter(pytest.fail)
    thought = {"text": "Hm", "thought": True}
    converter.feed({**chunk(thought, reason="STOP"), "usageMetadata": {"totalTokenCount": 5}})

    held, usage = converter.break_off()

    assert held["delta"]["content"] == {"type": "text", "text": "Hm"}
    assert (usage["status"], usage["usage"]) == ("in_progress", {"total_tokens": 5})
    assert converter.finish() == converter.break_off() == []


def test_a_signature_after_the_end_belongs_to_the_answer() -> None:
    late = chunk({"text": "", "thoughtSignature": "s"})

    assert interaction(chunk({"text": "a"}, reason="STOP"), late)["steps"][1] == {
        "type": "thought",
        "signature": "s",
    }


def test_other_candidates_are_reported_once_and_not_shown() -> None:
    notes: list[str] = []
    converter = Converter(notes.append)
    second = {"index": 1, "content": {"parts": [{"text": "b"}]}, "finishReason": "SAFETY"}
    both = chunk({"text": "a"}, reason="STOP")
    both["candidates"].append(second)

    events = converter.feed({"candidates": [second], "responseId": "r1"})
    events += converter.feed(both) + converter.finish()

    accumulator = Accumulator()
    accumulator.feed_all(events)
    assert (accumulator.text, accumulator.interaction["status"]) == ("a", "completed")
    assert notes == ["the answer has several candidates: only the first is shown"]


def test_a_second_candidate_without_an_index_is_reported() -> None:
    notes: list[str] = []
    both = chunk({"text": "a"}, reason="STOP")
    both["candidates"].append({"content": {"parts": [{"text": "b"}]}})

    Converter(notes.append).feed(both)

    assert notes == ["the answer has several candidates: only the first is shown"]
