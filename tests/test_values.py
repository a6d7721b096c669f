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
