"""A cursor: what is written is read again, and nothing else is taken for one."""

from typing import Any

import orjson
import pytest

from gstream.cursor import Cursor, dump, parse
from gstream.errors import BadDataError
from gstream.events import Event
from gstream.ledger import Ledger
from tests.support import batch, created, delta, event, start, stop

EVENTS: list[Event] = [
    created("i1"),
    event("interaction.status_update", status="in_progress"),
    start("thought"),
    {**delta("thought_summary", content={"type": "text", "text": "Plan."}), "event_id": "e3"},
    stop(),
    start(index=1),
    delta(index=1, text="Hello "),
    {**delta(index=1, text="wörld"), "event_id": "e7"},
    delta(index=1, text=" ☕"),
]


def ledger_of(events: list[Event]) -> Ledger:
    ledger = Ledger()
    ledger.record(batch(*events))
    return ledger


def kept(ledger: Ledger) -> Cursor:
    return Cursor("i1", ledger.last_event_id, "text", "in_progress", False, ledger.as_json(), {})


def test_what_was_written_is_read_again() -> None:
    cursor = kept(ledger_of(EVENTS))

    assert parse(dump(cursor), "x") == cursor


def test_it_is_one_line_of_json() -> None:
    content = dump(kept(ledger_of(EVENTS)))

    assert content.count(b"\n") == 1
    assert orjson.loads(content)["interaction_id"] == "i1"


@pytest.mark.parametrize("count", range(len(EVENTS) + 1))
def test_a_ledger_survives_the_file(count: int) -> None:
    ledger = ledger_of(EVENTS[:count])

    restored = parse(dump(kept(ledger)), "x").restored_ledger("x")

    assert (restored.tracks, restored.checkpoint) == (ledger.tracks, ledger.checkpoint)
    assert restored.last_event_id == ledger.last_event_id
    assert (restored.notices, restored.created) == (ledger.notices, ledger.created)


def test_a_cursor_without_the_hash_of_its_request_is_one() -> None:
    content = orjson.loads(dump(kept(ledger_of(EVENTS))))
    del content["request"]

    assert parse(orjson.dumps(content), "x").request == ""


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"x", id="no-json"),
        pytest.param(b"{}", id="no-version"),
        pytest.param(b"[]", id="list"),
        pytest.param(b'{"gstream_cursor":2}', id="other-version"),
        pytest.param(b'{"gstream_cursor":1,"unknown":1}', id="unknown-key"),
        pytest.param(b'{"gstream_cursor":1,"interaction_id":1}', id="other-type"),
        pytest.param(b'{"gstream_cursor":1,"view_state":5}', id="view-state-is-a-number"),
        pytest.param(b'{"gstream_cursor":1,"finished":"no"}', id="finished-is-text"),
        pytest.param(b'{"gstream_cursor":1,"view":"other"}', id="unknown-view"),
        pytest.param(b'{"gstream_cursor":1,"hops":"v1"}', id="hops-are-text"),
        pytest.param(b'{"gstream_cursor":1,"hops":[1]}', id="hops-are-numbers"),
        pytest.param(b'{"gstream_cursor":1,"token":null}', id="no-token"),
        pytest.param(b'{"gstream_cursor":1,"request":[]}', id="hash-is-a-list"),
        pytest.param(b'{"gstream_cursor":1,"view_state":{"shown":1}}', id="no-list-of-steps"),
        pytest.param(b'{"gstream_cursor":1,"view_state":{"media":1}}', id="no-media"),
        pytest.param(b'{"gstream_cursor":1,"view_state":{"media":{"files":[]}}}', id="no-files"),
        pytest.param(
            b'{"gstream_cursor":1,"view_state":{"media":{"files":{"a":[1]}}}}', id="no-paths"
        ),
        pytest.param(
            b'{"gstream_cursor":1,"view_state":{"media":{"files":{},"audio":1}}}', id="no-audio"
        ),
        pytest.param(
            b'{"gstream_cursor":1,"view_state":{"media":{"files":{},"audio":{"0":1}}}}',
            id="no-audio-of-a-step",
        ),
        pytest.param(
            b'{"gstream_cursor":1,"view_state":{"media":{"files":{},'
            b'"audio":{"0":[1,{"delta":{}},"!"]}}}}',
            id="no-base64",
        ),
        pytest.param(b'{"gstream_cursor":1,"view_state":{"shown":[[]]}}', id="no-step-numbers"),
    ],
)
def test_something_else_is_refused(content: bytes) -> None:
    with pytest.raises(BadDataError, match=r"^--cursor run: this is no cursor of gstream$"):
        parse(content, "run")


POSITION = [0, 0, "", 0, 0, 0, 0]
LEDGER = ledger_of(EVENTS).as_json()


@pytest.mark.parametrize(
    ("part", "value"),
    [
        pytest.param("tracks", 1, id="tracks-are-a-number"),
        pytest.param("tracks", {"0": 5}, id="a-track-is-a-number"),
        pytest.param("tracks", {"x": ["", False, False, {}]}, id="an-index-is-text"),
        pytest.param("tracks", {"0": ["", False, False, []]}, id="sequences-are-a-list"),
        pytest.param("tracks", {"0": ["", 0, 0, {"c": ["1", *POSITION[1:]]}]}, id="count-is-text"),
        pytest.param("tracks", {"0": ["", 0, 0, {"c": ["", *POSITION[1:]]}]}, id="count-is-empty"),
        pytest.param("tracks", {"0": ["", 0, 0, {"c": [-1, *POSITION[1:]]}]}, id="negative"),
        pytest.param("tracks", {"0": ["", 0, 0, {"c": [0, 0, 5, 0, 0, 0, 0]}]}, id="key-no-text"),
        pytest.param("tracks", {"0": ["", 0, 0, {"c": [*POSITION, 0]}]}, id="too-many"),
        pytest.param("checkpoint", [], id="checkpoint-is-a-list"),
        pytest.param("at_checkpoint", ["77"], id="a-step-that-is-not-there"),
        pytest.param("notices", ["a"], id="notices-are-text"),
        pytest.param("notices", [1.5], id="notices-are-fractions"),
        pytest.param("notices_at_checkpoint", "1", id="count-of-notices-is-text"),
        pytest.param("ids", 5, id="ids-are-a-number"),
        pytest.param("history", None, id="no-history"),
    ],
)
def test_a_ledger_with_parts_of_other_types_is_refused(part: str, value: Any) -> None:
    cursor = Cursor("i1", ledger={**LEDGER, part: value})

    with pytest.raises(BadDataError, match=r"^--cursor run: this is no cursor of gstream$"):
        cursor.restored_ledger("run")


@pytest.mark.parametrize("part", LEDGER)
def test_a_ledger_without_a_part_is_refused(part: str) -> None:
    parts = {key: value for key, value in LEDGER.items() if key != part}

    with pytest.raises(BadDataError, match="this is no cursor"):
        Cursor("i1", ledger=parts).restored_ledger("run")
