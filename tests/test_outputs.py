"""Opening files to write to: pipes are never waited for."""

import errno
import os
from pathlib import Path

import pytest

from gstream.outputs import open_output, write_all


def test_a_file_is_opened_and_written(tmp_path: Path) -> None:
    fd = open_output(str(tmp_path / "x"), os.O_CREAT, 0o600)
    write_all(fd, b"abc")
    os.close(fd)

    assert (tmp_path / "x").read_bytes() == b"abc"
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600


def test_a_pipe_that_nobody_reads_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(OSError, match="nobody reads from this pipe") as caught:
        open_output(str(tmp_path / "pipe"), 0)
    assert caught.value.strerror == "nobody reads from this pipe"


def test_a_pipe_with_a_reader_is_written_as_it_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)

    fd = open_output(str(tmp_path / "pipe"), os.O_CREAT)

    assert os.get_blocking(fd)
    write_all(fd, b"abc")
    assert os.read(reader, 9) == b"abc"
    os.close(fd)
    os.close(reader)


@pytest.mark.parametrize(
    ("name", "code"), [("no/x", errno.ENOENT), (".", errno.EISDIR), ("socket", errno.ENXIO)]
)
def test_what_cannot_be_opened_says_why(
    name: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        with pytest.raises(OSError) as caught:  # noqa: PT011 - the code is looked at
            open_output(name, os.O_CREAT)

    assert (caught.value.errno, caught.value.strerror) == (code, os.strerror(code))


def test_what_is_written_in_pieces_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:2]))
    fd = open_output(str(tmp_path / "x"), os.O_CREAT)

    write_all(fd, b"abcde")

    assert (tmp_path / "x").read_bytes() == b"abcde"
    os.close(fd)
