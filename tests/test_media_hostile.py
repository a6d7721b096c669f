"""Saved media where something goes wrong, and where a model means harm."""

import base64
from pathlib import Path
from typing import Any

import pytest

from gstream import media
from gstream.errors import BadDataError, CannotCreateError
from gstream.events import batch_of
from gstream.folder import Folder
from gstream.media import MAX_FILES, Media
from tests.saved_media import Saved, answer, audio, encoded, image, played
from tests.support import delta, start, stop

# --- what goes wrong


def test_broken_base64_names_the_item_and_loses_no_other(tmp_path: Path) -> None:
    broken = delta("image", data="not base64!", mime_type="image/jpeg")

    got = Saved(tmp_path, *answer(image(b"1"), broken, image(b"3")))

    assert got.names == ["001-image.png", "003-image.png"]
    assert got.content[1]["data"] == "not base64!"
    assert isinstance(got.media.failure, BadDataError)
    assert str(got.media.failure) == f"some media could not be saved: {tmp_path}/002-image.jpg"
    assert got.told[1] == f"{tmp_path}/002-image.jpg is not saved: its base64 is broken"


@pytest.mark.parametrize("kind", ["image", "audio", "video", "document"])
def test_data_that_are_no_text_are_named(kind: str, tmp_path: Path) -> None:
    events = answer(delta(kind, data=123), image(b"x"))

    got = Saved(tmp_path, *events)

    assert got.names == ["002-image.png"]
    assert got.told[0] == f"{tmp_path}/001-{kind}.bin is not saved: its data is no text"
    assert isinstance(got.media.failure, BadDataError)
    assert got.content[0]["data"] == 123


def test_url_safe_base64_without_padding_is_saved(tmp_path: Path) -> None:
    events = answer(delta("image", data="eno-_w", mime_type="image/png"))

    assert Saved(tmp_path, *events).read("001-image.png") == b"zz>\xff"


def test_a_broken_piece_of_audio_loses_no_other_piece(tmp_path: Path) -> None:
    broken = delta("audio", data="AAA!", mime_type="audio/l16")

    got = Saved(tmp_path, *answer(audio(b"\1\1"), broken, audio(b"\3\3")))

    assert [played(got.read(name))[3] for name in got.names] == [b"\1\1", b"\3\3"]
    assert got.media.failure is not None
    assert [list(item) for item in got.content] == [
        ["type", "mime_type", "path"],
        ["type", "data", "mime_type"],
        ["type", "mime_type", "path"],
    ]


def test_a_disk_that_is_full_is_told_and_the_data_stay(tmp_path: Path) -> None:
    class Full(Folder):
        def add(self, *_args: object) -> int:
            raise OSError(28, "No space left on device")

    saver = Media(Full(str(tmp_path)), lambda _line: None, thoughts=False)

    got = saver.feed(batch_of(answer(image(b"x")), [b""] * 5))

    assert isinstance(saver.failure, CannotCreateError)
    assert got.events[2]["delta"]["data"] == encoded(b"x")


def test_many_failures_are_told_in_one_line(tmp_path: Path) -> None:
    broken = [delta("image", data="!", mime_type="image/png") for _ in range(2000)]

    got = Saved(tmp_path, *answer(*broken))

    assert str(got.media.failure).endswith("005-image.png and 1,995 more")
    assert len(got.told) == 5


# --- a hostile model


@pytest.mark.parametrize(
    "mime_type",
    [
        "../../etc",
        "image/../../../etc/passwd",
        "/etc/passwd",
        "image/png/../../x",
        "image/png\u0000.sh",
        "image/x-\u202egnp",
        "a" * 100_000,
        "",
    ],
)
def test_no_name_comes_from_the_stream(mime_type: str, tmp_path: Path) -> None:
    place = tmp_path / "a" / "out"

    got = Saved(place, *answer(image(b"x", mime_type)))

    assert got.names == ["001-image.bin"]
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["out"]


@pytest.mark.parametrize("mime_type", [None, 5, ["image/png"], {"a": 1}])
def test_a_type_that_is_no_string_is_unknown(mime_type: Any, tmp_path: Path) -> None:
    event = delta("image", data=encoded(b"x"), mime_type=mime_type)

    assert Saved(tmp_path, *answer(event)).names == ["001-image.bin"]


def test_ten_thousand_images_are_not_ten_thousand_files(tmp_path: Path) -> None:
    got = Saved(tmp_path, *answer(*(image(b"%d" % n) for n in range(10_000))), at_once=500)

    assert len(got.names) == MAX_FILES
    assert got.names[-1] == "999-image.png"
    assert isinstance(got.media.failure, BadDataError)
    assert str(got.media.failure).endswith("1004-image.png and 8,996 more")
    assert len(got.content) == 10_000
    assert base64.b64decode(got.content[-1]["data"]) == b"9999"


def test_no_number_of_addresses_makes_more_files_than_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "MAX_FILES", 3)
    events = [delta("image", uri=f"gs://a/{n}") for n in range(9)]

    assert len(Saved(tmp_path, *answer(*events)).names) == 3


@pytest.mark.parametrize("index", [{"a": 1}, [], None, "0"])
def test_events_with_a_strange_index_pass_unchanged(index: Any, tmp_path: Path) -> None:
    events = [{**event, "index": index} for event in (start(), image(b"x"), audio(b"x"), stop())]

    got = Saved(tmp_path, *events)

    assert (got.events, got.names) == (events, [])


@pytest.mark.parametrize("at_once", [1, 3, 1000])
def test_files_do_not_depend_on_how_events_are_cut_into_batches(
    at_once: int, tmp_path: Path
) -> None:
    events = answer(
        audio(b"\1\1"),
        delta(text="a"),
        delta(text="b"),
        audio(b"\2\2"),
        audio(b"\3\3"),
        image(b"x"),
    )

    got = Saved(tmp_path, *events, at_once=at_once)

    assert got.names == ["001-audio.wav", "002-audio.wav", "003-image.png"]
    assert [item["type"] for item in got.content] == ["audio", "text", "audio", "image"]
