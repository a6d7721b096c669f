"""Options that other tools have."""

import pytest

from gstream.cli.other_tools import in_place_of
from tests.cli.support_cli import run


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("--temperature", "use -o temperature=VALUE"),
        ("--max-tokens", "use -o max_output_tokens=VALUE"),
        ("--max_output_tokens", "use -o max_output_tokens=VALUE"),
        ("--api-key", "the key is read from GEMINI_API_KEY: ps would show an option"),
        ("--format", "--json prints the whole interaction, --ndjson every event"),
        ("--sing", ""),
    ],
)
def test_what_stands_in_place_of_an_option_is_known(name: str, hint: str) -> None:
    assert in_place_of(name, sets_fields=True) == hint


def test_a_field_is_set_only_where_a_request_is_made() -> None:
    assert in_place_of("--temperature", sets_fields=False) == ""


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["create", "--seed", "1"], "No such option '--seed': use -o seed=VALUE"),
        (["decode", "--top-p", "1"], "No such option '--top-p'."),
        (["replay", "--stream"], "No such option '--stream': every answer is streamed"),
        (["decode", "--model", "x"], "No such option '--model': it belongs to gstream create"),
        (["create", "--speed=2"], "No such option '--speed': it belongs to gstream replay"),
        (
            ["decode", "--cursor=c"],
            "No such option '--cursor': it belongs to gstream create and gstream resume",
        ),
        (["create", "--promt=x"], "No such option '--promt'. Did you mean '--prompt'?"),
    ],
)
def test_an_option_of_another_tool_is_told_what_to_use(args: list[str], said: str) -> None:
    got = run(*args)

    assert (got.code, got.stdout) == (2, b"")
    assert got.stderr.splitlines()[0].startswith(f"Usage: gstream {args[0]} ")
    assert got.stderr.splitlines()[-1] == f"Error: {said}"
