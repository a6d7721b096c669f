"""`gstream create`: the request that options describe, where stdin goes, what a dry run prints."""

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gstream.api import DEFAULT_MODEL
from gstream.cli.calls import exec_options
from gstream.cli.create import command
from gstream.cli.options import network_options, view_options
from tests import servers
from tests.cli.support_cli import (
    GSTREAM,
    KEY,
    LATIN1,
    Terminal,
    environment,
    run,
    run_bash,
    started,
)
from tests.servers import RawServer

WEATHER = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}}


def _body(*args: str, **given: Any) -> dict[str, Any]:
    got = run("create", "--dry-run", *args, **given)
    assert (got.code, got.stderr) == (0, "")
    body: dict[str, Any] = json.loads(got.stdout)
    assert body.pop("stream") is True
    return body


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "notes.txt").write_text("Notizen: Grüße\n")
    (tmp_path / "schema.json").write_text('{"type":"object"}')
    (tmp_path / "tools.json").write_text(json.dumps([WEATHER, {"type": "google_search"}]))
    (tmp_path / "latin1.txt").write_bytes("Grüße".encode("latin-1"))
    return tmp_path


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
        ["-p", "x", "--agent", "deep-research-preview-04-2026"],
        {"agent": "deep-research-preview-04-2026", "background": True},
        id="agent",
    ),
]


@pytest.mark.parametrize(("args", "expected"), OPTIONS)
def test_an_option_shows_in_the_body(
    args: list[str], expected: dict[str, Any], files: Path
) -> None:
    body = _body(*args, cwd=files)

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

    parts = _body(*args, cwd=files)["input"]

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
    assert _body("-p", "x", *args, env=env)["model"] == model


def test_a_dry_run_needs_no_key_and_asks_no_server() -> None:
    with RawServer(servers.reset) as server:
        env = {"GEMINI_API_KEY": None, "GOOGLE_GEMINI_BASE_URL": server.url}
        body = _body("-p", "x", env=env)

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
        pytest.param(["-d", "{oops"], "-d: not JSON", id="data"),
        pytest.param(["-d", "[1]"], "-d: the request body is not a JSON object", id="data-list"),
        pytest.param(["-p", "x", "--schema", "{"], "--schema: not JSON", id="schema"),
        pytest.param(["-p", "x", "-T", "{"], "-T: not JSON", id="tool"),
        pytest.param(["-p", "x", "-T", "[1]"], "a tool is", id="tool-is-a-number"),
        pytest.param(
            ["--previous", "v", "--function-result", "c1={"],
            "--function-result c1: not JSON",
            id="function-result",
        ),
        pytest.param(["-f", "latin1.txt"], "latin1.txt: not UTF-8 at byte 2", id="file"),
        pytest.param(["-p", "x", "-o", "a=@latin1.txt"], "-o: not JSON", id="option-file"),
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


# --- attachments


def test_attachments_stand_among_the_texts_in_the_order_given(files: Path) -> None:
    args = ["-a", "gs://b/one.png", "-p", "two", "-a", "gs://b/three.mp4", "-f", "notes.txt"]

    parts = _body(*args, cwd=files)["input"]

    assert [part.get("uri") or part["text"] for part in parts] == [
        "gs://b/one.png",
        "two",
        "gs://b/three.mp4",
        "Notizen: Grüße\n",
    ]


@pytest.mark.parametrize(
    ("given", "mime_type"),
    [
        pytest.param("-", "text/plain", id="by-content"),
        pytest.param("-;type=image/png", "image/png", id="by-its-type"),
    ],
)
def test_standard_input_can_be_attached(given: str, mime_type: str) -> None:
    [part] = _body("-a", given, stdin=b"hello")["input"]

    assert (part["data"], part["mime_type"]) == ("aGVsbG8=", mime_type)


@pytest.mark.parametrize(
    ("args", "code", "why"),
    [
        pytest.param(["-a", "absent.png"], 66, "absent.png: No such file", id="absent"),
        pytest.param(["-a", "noise"], 66, "noise: its type is unknown", id="unknown-type"),
        pytest.param(["-a", "large.png"], 65, "200,000,000 bytes are too many", id="too-large"),
        pytest.param(["-a", "-", "-f", "-"], 2, "can be read only once", id="stdin-twice"),
        pytest.param(["-a", "-", "-a", "-;type=a/b"], 2, "only once", id="stdin-attached-twice"),
    ],
)
def test_an_attachment_that_cannot_be_sent_sends_nothing(
    args: list[str], code: int, why: str, files: Path
) -> None:
    (files / "noise").write_bytes(bytes(range(1, 200)))
    (files / "large.png").touch()
    os.truncate(files / "large.png", 200_000_000)
    with RawServer(servers.answering(servers.stream("ok"))) as server:
        got = run("create", "--base-url", server.url, "-p", "x", *args, cwd=files)

    assert (got.code, got.stdout, server.requests) == (code, b"", [])
    assert why in got.stderr


def test_an_attachment_arrives_as_it_is(files: Path) -> None:
    content = os.urandom(300_000)
    (files / "a.png").write_bytes(content)
    with RawServer(servers.answering(servers.stream("ok"))) as server:
        got = run("create", "--base-url", server.url, "-a", "a.png", cwd=files)

    [request] = server.requests
    [part] = json.loads(request.body)["input"]
    assert (got.code, base64.b64decode(part["data"])) == (0, content)
    assert request.headers["content-length"] == str(len(request.body))


def test_an_attachment_is_not_held_more_than_twice(files: Path) -> None:
    size = 48_000_000
    (files / "a.png").touch()
    os.truncate(files / "a.png", size)
    with RawServer(servers.answering(servers.stream("ok"))) as server:
        args = [*GSTREAM, "create", "--base-url", server.url, "-p", "x"]
        small = _most_memory(args, files)
        large = _most_memory([*args, "-a", "a.png"], files)

    assert large - small < 2.3 * size * 4 / 3


def _most_memory(command: list[str], place: Path) -> int:
    """Run a command; the most bytes of memory that it had."""
    with subprocess.Popen(
        command, env=environment(), cwd=place, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss * 1024


# --- stdin


@pytest.mark.parametrize(
    ("args", "field"),
    [
        pytest.param([], "input", id="no-source-of-a-prompt"),
        pytest.param(["-f", "-"], "input", id="file"),
        pytest.param(["-p", "x", "--system-file", "-"], "system_instruction", id="system-file"),
    ],
)
def test_text_is_read_from_stdin(args: list[str], field: str) -> None:
    assert _body(*args, stdin="Grüße\n".encode())[field] == "Grüße\n"


@pytest.mark.parametrize(
    ("args", "field"),
    [
        pytest.param(["-d", "-", "-p", "x"], "labels", id="data"),
        pytest.param(["-d", "@-", "-p", "x"], "labels", id="data-with-at"),
        pytest.param(["-p", "x", "-o", "environment=@-"], "environment", id="option"),
        pytest.param(["-p", "x", "-T", "@-"], "tools", id="tool"),
        pytest.param(["-p", "x", "--schema", "@-"], "response_format", id="schema"),
    ],
)
def test_json_is_read_from_stdin(args: list[str], field: str) -> None:
    assert field in _body(*args, stdin=b'{"labels":{"a":"b"}}')


TWICE = [
    ["-f", "-", "-f", "-"],
    ["-f", "-", "-d", "-"],
    ["-d", "-", "--schema", "@-", "-p", "x"],
    ["-d", "@-", "-f", "-"],
    ["-f", "-", "--system-file", "-"],
    ["-f", "-", "-T", "@-"],
    ["-f", "-", "-o", "a=@-"],
    ["--previous", "v", "--function-result", "a=@-", "--function-result", "b=@-"],
]


@pytest.mark.parametrize("args", TWICE, ids=" ".join)
def test_stdin_named_twice_is_a_usage_error(args: list[str]) -> None:
    got = run("create", "-n", *args, stdin=b"{}")

    assert (got.code, got.stdout) == (2, b"")
    assert "standard input (-) can be read only once" in got.stderr


def test_a_prompt_on_a_stdin_that_is_used_already_is_a_usage_error() -> None:
    got = run("create", "-n", "-T", "@-", stdin=b"{}")

    assert got.code == 2
    assert "can be read only once" in got.stderr


def test_dashes_that_are_no_files_are_values() -> None:
    config = _body("-p", "-", "-o", "a=-", "-o", "b=-")["generation_config"]

    assert config == {"a": "-", "b": "-"}


def test_a_loop_over_lines_runs_once_for_each() -> None:
    with RawServer(servers.answering(servers.stream("ok"))) as server:
        got = run_bash(
            "printf 'one\\ntwo\\nthree\\n' |"
            ' while read -r line; do gstream create -p "$line"; done',
            env={"GOOGLE_GEMINI_BASE_URL": server.url},
        )

    assert (got.code, got.text) == (0, "ok\nok\nok\n")
    asked = [json.loads(request.body)["input"] for request in server.requests]
    assert asked == ["one", "two", "three"]


def test_a_script_on_stdin_is_not_eaten() -> None:
    with RawServer(servers.answering(servers.stream("ok"))) as server:
        got = run_bash(
            'declare -fx gstream; printf "gstream create -p x\\necho next\\n" | bash -s',
            env={"GOOGLE_GEMINI_BASE_URL": server.url},
        )

    assert got.text == "ok\nnext\n"


def test_nothing_to_send_on_a_terminal_is_a_usage_error() -> None:
    with Terminal() as terminal, started("create", stdin=terminal.end) as process:
        _, stderr = process.communicate(timeout=servers.DEADLINE)

    assert process.returncode == 2
    assert b"nothing to send: give a prompt with -p, -f, -d or on standard input" in stderr


NOTE = b'gstream: note: standard input is not used; add "-f -"\n'


def _on_a_terminal(*args: str) -> bytes:
    """What create shows on a terminal's stderr, with a pipe as stdin."""
    with Terminal() as terminal, RawServer(servers.answering(servers.stream("ok"))) as server:
        with started(
            "create",
            *args,
            stdin=subprocess.PIPE,
            stderr=terminal.end,
            env={"GOOGLE_GEMINI_BASE_URL": server.url, "NO_COLOR": "1"},
        ) as process:
            process.communicate(b"{}", timeout=servers.DEADLINE)
        return terminal.shown()


@pytest.mark.parametrize(
    ("args", "note"),
    [
        pytest.param(["-p", "x"], NOTE, id="forgotten"),
        pytest.param(["-p", "x", "-f", "-"], b"", id="file"),
        pytest.param(["-p", "x", "-d", "-"], b"", id="data"),
        pytest.param(["-p", "x", "--schema", "@-"], b"", id="schema"),
        pytest.param(["-p", "x", "--system-file", "-"], b"", id="system-file"),
        pytest.param([], b"", id="prompt"),
        pytest.param(["-p", "x", "-q"], b"", id="quiet"),
    ],
)
def test_a_pipe_that_nothing_reads_is_noted_on_a_terminal(args: list[str], note: bytes) -> None:
    assert _on_a_terminal(*args) == note


def test_a_pipe_that_nothing_reads_is_not_noted_in_a_script() -> None:
    with RawServer(servers.answering(servers.stream("ok"))) as server:
        env = {"GOOGLE_GEMINI_BASE_URL": server.url}
        assert run("create", "-p", "x", stdin=b"", env=env).stderr == ""


# --- locale


@pytest.mark.needs(*LATIN1)
def test_arguments_are_utf8_in_every_locale(latin1: dict[str, str]) -> None:
    args = ["-p", "Grüße 東京", "-s", "ä", "-o", "ö=ü", "-m", "ß", "-T", "ø"]
    usual = _body(*args)

    c = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert _body(*args, env=c) == usual
    assert _body(*args, env=latin1) == usual
    assert usual["input"] == "Grüße 東京"


def test_an_argument_that_is_not_utf8_is_bad_data() -> None:
    got = run_bash("gstream create -n -p $'ab\\xff'")

    assert (got.code, got.stderr) == (65, "gstream: -p: not UTF-8 at byte 2\n")


# --- curl


@pytest.mark.needs("curl")
def test_the_curl_command_sends_the_same_request() -> None:
    args = ["-p", 'it\'s "quoted" $HOME `x` 東京\nJSON', "-H", "X-Team: it's us", "-T", "a b"]
    with RawServer(servers.answering(servers.stream("ok"))) as server:
        env = {"GOOGLE_GEMINI_BASE_URL": server.url}
        got = run_bash('gstream create --curl "$@" | bash | gstream decode', *args, env=env)
        sent = run("create", *args, env=env)

    by_curl, by_create = server.requests
    assert (got.text, sent.text) == ("ok\n", "ok\n")
    assert by_curl.body == by_create.body
    assert (by_curl.method, by_curl.path) == (by_create.method, by_create.path)
    for name in ("x-goog-api-key", "content-type", "accept", "api-revision", "x-team"):
        assert by_curl.headers[name] == by_create.headers[name]


def test_the_curl_command_holds_no_secret() -> None:
    got = run("create", "--curl", "-p", "x", "-H", "X-Api-Token: s3cret", "-H", "Cookie: s3cret")

    assert KEY not in got.text
    assert "s3cret" not in got.text
    assert '"x-goog-api-key: $GEMINI_API_KEY"' in got.text
    assert "'X-Api-Token: '\"$X_API_TOKEN\"" in got.text


def test_the_curl_command_needs_no_key() -> None:
    assert run("create", "--curl", "-p", "x", env={"GEMINI_API_KEY": None}).code == 0


def test_no_curl_command_sends_the_key_over_plain_http() -> None:
    got = run("create", "--curl", "-p", "x", "--base-url", "http://example.com")

    assert (got.code, got.stdout) == (78, b"")
