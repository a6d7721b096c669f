"""Saved media: the files, and what the views show instead of the data."""

from pathlib import Path

import pytest

from gstream.events import batch_of
from gstream.folder import Folder
from gstream.media import Media
from tests.saved_media import Event, Saved, answer, encoded, image, picture
from tests.support import completed, created, delta, start, stop

# --- images and other whole items


def test_items_are_numbered_in_the_order_of_their_arrival(tmp_path: Path) -> None:
    one, two = picture("PNG"), picture("JPEG")

    got = Saved(
        tmp_path,
        *answer(
            image(one),
            delta(text="between"),
            image(two, "image/jpeg"),
            delta("video", data=encoded(b"film"), mime_type="video/mp4"),
            delta("document", data=encoded(b"%PDF-"), mime_type="application/pdf"),
        ),
    )

    assert got.names == ["001-image.png", "002-image.jpg", "003-video.mp4", "004-document.pdf"]
    assert (got.read("001-image.png"), got.read("002-image.jpg")) == (one, two)
    assert got.told[0] == f"saved {tmp_path}/001-image.png ({len(one)} bytes)"
    assert got.media.failure is None


def test_a_path_stands_in_place_of_the_data_and_nothing_else_changes(tmp_path: Path) -> None:
    events = answer(delta(text="a"), image(b"x", resolution="high", extra=1), delta(text="b"))

    assert Saved(tmp_path, *events).content == [
        {"type": "text", "text": "a"},
        {
            "type": "image",
            "mime_type": "image/png",
            "resolution": "high",
            "extra": 1,
            "path": f"{tmp_path}/001-image.png",
        },
        {"type": "text", "text": "b"},
    ]


def test_an_address_is_written_down_and_not_fetched(tmp_path: Path) -> None:
    event = delta("image", uri="https://example.org/a.png", mime_type="image/png")

    got = Saved(tmp_path, *answer(event))

    assert got.names == ["001-image.uri"]
    assert got.read("001-image.uri") == b"https://example.org/a.png\n"
    assert got.content == [event["delta"]]


def test_an_item_that_came_with_the_start_of_its_step_is_saved(tmp_path: Path) -> None:
    item = {"type": "image", "data": encoded(b"x"), "mime_type": "image/png"}

    got = Saved(tmp_path, created(), start(content=[item]), stop(), completed())

    assert got.names == ["001-image.png"]
    assert "data" not in got.content[0]


def test_an_untyped_item_gets_its_kind_from_its_mime_type(tmp_path: Path) -> None:
    got = Saved(tmp_path, *answer(delta("", data=encoded(b"x"), mime_type="video/mp4")))

    assert got.names == ["001-video.mp4"]


def test_an_untyped_item_has_its_kind_beside_its_path(tmp_path: Path) -> None:
    untyped = {"data": encoded(b"x"), "mime_type": "image/png"}
    event = {"event_type": "step.delta", "index": 0, "delta": untyped}

    assert Saved(tmp_path, *answer(event)).content == [
        {"type": "image", "mime_type": "image/png", "path": f"{tmp_path}/001-image.png"}
    ]


def test_an_item_with_an_empty_type_keeps_its_place(tmp_path: Path) -> None:
    untyped = {"type": None, "data": encoded(b"x"), "mime_type": "image/png"}
    event = {"event_type": "step.delta", "index": 0, "delta": untyped}

    assert Saved(tmp_path, *answer(event)).content == [
        {"type": "image", "mime_type": "image/png", "path": f"{tmp_path}/001-image.png"}
    ]


def test_media_of_a_step_that_began_as_a_thought_is_left_alone(tmp_path: Path) -> None:
    events = [created(), delta("hologram"), delta("thought_signature", signature="s"), image(b"x")]

    got = Saved(tmp_path, *events, completed())

    assert (got.names, got.steps) == ([], [{"type": "thought", "signature": "s"}])


def test_a_step_that_never_started_is_output(tmp_path: Path) -> None:
    assert Saved(tmp_path, created(), image(b"x"), completed()).names == ["001-image.png"]


def test_media_of_other_steps_than_output_is_left_alone(tmp_path: Path) -> None:
    events = [created(), start("function_call"), image(b"x"), stop(), completed()]

    got = Saved(tmp_path, *events)

    assert got.names == []
    assert got.events == events


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(
            delta("hologram", data=encoded(b"x"), mime_type="image/png"), id="unknown-type"
        ),
        pytest.param(delta("image", mime_type="image/png"), id="nothing-in-it"),
        pytest.param(delta("image", data="", mime_type="image/png"), id="empty"),
        pytest.param(delta("image", data=5, uri=7), id="no-strings"),
        pytest.param(delta(""), id="empty-delta"),
    ],
)
def test_what_is_no_media_passes_unchanged(event: Event, tmp_path: Path) -> None:
    got = Saved(tmp_path, *answer(event))

    assert got.names == []
    assert got.events == answer(event)


def test_steps_that_come_with_the_end_are_not_saved_twice(tmp_path: Path) -> None:
    one, two = picture("PNG"), picture("JPEG")
    items = [
        {"type": "image", "data": encoded(data), "mime_type": "image/png"}
        for data in (one, two, one)
    ]
    final = [{"type": "model_output", "content": [*items, {"type": "text", "text": "x"}]}]

    got = Saved(tmp_path, *answer(image(one), image(one), image(two), steps=final))

    assert len(got.names) == 3
    assert [item.get("path", "")[-13:] for item in got.content] == [
        "001-image.png",
        "003-image.png",
        "002-image.png",
        "",
    ]


def test_steps_that_come_only_with_the_end_are_saved(tmp_path: Path) -> None:
    item = {"type": "image", "data": encoded(b"x"), "mime_type": "image/png"}
    final = [{"type": "model_output", "content": [item]}]

    got = Saved(tmp_path, created(), completed(steps=final))

    assert got.names == ["001-image.png"]
    assert "data" not in got.content[0]


def test_a_stream_that_begins_again_saves_nothing_twice(tmp_path: Path) -> None:
    begun = [created(), start(), image(b"one"), image(b"one")]

    got = Saved(tmp_path, *begun, *begun, image(b"two"), stop(), completed())

    assert {got.read(name) for name in got.names} == {b"one", b"two"}
    assert len(got.names) == 3
    assert len(got.content) == 3


def test_numbers_go_on_over_interactions_and_runs(tmp_path: Path) -> None:
    Saved(tmp_path, *answer(image(b"1")), *answer(image(b"2")))

    got = Saved(tmp_path, *answer(image(b"3")))

    assert got.names == ["001-image.png", "002-image.png", "003-image.png"]
    assert got.read("003-image.png") == b"3"


def test_a_name_that_somebody_else_takes_is_left_to_them(tmp_path: Path) -> None:
    saver = Media(Folder(str(tmp_path)), lambda _line: None, thoughts=False)
    (tmp_path / "001-image.png").write_bytes(b"theirs")
    (tmp_path / "002-image.png").symlink_to("/etc/absent")

    saver.feed(batch_of(answer(image(b"ours")), [b""] * 5))

    assert (tmp_path / "001-image.png").read_bytes() == b"theirs"
    assert (tmp_path / "003-image.png").read_bytes() == b"ours"
    assert not Path("/etc/absent").exists()


# --- thoughts


SUMMARY = delta(
    "thought_summary", content={"type": "image", "data": encoded(b"x"), "mime_type": "image/png"}
)
THOUGHT = [created(), start("thought"), SUMMARY, stop(), completed()]


def test_images_in_thoughts_are_saved_where_thoughts_are_asked_for(tmp_path: Path) -> None:
    got = Saved(tmp_path, *THOUGHT, thoughts=True)

    assert got.names == ["001-image.png"]
    assert got.steps[0]["summary"][0]["path"].endswith("001-image.png")


def test_thoughts_that_come_with_the_end_are_not_saved_twice(tmp_path: Path) -> None:
    final = [{"type": "thought", "summary": [SUMMARY["delta"]["content"]]}]

    got = Saved(tmp_path, *THOUGHT[:-1], completed(steps=final), thoughts=True)

    assert got.names == ["001-image.png"]
    assert got.steps[0]["summary"][0]["path"].endswith("001-image.png")


def test_images_in_thoughts_are_left_alone_elsewhere(tmp_path: Path) -> None:
    got = Saved(tmp_path, *THOUGHT)

    assert got.names == []
    assert got.events == THOUGHT


def test_another_run_knows_what_is_saved(tmp_path: Path) -> None:
    first = Media(Folder(str(tmp_path)), print, thoughts=False)
    second = Media(Folder(str(tmp_path)), print, thoughts=False)
    events = answer(image(b"x"))
    first.feed(batch_of(events[:-1], [b""] * (len(events) - 1)))
    second.restore(first.state())
    again = second.feed(batch_of(events, [b""] * len(events)))

    assert [path.name for path in tmp_path.iterdir()] == ["001-image.png"]
    assert [one["delta"]["path"][-13:] for one in again.events if "delta" in one] == [
        "001-image.png"
    ]


def test_where_nothing_was_saved_there_is_nothing_to_know(tmp_path: Path) -> None:
    media = Media(Folder(str(tmp_path)), print, thoughts=False)
    media.restore({"last": "a"})

    assert media.state() == {}
