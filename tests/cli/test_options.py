"""What options share: sizes, the order given, the one view, files and JSON as values."""

import click
import pytest
from click.shell_completion import ShellComplete

from gstream.cli import cli, options
from gstream.cli.create import command as create
from gstream.cli.decode import command as decode
from tests.cli.support_cli import KEY, run


def _context(command: click.Command, *args: str) -> click.Context:
    parent = click.Context(cli, **cli.context_settings)  # or it has other names for --help
    return command.make_context("test", list(args), parent)


# --- the command line as it was given


@pytest.mark.parametrize(
    ("args", "order"),
    [
        ([], []),
        (["-p", "a", "-f", "b", "-p", "c"], ["prompt", "file", "prompt"]),
        (["--prompt=a", "-fb", "--json"], ["prompt", "file", "view"]),
        (["-p", "-f", "-n"], ["prompt", "dry_run"]),
    ],
)
def test_options_are_known_in_the_order_given(args: list[str], order: list[str]) -> None:
    given = options.order_given(_context(create, *args))

    assert [name for name in given if name] == order


def test_an_error_of_the_parser_knows_its_command() -> None:
    with pytest.raises(click.UsageError) as caught:
        _context(create, "-p")

    assert caught.value.ctx is not None
    assert caught.value.ctx.command is create


@pytest.mark.parametrize(
    ("args", "view"),
    [
        ([], "text"),
        (["--text"], "text"),
        (["--ndjson"], "ndjson"),
        (["--steps"], "steps"),
        (["--json"], "json"),
        (["--sse"], "sse"),
        (["--json", "--json"], "json"),
        (["--json", "-"], "json"),
    ],
)
def test_one_view_is_chosen(args: list[str], view: str) -> None:
    assert options.one_view(_context(decode, *args)) == view


@pytest.mark.parametrize("args", [["--json", "--text"], ["--sse", "--ndjson", "--sse"]])
def test_two_views_are_refused(args: list[str]) -> None:
    with pytest.raises(click.UsageError, match="only one of --text, --ndjson"):
        options.one_view(_context(decode, *args))


# --- empty values


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(["create", "-p", ""], id="prompt"),
        pytest.param(["create", "-f", "", "-p", "x"], id="file"),
        pytest.param(["create", "-p", "x", "-m", ""], id="model"),
        pytest.param(["create", "-p", "x", "--agent="], id="agent"),
        pytest.param(["create", "-p", "x", "-s", ""], id="system"),
        pytest.param(["create", "-p", "x", "--system-file", ""], id="system-file"),
        pytest.param(["create", "-p", "x", "-T", ""], id="tool"),
        pytest.param(["create", "-p", "x", "-T", "google_search", "-T", ""], id="second-tool"),
        pytest.param(["create", "-p", "x", "--schema", ""], id="schema"),
        pytest.param(["create", "-p", "x", "--previous", ""], id="previous"),
        pytest.param(["create", "-p", "x", "-d", ""], id="data"),
        pytest.param(["create", "-p", "x", "--exec", ""], id="exec"),
        pytest.param(["create", "-p", "x", "--base-url", ""], id="base-url"),
        pytest.param(["create", "-p", "x", "-H", ""], id="header"),
        pytest.param(["create", "-p", "x", "--api-key-file", ""], id="api-key-file"),
        pytest.param(["create", "-p", "x", "--cursor", ""], id="cursor"),
        pytest.param(["create", "-p", "x", "--cassette", ""], id="cassette"),
        pytest.param(["resume", "", "--cursor", "c"], id="id"),
        pytest.param(["resume", "i1", "--last-event-id", ""], id="last-event-id"),
        pytest.param(["decode", "--record", ""], id="record"),
        pytest.param(["decode", "--stats", ""], id="stats"),
        pytest.param(["decode", "--save-media", ""], id="save-media"),
        pytest.param(["decode", ""], id="file-to-decode"),
        pytest.param(["replay", "--serve=", "x.sse"], id="serve"),
        pytest.param(["replay", ""], id="recording"),
    ],
)
def test_an_empty_value_is_a_usage_error_that_names_its_option(args: list[str]) -> None:
    got = run(*args, stdin=b"")

    assert (got.code, got.stdout) == (2, b"")
    assert "Error: Invalid value for " in got.stderr
    assert got.stderr.endswith(": it is empty\n")


def test_a_command_by_itself_knows_no_others() -> None:
    with pytest.raises(click.NoSuchOption):
        decode.make_context("decode", ["--model", "x"])


def test_an_empty_value_does_not_disturb_completion() -> None:
    completing = ShellComplete(cli, {}, "gstream", "_GSTREAM_COMPLETE")

    found = completing.get_completions(["create", "-p", ""], "--max-ti")

    assert [one.value for one in found] == ["--max-time"]


@pytest.mark.parametrize(
    "name",
    ["GSTREAM_MODEL", "GOOGLE_GEMINI_BASE_URL", "GOOGLE_GENAI_API_VERSION", "GSTREAM_CASSETTE"],
)
def test_an_empty_variable_is_none(name: str) -> None:
    default = run("create", "-p", "x", "--curl")

    assert run("create", "-p", "x", "--curl", env={name: "", "GEMINI_API_KEY": KEY}) == default


@pytest.mark.parametrize(
    ("name", "headings"),
    [
        (
            "create",
            [
                *("Request", "Functions", "Network", "Dropped connections"),
                *("Recordings", "Output", "Other"),
            ],
        ),
        ("decode", ["Output", "Other"]),
        ("replay", ["Options", "Output", "Other"]),
    ],
)
def test_help_lists_options_under_headings(name: str, headings: list[str]) -> None:
    got = run(name, "--help")

    lines = got.text.splitlines()
    assert [line[:-1] for line in lines if line.endswith(":") and line[0] != " "] == headings
    assert lines[-1].lstrip().startswith("-h, --help")
