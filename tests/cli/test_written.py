"""Files that are written: one for each thing, and none that is read."""

import os
import subprocess
from pathlib import Path

import pytest

from gstream.cli import written
from tests import servers
from tests.cli.support_cli import GSTREAM, create, environment, run, run_bash
from tests.servers import RawServer

ANSWER = servers.stream("ok")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file to be written."""
    return tmp_path / "x"


@pytest.mark.parametrize(
    "options", [("--record", "--stats"), ("--stats", "--cursor"), ("--record", "--cursor")]
)
def test_two_things_are_not_written_to_one_file(options: tuple[str, str], path: Path) -> None:
    link = path.with_name("link")
    link.symlink_to(path)
    with RawServer(servers.answering(ANSWER)) as server:
        got = create(server, options[0], str(path), options[1], str(link))

    assert (got.code, server.requests, path.exists()) == (2, [], False)
    assert got.stderr.endswith("Error: --record, --stats and --cursor need a file each\n")


@pytest.mark.parametrize(
    ("command", "option"),
    [
        pytest.param(["decode"], ["--stats"], id="decode"),
        pytest.param(["decode"], ["--force", "--record"], id="record"),
        pytest.param(["replay"], ["--stats"], id="replay"),
        pytest.param(["create", "--offline", "-f"], ["--cursor"], id="create"),
    ],
)
def test_a_file_that_is_read_is_not_written(
    command: list[str], option: list[str], path: Path
) -> None:
    path.write_bytes(ANSWER)

    got = run(*command, str(path), *option, str(path))

    assert (got.code, got.stdout, path.read_bytes()) == (2, b"", ANSWER)
    assert got.stderr.endswith(f"Error: {path} is read: nothing else can be written to it\n")


@pytest.mark.parametrize("mode", ["wb", "ab"])
@pytest.mark.parametrize(
    "options", [["--record"], ["--force", "--record"], ["--stats"], ["--cursor"]]
)
def test_the_file_that_stdout_goes_to_is_not_written(
    options: list[str], mode: str, path: Path
) -> None:
    command = [*GSTREAM, "create", "--offline", "-p", "Count from 1 to 25.", *options, str(path)]
    with path.open(mode) as stdout:
        got = subprocess.run(
            command, env=environment(), stdout=stdout, stderr=subprocess.PIPE, check=False
        )

    assert (got.returncode, path.read_bytes()) == (2, b"")
    told = f"Error: {path} is where stdout goes: it needs a file of its own\n"
    assert got.stderr.decode().endswith(told)


def test_a_closed_stdout_goes_to_no_file(path: Path) -> None:
    path.touch()

    got = run_bash('gstream create --offline -p "Count from 1 to 25." --stats "$1" >&-', str(path))

    assert (got.code, got.stdout, path.read_bytes()) == (74, b"", b"")


def test_a_stdout_that_cannot_be_asked_is_no_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.touch()
    with monkeypatch.context() as patch:
        patch.setattr("os.fstat", lambda _fd: os.stat(path / "none"))

        assert not written._is_stdout(str(path))


@pytest.mark.parametrize("names", [("/dev/null", "/dev/null"), ("-", "/dev/null")])
def test_what_is_no_regular_file_can_be_named_twice(names: tuple[str, str], path: Path) -> None:
    stats, record = names

    got = run("decode", "--stats", stats, "--record", record, "--force", stdin=ANSWER)

    assert (got.code, got.text) == (0, "ok\n")
