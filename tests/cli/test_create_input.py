"""Where the words of a request come from: stdin, only when named; arguments in any locale."""

import json
import subprocess

import pytest

from tests import servers
from tests.cli.support_cli import (
    LATIN1,
    Terminal,
    dry_body,
    run,
    run_bash,
    started,
)
from tests.servers import RawServer

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
    assert dry_body(*args, stdin="Grüße\n".encode())[field] == "Grüße\n"


def test_a_byte_order_mark_is_no_text() -> None:
    assert dry_body("-f", "-", stdin="\ufeffhi".encode())["input"] == "hi"


@pytest.mark.parametrize("stdin", [b"", b" \n", "\ufeff".encode()], ids=["empty", "blank", "mark"])
def test_a_file_of_text_without_text_is_a_usage_error(stdin: bytes) -> None:
    got = run("create", "-n", "-f", "-", "-p", "Write the commit message.", stdin=stdin)

    assert (got.code, got.stdout) == (2, b"")
    assert got.stderr.endswith("Error: -f -: it is empty\n")


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(["-o", "seed=12345678901234567890123"], id="option"),
        pytest.param(["-d", '{"seed":12345678901234567890123}'], id="data"),
        pytest.param(["-T", '{"name":"f","seed":12345678901234567890123}'], id="tool"),
        pytest.param(["--schema", '{"seed":12345678901234567890123}'], id="schema"),
        pytest.param(
            ["--previous", "v", "--function-result", 'c={"seed":12345678901234567890123}'],
            id="function-result",
        ),
    ],
)
def test_no_digit_of_an_integer_is_lost(args: list[str]) -> None:
    got = run("create", "-n", "-p", "x", *args)

    assert b'"seed":12345678901234567890123' in got.stdout


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
    assert field in dry_body(*args, stdin=b'{"labels":{"a":"b"}}')


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
    config = dry_body("-p", "-", "-o", "a=-", "-o", "b=-")["generation_config"]

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
    usual = dry_body(*args)

    c = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert dry_body(*args, env=c) == usual
    assert dry_body(*args, env=latin1) == usual
    assert usual["input"] == "Grüße 東京"


def test_an_argument_that_is_not_utf8_is_bad_data() -> None:
    got = run_bash("gstream create -n -p $'ab\\xff'")

    assert (got.code, got.stderr) == (65, "gstream: -p: not UTF-8 at byte 2\n")
