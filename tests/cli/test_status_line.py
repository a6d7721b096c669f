"""The live line: there while something runs on a terminal, gone at the end."""

import signal
import subprocess
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from gstream.cli.status_line import _INTERVAL
from tests import servers
from tests.cli.support_cli import Terminal, started

OPENING = servers.opening("x" * 1234)


def decoding(
    terminal: Terminal, *args: str, **given: Any
) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """A run whose stderr is a terminal, and whose stdout is nowhere unless it is given."""
    given = {"stdout": subprocess.DEVNULL, **given}
    return started("decode", *args, stdin=subprocess.PIPE, stderr=terminal.end, **given)


def _last_line(shown: bytes) -> bytes:
    """What stands in the last line: a CR goes to its start, and what follows is written over it."""
    line = bytearray()
    for part in shown.rpartition(b"\n")[2].split(b"\r"):
        line[: len(part)] = part
    return bytes(line)


@pytest.mark.parametrize(
    ("shown", "line"),
    [
        (b"a\nb", b"b"),
        (b"abc\rde", b"dec"),
        (b"abc\r   \r", b"   "),
        (b"abc\n", b""),
    ],
)
def test_the_reading_of_a_last_line(shown: bytes, line: bytes) -> None:
    assert _last_line(shown) == line


def test_it_shows_time_step_and_characters_and_vanishes() -> None:
    with Terminal() as terminal:
        with decoding(terminal) as process:
            assert process.stdin is not None
            process.stdin.write(OPENING)
            process.stdin.flush()
            shown = terminal.read_until(b"1,234 characters")
            process.communicate(servers.ending(), timeout=servers.DEADLINE)
        rest = terminal.shown()

    assert b" s  model_output  1,234 characters  " in shown
    assert _last_line(shown + rest).strip() == b""
    assert process.returncode == 0


def test_it_waits_before_anything_has_come() -> None:
    with Terminal() as terminal, decoding(terminal):
        assert b"waiting  0 characters" in terminal.read_until(b"characters")


@pytest.mark.parametrize(
    ("args", "env"),
    [
        pytest.param([], {"NO_COLOR": "1"}, id="no-color"),
        pytest.param([], {"TERM": "dumb"}, id="dumb"),
        pytest.param(["-q"], {}, id="quiet"),
    ],
)
def test_it_can_be_turned_off(args: list[str], env: dict[str, str | None]) -> None:
    with Terminal() as terminal:
        with decoding(terminal, *args, env=env) as process:
            process.communicate(OPENING + servers.ending(), timeout=servers.DEADLINE)
        assert terminal.shown() == b""


def test_it_does_not_stand_where_the_text_is_seen() -> None:
    with Terminal() as terminal:
        with decoding(terminal, stdout=terminal.end) as process:
            process.communicate(servers.stream("text"), timeout=servers.DEADLINE)
        assert terminal.shown() == b"text\n"


def test_it_does_not_stand_where_a_pipe_may_show_the_text() -> None:
    with Terminal() as terminal:
        with (
            decoding(terminal, stdout=subprocess.PIPE) as process,
            subprocess.Popen(["tee"], stdin=process.stdout, stdout=terminal.end),
        ):
            assert process.stdin is not None
            process.stdin.write(servers.opening("the answer"))
            process.stdin.flush()
            shown = terminal.read_until(b"the answer")
            time.sleep(2 * _INTERVAL)
            process.stdin.write(servers.ending())
            process.stdin.close()
        assert shown + terminal.shown() == b"the answer\n"


def test_it_stands_beside_a_file(tmp_path: Path) -> None:
    with (
        Terminal() as terminal,
        (tmp_path / "answer").open("wb") as file,
        decoding(terminal, stdout=file) as process,
    ):
        assert process.stdin is not None
        process.stdin.write(OPENING)
        process.stdin.flush()
        assert b"model_output" in terminal.read_until(b"1,234 characters")


def test_other_lines_take_its_place() -> None:
    thought = servers.step_start("thought", 1) + servers.thought_delta("a thought", 1)
    with Terminal() as terminal:
        with decoding(terminal, "--thoughts") as process:
            assert process.stdin is not None
            process.stdin.write(OPENING)
            process.stdin.flush()
            before = terminal.read_until(b"1,234 characters")
            process.communicate(thought + servers.ending(), timeout=servers.DEADLINE)
        shown = before + terminal.shown()

    lines = shown.split(b"\n")
    assert _last_line(lines[0]).strip() == b"a thought"


def test_a_failure_stands_in_its_place() -> None:
    with Terminal() as terminal:
        with decoding(terminal) as process:
            assert process.stdin is not None
            process.stdin.write(OPENING)
            process.stdin.flush()
            before = terminal.read_until(b"1,234 characters")
            process.communicate(b"", timeout=servers.DEADLINE)
        shown = before + terminal.shown()

    assert _last_line(shown.split(b"\n")[0]).strip().startswith(b"gstream: the stream ended")
    assert shown.endswith(b"\n")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_it_vanishes_before_a_signal_ends_the_run(signum: signal.Signals) -> None:
    with Terminal() as terminal:
        with decoding(terminal) as process:
            assert process.stdin is not None
            process.stdin.write(OPENING)
            process.stdin.flush()
            before = terminal.read_until(b"1,234 characters")
            process.send_signal(signum)
            process.wait(servers.DEADLINE)
        shown = before + terminal.shown()

    assert _last_line(shown.split(b"\n")[0]).strip() == b"gstream: interrupted"
    assert process.returncode == -signum


def test_the_type_of_a_step_is_harmless() -> None:
    evil = servers.created() + servers.step_start("\x1b[31m\nevil" + "x" * 100)
    with (
        Terminal() as terminal,
        decoding(terminal) as process,
    ):
        assert process.stdin is not None
        process.stdin.write(evil)
        process.stdin.flush()
        shown = terminal.read_until(b"evilxxx")

    assert b"\\u001b[31m evilxxx" in shown
    assert b"\x1b[31m" not in shown
