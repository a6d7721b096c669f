"""JSON that is no event."""

import json
from typing import Any

import orjson
import pytest

from gstream.documents import (
    error_in_body,
    error_of,
    is_chunk,
    is_interaction,
    joined,
    made,
    values_in,
    with_long_integers,
)
from gstream.errors import BadDataError
from gstream.events import NOTHING


@pytest.mark.parametrize(
    ("document", "values"),
    [
        pytest.param(b'{"a":1}', [{"a": 1}], id="one"),
        pytest.param(b'{\n"a":1\n}\n', [{"a": 1}], id="over-several-lines"),
        pytest.param(b'{"a":1}\n\n{"b":2}\r\n', [{"a": 1}, {"b": 2}], id="one-a-line"),
    ],
)
def test_finds_one_value_or_one_a_line(document: bytes, values: list[Any]) -> None:
    assert values_in(document) == values


@pytest.mark.parametrize("document", [b'{"a":', b'{"a":1}\n{"b":', b'{"a":1} x'])
def test_refuses_what_is_no_json(document: bytes) -> None:
    with pytest.raises(BadDataError, match="the input begins like JSON, but it is not JSON: "):
        values_in(document)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        pytest.param({"error": {"code": 429}}, {"code": 429}, id="object"),
        pytest.param([{"error": {"code": 429}}], {"code": 429}, id="in-a-list"),
        pytest.param({"error": "no"}, {"message": "no"}, id="words"),
        pytest.param({"error": {"code": 1}, "event_type": "error"}, {}, id="event"),
        pytest.param({"error": 7}, {}, id="number"),
        pytest.param({}, {}, id="no-error"),
        pytest.param([], {}, id="nothing"),
        pytest.param(None, {}, id="null"),
    ],
)
def test_finds_the_error_in_an_error_body(value: Any, error: dict[str, Any]) -> None:
    assert error_of(value) == error


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":{"message":"slow down"}}', "slow down"),
        (b"<html>\n <b>502</b>", "the answer begins with: <html> <b>502</b>"),
        (b'{"other":1}', 'the answer begins with: {"other":1}'),
        (b" \n", "the answer is empty"),
    ],
)
def test_any_body_of_a_refusal_tells_something(body: bytes, message: str) -> None:
    assert error_in_body(body) == {"message": message}


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        ({"status": "completed", "id": "i1"}, True),
        ({"status": "completed", "steps": []}, True),
        ({"status": "completed"}, False),
        ({"id": "i1"}, False),
        ([], False),
    ],
)
def test_an_interaction_is_known_by_its_keys(value: Any, is_one: bool) -> None:
    assert is_interaction(value) is is_one


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        ({"candidates": []}, True),
        ({"promptFeedback": {}}, True),
        ({"usageMetadata": {}}, True),
        ({"event_type": "x", "candidates": []}, False),
        ({"error": {}}, False),
        ([], False),
        (None, False),
    ],
)
def test_a_chunk_is_known_by_its_keys(value: Any, is_one: bool) -> None:
    assert is_chunk(value) is is_one


def test_an_event_that_was_made_has_a_line() -> None:
    delta = {"event_type": "step.delta", "index": 0}
    stop = {"event_type": "step.stop", "index": 0}

    batch = made([delta, stop])

    assert [orjson.loads(line) for line in batch.lines] == batch.events == [delta, stop]
    assert all(line.endswith(b"}\n") for line in batch.lines)
    assert batch.notable == [stop]


def test_an_event_with_a_long_integer_has_a_line() -> None:
    assert made([{"event_type": "step.stop", "n": 2**80}]).lines == [
        b'{"event_type":"step.stop","n":1208925819614629174706176}\n'
    ]


def test_joins_batches_in_order() -> None:
    delta = made([{"event_type": "step.delta", "n": 1}])
    stop = made([{"event_type": "step.stop", "n": 2}])

    got = joined(delta, NOTHING, stop)

    assert got.events == [*delta.events, *stop.events]
    assert got.lines == [*delta.lines, *stop.lines]
    assert got.notable == stop.events


def test_one_batch_is_not_copied() -> None:
    only = made([{"event_type": "step.stop"}])

    assert joined(NOTHING, only) is only
    assert joined().events == []


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(b'{"n":12345678901234567890123}', id="long"),
        pytest.param(b'{"n":-12345678901234567890123}', id="long-and-negative"),
        pytest.param(b'{"n":18446744073709551616}', id="65-bits"),
        pytest.param(b'{"n":"12345678901234567890123","f":1.5}', id="digits-in-a-string"),
    ],
)
def test_the_integers_of_a_call_are_not_rounded(args: bytes) -> None:
    raw = b'{"candidates":[{"content":{"parts":[{"functionCall":{"args":%s}}]}}]}' % args

    assert with_long_integers(orjson.loads(raw), raw) == json.loads(raw)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b'{"n":12345678901234567890123}', id="no-call"),
        pytest.param(b'{"functionCall":7}', id="no-long-integer"),
        pytest.param(b'{"functionCall":%s}' % (b"7" * 5000), id="more-digits-than-python-reads"),
    ],
)
def test_other_chunks_stay_as_they_were_parsed(raw: bytes) -> None:
    value = {"a": 1}

    assert with_long_integers(value, raw) is value
