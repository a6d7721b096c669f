"""MIME types: what an extension stands for, and which extension a type gets."""

import pytest

from gstream.mime import bare, extension_of, parameter, type_of_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("a.png", "image/png", id="png"),
        pytest.param("a.JPG", "image/jpeg", id="upper-case"),
        pytest.param("a.b.webp", "image/webp", id="webp"),
        pytest.param("a.heic", "image/heic", id="heic"),
        pytest.param("a.wav", "audio/wav", id="wav"),
        pytest.param("a.mp3", "audio/mpeg", id="mp3"),
        pytest.param("a.mp4", "video/mp4", id="mp4"),
        pytest.param("a.mov", "video/mov", id="mov"),
        pytest.param("a.avi", "video/avi", id="avi"),
        pytest.param("a.pdf", "application/pdf", id="pdf"),
        pytest.param("a.txt", "text/plain", id="txt"),
        pytest.param("a.csv", "text/csv", id="csv"),
        pytest.param("a.flac", "audio/flac", id="flac"),
        pytest.param("a.ogg", "audio/ogg", id="ogg"),
        pytest.param("a.m4a", "audio/m4a", id="m4a"),
        pytest.param("a.wmv", "video/wmv", id="wmv"),
        pytest.param(
            "a.docx",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            id="docx",
        ),
        pytest.param("a.odt", "application/vnd.oasis.opendocument.text", id="odt"),
        pytest.param("what?#.png", "image/png", id="odd-name"),
        pytest.param("data:x.png", "image/png", id="like-an-address"),
        pytest.param("a", "", id="none"),
        pytest.param(".png", "", id="hidden-file"),
        pytest.param("a.bin", "", id="says-nothing"),
        pytest.param("a.gz", "", id="compressed"),
        pytest.param("a.md", "", id="text-of-no-type-of-its-own"),
        pytest.param("a.rst", "", id="text-that-newer-tables-know"),
        pytest.param("a.unheard", "", id="unknown"),
    ],
)
def test_an_extension_stands_for_a_type_in_the_words_of_the_api(name: str, expected: str) -> None:
    assert type_of_name(name) == expected


@pytest.mark.parametrize(
    ("mime_type", "expected"),
    [
        pytest.param("image/jpeg", ".jpg", id="jpeg"),
        pytest.param("image/png", ".png", id="png"),
        pytest.param("image/webp", ".webp", id="webp"),
        pytest.param("IMAGE/PNG; q=1", ".png", id="case-and-parameters"),
        pytest.param("audio/mpeg", ".mp3", id="mpeg"),
        pytest.param("audio/x-wav", ".wav", id="another-name"),
        pytest.param("video/mp4", ".mp4", id="mp4"),
        pytest.param("video/quicktime", ".mov", id="quicktime"),
        pytest.param("application/pdf", ".pdf", id="pdf"),
        pytest.param("text/plain", ".txt", id="text"),
        pytest.param("application/x-unheard", ".bin", id="unknown"),
        pytest.param("../../etc/passwd", ".bin", id="path"),
        pytest.param("image/../../x.png", ".bin", id="path-in-the-subtype"),
        pytest.param("image/png\0.sh", ".bin", id="nul"),
        pytest.param("image/png\n", ".png", id="line-end"),
        pytest.param("", ".bin", id="empty"),
        pytest.param("ımage/png", ".bin", id="letter-of-another-alphabet"),
    ],
)
def test_an_extension_comes_from_the_table_alone(mime_type: str, expected: str) -> None:
    assert extension_of(mime_type, "document") == expected


@pytest.mark.parametrize(
    ("kind", "mime_type", "expected"),
    [
        pytest.param("image", "application/x-sh", ".bin", id="script"),
        pytest.param("image", "text/html", ".bin", id="page"),
        pytest.param("audio", "application/pdf", ".bin", id="document"),
        pytest.param("audio", "audio/3gpp", ".3gp", id="audio-in-a-container-of-videos"),
        pytest.param("audio", "application/ogg", ".ogg", id="another-name-of-an-audio-type"),
        pytest.param("document", "text/html", ".html", id="page-as-document"),
    ],
)
def test_media_get_an_extension_of_media_only(kind: str, mime_type: str, expected: str) -> None:
    assert extension_of(mime_type, kind) == expected


@pytest.mark.parametrize(
    ("mime_type", "expected"),
    [
        pytest.param("audio/l16;rate=24000", "24000", id="plain"),
        pytest.param('audio/L16; codec=pcm; Rate = "16000"', "16000", id="blanks-and-quotes"),
        pytest.param("audio/l16", "", id="absent"),
        pytest.param("audio/l16;rate", "", id="no-value"),
    ],
)
def test_a_parameter_of_a_type_has_a_value(mime_type: str, expected: str) -> None:
    assert parameter(mime_type, "rate") == expected


def test_a_type_without_its_parameters_is_bare() -> None:
    assert bare("Audio/L16;rate=1") == "audio/l16"
    assert bare("no type") == ""
