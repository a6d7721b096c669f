"""`gstream create`: the request that options describe, where stdin goes, what a dry run prints."""

from pathlib import Path
from typing import Any

import pytest

from gstream.api import DEFAULT_MODEL
from gstream.cli.calls import exec_options
from gstream.cli.create import command
from gstream.cli.options import network_options, view_options
from tests import servers
from tests.cli.support_cli import (
    Terminal,
    dry_body,
    run,
    started,
)
from tests.servers import RawServer

WEATHER = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}}


# --- every option in the body


OPTIONS = [
    pytest.param(["-p", "hi"], {"input": "hi"}, id="prompt"),
    pytest.param(["-p", "@hi", "-p", "-"], {"input": ["@hi", "-"]}, id="prompts-are-literal"),
    pytest.param(["-f", "notes.txt"], {"input": "Notizen: Grüße\n"}, id="file"),
    pytest.param(
        ["-a", "notes.txt"],
        {
            "input": [
                {"type": "document", "data": "Tm90aXplbjogR3LDvMOfZQo=", "mime_type": "text/plain"}
            ]
        },
        id="attachment",
    ),
    pytest.param(["-p", "x", "-m", "gemini-x"], {"model": "gemini-x"}, id="model"),
    pytest.param(["-p", "x", "-s", "be brief"], {"system_instruction": "be brief"}, id="system"),
    pytest.param(
        ["-p", "x", "--system-file", "notes.txt"],
        {"system_instruction": "Notizen: Grüße\n"},
        id="system-file",
    ),
    pytest.param(
        ["-p", "x", "-o", "temperature=0.2", "-o", "thinking_level=low"],
        {"generation_config": {"temperature": 0.2, "thinking_level": "low"}},
        id="option-of-generation",
    ),
    pytest.param(
        ["-p", "x", "-o", "service_tier=flex"], {"service_tier": "flex"}, id="option-of-request"
    ),
    pytest.param(
        ["-p", "x", "-o", "response_format.type=image"],
        {"response_format": {"type": "image"}},
        id="option-by-path",
    ),
    pytest.param(
        ["-p", "x", "-o", "response_format.schema=@schema.json"],
        {"response_format": {"schema": {"type": "object"}}},
        id="option-of-file",
    ),
    pytest.param(["-o", "input=hi"], {"input": "hi"}, id="option-is-the-input"),
    pytest.param(
        ["-p", "x", "-T", "google_search", "-T", "url_context"],
        {"tools": [{"type": "google_search"}, {"type": "url_context"}]},
        id="tools-by-name",
    ),
    pytest.param(
        ["-p", "x", "-T", '{"name":"get_weather","parameters":{"type":"object"}}'],
        {"tools": [WEATHER]},
        id="tool-as-json",
    ),
    pytest.param(
        ["-p", "x", "-T", "@tools.json"],
        {"tools": [WEATHER, {"type": "google_search"}]},
        id="tools-of-file",
    ),
    pytest.param(
        ["-p", "x", "--schema", "@schema.json"],
        {
            "response_format": {
                "type": "text",
                "mime_type": "application/json",
                "schema": {"type": "object"},
            }
        },
        id="schema",
    ),
    pytest.param(
        ["-p", "x", "--previous", "v1_a"], {"previous_interaction_id": "v1_a"}, id="previous"
    ),
    pytest.param(
        ["--previous", "v1_a", "--function-result", 'c1={"t":21}'],
        {
            "previous_interaction_id": "v1_a",
            "input": [{"type": "function_result", "call_id": "c1", "result": {"t": 21}}],
        },
        id="function-result",
    ),
    pytest.param(
        ["--previous", "v1_a", "--function-result", 'YWJj==={"t":21}'],
        {"input": [{"type": "function_result", "call_id": "YWJj==", "result": {"t": 21}}]},
        id="function-result-of-an-id-with-equals-signs",
    ),
    pytest.param(
        ["-p", "x", "-o", "agent=deep-research-x", "--thoughts"],
        {"agent_config": {"type": "deep-research", "thinking_summaries": "auto"}},
        id="thoughts-of-an-agent-that-is-an-option",
    ),
    pytest.param(
        ["-d", '{"input":"a","generation_config":null}', "-o", "seed=1"],
        {"generation_config": {"seed": 1}},
        id="option-over-null",
    ),
    pytest.param(
        ["-d", '{"input":"x","tools":null}', "--exec", "f=cat"],
        {"tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}]},
        id="function-beside-null",
    ),
    pytest.param(
        ["--previous", "v1_a", "--function-result", "c1=21", "-p", "and now?"],
        {
            "input": [
                {"type": "function_result", "call_id": "c1", "result": "21"},
                {"type": "user_input", "content": [{"type": "text", "text": "and now?"}]},
            ]
        },
        id="function-result-and-prompt",
    ),
    pytest.param(["-p", "x", "--background"], {"background": True}, id="background"),
    pytest.param(["-p", "x", "--no-background"], {"background": False}, id="no-background"),
    pytest.param(["-p", "x", "--store"], {"store": True}, id="store"),
    pytest.param(["-p", "x", "--no-store"], {"store": False}, id="no-store"),
    pytest.param(
        ["-d", '{"input":"from data","labels":{"a":"b"}}', "-m", "laid-over"],
        {"input": "from data", "labels": {"a": "b"}, "model": "laid-over"},
        id="data",
    ),
    pytest.param(
        ["-d", "@schema.json", "-p", "x"], {"type": "object", "input": "x"}, id="data-of-file"
    ),
    pytest.param(
        ["-p", "x", "--thoughts"],
        {"generation_config": {"thinking_summaries": "auto"}},
        id="thoughts",
    ),
    pytest.param(
        ["-p", "x", "--thoughts", "--agent", "deep-research-x", "--background"],
        {
            "agent": "deep-research-x",
            "agent_config": {"type": "deep-research", "thinking_summaries": "auto"},
            "background": True,
        },
        id="thoughts-of-deep-research",
    ),
    pytest.param(
        ["-p", "x", "--agent", "deep-research-preview-04-2026"],
        {"agent": "deep-research-preview-04-2026", "background": True},
        id="agent",
    ),
]


@pytest.mark.parametrize(("args", "expected"), OPTIONS)
def test_an_option_shows_in_thedry_body(
    args: list[str], expected: dict[str, Any], files: Path
) -> None:
    body = dry_body(*args, cwd=files)

    if expected.get("input") == ["@hi", "-"]:
        body["input"] = [part["text"] for part in body["input"]]
    assert {key: body[key] for key in expected} == expected


# Options about what is done with the body, and those that have tests of their own.
ELSEWHERE = {"dry_run", "curl", "api"}


def test_every_option_for_the_body_is_in_that_table() -> None:
    shared = {
        option.name
        for decorate in (network_options, view_options, exec_options)
        for option in decorate(lambda: None).__click_params__  # type: ignore[attr-defined]
    }
    own = {
        name
        for option in command.params
        if option.name not in shared | ELSEWHERE
        for name in [*option.opts, *option.secondary_opts]
        if name.startswith("--") or len(option.opts) == 1
    }
    used = {arg for row in OPTIONS for arg in row.values[0]}  # type: ignore[union-attr]
    short = {"--prompt": "-p", "--file": "-f", "--model": "-m", "--system": "-s", "--data": "-d"}
    short |= {"--option": "-o", "--tool": "-T", "--attach": "-a"}

    assert {name for name in own if not {name, short.get(name)} & used} == set()


def test_one_text_is_a_string_and_several_are_parts_in_the_order_given(files: Path) -> None:
    args = ["-p", "one", "-f", "notes.txt", "-p", "two"]

    parts = dry_body(*args, cwd=files)["input"]

    assert parts == [
        {"type": "text", "text": "one"},
        {"type": "text", "text": "Notizen: Grüße\n"},
        {"type": "text", "text": "two"},
    ]


@pytest.mark.parametrize(
    ("env", "args", "model"),
    [
        pytest.param({}, [], DEFAULT_MODEL, id="default"),
        pytest.param({"GSTREAM_MODEL": "of-env"}, [], "of-env", id="environment"),
        pytest.param({"GSTREAM_MODEL": ""}, [], DEFAULT_MODEL, id="empty-is-unset"),
        pytest.param({"GSTREAM_MODEL": "of-env"}, ["-m", "given"], "given", id="option"),
        pytest.param({"GSTREAM_MODEL": "e"}, ["-d", '{"model":"d"}'], "d", id="data"),
    ],
)
def test_the_model_is_the_most_explicit_one(
    env: dict[str, str], args: list[str], model: str
) -> None:
    assert dry_body("-p", "x", *args, env=env)["model"] == model


def test_a_dry_run_needs_no_key_and_asks_no_server() -> None:
    with RawServer(servers.reset) as server:
        env = {"GEMINI_API_KEY": None, "GOOGLE_GEMINI_BASE_URL": server.url}
        body = dry_body("-p", "x", env=env)

    assert body["input"] == "x"
    assert server.requests == []


def test_a_dry_run_is_one_line_but_on_a_terminal() -> None:
    assert run("create", "-n", "-p", "x").stdout.count(b"\n") == 1

    with Terminal() as terminal:
        with started("create", "-n", "-p", "x", stdout=terminal.end) as process:
            process.wait(servers.DEADLINE)
        assert terminal.shown().startswith(b'{\n  "input": "x",\n')


# --- what is refused


@pytest.mark.parametrize(
    ("args", "words"),
    [
        pytest.param([], "standard input is empty", id="nothing"),
        pytest.param(["-m", "a", "--agent", "b", "-p", "x"], "not both", id="model-and-agent"),
        pytest.param(
            ["-p", "x", "--background", "--no-store"], "must be stored", id="background-no-store"
        ),
        pytest.param(["--function-result", "c=1"], "--previous", id="result-without-previous"),
        pytest.param(
            ["-p", "x", "-s", "a", "--system-file", "b"], "only one of", id="two-system-texts"
        ),
        pytest.param(["-p", "x", "-o", "temperature"], "KEY=VALUE", id="option-without-value"),
        pytest.param(["-p", "x", "-o", "a..b=1"], "empty", id="empty-part-of-a-path"),
        pytest.param(
            ["-p", "x", "-o", "a=1", "-o", "a.b=1"], "not an object", id="path-through-a-number"
        ),
        pytest.param(
            ["-p", "x", "--agent", "a", "-o", "temperature=1"], "agent_config", id="agent-config"
        ),
    ],
)
def test_options_that_do_not_go_together_are_a_usage_error(args: list[str], words: str) -> None:
    got = run("create", "-n", *args)

    assert (got.code, got.stdout) == (2, b"")
    assert got.stderr.startswith("Usage: gstream create")
    assert words in got.stderr


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--system-file", "empty"], "--system-file empty: it is empty"),
        (["-T", "empty"], "-T empty: a file is written @empty"),
    ],
    ids=["system", "tool"],
)
def test_a_file_that_cannot_be_meant_is_a_usage_error(
    args: list[str], words: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").touch()
    got = run("create", "-p", "x", "-n", *args, cwd=tmp_path)

    assert (got.code, got.stdout) == (2, b"")
    assert got.stderr.endswith(f"Error: {words}\n")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        pytest.param(["-d", "{oops"], "-d: not JSON", id="data"),
        pytest.param(["-d", "[1]"], "-d: the request body is not a JSON object", id="data-list"),
        pytest.param(["-p", "x", "--schema", "{"], "--schema: not JSON", id="schema"),
        pytest.param(["-p", "x", "-T", "{"], "-T: not JSON", id="tool"),
        pytest.param(["-p", "x", "-T", "[1]"], "a tool is", id="tools-are-numbers"),
        pytest.param(["-p", "x", "-T", "null"], "a tool is", id="tool-is-null"),
        pytest.param(["-p", "x", "-T", '""'], "a tool is", id="tool-without-a-name"),
        pytest.param(["-p", "x", "-o", "seed=1e999"], "-o seed: a number is", id="too-large"),
        pytest.param(["-p", "x", "-T", "5"], "-T '5': a tool is a name", id="tool-is-a-number"),
        pytest.param(["-p", "x", "-d", "@latin1.txt"], "not UTF-8 at byte 2", id="data-file"),
        pytest.param(["-p", "x", "-d", '{"x":[1e999]}'], "-d: a number is", id="too-large-data"),
        pytest.param(
            ["--previous", "v", "--function-result", "c1={"],
            "--function-result c1: not JSON",
            id="function-result",
        ),
        pytest.param(["-f", "latin1.txt"], "latin1.txt: not UTF-8 at byte 2", id="file"),
        pytest.param(["-p", "x", "-o", "a=@latin1.txt"], "-o a @latin1.txt: not", id="option-file"),
    ],
)
def test_broken_input_is_bad_data(args: list[str], words: str, files: Path) -> None:
    got = run("create", "-n", *args, cwd=files)

    assert (got.code, got.stdout) == (65, b"")
    assert got.stderr.startswith("gstream: ")
    assert words in got.stderr


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(["-f", "nowhere"], id="file"),
        pytest.param(["-d", "@nowhere"], id="data"),
        pytest.param(["-p", "x", "--schema", "@nowhere"], id="schema"),
        pytest.param(["-p", "x", "--system-file", "nowhere"], id="system-file"),
        pytest.param(["-p", "x", "-T", "@nowhere"], id="tool"),
        pytest.param(["-p", "x", "-o", "a=@nowhere"], id="option"),
    ],
)
def test_a_file_that_is_not_there_is_no_input(args: list[str]) -> None:
    got = run("create", "-n", *args)

    assert (got.code, got.stdout) == (66, b"")
    assert got.stderr == "gstream: nowhere: No such file or directory\n"


def test_a_prompt_without_its_option_is_told_where_it_belongs() -> None:
    got = run("create", "Hello, world.", "-n")

    assert got.code == 2
    assert got.stderr.endswith("Error: a prompt needs -p: gstream create -p 'Hello, world.'\n")


def test_standard_input_without_its_option_is_told_how_it_is_read() -> None:
    got = run("create", "-", "-n", stdin=b"Hello")

    told = "standard input is read with -f -, or where no prompt is given at all"
    assert (got.code, got.stdout) == (2, b"")
    assert got.stderr.endswith(f"Error: {told}\n")


@pytest.mark.parametrize("args", [[], ["-f", "-"], ["-p", "x", "--system-file", "-"]])
def test_standard_input_is_called_by_its_name(args: list[str]) -> None:
    got = run("create", "-n", *args, stdin=b"ab\xff")

    assert (got.code, got.stderr) == (65, "gstream: standard input: not UTF-8 at byte 2\n")


def test_an_agent_on_standard_input_is_read_once() -> None:
    body = dry_body("-p", "x", "-o", "agent=@-", "--thoughts", stdin=b'"deep-research-x"')

    assert (body["agent"], body["agent_config"]["type"]) == ("deep-research-x", "deep-research")
