"""Positions and tracks: equal where the text is, however it was cut; another one elsewhere."""

import pytest

from gstream.elements import elements_of
from gstream.track import Position, Track

from .support import Event


def position_after(*deltas: Event) -> Position:
    position = Position()
    for brought in deltas:
        for element in elements_of(brought):
            position.add(element)
    return position


def text(value: str) -> Event:
    return {"type": "text", "text": value}


def image(data: str) -> Event:
    return {"type": "image", "data": data}


SAME = [
    pytest.param([text("a"), text("bc")], [text("abc")], id="text-cut-anew"),
    pytest.param([text("a"), image("X")], [text("a"), text(""), image("X")], id="empty-in-a-run"),
    pytest.param([image("X"), image("Y")], [image("X"), text(""), image("Y")], id="empty-run"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_a_position_is_the_same_however_the_text_was_cut(
    one: list[Event], other: list[Event]
) -> None:
    assert position_after(*one) == position_after(*other)


OTHER = [
    pytest.param([text("ab")], [text("ac")], id="other-text"),
    pytest.param([text("ab")], [text("abc")], id="more-text"),
    pytest.param([text("ab"), image("X")], [text("ac"), image("X")], id="other-text-before"),
    pytest.param([image("X")], [image("Y")], id="other-image"),
    pytest.param([image("X")], [image("X"), image("X")], id="twice"),
    pytest.param([text("a"), image("X"), text("b")], [text("ab"), image("X")], id="order"),
    pytest.param([text("a")], [{"type": "audio", "data": "YQ=="}], id="other-kind"),
]


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_a_position_is_another_one_after_anything_else(
    one: list[Event], other: list[Event]
) -> None:
    assert position_after(*one) != position_after(*other)


def test_a_position_counts_the_empty_pieces_at_its_end() -> None:
    assert position_after(text(""), text("a"), text(""), text("")).zeros == 2
    assert position_after(text("a"), text(""), text("b")).zeros == 0


def test_a_loose_checksum_knows_of_a_token_only_its_kind() -> None:
    one = position_after(text("a"), image("X"))
    same_kind = position_after(text("a"), {"type": "image", "uri": "gs://x"})
    other_kind = position_after(text("a"), {"type": "video", "data": "X"})
    other_text = position_after(text("b"), image("X"))

    assert one.crc != same_kind.crc
    assert one.loose_crc == same_kind.loose_crc
    assert one.loose_crc not in {other_kind.loose_crc, other_text.loose_crc}


# --- in a file


def test_a_track_comes_back_from_json() -> None:
    track = Track("model_output")
    track.add(elements_of(text("abc")))
    track.stopped = True
    track.add(elements_of(image("X")))

    assert Track.from_json(track.as_json()) == track


BROKEN = [
    pytest.param(["1", 0, "", 0, 0, 0, 0], id="text"),
    pytest.param(["", 0, "", 0, 0, 0, 0], id="empty-text"),
    pytest.param([-1, 0, "", 0, 0, 0, 0], id="negative"),
    pytest.param([1.5, 0, "", 0, 0, 0, 0], id="fraction"),
    pytest.param([True, 0, "", 0, 0, 0, 0], id="truth"),
    pytest.param([0, 0, 5, 0, 0, 0, 0], id="key-that-is-a-number"),
    pytest.param([0, 0, "", 0, 0, 0, 0, 0], id="too-many"),
]


@pytest.mark.parametrize("fields", BROKEN)
def test_a_position_of_other_types_is_none(fields: list[object]) -> None:
    with pytest.raises(TypeError):
        Position.from_json(fields)


def test_a_copy_does_not_change_with_its_track() -> None:
    track = Track()
    copy = track.copy()
    track.add(elements_of(text("abc")))

    assert copy == Track()
