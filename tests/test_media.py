"""Saved media: the files, what the views show instead of the data, and hostile streams."""

import base64
import io
import json
import os
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from gstream import media
from gstream.errors import BadDataError, CannotCreateError
from gstream.events import batch_of
from gstream.folder import Folder
from gstream.media import MAX_FILES, Media
from gstream.steps import Accumulator
from tests.cli.support_cli import GSTREAM, Ran, run
from tests.support import STREAMS, completed, created, delta, line, start, stop, stream

Event = dict[str, Any]


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def picture(kind: str = "PNG", colour: int = 0) -> bytes:
    """A real image."""
    file = io.BytesIO()
    Image.new("RGB", (4, 3), (colour % 256, colour // 256, 40)).save(file, kind)
    return file.getvalue()


def image(data: bytes, mime_type: str = "image/png", **fields: Any) -> Event:
    return delta("image", data=encoded(data), mime_type=mime_type, **fields)


def audio(data: bytes, mime_type: str = "audio/l16", **fields: Any) -> Event:
    return delta("audio", data=encoded(data), mime_type=mime_type, **fields)


class Saved:
    """What became of some events."""

    def __init__(
        self, place: Path, *events: Event, thoughts: bool = False, at_once: int = 1
    ) -> None:
        self.place = place
        self.told: list[str] = []
        self.media = Media(Folder(str(place)), self.told.append, thoughts=thoughts)
        self.events: list[Event] = []
        for at in range(0, len(events), at_once):
            part = list(events[at : at + at_once])
            self.events += self.media.feed(batch_of(part, [line(one) for one in part])).events
        self.events += self.media.end().events

    @property
    def steps(self) -> list[Event]:
        accumulator = Accumulator()
        accumulator.feed_all(self.events)
        return accumulator.steps

    @property
    def content(self) -> list[Event]:
        """The items of the model's output."""
        return [item for step in self.steps for item in step.get("content", [])]

    @property
    def names(self) -> list[str]:
        return sorted(path.name for path in self.place.iterdir())

    def read(self, name: str) -> bytes:
        return (self.place / name).read_bytes()


def answer(*deltas: Event, **given: Any) -> list[Event]:
    return [created(), start(), *deltas, stop(), completed(**given)]


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


# --- audio


def played(data: bytes) -> tuple[int, int, int, bytes]:
    """Rate, channels, width and frames, as a player sees them."""
    with wave.open(io.BytesIO(data)) as wav:
        parts = (wav.getframerate(), wav.getnchannels(), wav.getsampwidth())
        return (*parts, wav.readframes(wav.getnframes()))


def test_pieces_of_pcm_are_one_wav_that_plays(tmp_path: Path) -> None:
    pieces = [os.urandom(size) for size in (4801, 1, 3, 4799)]

    got = Saved(tmp_path, *answer(*(audio(piece, sample_rate=16000) for piece in pieces)))

    assert got.names == ["001-audio.wav"]
    assert played(got.read("001-audio.wav")) == (16000, 1, 2, b"".join(pieces))
    assert got.content == [
        {
            "type": "audio",
            "mime_type": "audio/l16",
            "sample_rate": 16000,
            "path": f"{tmp_path}/001-audio.wav",
        }
    ]


@pytest.mark.parametrize(
    ("mime_type", "fields", "expected"),
    [
        pytest.param("audio/l16", {}, (24000, 1), id="default"),
        pytest.param("audio/L16;codec=pcm;rate=16000", {}, (16000, 1), id="in-the-type"),
        pytest.param("audio/l16;rate=8000", {"sample_rate": 48000}, (48000, 1), id="field-wins"),
        pytest.param("audio/pcm; rate=8000; channels=2", {}, (8000, 2), id="two-channels"),
        pytest.param("audio/l16", {"channels": 2, "rate": 5}, (24000, 2), id="old-rate-is-ignored"),
        pytest.param("audio/l16;rate=" + "9" * 5000, {}, (24000, 1), id="absurd-in-the-type"),
        pytest.param("audio/l16", {"sample_rate": True}, (24000, 1), id="true-is-no-rate"),
        pytest.param("audio/l16;rate=²", {}, (24000, 1), id="strange-digit"),
        pytest.param("audio/l16", {"sample_rate": -1, "channels": 10**9}, (24000, 1), id="absurd"),
        pytest.param(
            "audio/l16", {"sample_rate": "x", "channels": 1.5}, (24000, 1), id="no-number"
        ),
    ],
)
def test_the_rate_comes_from_the_item_or_its_type(
    mime_type: str, fields: dict[str, Any], expected: tuple[int, int], tmp_path: Path
) -> None:
    got = Saved(tmp_path, *answer(audio(b"\0\1" * 12, mime_type, **fields)))

    assert played(got.read("001-audio.wav"))[:2] == expected


def test_half_a_sample_at_the_end_is_left_out(tmp_path: Path) -> None:
    got = Saved(tmp_path, *answer(audio(b"\1\2\3")))

    assert played(got.read("001-audio.wav"))[3] == b"\1\2"


def test_pieces_of_other_formats_are_joined_as_they_are(tmp_path: Path) -> None:
    got = Saved(tmp_path, *answer(audio(b"ID3", "audio/mpeg"), audio(b"\xff\xfb", "audio/mpeg")))

    assert got.names == ["001-audio.mp3"]
    assert got.read("001-audio.mp3") == b"ID3\xff\xfb"


@pytest.mark.parametrize(
    ("between", "files"),
    [
        pytest.param([], 1, id="nothing"),
        pytest.param([delta(text="x")], 2, id="text"),
        pytest.param([image(b"x")], 3, id="image"),
        pytest.param([audio(b"\0\0", sample_rate=8000)], 3, id="another-rate"),
        pytest.param([audio(b"\0\0", channels=2)], 3, id="more-channels"),
        pytest.param([delta("audio", uri="gs://a/b", mime_type="audio/l16")], 3, id="address"),
        pytest.param([stop(), start()], 2, id="another-step"),
        pytest.param([delta("thought_signature", signature="x")], 1, id="unrelated"),
        pytest.param([delta(text="x", index=5)], 1, id="another-index"),
    ],
)
def test_only_neighbouring_pieces_of_one_format_are_joined(
    between: list[Event], files: int, tmp_path: Path
) -> None:
    got = Saved(tmp_path, *answer(audio(b"\1\1"), *between, audio(b"\2\2")))

    assert len(got.names) == files


def test_audio_that_an_image_interrupts_keeps_its_number(tmp_path: Path) -> None:
    got = Saved(tmp_path, *answer(audio(b"\1\1"), image(b"x")))

    assert got.names == ["001-audio.wav", "002-image.png"]
    assert [item["type"] for item in got.content] == ["audio", "image"]


def test_audio_of_a_stream_that_was_cut_is_saved(tmp_path: Path) -> None:
    got = Saved(tmp_path, created(), start(), audio(b"\1\1"), audio(b"\2\2"))

    assert played(got.read("001-audio.wav"))[3] == b"\1\1\2\2"
    assert "path" in got.content[0]


def test_joined_audio_that_comes_again_with_the_end_is_not_saved_twice(tmp_path: Path) -> None:
    whole = {"type": "audio", "data": encoded(b"\1\1\2\2"), "mime_type": "audio/l16"}
    final = [{"type": "model_output", "content": [whole]}]

    got = Saved(tmp_path, *answer(audio(b"\1\1"), audio(b"\2\2"), steps=final))

    assert got.names == ["001-audio.wav"]
    assert got.content[0]["path"].endswith("001-audio.wav")


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


# --- what goes wrong


def test_broken_base64_names_the_item_and_loses_no_other(tmp_path: Path) -> None:
    broken = delta("image", data="not base64!", mime_type="image/jpeg")

    got = Saved(tmp_path, *answer(image(b"1"), broken, image(b"3")))

    assert got.names == ["001-image.png", "003-image.png"]
    assert got.content[1]["data"] == "not base64!"
    assert isinstance(got.media.failure, BadDataError)
    assert str(got.media.failure) == f"some media could not be saved: {tmp_path}/002-image.jpg"
    assert got.told[1] == f"{tmp_path}/002-image.jpg is not saved: its base64 is broken"


def test_a_broken_piece_of_audio_loses_no_other_piece(tmp_path: Path) -> None:
    broken = delta("audio", data="AAA", mime_type="audio/l16")

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


# --- at the command line


@pytest.fixture
def story(tmp_path: Path) -> Path:
    """A stream of text, image, text, image, and so on."""
    events: list[Event] = []
    for part, kind in enumerate(["PNG", "JPEG", "WEBP"]):
        events.append(delta(text=f"Part {part}.\n"))
        events.append(image(picture(kind, part), f"image/{kind.lower()}"))
    path = tmp_path / "story.sse"
    path.write_bytes(stream(*answer(*events, delta(text="The end."))))
    return path


TEXT = "Part 0.\nPart 1.\nPart 2.\nThe end.\n"


def decode(path: Path, *args: str) -> Ran:
    return run("decode", str(path), *args, cwd=path.parent)


def test_a_story_is_text_on_stdout_and_images_that_open(story: Path) -> None:
    got = decode(story, "--save-media", "out")

    assert (got.code, got.text) == (0, TEXT)
    formats = {}
    for path in (story.parent / "out").iterdir():
        with Image.open(path) as opened:
            opened.load()
            formats[path.name] = opened.format
    assert formats == {"001-image.png": "PNG", "002-image.jpg": "JPEG", "003-image.webp": "WEBP"}
    assert [line.split(" (")[0] for line in got.stderr.splitlines()] == [
        f"gstream: saved out/{name}" for name in sorted(formats)
    ]


@pytest.mark.parametrize("view", ["--ndjson", "--sse"])
def test_views_of_events_show_them_as_they_came(view: str, story: Path) -> None:
    assert decode(story, view, "--save-media", "out").stdout == decode(story, view).stdout


@pytest.mark.parametrize("view", ["--json", "--steps"])
def test_views_of_steps_show_paths_that_lead_to_the_files(view: str, story: Path) -> None:
    [shown] = decode(story, view, "--save-media", "out").events
    [unsaved] = decode(story, view).events

    content = (shown["steps"][0] if view == "--json" else shown)["content"]
    before = (unsaved["steps"][0] if view == "--json" else unsaved)["content"]
    for item, was in zip(content, before, strict=True):
        if "data" in was:
            assert (story.parent / item["path"]).read_bytes() == base64.b64decode(was["data"])


def test_without_the_option_the_text_view_says_how_much_it_leaves_out(story: Path) -> None:
    size = sum(len(picture(kind, part)) for part, kind in enumerate(["PNG", "JPEG", "WEBP"]))

    got = decode(story)

    assert (got.code, got.text) == (0, TEXT)
    assert got.stderr == (
        f"gstream: {size:,} bytes of media were not shown; --save-media DIR saves them\n"
    )


@pytest.mark.parametrize("args", [["-q"], ["--json"], ["--ndjson"], ["--save-media", "out", "-q"]])
def test_nothing_is_said_where_nothing_is_left_out_or_nobody_listens(
    args: Sequence[str], story: Path
) -> None:
    assert decode(story, *args).stderr == ""


def test_broken_base64_ends_with_65_and_names_the_item(tmp_path: Path) -> None:
    broken = delta("image", data="x", mime_type="image/png")
    path = tmp_path / "a.sse"
    path.write_bytes(stream(*answer(delta(text="hi"), broken, image(b"x"))))

    got = decode(path, "--save-media", "out")

    assert (got.code, got.text) == (65, "hi\n")
    assert got.stderr.splitlines()[-1] == (
        "gstream: some media could not be saved: out/001-image.png"
    )
    assert (tmp_path / "out" / "002-image.png").read_bytes() == b"x"


def test_a_failed_answer_weighs_more_than_media(tmp_path: Path) -> None:
    path = tmp_path / "a.sse"
    broken = delta("image", data="x", mime_type="image/png")
    path.write_bytes(stream(*answer(broken, status="failed")))

    assert decode(path, "--save-media", "out").code == 12


def test_a_folder_that_cannot_be_made_is_told_at_once(story: Path) -> None:
    got = decode(story, "--save-media", "story.sse")

    assert (got.code, got.text) == (73, "")
    assert got.stderr == "gstream: --save-media story.sse: File exists\n"


def test_speech_in_pieces_is_a_wav_of_its_length(tmp_path: Path) -> None:
    got = run("decode", str(STREAMS / "audio_chunks.sse"), "--save-media", "out", cwd=tmp_path)

    expected = json.loads((STREAMS / "audio_chunks.json").read_text())["steps"][0]["content"][0]
    pcm = base64.b64decode(expected["data"])
    assert (got.code, got.text) == (0, "")
    data = (tmp_path / "out" / "001-audio.wav").read_bytes()
    assert played(data) == (24000, 1, 2, pcm[: len(pcm) // 2 * 2])


def test_images_of_the_streams_are_saved_with_their_thoughts(tmp_path: Path) -> None:
    stream_file = str(STREAMS / "thought_summaries.sse")

    got = run("decode", stream_file, "--thoughts", "--save-media", "out", cwd=tmp_path)

    assert got.code == 0
    assert (tmp_path / "out" / "001-image.png").stat().st_size == 70
    assert "[image, 70 bytes]" in got.stderr


@pytest.mark.parametrize("command", ["create", "resume", "replay"])
def test_other_commands_save_media_too(command: str, story: Path) -> None:
    recording = "story.sse"
    arguments = {
        "create": ["create", "-p", "A story."],
        "resume": ["resume", "v1_built"],
    }
    saved = ["--save-media", "out"]
    if command == "replay":
        got = run("replay", recording, *saved, cwd=story.parent)
    else:
        client = [*GSTREAM, *arguments[command], *saved]
        got = run("replay", "--serve", "127.0.0.1:0", recording, "--", *client, cwd=story.parent)

    assert (got.code, got.text) == (0, TEXT)
    assert len(list((story.parent / "out").iterdir())) == 3
