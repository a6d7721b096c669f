"""`--save-media` as a user runs it."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.support_cli import GSTREAM, Ran, run
from tests.saved_media import Event, answer, image, picture, played
from tests.support import STREAMS, delta, stream


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
    assert got.stderr == "gstream: --save-media story.sse: Not a directory\n"


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
