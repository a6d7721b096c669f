"""What the types of options take, and what they refuse before anything is sent."""

import os
from typing import Any

import click
import pytest

from gstream.cli.parameters import Count, InteractionId, Number, Size, Text, Version
from gstream.errors import BadDataError
from tests.cli.support_cli import create, run
from tests.servers import RawServer, answering, stream


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
    assert Size().convert(text, None, None) == size


@pytest.mark.parametrize("text", ["", "0", "0K", "-1", "1.5M", "1T", "K", "1e3", "٥", "9" * 16])
def test_other_texts_are_no_sizes(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a size like 1000, 64K or 256MiB"):
        Size().convert(text, None, None)


# --- numbers


@pytest.mark.parametrize(("text", "count"), [("0", 0), ("12", 12), (" 5 ", 5), ("+1", 1), (4, 4)])
def test_a_count_is_a_whole_number(text: str | int, count: int) -> None:
    assert Count().convert(text, None, None) == count


@pytest.mark.parametrize("text", ["many", "", "-1", "1.5", "1e3", "٥", "9" * 16])
def test_other_texts_are_no_counts(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a whole number of at least 0"):
        Count().convert(text, None, None)


def test_a_count_has_a_least() -> None:
    assert Count(1).convert("1", None, None) == 1
    with pytest.raises(click.BadParameter, match="'0' is not a whole number of at least 1"):
        Count(1).convert("0", None, None)


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", 1.0), ("0.25", 0.25), ("1e3", 1000.0), ("1000000", 1e6), (" 5 ", 5.0), (10.0, 10.0)],
)
def test_a_number_is_finite(text: str | float, number: float) -> None:
    assert Number().convert(text, None, None) == number


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e300", "1e999", "-1", "0", "x", "1,5"])
def test_other_texts_are_no_numbers(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"is not a number above 0 up to 1000000"):
        Number().convert(text, None, None)


def test_zero_is_a_number_only_where_it_means_something() -> None:
    assert Number(zero=True).convert("0", None, None) == 0
    with pytest.raises(click.BadParameter, match=r"is not a number from 0 up to 1000000"):
        Number(zero=True).convert("-0.1", None, None)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e300"])
@pytest.mark.parametrize(
    "option", ["--max-time", "--idle-timeout", "--connect-timeout", "--exec-timeout"]
)
def test_a_time_that_no_clock_can_keep_is_refused_before_the_request(
    option: str, value: str
) -> None:
    with RawServer(answering(stream("ok"))) as server:
        got = create(server, option, value)

    assert (got.code, server.requests) == (2, [])
    assert f"Invalid value for '{option}': '{value}' is not a number" in got.stderr


@pytest.mark.parametrize("option", ["--speed", "--idle-time-limit"])
def test_a_pace_is_a_number(option: str) -> None:
    assert run("replay", "x.sse", option, "nan").code == 2


def test_of_a_long_value_only_its_beginning_is_shown() -> None:
    with pytest.raises(click.BadParameter) as caught:
        Number().convert("9" * 5000, None, None)

    assert len(caught.value.message) < 200


# --- text


def test_text_is_utf8() -> None:
    assert Text().convert("Grüße", None, None) == "Grüße"


@pytest.mark.parametrize(
    ("args", "name"),
    [
        pytest.param(["create", "-p", "x", "-H", "X-Team: \udcff"], "--header", id="header"),
        pytest.param(["create", "-p", "x", "--base-url", "http://\udcff"], "--base-url", id="url"),
        pytest.param(["create", "-p", "x", "--api-version", "v\udcff"], "--api-version", id="v"),
        pytest.param(["create", "-p", "x", "-m", "\udcff"], "-m", id="model"),
        pytest.param(["resume", "\udcff"], "ID", id="id"),
        pytest.param(["resume", "i", "--last-event-id", "\udcff"], "--last-event-id", id="event"),
    ],
)
def test_bytes_that_are_not_utf8_are_bad_data(args: list[str], name: str) -> None:
    got = run(*args)

    assert got.code == 65
    assert got.stderr.startswith(f"gstream: {name}: not UTF-8 at byte ")


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("GSTREAM_MODEL", "GSTREAM_MODEL"),
        ("GOOGLE_GEMINI_BASE_URL", "--base-url"),
        ("GOOGLE_GENAI_API_VERSION", "--api-version"),
    ],
)
def test_a_variable_that_is_not_utf8_is_bad_data(variable: str, name: str) -> None:
    got = run("create", "-p", "x", env={variable: os.fsdecode(b"\xff")})

    assert (got.code, got.stderr) == (65, f"gstream: {name}: not UTF-8 at byte 0\n")


def test_the_name_in_the_message_is_that_of_the_parameter() -> None:
    option = click.Option(["-x", "--long"])

    with pytest.raises(BadDataError, match=r"^--long: not UTF-8"):
        Text().convert("\udcff", option, None)


# --- parts of paths


@pytest.mark.parametrize("version", ["v1beta", "v1", "v1beta1/projects/p-1/locations/eu"])
def test_a_version_is_one_or_more_parts_of_a_path(version: str) -> None:
    assert Version().convert(version, None, None) == version


@pytest.mark.parametrize(
    "version", ["..", "../..", "v1/../..", ".", "/v1", "v1/", "v1//x", "v1?x", "v1#", "v 1", "v1\n"]
)
def test_a_version_that_leaves_the_path_is_refused(version: str) -> None:
    got = run("create", "-p", "x", "--api-version", version)

    assert got.code == 2
    assert "is not a version like v1beta" in got.stderr


@pytest.mark.parametrize("given", [".", ".."])
def test_an_id_that_would_leave_the_path_is_refused(given: str) -> None:
    got = run("resume", given)

    assert got.code == 2
    assert f"{given!r} is a step of a path, and no id" in got.stderr


@pytest.mark.parametrize("given", ["...", "a/b", "v1_x", "ü"])
def test_every_other_id_is_one(given: str) -> None:
    converted: Any = InteractionId().convert(given, None, None)

    assert converted == given
