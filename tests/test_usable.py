"""Events that have no place in any step: told and counted, in every view."""

from typing import Any

import pytest

from gstream.errors import BadDataError
from gstream.events import batch_of, dumps
from gstream.usable import unusable
from tests import support
from tests.cli.support_cli import run

Event = dict[str, Any]


def told(event: Event) -> list[str]:
    return list(unusable(batch_of([event], [dumps(event) + b"\n"])))


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(support.delta(text="x"), id="text"),
        pytest.param({**support.delta(text="x"), "event_id": "e1"}, id="with-an-id"),
        pytest.param(support.delta(text="x", index=-1), id="negative-index"),
        pytest.param(support.delta(text="x", index=2**63), id="huge-index"),
        pytest.param(support.delta("text"), id="no-text-at-all"),
        pytest.param(support.delta(text=None), id="null-for-no-text"),
        pytest.param(support.delta("novelty", text=5), id="an-unknown-delta-may-hold-anything"),
        pytest.param({"event_type": "step.delta", "index": 0, "delta": {}}, id="empty-delta"),
        pytest.param(support.start(), id="start"),
        pytest.param({"event_type": "step.novelty", "index": "a"}, id="unknown-event"),
        pytest.param({"event_type": "interaction.completed"}, id="of-no-step"),
    ],
)
def test_what_can_be_used_or_is_unknown_is_not_told(event: Event) -> None:
    assert told(event) == []


@pytest.mark.parametrize("index", ["0", 0.0, 1.5, True, None, [0], {}])
def test_an_index_that_is_no_whole_number_is_told(index: Any) -> None:
    event = {"event_type": "step.delta", "index": index, "delta": {"type": "text", "text": "x"}}

    [why] = told(event)
    assert why.startswith(
        'an event cannot be used, its index is not the number of a step: \'{"event_type"'
    )
    assert told({**event, "event_type": "step.start", "step": {"type": "model_output"}}) != []


def test_a_missing_index_is_told() -> None:
    assert len(told({"event_type": "step.delta", "delta": {"type": "text", "text": "x"}})) == 1


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (support.delta(text=5), "its text is no text"),
        (support.delta(text=["x"]), "its text is no text"),
        ({"event_type": "step.delta", "index": 0, "delta": "x"}, "its delta is no object"),
        ({"event_type": "step.delta", "index": 0}, "its delta is no object"),
        ({"event_type": "step.start", "index": 0, "step": "x"}, "its step is no object"),
    ],
)
def test_what_is_not_what_it_should_be_is_told(event: Event, why: str) -> None:
    assert [text.partition(":")[0] for text in told(event)] == [f"an event cannot be used, {why}"]


@pytest.mark.parametrize("view", ["text", "ndjson", "steps", "json", "sse"])
def test_an_answer_of_which_a_part_cannot_be_used_is_not_whole(view: str) -> None:
    odd = {**support.delta(text="lost "), "index": "0"}
    data = support.stream(
        support.created(),
        support.start(),
        odd,
        support.delta(text="kept"),
        support.stop(),
        support.completed(),
    )

    got = run("decode", f"--{view}", stdin=data)

    assert got.code == BadDataError.exit_code
    assert got.stderr.splitlines()[0].startswith("gstream: an event cannot be used, its index")
    assert got.stderr.endswith("gstream: 1 event could not be used\n")
    assert b"kept" in got.stdout
    assert (b"lost" in got.stdout) == (view in {"ndjson", "sse"})
