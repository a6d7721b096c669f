"""Documents that cannot lie: what the README shows is run, what it lists is compared."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from gstream.cli import COMMANDS, cli
from gstream.errors import EXIT_CODES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def examples() -> Iterator[tuple[str, str]]:
    """Each command of a console block with the output that stands below it."""
    for block in re.findall(r"^```console\n(.*?)^```", README, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            while command.endswith("\\"):
                more, _, output = output.partition("\n")
                command = f"{command}\n{more}"
            yield command, output


EXAMPLES = list(examples())


def exit_code_table() -> str:
    rows = "\n".join(f"| {row.code} | {row.name} | {row.when} |" for row in EXIT_CODES)
    return f"| code | name | when |\n| --- | --- | --- |\n{rows}\n"


def all_commands() -> dict[str, click.Command]:
    context = click.Context(cli)
    return {name: cli.get_command(context, name) or pytest.fail(name) for name in COMMANDS}


def needs(command: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.needs("jq")] if re.search(r"\bjq\b", command) else []


@pytest.mark.parametrize(
    ("command", "output"),
    [pytest.param(*each, id=each[0], marks=needs(each[0])) for each in EXAMPLES],
)
def test_an_example_of_the_readme_prints_what_it_says(
    command: str, output: str, tmp_path: Path
) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {"PATH": path, "HOME": str(tmp_path), "GEMINI_API_KEY": "none", "LC_ALL": "C.UTF-8"}

    run = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, env=env, capture_output=True, timeout=60, check=False
    )

    assert (run.stdout + run.stderr).decode() == output


def test_the_readme_has_examples() -> None:
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_readme_shows_each_command(name: str) -> None:
    assert f"gstream {name}" in README


def test_the_table_of_exit_codes_is_that_of_the_code() -> None:
    found = re.search(r"<!-- exit codes -->\n(.*)<!-- end of exit codes -->", README, re.DOTALL)

    assert found is not None
    assert found[1] == exit_code_table()


def test_each_stop_of_a_chunk_is_a_file() -> None:
    section = README.partition("## How it works")[2].partition("\n## ")[0]
    files = re.findall(r"`(gstream/[a-z_/]+\.py)`", section)

    assert len(files) >= 10
    assert [name for name in files if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_list_of_commands_says_what_the_command_says(name: str) -> None:
    command = all_commands()[name]

    assert (command.help or "").startswith(COMMANDS[name])


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_options_have_help_that_is_a_sentence_and_a_name_for_their_value(name: str) -> None:
    faults = []
    for option in all_commands()[name].params:
        if not isinstance(option, click.Option):
            continue
        if not (option.help or "")[:1].isupper() or not (option.help or "").endswith("."):
            faults.append(f"{option.name}: help")
        if option.secondary_opts and not (option.help or "").endswith(", or not."):
            faults.append(f"{option.name}: help fits one of its names only")
        valued = not (option.is_flag or option.count)
        if valued and option.metavar is None and not isinstance(option.type, click.Choice):
            faults.append(f"{option.name}: metavar")

    assert faults == []
