"""Chunks of generateContent as Interactions events."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import pytest

from gstream.errors import FailedError, IncompleteError, RequiresActionError, TruncatedError
from gstream.generate_content import FINISH_REASONS, Converter
from gstream.outcome import BLOCKED
from gstream.steps import Accumulator
from tests.chunks import chunk, convert, failure, interaction

STREAMS = sorted((Path(__file__).parent / "data" / "streams" / "generate_content").glob("*.sse"))


def chunks_in(path: Path) -> Iterable[dict[str, Any]]:
    for line in path.read_bytes().splitlines():
        if line.startswith(b"data: "):
            yield orjson.loads(line[6:])


# --- streams with their results


def test_there_are_streams() -> None:
    assert STREAMS


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_a_stream_gives_its_text(path: Path) -> None:
    accumulator = Accumulator()
    accumulator.feed_all(convert(*chunks_in(path)))

    assert accumulator.text == path.with_suffix(".txt").read_text()


def as_part(step: dict[str, Any]) -> dict[str, Any]:
    """The part that a step was."""
    signature = {"thoughtSignature": step["signature"]} if "signature" in step else {}
    match step:
        case {"type": "thought", "summary": summary}:
            words = "".join(item["text"] for item in summary)
            return {"text": words, "thought": True, **signature}
        case {"type": "thought"}:
            return {"text": "", **signature}
        case {"type": "model_output", "content": [{"text": words}]}:
            return {"text": words, **signature}
        case {"id": call_id, "name": name, "arguments": args}:
            named = {} if call_id.startswith("gstream-call-") else {"id": call_id}
            return {"functionCall": {**named, "name": name, "args": args}, **signature}
    raise AssertionError(step)


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_a_stream_gives_its_parts_in_order(path: Path) -> None:
    expected = json.loads(path.with_suffix(".json").read_text())
    candidates = expected.get("candidates") or [{"content": {"parts": []}}]

    steps = interaction(*chunks_in(path))["steps"]

    assert [as_part(step) for step in steps] == candidates[0]["content"]["parts"]


# --- the whole


def test_an_answer_is_created_written_and_completed() -> None:
    assert [event["event_type"] for event in convert(chunk({"text": "a"}, reason="STOP"))] == [
        "interaction.created",
        "step.start",
        "step.delta",
        "step.stop",
        "interaction.completed",
    ]


def test_text_is_handed_on_with_its_chunk() -> None:
    converter = Converter(pytest.fail)
    converter.feed(chunk({"text": "a"}))

    [event] = converter.feed(chunk({"text": "b"}))

    assert event["delta"] == {"type": "text", "text": "b"}


def test_the_interaction_has_a_model_and_no_id_from_its_beginning() -> None:
    assert convert(chunk({"text": "a"}))[0]["interaction"] == {
        "id": "",
        "object": "interaction",
        "status": "in_progress",
        "model": "m1",
    }


def test_the_id_of_the_response_is_none_of_an_interaction() -> None:
    first = {"candidates": [{"content": {"parts": [{"text": "a"}]}}]}

    got = interaction(first, chunk(reason="STOP"))

    assert (got["id"], got["response_id"]) == ("", "r1")


def test_fields_without_counterpart_keep_their_names() -> None:
    got = interaction(
        {
            **chunk({"text": "a"}, reason="STOP", safetyRatings=[{"probability": "LOW"}]),
            "createTime": "2026-01-01T00:00:00Z",
            "modelStatus": {"modelStage": "STABLE"},
        }
    )

    assert got["created"] == "2026-01-01T00:00:00Z"
    assert got["finish_reason"] == "STOP"
    assert got["model_status"] == {"modelStage": "STABLE"}
    assert got["safety_ratings"] == [{"probability": "LOW"}]


def test_a_field_cannot_pose_as_the_steps() -> None:
    assert interaction({**chunk({"text": "a"}, reason="STOP"), "steps": [{}]})["steps"] == [
        {"type": "model_output", "content": [{"type": "text", "text": "a"}]}
    ]


def test_the_last_usage_counts() -> None:
    got = interaction(
        {**chunk({"text": "a"}), "usageMetadata": {"promptTokenCount": 1, "totalTokenCount": 2}},
        {
            **chunk(reason="STOP"),
            "usageMetadata": {"totalTokenCount": 5, "serviceTier": "STANDARD"},
        },
    )

    assert got["usage"] == {"total_input_tokens": 1, "total_tokens": 5}
    assert got["service_tier"] == "standard"


def test_a_chunk_with_nothing_but_usage_after_the_end_counts() -> None:
    late = {"usageMetadata": {"totalTokenCount": 5}, "responseId": "r1"}

    assert interaction(chunk({"text": "a"}, reason="STOP"), late)["usage"] == {"total_tokens": 5}


def test_grounding_is_annotations_then_tool_steps() -> None:
    grounding = {
        "webSearchQueries": ["q"],
        "groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}],
        "groundingSupports": [{"segment": {"endIndex": 1}, "groundingChunkIndices": [0]}],
    }

    got = interaction(
        chunk({"text": "a"}, groundingMetadata=grounding),
        chunk({"text": "b"}, reason="STOP", groundingMetadata=grounding),
    )

    citation = {"type": "url_citation", "url": "https://a.example", "title": "A"}
    place = {"start_index": 0, "end_index": 1}
    words = {"type": "text", "text": "ab", "annotations": [citation | place]}
    assert got["steps"] == [
        {"type": "model_output", "content": [words]},
        {"type": "google_search_call", "id": "gstream-call-1", "arguments": {"queries": ["q"]}},
        {"type": "google_search_result", "call_id": "gstream-call-1"},
    ]


def test_grounding_may_come_in_parts() -> None:
    searched = {"webSearchQueries": ["q"], "searchEntryPoint": {"renderedContent": "<b>"}}
    found = {
        "groundingChunks": [{"web": {"uri": "https://a.example"}}],
        "groundingSupports": [{"segment": {"endIndex": 1}, "groundingChunkIndices": [0]}],
    }

    words, call, result = interaction(
        chunk({"text": "a"}, groundingMetadata=searched),
        chunk(reason="STOP", groundingMetadata=found),
    )["steps"]

    assert words["content"][0]["annotations"][0]["url"] == "https://a.example"
    assert call["arguments"] == {"queries": ["q"]}
    assert result["result"] == [{"search_suggestions": "<b>"}]


# --- ends

ENDS = {
    "completed": type(None),
    "incomplete": IncompleteError,
    "requires_continuation": IncompleteError,
    "failed": FailedError,
}


@pytest.mark.parametrize(("reason", "status"), FINISH_REASONS.items())
def test_each_finish_reason_has_its_status_and_its_failure(reason: str, status: str) -> None:
    answer = chunk({"text": "a"}, reason=reason)

    assert interaction(answer)["status"] == status
    assert isinstance(failure(answer), ENDS[status])


@pytest.mark.parametrize("reason", sorted(FINISH_REASONS.keys() - {"STOP", "MAX_TOKENS"}))
def test_a_reason_that_is_no_plain_end_is_told(reason: str) -> None:
    answer = chunk({"text": "a"}, reason=reason, finishMessage="so it is")

    errors = [event["error"] for event in convert(answer) if event["event_type"] == "error"]

    continued = reason == "CONTINUATION"
    assert errors == ([] if continued else [{"code": reason.lower(), "message": "so it is"}])


def test_every_code_that_says_blocked_is_a_finish_reason() -> None:
    assert {reason.lower() for reason in FINISH_REASONS} >= BLOCKED - {"content_blocked"}


def test_an_unknown_reason_is_no_success() -> None:
    answer = chunk({"text": "a"}, reason="NEW_REASON")

    assert interaction(answer)["status"] == "incomplete"
    assert "new_reason" in str(failure(answer))


def test_a_reason_of_a_candidate_without_content_counts() -> None:
    assert interaction(chunk({"text": "a"}), chunk(reason="STOP"))["status"] == "completed"


def test_an_unspecified_reason_is_none() -> None:
    answer = chunk({"text": "a"}, reason="FINISH_REASON_UNSPECIFIED")

    assert isinstance(failure(answer), TruncatedError)


def test_function_calls_require_action() -> None:
    answer = chunk({"functionCall": {"name": "f"}}, reason="STOP")

    assert interaction(answer)["status"] == "requires_action"
    assert isinstance(failure(answer), RequiresActionError)


def test_a_continuation_keeps_its_token() -> None:
    answer = chunk({"text": "a"}, reason="CONTINUATION", continuationToken="dG9r")

    assert interaction(answer)["continuation_token"] == "dG9r"


@pytest.mark.parametrize("reason", ["SAFETY", "OTHER", "JAILBREAK"])
def test_a_blocked_prompt_failed(reason: str) -> None:
    blocked = {"promptFeedback": {"blockReason": reason, "blockReasonMessage": "no"}}

    assert interaction(blocked)["status"] == "failed"
    assert isinstance(failure(blocked), FailedError)
    assert convert(blocked)[1] == {
        "event_type": "error",
        "error": {"code": reason.lower(), "message": "no"},
    }


@pytest.mark.parametrize("feedback", [{}, {"blockReason": "BLOCKED_REASON_UNSPECIFIED"}, None])
def test_feedback_without_a_reason_blocks_nothing(feedback: Any) -> None:
    assert isinstance(failure({"promptFeedback": feedback}), TruncatedError)


def test_no_reason_is_a_truncation_that_keeps_what_came() -> None:
    thought = {"text": "Hm", "thought": True}
    broken = {**chunk({"text": "a"}, thought), "usageMetadata": {"totalTokenCount": 5}}

    assert isinstance(failure(broken), TruncatedError)
    got = interaction(broken)
    assert got["usage"] == {"total_tokens": 5}
    assert got["steps"][1]["summary"] == [{"type": "text", "text": "Hm"}]


@pytest.mark.parametrize(
    "odd",
    [
        {"candidates": None},
        {"candidates": [7]},
        {"candidates": [{"content": 7}]},
        {"candidates": [{"content": {"parts": [7]}}]},
        {"candidates": [{"content": {"parts": 7}, "finishReason": 7}]},
        {"usageMetadata": 7},
        {"candidates": [], "responseId": 7, "modelVersion": 7, "createTime": 7},
        {"promptFeedback": {"blockReason": 7}},
        {"candidates": [{"groundingMetadata": 7, "citationMetadata": [], "index": None}]},
        {"candidates": [{"content": {"parts": [{"functionCall": {"partialArgs": 7}}]}}]},
    ],
    ids=repr,
)
def test_odd_shapes_are_no_crash(odd: dict[str, Any]) -> None:
    assert interaction(odd, chunk({"text": "a"}, reason="STOP"))["steps"][-1] == {
        "type": "model_output",
        "content": [{"type": "text", "text": "a"}],
    }
