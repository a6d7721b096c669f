"""What options share: sizes, the order given, the one view, files and JSON as values."""

import os
from pathlib import Path

import click
import pytest

from gstream.cli import options
from gstream.cli.create import command as create
from gstream.cli.decode import command as decode
from gstream.errors import BadDataError, NoInputError


def _context(command: click.Command, *args: str) -> click.Context:
    return command.make_context("test", list(args))


# --- sizes


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1000", 1000),
        ("64K", 65536),
        ("64k", 65536),
        ("64KB", 65536),
        ("256MiB", 256 * 1024**2),
        ("1 GiB", 1024**3),
        (" 5 B ", 5),
        (7, 7),
    ],
)
def test_a_size_is_a_number_of_bytes(text: str | int, size: int) -> None:
    assert options.Size().convert(text, None, None) == size


@pytest.mark.parametrize("text", ["", "0", "0K", "-1", "1.5M", "1T", "K", "1e3", "٥", "9" * 16])
def test_other_texts_are_no_sizes(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a size like 1000, 64K or 256MiB"):
        options.Size().convert(text, None, None)


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


# --- values


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\0\xff")

    assert options.read_file(str(tmp_path / "x")) == b"\0\xff"


@pytest.mark.parametrize(
    ("name", "why"),
    [("nowhere", "nowhere: No such file or directory"), ("/", "/: Is a directory")],
)
def test_a_file_that_cannot_be_read_is_no_input(name: str, why: str) -> None:
    with pytest.raises(NoInputError, match=why):
        options.read_file(name)


@pytest.mark.parametrize(
    ("value", "expected"),
    [('{"a":1}', {"a": 1}), ("[1]", [1]), ("null", None), ('"ä"', "ä"), ("1", 1)],
)
def test_a_value_is_json(value: str, expected: object) -> None:
    assert options.json_value("-x", value) == expected


def test_a_value_is_the_json_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(' {"a":\n1}\n')

    assert options.json_value("-x", f"@{tmp_path}/x.json") == {"a": 1}


@pytest.mark.parametrize("value", ["", "{", "yes", "{'a':1}", "NaN"])
def test_a_value_that_is_not_json_names_its_option(value: str) -> None:
    with pytest.raises(BadDataError, match=r"^-x: not JSON: "):
        options.json_value("-x", value)


def test_bytes_that_are_not_utf8_become_replacement_characters_in_json() -> None:
    assert options.json_value("-x", os.fsdecode(b'"\xff"')) == "\N{REPLACEMENT CHARACTER}"


def test_bytes_that_are_not_utf8_are_no_text() -> None:
    with pytest.raises(BadDataError, match=r"^-x: not UTF-8 at byte 2$"):
        options.text_of("-x", os.fsdecode("ß".encode() + b"\xff"))


@pytest.mark.parametrize("uses", [0, 1])
def test_stdin_may_be_used_once(uses: int) -> None:
    options.check_stdin_once(uses)


def test_stdin_may_not_be_used_twice() -> None:
    with pytest.raises(click.UsageError, match="can be read only once"):
        options.check_stdin_once(2)
