"""Saved audio: pieces that become one file, and raw PCM that plays."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.saved_media import Event, Saved, answer, audio, encoded, image, played
from tests.support import completed, created, delta, event, start, stop


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
        pytest.param([delta("audio", data="", mime_type="audio/l16")], 1, id="empty-piece"),
        pytest.param([audio(b"\0\0", uri="gs://a/b")], 3, id="piece-with-an-address"),
        pytest.param([delta("text_annotation_delta", annotations=[{}])], 2, id="annotation"),
        pytest.param([delta(text="x", index=5)], 1, id="another-index"),
    ],
)
def test_only_neighbouring_pieces_of_one_format_are_joined(
    between: list[Event], files: int, tmp_path: Path
) -> None:
    got = Saved(tmp_path, *answer(audio(b"\1\1"), *between, audio(b"\2\2")))

    assert len(got.names) == files


@pytest.mark.parametrize(
    ("deltas", "files"),
    [
        pytest.param([audio(b"\2\2")], 2, id="same-format"),
        pytest.param([audio(b"\2\2", sample_rate=8000)], 3, id="another-rate"),
        pytest.param([image(b"x"), audio(b"\2\2")], 4, id="interrupted"),
        pytest.param([], 2, id="nothing-more"),
    ],
)
def test_audio_that_begins_with_its_step_goes_on_in_deltas(
    deltas: list[Event], files: int, tmp_path: Path
) -> None:
    items = [image(b"before")["delta"], {**audio(b"\1\1")["delta"], "extra": 1}]

    got = Saved(tmp_path, created(), start(content=items), *deltas, stop(), completed())

    assert len(got.names) == len(got.content) == files
    assert got.names[:2] == ["001-image.png", "002-audio.wav"]
    assert got.content[1] == {
        "type": "audio",
        "mime_type": "audio/l16",
        "extra": 1,
        "path": f"{tmp_path}/002-audio.wav",
    }
    assert played(got.read("002-audio.wav"))[3][:2] == b"\1\1"


def test_audio_that_an_image_interrupts_keeps_its_number(tmp_path: Path) -> None:
    got = Saved(tmp_path, *answer(audio(b"\1\1"), image(b"x")))

    assert got.names == ["001-audio.wav", "002-image.png"]
    assert [item["type"] for item in got.content] == ["audio", "image"]


def test_tokens_that_pieces_of_audio_count_are_the_newest(tmp_path: Path) -> None:
    counted = [
        {**audio(b"ab"), "metadata": {"total_usage": {"total_tokens": count}}} for count in (1, 2)
    ]
    update = event("interaction.status_update", usage={"total_tokens": 3})

    two = Saved(tmp_path / "a", *answer(*counted))
    three = Saved(tmp_path / "b", *answer(*counted, update))

    assert two.interaction["usage"] == {"total_tokens": 2}
    assert three.interaction["usage"] == {"total_tokens": 3}
    assert (len(two.content), two.names) == (1, ["001-audio.wav"])


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
