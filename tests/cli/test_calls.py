"""`create --exec` as a user runs it: real commands, a server of several turns."""

import json
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.cli.calling import (
    TOOL,
    Event,
    bodies,
    calling,
    create,
    function_call,
    results,
    saying,
)
from tests.cli.support_cli import environment, run
from tests.servers import RawServer
from tests.support import STREAMS

pytestmark = pytest.mark.usefixtures("place")

# --- the whole way


def test_a_call_is_answered_and_the_final_text_is_all_of_stdout(place: Path) -> None:
    with RawServer(calling(), saying("22 degrees in Paris.")) as server:
        got = create(server, "-T", "@weather.json", "--exec", "get_weather=./weather.sh")

    assert (got.code, got.text, got.stderr) == (0, "22 degrees in Paris.\n", "")
    assert json.loads((place / "weather.sh.seen").read_text()) == {"location": "Paris"}
    assert bodies(server) == [
        {
            "input": "Weather in Paris?",
            "tools": [TOOL],
            "model": "gemini-flash-latest",
            "stream": True,
        },
        {
            "tools": [TOOL],
            "model": "gemini-flash-latest",
            "stream": True,
            "previous_interaction_id": "v1_one",
            "input": [
                {
                    "type": "function_result",
                    "name": "get_weather",
                    "call_id": "c1",
                    "result": {"temperature": 22},
                }
            ],
        },
    ]


def test_the_demo_answers_offline_without_a_key(place: Path) -> None:
    args = ["--offline", "-p", "Weather in Paris?", "--exec", "get_weather=./weather.sh"]

    got = run("create", *args, env={"GEMINI_API_KEY": None}, cwd=place)

    assert (got.code, got.stderr) == (0, "")
    assert got.text == "It is 22 °C in Paris, and the sky is clear.\n"
    assert json.loads((place / "weather.sh.seen").read_text()) == {"location": "Paris"}


def test_a_function_without_a_declaration_is_declared_as_an_open_object() -> None:
    args = ["-p", "x", "-n", "-T", "@weather.json", "--exec", "get_weather=cat", "--exec", "g=cat"]

    body = json.loads(run("create", *args, cwd=Path.cwd()).stdout)

    assert body["tools"] == [
        TOOL,
        {"type": "function", "name": "g", "parameters": {"type": "object"}},
    ]


@pytest.mark.parametrize(
    "tool",
    [
        pytest.param({"functionDeclarations": [{"name": "g"}, {"name": "f"}]}, id="camel-case"),
        pytest.param({"function_declarations": [{"name": "f"}]}, id="snake-case"),
        pytest.param({"type": "function", "name": "f"}, id="of-the-interactions-api"),
    ],
)
def test_a_function_that_a_native_tool_declares_is_not_declared_again(tool: Event) -> None:
    data = json.dumps({"tools": [tool]})
    args = ["-d", data, "--exec", "f=cat", "--dry-run", "--api", "generate-content"]
    sent = json.loads(run("create", "-p", "x", *args).stdout)

    assert json.dumps(sent).count('"name": "f"') == 1


@pytest.mark.parametrize(
    "tool",
    [
        pytest.param({"functionDeclarations": [None, {"name": 1}]}, id="no-names"),
        pytest.param({"functionDeclarations": "f"}, id="no-list"),
        pytest.param("f", id="no-object"),
    ],
)
def test_a_tool_of_a_strange_form_declares_nothing(tool: Any) -> None:
    data = json.dumps({"tools": [tool]})
    sent = json.loads(run("create", "-p", "x", "-d", data, "--exec", "f=cat", "--dry-run").stdout)

    open_function = {"type": "function", "name": "f", "parameters": {"type": "object"}}
    assert sent["tools"] == [tool, open_function]


def test_tools_of_a_strange_form_are_sent_as_they_are() -> None:
    got = run("create", "-p", "x", "-d", '{"tools":"f"}', "--exec", "f=cat", "--dry-run")

    assert json.loads(got.stdout)["tools"] == "f"


def test_a_call_whose_id_is_no_text_is_not_answered_and_no_bug() -> None:
    call = function_call()
    call[0]["step"]["id"] = {"a": 1}
    with RawServer(calling(call)) as server:
        got = create(server, "--exec", "get_weather=cat")

    assert got.code == 10


def test_a_command_gets_the_ids_but_not_the_key(place: Path) -> None:
    with RawServer(calling(), saying("ok")) as server:
        create(
            server,
            *("--exec", "get_weather=./weather.sh"),
            env={"OTHER": "x", "COPY": environment()["GEMINI_API_KEY"]},
        )

    lines = (place / "weather.sh.env").read_text().splitlines()
    assert {
        "GSTREAM_FUNCTION=get_weather",
        "GSTREAM_CALL_ID=c1",
        "GSTREAM_INTERACTION_ID=v1_one",
        "OTHER=x",
    } <= set(lines)
    assert not [line for line in lines if environment()["GEMINI_API_KEY"] in line]


def test_a_command_never_reads_the_stdin_of_the_user() -> None:
    with RawServer(calling(), saying("ok")) as server:
        got = create(server, "-f", "-", "--exec", "get_weather=cat", stdin=b"from the user")

    assert got.code == 0
    assert results(server)[0]["result"] == {"location": "Paris"}


def test_what_a_command_writes_to_stderr_is_seen() -> None:
    with RawServer(calling(), saying("ok")) as server:
        got = create(server, "--exec", "get_weather=sh -c 'echo looking >&2; echo 1'")

    assert (got.text, got.stderr) == ("ok\n", "looking\n")


def test_verbose_tells_of_the_calls() -> None:
    with RawServer(calling(), saying("ok")) as server:
        got = create(server, "-v", "--exec", "get_weather=cat")

    assert "gstream: running cat for get_weather (c1)\n" in got.stderr
    assert "gstream: get_weather: done in " in got.stderr


# --- by hand


def test_steps_that_were_printed_go_back_as_input_with_their_signatures(place: Path) -> None:
    with RawServer(saying("Done")) as server:
        for path in sorted(STREAMS.glob("*.sse")):
            steps = run("decode", "--steps", "-q", str(path)).events
            if any(step.get("partial") for step in steps):
                continue
            (place / "body.json").write_text(json.dumps({"store": False, "input": steps}))
            run("create", "--base-url", server.url, "-d", "@body.json", cwd=place)
            expected = json.loads(path.with_suffix(".json").read_text()).get("steps", [])
            assert results(server) == steps == expected

    sent = json.dumps(bodies(server))
    assert len(bodies(server)) >= 10
    assert sent.count('"signature"') >= 10


def test_a_stored_interaction_goes_on_by_its_id() -> None:
    with RawServer(saying("One", "v1_a"), saying("Two", "v1_b")) as server:
        first = json.loads(create(server, "--json").stdout)
        create(server, "--previous", first["id"])

    assert bodies(server)[1]["previous_interaction_id"] == "v1_a"


# --- calls that nothing answers


@pytest.mark.parametrize(
    "args",
    [
        pytest.param([], id="no-exec"),
        pytest.param(["--exec", "other=cat"], id="another-exec"),
        pytest.param(["--exec", "GET_WEATHER=cat"], id="another-case"),
    ],
)
def test_a_call_without_a_command_shows_the_line_that_answers_it(args: Sequence[str]) -> None:
    with RawServer(calling()) as server:
        got = create(server, *args)

    assert (got.code, got.text, len(server.requests)) == (10, "", 1)
    lines = got.stderr.splitlines()
    assert lines[0].startswith("gstream: the interaction waits for the results of function calls")
    command = "gstream create --previous v1_one --function-result c1=…"
    assert lines[1:] == [f"gstream: answer with: {command} --base-url {server.url}"]


def test_what_is_not_stored_is_answered_by_itself() -> None:
    with RawServer(calling()) as server:
        got = create(server, "--no-store")

    assert got.stderr.splitlines()[1:] == [
        "gstream: it is not stored: answer with all steps and the results as the input of -d"
    ]


def test_the_line_that_answers_a_call_works() -> None:
    with RawServer(calling(), saying("Done")) as server:
        hint = create(server).stderr.splitlines()[-1]
        line = hint.removeprefix("gstream: answer with: gstream ").replace("…", '{"t":22}')
        got = run(*line.split())

    assert (got.code, got.text) == (0, "Done\n")
    assert results(server) == [{"type": "function_result", "call_id": "c1", "result": {"t": 22}}]
    assert bodies(server)[-1]["previous_interaction_id"] == "v1_one"


def test_if_one_of_two_calls_has_no_command_none_is_run(place: Path) -> None:
    with RawServer(calling(function_call(1), function_call(2, name="g", call_id="c2"))) as server:
        got = create(server, "--exec", "get_weather=./weather.sh")

    assert got.code == 10
    assert "--function-result c1=… --function-result c2=… --base-url" in got.stderr
    assert not (place / "weather.sh.seen").exists()


def test_a_command_that_is_not_there_is_told_before_anything_is_sent() -> None:
    with RawServer(saying("x")) as server:
        got = create(server, "--exec", "f=./nonexistent --flag")

    assert (got.code, server.requests) == (2, [])
    assert "--exec f: ./nonexistent is not a command that can be run" in got.stderr


@pytest.mark.parametrize(
    ("script", "flaw"),
    [
        pytest.param("echo 1\n", "has no #! line that says what runs it", id="no-shebang"),
        pytest.param("", "has no #! line that says what runs it", id="empty"),
        pytest.param("#!/no/sh -e\n", "needs /no/sh, which is missing", id="no-interpreter"),
        pytest.param("#! no/sh", "needs no/sh, which is missing", id="no-line-end"),
        pytest.param(
            "#!/bin/sh\r\n:\r\n", "has lines that end in CR LF, its #! line too", id="cr-lf"
        ),
    ],
)
def test_a_script_that_nothing_runs_is_refused_before_anything_is_paid_for(
    script: str, flaw: str, tmp_path: Path
) -> None:
    path = tmp_path / "f.sh"
    path.write_text(script, newline="")
    path.chmod(0o755)
    with RawServer(calling()) as server:
        got = create(server, "--exec", f"f={path}")

    assert (got.code, server.requests) == (2, [])
    assert got.stderr.endswith(f"Error: --exec f: {path} {flaw}\n")


@pytest.mark.parametrize("head", [b"#! /bin/sh -e\n", b"\x7fELF\2\1\1\0", b"MZ\0"])
def test_a_command_that_something_may_run_is_not_refused(head: bytes, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(head)
    path.chmod(0o755)
    with RawServer(saying("Hello.")) as server:
        got = create(server, "--exec", f"f={path}")

    assert (got.code, got.text) == (0, "Hello.\n")


def test_a_command_that_cannot_be_read_is_left_to_the_one_who_runs_it(tmp_path: Path) -> None:
    path = tmp_path / "f"
    with socket.socket(socket.AF_UNIX) as listener:  # root can read everything else
        listener.bind(str(path))
        path.chmod(0o755)
        with RawServer(calling(function_call(name="f")), saying("It failed.")) as server:
            got = create(server, "--exec", f"f={path}")

    assert (got.code, got.text) == (0, "It failed.\n")
    assert "Permission denied" in results(server)[0]["result"]


@pytest.mark.parametrize(
    ("args", "why"),
    [
        pytest.param(["--exec", "f"], "this is not NAME=COMMAND", id="no-command"),
        pytest.param(["--exec", "f='x"], "--exec f: no closing quotation", id="open-quote"),
        pytest.param(["--exec", "f=a", "--exec", "f=b"], "--exec f: given twice", id="twice"),
        pytest.param(["--exec", "f=cat", "--max-turns", "0"], "--max-turns", id="no-turns"),
        pytest.param(["--exec", "f=cat", "--exec-timeout", "0"], "--exec-timeout", id="no-time"),
    ],
)
def test_options_that_make_no_sense_are_refused(args: Sequence[str], why: str) -> None:
    got = run("create", "-p", "x", "-n", *args)

    assert got.code == 2
    assert why in got.stderr
