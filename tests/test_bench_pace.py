"""The bench of the pace measures what it says."""

from pathlib import Path

import pytest

from gstream.recording import read
from tests.bench import pace


def test_the_recording_has_the_pauses_that_it_claims() -> None:
    (recording,) = read("x", pace.recording_of(pace.PAUSES))

    assert tuple(part.seconds for part in recording.parts) == pace.PAUSES


def test_pauses_are_what_lies_between_arrivals() -> None:
    assert pace.pauses_between([1.0, 1.5, 3.5]) == [0.5, 2.0]


@pytest.mark.parametrize("way", pace.WAYS.values(), ids=pace.WAYS)
def test_each_way_tells_when_each_event_came(tmp_path: Path, way: pace.Way) -> None:
    path = tmp_path / "x.sse"
    path.write_bytes(pace.recording_of(pace.PAUSES))

    arrivals = way(path, 1000.0)

    assert len(arrivals) == len(pace.PAUSES)
    assert arrivals == sorted(arrivals)


def test_a_row_for_each_way_and_speed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def at_once(_recording: Path, _speed: float) -> list[float]:
        return [0.0] * len(pace.PAUSES)

    monkeypatch.setattr(pace, "WAYS", {"at once": at_once})

    rows = list(pace.rows(tmp_path, 1))

    assert [row.what for row in rows] == ["at once --speed 1", "at once --speed 10"]
    assert "worst of all 1000.0 ms; to reach 20 ms" in rows[0].note
