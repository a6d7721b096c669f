"""The file of `--stats` as a user names it."""

import json
import os
from pathlib import Path

import pytest

from gstream.cli.stats_file import StatsFile
from gstream.errors import CannotCreateError
from tests import servers
from tests.cli.support_cli import create, run
from tests.servers import RawServer

ANSWER = servers.stream("ok")
STATS = {"exit_code": 0}


def test_a_file_is_opened_before_and_written_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("a long content of a run before\n")

    file = StatsFile(str(path))
    assert path.read_text() == "a long content of a run before\n"

    assert file.write(STATS) is None
    assert path.read_text() == '{"exit_code":0}\n'


def test_a_pipe_gets_them_from_one_opening(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)

    assert StatsFile(str(tmp_path / "pipe")).write(STATS) is None

    assert os.read(reader, 99) == b'{"exit_code":0}\n'
    assert os.read(reader, 99) == b""
    os.close(reader)


def test_a_pipe_whose_reader_has_gone_cannot_be_written(tmp_path: Path) -> None:
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    file = StatsFile(path)
    os.close(reader)

    problem = file.write(STATS)

    assert (str(problem), problem and problem.exit_code) == (f"--stats {path}: Broken pipe", 73)


def test_a_pipe_that_nobody_reads_is_refused_before_any_request(tmp_path: Path) -> None:
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    with RawServer(servers.answering(ANSWER)) as server:
        got = create(server, "--stats", path, "--max-time", "60")

    assert (got.code, got.stdout, server.requests) == (73, b"", [])
    assert got.stderr == f"gstream: --stats {path}: nobody reads from this pipe\n"


@pytest.mark.parametrize("name", ["/nowhere/s", "/"])
def test_what_cannot_be_opened_is_told(name: str) -> None:
    with pytest.raises(CannotCreateError, match=rf"^--stats {name}: "):
        StatsFile(name)


def test_a_full_device_cannot_be_written_and_is_told_once() -> None:
    got = run("decode", "--stats", "/dev/full", stdin=ANSWER)

    assert (got.code, got.text) == (73, "ok\n")
    assert got.stderr == "gstream: --stats /dev/full: No space left on device\n"


def test_another_failure_weighs_more_than_a_full_device() -> None:
    got = run("decode", "--stats", "/dev/full", stdin=servers.opening("half"))

    assert got.code == 76
    assert got.stderr.count("/dev/full") == 1


def test_standard_error_needs_no_file(capfd: pytest.CaptureFixture[str]) -> None:
    assert StatsFile("-").write(STATS) is None

    assert json.loads(capfd.readouterr().err) == STATS
