"""JSON values on their way to events."""

from typing import Any

import orjson
import pytest

from gstream.errors import BadDataError
from gstream.values import Values

CHUNK = {"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"}]}
WHOLE = {"id": "i1", "status": "completed", "steps": [{"type": "model_output"}]}


def kinds(values: Values, value: Any) -> list[str]:
    return [event["event_type"] for event in values.feed(value, orjson.dumps(value)).events]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param({"error": {"code": 1}}, ["error"], id="error"),
        pytest.param(
            CHUNK, ["interaction.created", "step.start", "step.delta"], id="generate-content"
        ),
        pytest.param(
            WHOLE,
            ["interaction.created", "step.start", "step.stop", "interaction.completed"],
            id="interaction",
        ),
        pytest.param({"event_type": "step.stop", "index": 0}, ["step.stop"], id="event"),
        pytest.param({"event_type": "content.stop"}, ["step.stop"], id="old-event"),
    ],
)
def test_each_kind_of_value_is_its_events(value: Any, expected: list[str]) -> None:
    assert kinds(Values(pytest.fail), value) == expected


@pytest.mark.parametrize("value", [{"a": 1}, [], 7, None, "x"], ids=repr)
def test_refuses_other_values(value: Any) -> None:
    with pytest.raises(BadDataError, match=r"^JSON, but neither events nor an interaction: "):
        kinds(Values(pytest.fail), value)


def test_an_event_keeps_the_bytes_that_came() -> None:
    raw = b'{"event_type": "x",\n "n": 1.10}'

    assert Values(pytest.fail).feed(orjson.loads(raw), raw).lines == [
        b'{"event_type": "x",  "n": 1.10}\n'
    ]


def test_an_interaction_that_failed_is_one_and_no_refusal() -> None:
    values = Values(print)
    failed = {"id": "v1_a", "status": "failed", "error": {"message": "boom"}, "steps": []}

    assert kinds(values, failed) == ["interaction.created", "interaction.completed"]
    assert (values.error, values.interaction) == (None, failed)


def test_remembers_the_newest_error() -> None:
    values = Values(pytest.fail)
    assert values.error is None

    for code in (1, 2):
        kinds(values, {"error": {"code": code}})

    assert values.error == {"code": 2}


def test_the_end_completes_what_chunks_began() -> None:
    values = Values(pytest.fail)
    assert values.finish().events == []
    kinds(values, CHUNK)

    assert [event["event_type"] for event in values.finish().events] == [
        "step.stop",
        "interaction.completed",
    ]


def test_chunks_of_one_answer_belong_together() -> None:
    values = Values(pytest.fail)

    assert "interaction.created" in kinds(values, CHUNK)
    assert "interaction.created" not in kinds(values, {"usageMetadata": {}})


def test_parses_lines_that_are_all_chunks() -> None:
    line = orjson.dumps(CHUNK) + b"\n"

    assert Values(pytest.fail).parse_chunks([line]).events
    with pytest.raises(KeyError):
        Values(pytest.fail).parse_chunks([line, b"{}\n"])
    with pytest.raises(ValueError, match="unexpected"):
        Values(pytest.fail).parse_chunks([b'{"candidates":\n'])


LONG = b'{"responseId":"r","candidates":[{"content":{"parts":[{"functionCall":{"name":"f",'
LONG += b'"args":{"n":12345678901234567890123}}}]}}]}'


def test_long_integers_in_arguments_stay_as_they_are() -> None:
    values = Values(pytest.fail)

    first = values.feed(orjson.loads(LONG), LONG)
    second = values.parse_chunks([LONG])

    for batch in (first, second):
        [start] = [event for event in batch.events if event["event_type"] == "step.start"]
        assert start["step"]["arguments"] == {"n": 12345678901234567890123}
        assert b'{"n":12345678901234567890123}' in b"".join(batch.lines)


def test_a_chunk_with_nothing_but_an_id_is_one() -> None:
    assert kinds(Values(pytest.fail), {"responseId": "r"}) == ["interaction.created"]


def test_what_breaks_off_is_not_completed() -> None:
    values = Values(pytest.fail)
    assert values.break_off().events == []

    kinds(values, CHUNK)

    assert values.break_off().events == []
    assert values.finish().events == []
