"""Attachments: what type a file has, and what part of the input becomes of it."""

import base64
import io
import os
import wave
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from gstream import attachments
from gstream.attachments import attachment, check_size, split, type_by_content
from gstream.errors import BadDataError, NoInputError, UsageError


def picture(kind: str) -> bytes:
    """A real image of a format."""
    file = io.BytesIO()
    Image.new("RGB", (8, 6), (200, 30, 40)).save(file, kind)
    return file.getvalue()


def sound() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(24000)
        written.writeframes(b"\0\1" * 100)
    return file.getvalue()


def packed(*names: str, stored: dict[str, bytes] | None = None) -> bytes:
    """A ZIP with entries of these names, and some whose content is not compressed."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in (stored or {}).items():
            written.writestr(zipfile.ZipInfo(name), content)
        for name in names:
            written.writestr(name, b"<x/>" * 100)
    return file.getvalue()


TYPES, WORD = "[Content_Types].xml", "word/document.xml"
OFFICE = "application/vnd.openxmlformats-officedocument."
OPEN = b"application/vnd.oasis.opendocument.text"

ISO = b"\0\0\0\x20ftyp%b\0\0\2\0%bisomiso2mp41\0\0\0\x08free" + bytes(64)
WEBM = bytes.fromhex("1a45dfa3010000000000001f4286810142f7810142f2810442f381084282847765626d")
MP3 = (b"\xff\xfb\x90\x64" + bytes(413)) * 4


# --- types


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(picture("PNG"), "image/png", id="png"),
        pytest.param(picture("JPEG"), "image/jpeg", id="jpeg"),
        pytest.param(picture("WEBP"), "image/webp", id="webp"),
        pytest.param(picture("GIF"), "image/gif", id="gif"),
        pytest.param(picture("BMP"), "image/bmp", id="bmp"),
        pytest.param(picture("PDF"), "application/pdf", id="pdf"),
        pytest.param(b"%PDF-1.4\nall of it is text\n", "application/pdf", id="pdf-of-text"),
        pytest.param(sound(), "audio/wav", id="wav"),
        pytest.param(MP3, "audio/mpeg", id="mp3"),
        pytest.param(b"fLaC\0\0\0\x22" + bytes(99), "audio/flac", id="flac"),
        pytest.param(b"OggS\0\2" + bytes(20) + b"\1\x1e\1vorbis", "audio/ogg", id="ogg"),
        pytest.param(ISO % (b"isom", b"isom"), "video/mp4", id="mp4"),
        pytest.param(ISO % (b"qt  ", b"qt  "), "video/mov", id="mov"),
        pytest.param(ISO % (b"M4A ", b"M4A "), "audio/m4a", id="m4a"),
        pytest.param(WEBM, "video/webm", id="webm"),
        pytest.param("Grüße\n\tan alle\r\n".encode(), "text/plain", id="text"),
        pytest.param("Gr\u00fc".encode()[:-1], "text/plain", id="text-cut-in-a-character"),
        pytest.param(b"BM is a town.", "text/plain", id="text-like-an-image"),
        pytest.param(b"<html></html>", "text/plain", id="markup"),
        pytest.param(packed(TYPES, WORD), f"{OFFICE}wordprocessingml.document", id="docx"),
        pytest.param(packed(TYPES, "xl/a.xml"), f"{OFFICE}spreadsheetml.sheet", id="xlsx"),
        pytest.param(
            packed("_rels/.rels", "ppt/a.xml", "word/a"),
            f"{OFFICE}presentationml.presentation",
            id="pptx",
        ),
        pytest.param(packed("a", stored={"mimetype": OPEN}), OPEN.decode(), id="odt"),
        pytest.param(packed("a", stored={"mimetype": b"application/epub+zip"}), "", id="epub"),
        pytest.param(packed("a.txt", "b.txt"), "", id="zip"),
        pytest.param(packed(TYPES, "a.xml"), "", id="another-package"),
        pytest.param(packed("a", stored={"a.docx": packed(TYPES, WORD)}), "", id="zip-of-a-docx"),
        pytest.param(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), "", id="ole"),
        pytest.param(b"Rar!\x1a\7\0" + bytes(99), "", id="rar"),
        pytest.param(b"MSCF" + bytes(99), "", id="cab"),
        pytest.param(bytes(range(1, 200)), "", id="binary"),
        pytest.param("Grüße".encode("utf-16"), "", id="utf-16"),
        pytest.param("Grüße".encode("latin-1"), "", id="latin-1"),
    ],
)
def test_content_shows_its_type(content: bytes, expected: str) -> None:
    assert type_by_content(content) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param("a.png", ("a.png", ""), id="file"),
        pytest.param("a;type=image/png", ("a", "image/png"), id="type"),
        pytest.param("a;type=Text/Plain; charset=x", ("a", "text/plain; charset=x"), id="charset"),
        pytest.param("a;b.png", ("a;b.png", ""), id="semicolon-in-the-name"),
        pytest.param("a;type=x;type=image/png", ("a;type=x", "image/png"), id="twice"),
        pytest.param("-;type=image/png", ("-", "image/png"), id="stdin"),
    ],
)
def test_a_type_can_follow_as_for_curl(given: str, expected: tuple[str, str]) -> None:
    assert split(given) == expected


# --- parts


Write = Callable[[str, bytes], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, content: bytes) -> str:
        (tmp_path / name).write_bytes(content)
        return str(tmp_path / name)

    return write


@pytest.mark.parametrize(
    ("name", "content", "kind", "mime_type"),
    [
        pytest.param("a.png", picture("PNG"), "image", "image/png", id="image"),
        pytest.param("a.wav", sound(), "audio", "audio/wav", id="audio"),
        pytest.param("a.mp4", ISO % (b"isom", b"isom"), "video", "video/mp4", id="video"),
        pytest.param("a.pdf", picture("PDF"), "document", "application/pdf", id="pdf"),
        pytest.param("a.md", b"# Title\n", "document", "text/plain", id="text"),
        pytest.param("noise", picture("JPEG"), "image", "image/jpeg", id="by-content"),
        pytest.param("a.png", picture("JPEG"), "image", "image/png", id="the-extension-wins"),
    ],
)
def test_a_file_becomes_a_part_with_its_content(
    name: str, content: bytes, kind: str, mime_type: str, write: Write
) -> None:
    part = attachment(write(name, content))

    assert list(part) == ["type", "data", "mime_type"]
    assert (part["type"], part["mime_type"]) == (kind, mime_type)
    assert base64.b64decode(part["data"], validate=True) == content


def test_a_type_that_is_given_wins(write: Write) -> None:
    part = attachment(write("a.txt", b"text") + ";type=image/png")

    assert (part["type"], part["mime_type"]) == ("image", "image/png")


@pytest.mark.parametrize("size", [1, 2, 3, 3 * 65536 - 1, 3 * 65536, 3 * 65536 + 1, 700_001])
def test_base64_is_that_of_the_whole_file_whatever_its_size(size: int, write: Write) -> None:
    content = os.urandom(size)

    part = attachment(write("a.png", content))

    assert part["data"] == base64.b64encode(content).decode()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(
            "https://example.org/a.png?x=1#y",
            {"type": "image", "mime_type": "image/png"},
            id="https",
        ),
        pytest.param("http://example.org/a.pdf", {"type": "document"}, id="http"),
        pytest.param("HTTPS://example.org/a.pdf", {"type": "document"}, id="upper-case"),
        pytest.param("gs://bucket/a.mp4", {"type": "video", "mime_type": "video/mp4"}, id="gs"),
        pytest.param("gs://b/a.flac", {"type": "audio", "mime_type": "audio/flac"}, id="flac"),
        pytest.param(
            "https://example.org/watch?v=1;type=video/mp4",
            {"type": "video", "uri": "https://example.org/watch?v=1"},
            id="type",
        ),
    ],
)
def test_an_address_is_sent_as_it_is(given: str, expected: dict[str, str]) -> None:
    part = attachment(given)

    assert "data" not in part
    assert part == {"uri": given, "mime_type": part["mime_type"], **part, **expected}


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        pytest.param("noise", bytes(range(1, 200)), "its type is unknown", id="unknown-type"),
        pytest.param("a.unheard", b"\xff\xfe\0", "its type is unknown", id="unknown-extension"),
    ],
)
def test_a_type_that_nothing_shows_is_no_input(
    name: str, content: bytes, why: str, write: Write
) -> None:
    path = write(name, content)

    with pytest.raises(NoInputError) as caught:
        attachment(path)

    assert str(caught.value) == f"{path}: {why}"
    assert caught.value.hint == f"say it: -a '{path};type=image/png'"


@pytest.mark.parametrize(
    "given",
    [
        "http://[::1/x.png",
        "https://[2001:db8::1/plot.png",
        "https://exa]mple/x.png",
        "https://ex\u2100mple/x.png",
        "https://[a/x;type=image/png",
    ],
)
def test_an_address_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match=r"^-a https?://.*: this is no address: "):
        attachment(given)


def test_an_address_that_is_not_utf8_is_bad_data() -> None:
    with pytest.raises(BadDataError, match=r"not UTF-8 at byte 10$"):
        attachment(os.fsdecode(b"https://a/\xff.png"))


@pytest.mark.parametrize(
    "given",
    [
        "https://example.org/watch?v=1",
        "gs://bucket/a",
        "x;type=png",
        "https://a/b;type=image/\udcff",
        "x;type=image/ png",
        "x;type=image/",
        "x;type=../../etc",
        "x;type=image/png/x",
        "x;type=text/plain;charset=\n",
    ],
)
def test_an_address_or_a_type_that_says_nothing_is_no_input(given: str, write: Write) -> None:
    write("x", b"text")

    with pytest.raises(NoInputError):
        attachment(given)


def test_a_file_that_is_not_there_is_no_input(tmp_path: Path) -> None:
    with pytest.raises(NoInputError, match=r"absent\.png: No such file or directory"):
        attachment(f"{tmp_path}/absent.png")


def test_a_directory_is_no_input(tmp_path: Path) -> None:
    with pytest.raises(NoInputError, match="Is a directory"):
        attachment(str(tmp_path))


def test_an_empty_file_is_bad_data(write: Write) -> None:
    with pytest.raises(BadDataError, match=r"a\.png: it is empty"):
        attachment(write("a.png", b""))


# --- sizes


def test_a_file_too_large_for_a_request_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.touch()
    os.truncate(path, 10**12)

    with pytest.raises(BadDataError) as caught:
        attachment(str(path))

    assert str(caught.value) == (
        f"{path}: 1,000,000,000,000 bytes are too many: a request holds 100 MiB, base64 included"
    )
    assert caught.value.hint == "upload the file with the Files API, and attach its URI"


def test_a_pipe_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "MAX_REQUEST", 1024 * 1024)

    with pytest.raises(BadDataError, match="it is too large: a request holds 1 MiB"):
        attachment("/dev/zero;type=image/png")


def test_files_that_are_too_large_together_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "MAX_REQUEST", 100)
    parts = [{"type": "image", "data": "x" * 60}, {"type": "text", "text": "x" * 40}]

    check_size(parts)
    with pytest.raises(BadDataError, match="the attachments are too large together"):
        check_size([*parts, {"type": "image", "uri": "gs://a/b"}, {"type": "text", "text": "x"}])
