"""The file of a cursor: replaced in one step, bounded, and used by one run at a time."""

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gstream.cursor import Cursor, dump
from gstream.cursor_file import MAX_SIZE, CursorFile
from gstream.errors import BadDataError, CannotCreateError

KEPT = Cursor("i1", "e7", "json", "in_progress")
OTHER = Cursor("i2")


def opened(path: Path, *, new: bool = True) -> CursorFile:
    return CursorFile(str(path), new=new)


def saved(path: Path, cursor: Cursor = KEPT) -> None:
    file = opened(path)
    file.save(cursor)
    file.close()


def loaded(path: Path) -> Cursor | None:
    file = opened(path, new=False)
    try:
        return file.load()
    finally:
        file.close()


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    saved(tmp_path / "c")

    assert loaded(tmp_path / "c") == KEPT


def test_the_newest_is_loaded(tmp_path: Path) -> None:
    file = opened(tmp_path / "c")
    for number in range(5):
        file.save(Cursor(f"i{number}"))

    assert file.load() == Cursor("i4")


def test_an_empty_file_holds_no_cursor(tmp_path: Path) -> None:
    (tmp_path / "c").write_text("\n")

    assert loaded(tmp_path / "c") is None


def test_a_file_that_is_not_there_holds_none_and_is_not_made_for_that(tmp_path: Path) -> None:
    assert loaded(tmp_path / "c") is None
    assert os.listdir(tmp_path) == []


def test_a_file_that_was_made_for_nothing_is_removed(tmp_path: Path) -> None:
    file = opened(tmp_path / "c")
    assert os.listdir(tmp_path) == ["c"]

    file.close()

    assert os.listdir(tmp_path) == []


def test_an_empty_file_of_the_user_stays(tmp_path: Path) -> None:
    (tmp_path / "c").touch()

    opened(tmp_path / "c").close()

    assert os.listdir(tmp_path) == ["c"]


def test_only_the_owner_can_read_it_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    saved(tmp_path / "c")

    assert (tmp_path / "c").stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["c"]


def test_a_link_stays_one_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "c").symlink_to("there/real")

    saved(tmp_path / "c")
    saved(tmp_path / "c", OTHER)

    assert (tmp_path / "c").is_symlink()
    assert loaded(tmp_path / "there" / "real") == OTHER
    assert os.listdir(tmp_path / "there") == ["real"]


# --- what is no cursor file


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(path))


@pytest.mark.parametrize(
    "make", [_fifo, _socket, Path.mkdir, lambda path: path.symlink_to("/dev/null")]
)
@pytest.mark.parametrize("new", [True, False])
def test_what_is_no_regular_file_is_refused_and_stays(
    make: object, new: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert callable(make)
    make(tmp_path / "c")
    before = os.lstat("c")

    with pytest.raises(CannotCreateError, match=r"^--cursor c: it is no regular file$"):
        CursorFile("c", new=new)

    assert os.lstat("c") == before


def test_a_file_that_cannot_be_read_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pread(_fd: int, _size: int, _offset: int) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    saved(tmp_path / "c")
    monkeypatch.setattr(os, "pread", pread)

    with pytest.raises(CannotCreateError, match=r"/c: Input/output error$"):
        loaded(tmp_path / "c")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "c").open("wb") as file:
        file.truncate(MAX_SIZE + 1)

    with pytest.raises(BadDataError, match="this is no cursor of gstream"):
        loaded(tmp_path / "c")


def test_another_content_is_refused_and_stays(tmp_path: Path) -> None:
    (tmp_path / "c").write_text("my notes")

    with pytest.raises(BadDataError, match="this is no cursor of gstream"):
        loaded(tmp_path / "c")
    assert (tmp_path / "c").read_text() == "my notes"


def test_a_directory_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(CannotCreateError, match="No such file or directory"):
        opened(tmp_path / "no" / "c")


def test_a_working_directory_that_is_gone_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()

    with pytest.raises(CannotCreateError, match=r"^--cursor c: No such file or directory$"):
        CursorFile("c", new=True)


def test_a_directory_that_nothing_can_be_written_to_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(tmp_path / "c")
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)  # root may write everywhere

    with pytest.raises(CannotCreateError, match="nothing can be written to its directory"):
        opened(tmp_path / "c")


def test_a_full_disk_leaves_the_cursor_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(_fd: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    file = opened(tmp_path / "c")
    file.save(KEPT)
    monkeypatch.setattr(os, "write", write)

    with pytest.raises(CannotCreateError, match=r"/c: No space left on device$"):
        file.save(OTHER)
    assert file.load() == KEPT
    assert os.listdir(tmp_path) == ["c"]


def test_what_is_written_in_pieces_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:7]))

    saved(tmp_path / "c")

    assert (tmp_path / "c").read_bytes() == dump(KEPT)


# --- one run at a time


def test_a_file_in_use_is_refused(tmp_path: Path) -> None:
    first = opened(tmp_path / "c")

    with pytest.raises(CannotCreateError, match=r"^--cursor .*/c: another run is using it$"):
        opened(tmp_path / "c")
    first.close()
    opened(tmp_path / "c").close()


def test_a_file_stays_in_use_over_each_write(tmp_path: Path) -> None:
    first = opened(tmp_path / "c")
    for _ in range(3):
        first.save(KEPT)
        with pytest.raises(CannotCreateError, match="another run is using it"):
            opened(tmp_path / "c", new=False)


def test_a_link_to_a_file_in_use_is_in_use(tmp_path: Path) -> None:
    first = opened(tmp_path / "c")
    (tmp_path / "link").symlink_to("c")

    with pytest.raises(CannotCreateError, match=r"link: another run is using it$"):
        opened(tmp_path / "link")
    first.close()


def test_a_file_that_was_replaced_before_it_was_locked_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(tmp_path / "c")
    real = fcntl.flock

    def replace_first(fd: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", real)
        (tmp_path / "new").write_bytes(dump(OTHER))
        (tmp_path / "new").replace(tmp_path / "c")
        real(fd, operation)

    monkeypatch.setattr(fcntl, "flock", replace_first)
    file = opened(tmp_path / "c")

    assert file.load() == OTHER


def test_a_file_that_was_removed_before_it_was_locked_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(tmp_path / "c")
    monkeypatch.setattr(fcntl, "flock", lambda _fd, _operation: (tmp_path / "c").unlink())

    assert loaded(tmp_path / "c") is None


def test_a_process_that_was_killed_gives_it_up(tmp_path: Path) -> None:
    code = (
        "import os, sys, signal; from gstream.cursor_file import CursorFile; "
        "file = CursorFile(sys.argv[1], new=True); os.kill(os.getpid(), signal.SIGKILL)"
    )

    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "c")], check=False)

    assert done.returncode == -9
    assert loaded(tmp_path / "c") is None


def test_a_file_system_without_locks_is_used_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(_fd: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    saved(tmp_path / "c")

    assert loaded(tmp_path / "c") == KEPT
