"""What the values of options stand for: text, JSON, files and standard input."""

import codecs
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from gstream.cli import given
from gstream.errors import BadDataError, NoInputError
from tests.cli.support_cli import run_bash


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\0\xff")

    assert given.read_file(str(tmp_path / "x")) == b"\0\xff"


def test_a_file_that_never_ends_is_not_read_for_ever() -> None:
    with pytest.raises(BadDataError, match=r"^/dev/zero: more than 100 MiB are too many$"):
        given.read_file("/dev/zero")


def test_a_recording_may_be_larger_than_a_request(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as file:
        file.truncate(given.MOST_BYTES + 1)

    assert len(given.read_file(str(tmp_path / "x"), most=math.inf)) == given.MOST_BYTES + 1


@pytest.mark.parametrize(
    ("name", "why"),
    [("nowhere", "nowhere: No such file or directory"), ("/", "/: Is a directory")],
)
def test_a_file_that_cannot_be_read_is_no_input(name: str, why: str) -> None:
    with pytest.raises(NoInputError, match=why):
        given.read_file(name)


@pytest.mark.parametrize(
    ("value", "expected"),
    [('{"a":1}', {"a": 1}), ("[1]", [1]), ("null", None), ('"ä"', "ä"), ("1", 1)],
)
def test_a_value_is_json(value: str, expected: object) -> None:
    assert given.json_value("-x", value) == expected


def test_a_value_is_the_json_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(' {"a":\n1}\n')

    assert given.json_value("-x", f"@{tmp_path}/x.json") == {"a": 1}


@pytest.mark.parametrize("read", [given.json_value, given.loose_json])
def test_integers_keep_all_their_digits(read: Callable[[str, str], object]) -> None:
    assert read("-x", '{"a":123456789012345678901234567890}') == {"a": int("1234567890" * 3)}


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(codecs.BOM_UTF8 + b'{"a":1}')

    assert given.json_value("-x", f"@{tmp_path}/x.json") == {"a": 1}


def test_a_file_that_is_not_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")

    with pytest.raises(BadDataError) as caught:
        given.json_value("-x", f"@{tmp_path}/x.json")

    assert str(caught.value).startswith(f"-x @{tmp_path}/x.json: not JSON: ")
    assert caught.value.hint == ""


def test_the_name_of_a_file_in_place_of_json_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")

    with pytest.raises(BadDataError) as caught:
        given.json_value("-x", f"{tmp_path}/x.json")

    assert caught.value.hint == f"a file is written @{tmp_path}/x.json"


@pytest.mark.parametrize("value", ["{", "yes", "{'a':1}", "NaN"])
def test_a_value_that_is_not_json_names_its_option(value: str) -> None:
    with pytest.raises(BadDataError, match=r"^-x: not JSON: "):
        given.json_value("-x", value)


@pytest.mark.parametrize("read", [given.json_value, given.loose_json])
def test_bytes_that_are_not_utf8_are_no_json(read: Callable[[str, str], Any]) -> None:
    with pytest.raises(BadDataError, match=r"^-x: not UTF-8 at byte 1$"):
        read("-x", os.fsdecode(b'"\xff"'))


def test_an_at_needs_a_file() -> None:
    with pytest.raises(click.UsageError, match=r"^-x @: which file\?$"):
        given.json_value("-x", "@")


def test_bytes_that_are_not_utf8_are_no_text() -> None:
    with pytest.raises(BadDataError, match=r"^-x: not UTF-8 at byte 2$"):
        given.text_of("-x", os.fsdecode("ß".encode() + b"\xff"))


@pytest.mark.parametrize("uses", [0, 1])
def test_stdin_may_be_used_once(uses: int) -> None:
    given.check_stdin_once(uses)


def test_stdin_may_not_be_used_twice() -> None:
    with pytest.raises(click.UsageError, match="can be read only once"):
        given.check_stdin_once(2)


@pytest.mark.parametrize("value", ["1e999", "-1e999", '{"a":[1,{"b":1e999}]}'])
def test_a_number_that_json_readers_make_infinite_is_refused(value: str) -> None:
    with pytest.raises(BadDataError, match=r"^-x: a number is too large$"):
        given.json_value("-x", value)
    with pytest.raises(BadDataError, match=r"^-x: a number is too large$"):
        given.loose_json("-x", value)


def test_what_is_nested_deeper_than_it_can_be_written_is_refused() -> None:
    assert given.json_value("-x", "[" * 199 + "]" * 199)
    with pytest.raises(BadDataError, match=r"^-x: it is nested more than 200 levels deep$"):
        given.json_value("-x", "[" * 201 + "]" * 201)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0.2", 0.2), ("low", "low"), ("[1]", [1]), ("NaN", "NaN"), ("1e308", 1e308)],
)
def test_a_loose_value_is_json_or_else_text(value: str, expected: object) -> None:
    assert given.loose_json("-x", value) == expected


def test_a_loose_value_from_a_file_must_be_json(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("low")

    with pytest.raises(BadDataError, match=r"^-x @.*/x: not JSON"):
        given.loose_json("-x", f"@{tmp_path}/x")


@pytest.mark.parametrize(
    "command",
    ["decode", "replay -", "create -f -", "create -a '-;type=image/png'", "create -d -"],
)
@pytest.mark.parametrize("closed", ["<&-", "0>/dev/null"])
def test_standard_input_that_is_closed_is_no_input(command: str, closed: str) -> None:
    got = run_bash(f"gstream {command} {closed}")

    assert (got.code, got.stdout) == (66, b"")
    assert "gstream: standard input is closed\n" in got.stderr
