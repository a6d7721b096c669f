"""A folder of files that appear whole: names, collisions, links, and file systems without links."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from gstream.errors import CannotCreateError
from gstream.folder import Folder


def writing(data: bytes) -> Callable[[BinaryIO], object]:
    return lambda file: file.write(data)


def names(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir())


def test_a_folder_is_made_with_all_its_parents(tmp_path: Path) -> None:
    Folder(str(tmp_path / "a" / "b"))

    assert (tmp_path / "a" / "b").is_dir()


def test_a_file_is_there_with_its_size(tmp_path: Path) -> None:
    size = Folder(str(tmp_path)).add("001-image.png", writing(b"data"))

    assert (size, names(tmp_path)) == (4, ["001-image.png"])
    assert (tmp_path / "001-image.png").read_bytes() == b"data"


def test_a_file_has_the_mode_that_the_user_wants(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        Folder(str(tmp_path)).add("a", writing(b""))
    finally:
        os.umask(before)

    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_a_file_is_seen_only_when_it_is_whole(tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def write(file: BinaryIO) -> None:
        file.write(b"half")
        file.flush()
        seen.append([name for name in names(tmp_path) if not name.startswith(".")])

    Folder(str(tmp_path)).add("a", write)

    assert seen == [[]]
    assert names(tmp_path) == ["a"]


def test_nothing_is_left_of_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    def fail(_file: BinaryIO) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space"):
        Folder(str(tmp_path)).add("a", fail)

    assert names(tmp_path) == []


@pytest.fixture(params=["links", "no-links"])
def folder(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Folder:
    """A folder on a file system with hard links, and on one without."""
    if request.param == "no-links":

        def refuse(*_args: object, **_given: object) -> None:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))

        monkeypatch.setattr(os, "link", refuse)
    return Folder(str(tmp_path))


def test_a_file_is_written_on_any_file_system(folder: Folder, tmp_path: Path) -> None:
    folder.add("a", writing(b"data"))

    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"data"


def test_a_file_that_is_there_is_never_replaced(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")

    with pytest.raises(FileExistsError):
        folder.add("a", writing(b"new"))

    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


@pytest.mark.parametrize("target", ["outside", "absent"])
def test_a_link_is_not_followed(target: str, folder: Folder, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.write_bytes(b"old")
    (tmp_path / "a").symlink_to(outside if target == "outside" else tmp_path.parent / "absent")

    with pytest.raises(FileExistsError):
        folder.add("a", writing(b"new"))

    assert outside.read_bytes() == b"old"
    assert not (tmp_path.parent / "absent").exists()
    outside.unlink()


def test_files_go_to_the_folder_that_was_opened_whatever_its_name_means_now(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "out"))
    (tmp_path / "out").rename(tmp_path / "moved")
    (tmp_path / "out").symlink_to("/etc")

    folder.add("a", writing(b"data"))

    assert (tmp_path / "moved" / "a").read_bytes() == b"data"


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        pytest.param([], 0, id="empty"),
        pytest.param(["001-image.png", "017-audio.wav"], 17, id="numbers"),
        pytest.param(["1000-image.png", "999-image.png"], 1000, id="four-digits"),
        pytest.param(["notes.txt", "a-1", "-5-x", ".003-image.png.1a"], 0, id="others"),
        pytest.param([f"{'9' * 30}-x"], 0, id="too-long"),
    ],
)
def test_numbers_go_on_after_the_highest(present: list[str], expected: int, tmp_path: Path) -> None:
    for name in present:
        (tmp_path / name).touch()

    assert Folder(str(tmp_path)).highest_number() == expected


def test_a_file_in_its_place_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "a").touch()

    with pytest.raises(CannotCreateError, match="a: Not a directory"):
        Folder(str(tmp_path / "a"))


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").touch()

    with pytest.raises(CannotCreateError, match="a/b: Not a directory"):
        Folder(str(tmp_path / "a" / "b"))


def test_a_folder_that_cannot_be_written_to_is_told() -> None:
    with pytest.raises(CannotCreateError):
        Folder("/proc/self")
