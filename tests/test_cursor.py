"""The cursor file: what is saved is loaded, and nothing else is taken for it."""

import os
from pathlib import Path

import pytest

from gstream.cursor import Cursor, load, save
from gstream.errors import BadDataError, CannotCreateError, NoInputError
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


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    path = str(tmp_path / "cursor")
    cursor = kept(ledger_of(EVENTS))

    save(path, cursor)

    assert load(path) == cursor


@pytest.mark.parametrize("count", range(len(EVENTS) + 1))
def test_a_ledger_survives_the_file(count: int, tmp_path: Path) -> None:
    path = str(tmp_path / "cursor")
    ledger = ledger_of(EVENTS[:count])

    save(path, kept(ledger))

    loaded = load(path)
    assert loaded is not None
    restored = loaded.restored_ledger(path)
    assert (restored.tracks, restored.checkpoint) == (ledger.tracks, ledger.checkpoint)
    assert restored.last_event_id == ledger.last_event_id
    assert (restored.notices, restored.created) == (ledger.notices, ledger.created)


def test_no_file_and_an_empty_one_hold_no_cursor(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()

    assert load(str(tmp_path / "none")) is None
    assert load(str(tmp_path / "empty")) is None


def test_only_the_owner_can_read_it_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "cursor"

    save(str(path), kept(ledger_of(EVENTS)))

    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["cursor"]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"x", id="no-json"),
        pytest.param(b"{}", id="no-version"),
        pytest.param(b"[]", id="list"),
        pytest.param(b'{"gstream_cursor":2}', id="other-version"),
        pytest.param(b'{"gstream_cursor":1,"unknown":1}', id="unknown-key"),
        pytest.param(b'{"gstream_cursor":1,"interaction_id":1}', id="other-type"),
        pytest.param(b'{"gstream_cursor":1,"view_state":{"shown":1}}', id="no-list-of-steps"),
        pytest.param(b'{"gstream_cursor":1,"view_state":{"shown":[[]]}}', id="no-step-numbers"),
    ],
)
def test_something_else_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cursor"
    path.write_bytes(content)

    with pytest.raises(BadDataError, match="this is no cursor of gstream"):
        load(str(path))


def test_a_ledger_that_is_none_is_refused() -> None:
    with pytest.raises(BadDataError, match="--cursor run: this is no cursor of gstream"):
        Cursor("i1", ledger={"tracks": 1}).restored_ledger("run")


def test_a_directory_is_no_cursor(tmp_path: Path) -> None:
    with pytest.raises(NoInputError, match="Is a directory"):
        load(str(tmp_path))


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(CannotCreateError, match="No such file or directory"):
        save(str(tmp_path / "no" / "cursor"), Cursor("i1"))
