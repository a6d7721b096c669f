"""What commands and options are as data."""

import click
import pytest

from gstream.cli import COMMANDS, cli
from gstream.cli.tree import Option, commands, kind_of, program


@click.group(context_settings={"help_option_names": ["--help"]})
def group() -> None:
    """Do things."""


@group.command()
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("--fast", "speed", flag_value="fast", help="Fast.")
@click.option("--slow", "speed", flag_value="slow", help="Slow.")
@click.option("-n", "--number", type=float, default=2.0, show_default=True, metavar="N", help="N.")
@click.option("--note", multiple=True, metavar="TEXT", envvar="NOTE", show_envvar=True, help="T.")
@click.option("--kind", type=click.Choice(["a", "b"]), help="A\n\n  kind.")
def work() -> None:
    """Work hard. With more words."""


WORK = next(commands(group))
OPTIONS = {option.names[-1]: option for option in WORK.options}


def test_a_command_has_its_first_sentence_and_its_operand() -> None:
    assert (WORK.name, WORK.help, WORK.operand) == ("work", "Work hard.", "[FILE]...")


def test_the_program_has_the_options_of_the_group() -> None:
    assert program(group).options == (
        Option(("--help",), ("--help",), "", (), "Show this message and exit.", "", ""),
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param(
            "--number",
            Option(("-n", "--number"), ("-n", "--number"), "N", (), "N.", "2", ""),
            id="default-as-people-write-it",
        ),
        pytest.param(
            "--note", Option(("--note",), (), "TEXT", (), "T.", "", "NOTE"), id="repeatable"
        ),
        pytest.param(
            "--kind",
            Option(("--kind",), ("--kind",), "[a|b]", ("a", "b"), "A kind.", "", ""),
            id="choices",
        ),
        pytest.param(
            "--slow",
            Option(("--slow",), ("--fast", "--slow"), "", (), "Slow.", "", ""),
            id="options-that-exclude-each-other",
        ),
    ],
)
def test_an_option_is_what_was_declared(name: str, expected: Option) -> None:
    assert OPTIONS[name] == expected


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param("--slow", "flag", id="flag"),
        pytest.param("--kind", "choice", id="choice"),
        pytest.param("--note", "word", id="word"),
    ],
)
def test_an_option_knows_what_completes_its_value(name: str, kind: str) -> None:
    assert OPTIONS[name].kind == kind


@pytest.mark.parametrize(
    ("metavar", "kind"),
    [
        pytest.param("FILE", "file", id="file"),
        pytest.param("FILE|URL[;type=MIME]", "file", id="file-or-more"),
        pytest.param("[FILE]...", "file", id="files"),
        pytest.param("RECORDING... [-- COMMAND...]", "file", id="recordings"),
        pytest.param("DIR", "directory", id="directory"),
        pytest.param("JSON|@FILE|-", "@file", id="file-behind-an-at-sign"),
        pytest.param("[HOST:PORT]", "optional", id="optional"),
        pytest.param("PROFILE", "word", id="other-word"),
        pytest.param("", "word", id="none"),
    ],
)
def test_the_name_of_a_value_says_what_completes_it(metavar: str, kind: str) -> None:
    assert kind_of(metavar) == kind


def test_the_commands_are_those_of_the_program() -> None:
    assert {one.name: one.help for one in commands(cli)} == COMMANDS


def test_a_name_means_the_same_in_all_commands() -> None:
    metavars: dict[str, set[tuple[str, str]]] = {}
    for command in commands(cli):
        for option in command.options:
            for name in option.names:
                metavars.setdefault(name, set()).add((option.names[-1], option.metavar))

    assert {name: uses for name, uses in metavars.items() if len(uses) > 1} == {}


def test_a_command_that_cannot_be_had_is_left_out() -> None:
    class Forgetful(click.Group):
        def list_commands(self, ctx: click.Context) -> list[str]:
            return ["gone"]

    assert list(commands(Forgetful("program"))) == []


def test_each_option_has_a_long_form() -> None:
    options = [option for command in commands(cli) for option in command.options]

    assert [one.names for one in options if not any(n.startswith("--") for n in one.names)] == []
