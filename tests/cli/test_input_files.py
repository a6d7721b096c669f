import os
import threading
from pathlib import Path

import pytest

from gstream.cli.input_files import chunks_of
from gstream.errors import NoInputError
from tests.cli.support_cli import run


def test_reads_a_file_in_chunks(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(bytes(1_000_000))

    sizes = [len(chunk) for chunk in chunks_of(str(path))]

    assert sum(sizes) == 1_000_000
    assert max(sizes) <= 262_144


def test_hands_on_what_a_pipe_holds_at_once(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = os.open(path, os.O_RDWR)
    os.write(writer, b"first")

    chunks = chunks_of(str(path))

    assert next(chunks) == b"first"
    os.write(writer, b"second")
    assert next(chunks) == b"second"
    os.close(writer)


def test_waits_for_a_pipe_that_somebody_has_set_not_to_block() -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    before = os.dup(0)
    os.dup2(reading, 0)
    try:
        chunks = chunks_of("-")
        later = threading.Timer(0.05, os.write, [writing, b"late"])
        later.start()

        assert next(chunks) == b"late"
        os.close(writing)
        assert list(chunks) == []
    finally:
        os.dup2(before, 0)
        os.close(before)
        os.close(reading)


@pytest.mark.parametrize(
    ("name", "why"), [("missing", "No such file or directory"), (".", "Is a directory")]
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(NoInputError, match=f"{name}: {why}"):
        list(chunks_of(str(tmp_path / name)))


def test_an_abandoned_file_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(bytes(1_000_000))
    open_before = len(os.listdir("/dev/fd"))

    chunks = chunks_of(str(path))
    next(chunks)
    chunks.close()  # type: ignore[attr-defined]  # a generator

    assert len(os.listdir("/dev/fd")) == open_before


@pytest.mark.parametrize("view", ["--text", "--ndjson"])
def test_a_name_that_is_no_text_is_told_everywhere(view: str, tmp_path: Path) -> None:
    name = os.fsdecode(b"no\xff")

    got = run("decode", view, name, "--record", str(tmp_path / "r.sse"))

    assert (got.code, got.stderr) == (66, "gstream: no?: No such file or directory\n")
    assert b'"message":"no?: No such file or directory"' in (tmp_path / "r.sse").read_bytes()
