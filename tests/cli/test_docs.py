"""Man pages and completions are fresh, readable, and show what the program takes."""

import inspect
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from _pytest.mark.structures import ParameterSet
from click.testing import CliRunner

from gstream.cli import COMMANDS, cli
from gstream.cli.docs import ROOT, filled, main, stale
from gstream.cli.tree import commands
from gstream.errors import EXIT_CODES
from tests.cli.support_cli import run, run_command

PAGES = sorted((ROOT / "man").glob("*.[15]"))
COMMAND_PAGES = [ROOT / "man" / f"gstream-{name}.1" for name in COMMANDS]

# The one complaint that is right: a date would have to be edited by hand.
NO_DATE = 'WARNING: missing date, using "": TH'


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A root with the sources of all documents and nothing else."""
    for name in ("man", "completions"):
        (tmp_path / name / "src").mkdir(parents=True)
        for source in (ROOT / name / "src").iterdir():
            (tmp_path / name / "src" / source.name).write_text(source.read_text())
    return tmp_path


# --- the generator


def test_generated_files_are_fresh() -> None:
    assert stale(ROOT) == [], "run: python -m gstream.cli.docs"


def test_the_module_is_a_program() -> None:
    command = [sys.executable, "-m", "gstream.cli.docs", "--check"]

    ran = subprocess.run(command, capture_output=True, check=False)

    assert (ran.returncode, ran.stdout) == (0, b"")


def test_what_was_written_is_fresh(copy: Path) -> None:
    assert main([], copy) == 0
    assert main(["--check"], copy) == 0


@pytest.mark.parametrize("name", ["man/gstream.1", "completions/_gstream"])
def test_a_file_that_differs_is_named(
    name: str, copy: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    main([], copy)
    (copy / name).write_text("old")

    assert main(["--check"], copy) == 1
    assert capfd.readouterr().err == (
        f"gstream: {name} is stale; run: python -m gstream.cli.docs\n"
    )


def test_a_check_writes_nothing(copy: Path) -> None:
    assert main(["--check"], copy) == 1
    assert list((copy / "man").iterdir()) == [copy / "man" / "src"]


def test_without_sources_nothing_is_written(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([], tmp_path) == 66
    assert capfd.readouterr().err == (
        f"gstream: documents: {tmp_path}/man/src: no sources of documents here\n"
    )


def test_what_no_part_fills_is_refused() -> None:
    with pytest.raises(KeyError, match="options nothing"):
        filled("a {{options nothing}} b", {"options create": ""})


# --- the pages


@pytest.mark.needs("mandoc")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_mandoc_has_nothing_to_say_but_that_there_is_no_date(page: Path) -> None:
    lint = subprocess.run(["mandoc", "-Tlint", page], capture_output=True, check=False)

    [complaint] = lint.stdout.decode().splitlines()
    assert complaint.endswith(NO_DATE)


@pytest.mark.needs("man", "groff")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["man", "--warnings", "-l"], id="man"),
        pytest.param(["groff", "-man", "-ww", "-z"], id="groff"),
    ],
)
def test_a_page_is_shown_without_a_warning(page: Path, command: list[str]) -> None:
    shown = subprocess.run([*command, page], capture_output=True, check=True)

    assert shown.stderr == b""


@pytest.mark.needs("lexgrog")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_found_by_its_name_and_what_it_says_of_it(page: Path) -> None:
    found = subprocess.run(["lexgrog", page], capture_output=True, check=True).stdout.decode()

    assert f': "{page.stem} - ' in found


@pytest.mark.parametrize("page", COMMAND_PAGES, ids=lambda page: page.name)
def test_the_page_of_a_command_has_all_sections(page: Path) -> None:
    headings = re.findall(r"^\.SH (.*)$", page.read_text(), re.MULTILINE)

    assert [one for one in headings if one not in {"ENVIRONMENT", "FILES"}] == [
        "NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES", "SEE ALSO",
    ]  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_of_a_command_explains_each_option(name: str) -> None:
    page = (ROOT / "man" / f"gstream-{name}.1").read_text().replace("\\", "")
    [command] = [one for one in commands(cli) if one.name == name]

    terms = re.findall(r"^\.TP\n(.*)$", page, re.MULTILINE)

    assert [term for term in terms if term.startswith("fB-")] == [
        ", ".join(f"fB{name}fR" for name in option.names)
        + (f" fI{option.metavar}fR" if option.metavar else "")
        for option in command.options
    ]


@pytest.mark.parametrize("page", [*COMMAND_PAGES, ROOT / "man" / "gstream.1"], ids=lambda p: p.name)
def test_a_page_explains_each_exit_code(page: Path) -> None:
    codes = re.findall(r"^\\fB(\d+)\\fR \((.*)\)$", page.read_text(), re.MULTILINE)

    assert codes == [(str(row.code), row.name) for row in EXIT_CODES]


def test_the_page_of_the_program_explains_each_variable_that_an_option_names() -> None:
    section = (ROOT / "man" / "src" / "gstream.1.md").read_text().partition("# ENVIRONMENT")[2]
    named = {option.envvar for command in commands(cli) for option in command.options} - {""}

    assert {variable for variable in named if f"`{variable}`\n: " not in section} == set()


# --- examples


def calls(text: str) -> Iterator[list[str]]:
    """The words after `gstream` in each call of it in some lines of shell."""
    for line in text.replace("\\\n", "").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words: list[str] | None = None
        for word in [*lexer, ";"]:
            if set(word) <= set("();<>|&"):
                yield from [] if words is None else [words]
                words = None
            elif words is not None:
                words.append(word)
            elif word == "gstream":
                words = []


def examples() -> Iterator[ParameterSet]:
    for source in sorted((ROOT / "man" / "src").iterdir()):
        section = source.read_text().partition("# EXAMPLES")[2]
        indented = "\n".join(re.findall(r"^    (.*)$", section, re.MULTILINE))
        for number, words in enumerate(calls(indented)):
            yield pytest.param(words, id=f"{source.stem}-{number}")
    for name in COMMANDS:
        for number, words in enumerate(calls(help_examples(name))):
            yield pytest.param(words, id=f"help-of-{name}-{number}")


def command_named(name: str) -> click.Command:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    return command


def help_examples(name: str) -> str:
    return inspect.cleandoc(command_named(name).help or "").partition("\b\n")[2]


@pytest.mark.parametrize("words", list(examples()))
def test_an_example_is_a_call_that_the_program_takes(words: list[str]) -> None:
    context = command_named(words[0]).make_context(words[0], words[1:])

    assert context.params != {}


def test_the_examples_of_a_text_are_found() -> None:
    text = "curl x | gstream decode -q > y # so\ngstream create -p 'a | b' \\\n  --json; gstream"

    assert list(calls(text)) == [["decode", "-q"], ["create", "-p", "a | b", "--json"], []]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_shows_examples_of_it(name: str) -> None:
    assert name in {words[0] for words in calls(help_examples(name))}
    assert help_examples(name).splitlines()[0] in run(name, "--help").text


@pytest.mark.parametrize("words", [[], *([name] for name in COMMANDS)], ids=" ".join)
def test_the_help_needs_no_docstrings(words: list[str]) -> None:
    bare = run_command([sys.executable, "-OO", "-m", "gstream", *words, "--help"])

    assert bare == run_command([sys.executable, "-m", "gstream", *words, "--help"])


def test_the_help_of_the_program_lists_the_commands() -> None:
    listed = CliRunner().invoke(cli, ["--help"]).stdout.partition("Commands:\n")[2]

    rows = [line.split(maxsplit=1) for line in listed.splitlines()]
    assert rows == [[name, COMMANDS[name]] for name in sorted(COMMANDS)]


@pytest.mark.parametrize("page", COMMAND_PAGES, ids=lambda page: page.name)
def test_the_page_of_a_command_shows_examples_of_it(page: Path) -> None:
    section = page.read_text().partition(".SH EXAMPLES")[2]

    assert f"gstream {page.stem.removeprefix('gstream-')} " in section


# --- words that are nearly right


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["creat"], "No such command 'creat'. Did you mean 'create'?", id="command"),
        pytest.param(["xyz"], "No such command 'xyz'.", id="no-command-is-near"),
        pytest.param(
            ["--json"],
            "No such option '--json' here: options follow a command: gstream create --json …",
            id="option-of-a-command",
        ),
        pytest.param(
            ["--verison"], "No such option '--verison'. Did you mean '--version'?", id="nearly"
        ),
        pytest.param(
            ["Explain SSE."],
            "No such command 'Explain SSE.'. A prompt belongs to create: gstream create -p …",
            id="a-prompt-is-no-command",
        ),
        pytest.param(["--verson"], "Did you mean '--version'?", id="option-of-the-program"),
        pytest.param(["create", "--promt", "x"], "Did you mean '--prompt'?", id="option"),
    ],
)
def test_a_mistyped_word_is_answered_by_the_one_that_is_near(words: list[str], said: str) -> None:
    result = CliRunner().invoke(cli, words)

    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].endswith(said)
