"""Completion in the real shells: what a TAB makes of a line, with no program started."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from gstream.cli import cli
from gstream.cli.completions import fish, zsh
from gstream.cli.tree import Command, Option
from tests.cli.support_cli import run, run_bash

COMPLETIONS = Path(__file__).parents[2] / "completions"
DEADLINE = 20.0

# Notes down the words that it is called with; a TAB that starts it leaves a line too many.
NOTEPAD = """#!/bin/sh
{ printf '<%s>' "$@"; echo; } >> "$NOTES"
"""

SETUP = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
}
READY = {
    "bash": f"source {COMPLETIONS}/gstream.bash; gstream ready",
    "zsh": f"fpath=({COMPLETIONS} $fpath); autoload -Uz compinit; compinit -D -u; gstream ready",
}

CASES = [
    pytest.param("cre", "create", id="command"),
    pytest.param("--vers", "--version", id="option-of-the-program"),
    pytest.param("create --dry", "create --dry-run", id="option"),
    pytest.param("create --flush li", "create --flush line", id="choice"),
    pytest.param("create --flush=li", "create --flush=line", id="choice-behind-an-equals-sign"),
    pytest.param("decode ans", "decode answer.sse", id="operand-that-is-a-file"),
    pytest.param("create -p Hi -f ans", "create -p Hi -f answer.sse", id="value-that-is-a-file"),
    pytest.param("create -T @ans", "create -T @answer.sse", id="file-behind-an-at-sign"),
    pytest.param("create -d @tapes/in", "create -d @tapes/inner.sse", id="within-a-directory"),
    pytest.param("create -d @ta\ts/in", "create -d @tapes/inner.sse", id="several-behind-an-at"),
    pytest.param("create -d @tapes\tin", "create -d @tapes/inner.sse", id="directory-behind-an-at"),
    pytest.param("create --cassette ta", "create --cassette tapes", id="directory-not-a-file"),
    pytest.param("replay --serve ans", "replay --serve answer.sse", id="optional-value-not-given"),
    pytest.param("create -p ans", "create -p ans", id="nothing-for-a-text"),
    pytest.param("resume --last", "resume --last-event-id", id="option-of-another-command"),
    pytest.param("resume v1 --last", "resume v1 --last-event-id", id="option-after-an-operand"),
    pytest.param("resume ans", "resume ans", id="nothing-for-an-operand-that-is-no-file"),
]
AT_ONCE = [case for case in CASES if "\t" not in str(case.values[0])]


class Shell:
    """An interactive shell at a terminal, in a directory of its own."""

    def __init__(self, name: str, place: Path) -> None:
        self._notes = prepare(place)
        self._seen = 0
        master, slave = pty.openpty()
        self._terminal = os.fdopen(master, "r+b", buffering=0)
        self._process = subprocess.Popen(
            SETUP[name],
            cwd=place,
            env=environment(place),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def enter(self, keys: str) -> list[str]:
        """The calls of gstream that keys and a return lead to, each as its words."""
        self._terminal.write(keys.encode() + b"\n")
        deadline = time.monotonic() + DEADLINE
        while len(self._calls()) == self._seen and time.monotonic() < deadline:
            if select.select([self._terminal], [], [], 0.01)[0]:
                os.read(self._terminal.fileno(), 65536)  # a full terminal would stop the shell
        calls = self._calls()[self._seen :]
        self._seen += len(calls)
        return calls

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._terminal.close()

    def _calls(self) -> list[str]:
        return [line for line in self._notes.read_text().splitlines(keepends=True) if "\n" in line]


def prepare(place: Path) -> Path:
    """Fill a directory with things that can be completed; returns the file of notes."""
    (place / "bin").mkdir()
    (place / "bin" / "gstream").write_text(NOTEPAD)
    (place / "bin" / "gstream").chmod(0o755)
    (place / "answer.sse").touch()
    (place / "tape.txt").touch()
    (place / "tapes").mkdir()
    (place / "tapes" / "inner.sse").touch()
    notes = place / "notes"
    notes.touch()
    return notes


def environment(place: Path) -> dict[str, str]:
    """The environment of a shell whose gstream notes down its calls."""
    return {
        "PATH": f"{place}/bin:{os.environ['PATH']}",
        "HOME": str(place),
        "NOTES": str(place / "notes"),
        "TERM": "dumb",
        "LC_ALL": "C.UTF-8",
    }


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=pytest.mark.needs(name)) for name in SETUP],
)
def shell(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shell]:
    name = str(request.param)
    with closing(Shell(name, tmp_path_factory.mktemp(name))) as running:
        assert running.enter(READY[name]) == ["<ready>\n"]
        yield running


@pytest.mark.parametrize(("typed", "completed"), CASES)
def test_a_tab_completes_the_word_without_starting_the_program(
    shell: Shell, typed: str, completed: str
) -> None:
    [words] = shell.enter(f"gstream {typed}\t")

    assert re.findall(r"<(.*?)/?>", words) == completed.split()


@pytest.mark.needs("fish")
@pytest.mark.parametrize(("typed", "completed"), AT_ONCE)
def test_fish_completes_the_word_without_starting_the_program(
    typed: str, completed: str, tmp_path: Path
) -> None:
    notes = prepare(tmp_path)
    script = f"source {COMPLETIONS}/gstream.fish; complete -C 'gstream {typed}'"

    found = subprocess.run(
        ["fish", "--no-config", "-c", script],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        check=True,
    )

    words = [line.partition("\t")[0] for line in found.stdout.decode().splitlines()]
    expected = [] if typed == completed else [completed.rsplit(maxsplit=1)[-1]]
    assert ([word.rstrip("/") for word in words], notes.read_text()) == (expected, "")


@pytest.mark.parametrize(
    ("shell_name", "script"),
    [
        pytest.param("bash", "gstream.bash", id="bash"),
        pytest.param("zsh", "_gstream", id="zsh", marks=pytest.mark.needs("zsh")),
        pytest.param("fish", "gstream.fish", id="fish", marks=pytest.mark.needs("fish")),
    ],
)
def test_the_shell_can_read_its_script(shell_name: str, script: str) -> None:
    read = subprocess.run(
        [shell_name, "-n", str(COMPLETIONS / script)], capture_output=True, check=False
    )

    assert (read.returncode, read.stdout, read.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    ("words", "found", "module"),
    [
        pytest.param("gstream create --fl", "--flush", "httpx", id="option"),
        pytest.param("gstream cre", "create", "gstream.cli.create", id="command"),
    ],
)
def test_the_completion_that_click_offers_loads_only_what_it_needs(
    words: str, found: str, module: str
) -> None:
    env = {
        **os.environ,
        "_GSTREAM_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    program = (
        f"import atexit, sys; atexit.register(lambda: print({module!r} in sys.modules));"
        "from gstream.cli import cli; cli(prog_name='gstream')"
    )

    ran = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, check=True)

    assert ran.stdout.decode().split("\n")[:2] == [f"plain,{found}", "False"]


def test_the_completion_of_click_offers_no_options_of_a_command_that_is_none() -> None:
    complete = ShellComplete(cli, {}, "gstream", "_GSTREAM_COMPLETE")

    assert [item.value for item in complete.get_completions(["creat"], "--fl")] == []


AWKWARD = Option(("--odd",), ("--odd",), "A:B", (), "It's [a: b\\c].", "", "")


@pytest.mark.needs("zsh")
def test_awkward_words_are_quoted_for_zsh(tmp_path: Path) -> None:
    spec = zsh(Command("gstream", "", "", (AWKWARD,)), [])["options"].strip().rstrip("\\")

    shown = subprocess.run(
        ["zsh", "-f", "-c", f"print -r -- {spec}"], capture_output=True, check=True
    )

    assert shown.stdout == b"(--odd)--odd=[It's \\[a\\: b\\\\c\\].]:A\\:B:\n"


@pytest.mark.needs("fish")
def test_awkward_words_are_quoted_for_fish() -> None:
    line = fish(Command("gstream", "", "", (AWKWARD,)), [])["lines"]
    script = f"{line}; complete -C 'gstream --od'"

    shown = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, check=True)

    assert shown.stdout.decode() == "--odd\tIt's [a: b\\c].\n"


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        pytest.param("bash_complete", None, id="no-line"),
        pytest.param("zsh_complete", "second", id="no-number"),
        pytest.param("fish_complete", " ", id="no-word"),
        pytest.param("korn_complete", "1", id="another-shell"),
        pytest.param("complete", "1", id="no-shell"),
    ],
)
def test_asking_for_completions_without_a_line_to_complete_is_78(
    asked: str, word: str | None
) -> None:
    line = {} if word is None else {"COMP_WORDS": "gstream cre", "COMP_CWORD": word}
    got = run(env={"_GSTREAM_COMPLETE": asked, **line})

    assert (got.code, got.stdout) == (78, b"")
    assert got.stderr.startswith("gstream: _GSTREAM_COMPLETE=")


def test_completions_for_a_full_stdout_are_74() -> None:
    got = run_bash("gstream > /dev/full", env={"_GSTREAM_COMPLETE": "bash_source"})

    assert (got.code, got.stderr) == (74, "gstream: standard output: No space left on device\n")
