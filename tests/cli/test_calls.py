"""`create --exec` as a user runs it: real commands, a server of several turns, real signals."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.cli.support_cli import Ran, Terminal, environment, run, started, wait_for
from tests.servers import RawServer, Script
from tests.support import STREAMS, completed, created, delta, start, stop, stream

Event = dict[str, Any]

WEATHER = """#!/bin/sh
cat > "$0.seen"
env > "$0.env"
echo '{"temperature":22}'
"""
TOOL = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"location": {"type": "string"}}},
}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "weather.sh"
    script.write_text(WEATHER)
    script.chmod(0o755)
    (tmp_path / "weather.json").write_text(json.dumps(TOOL))
    return tmp_path


def function_call(
    index: int = 1, *, name: str = "get_weather", call_id: str = "c1", arguments: str = ""
) -> list[Event]:
    """The events of a function call; its arguments come in two pieces."""
    text = arguments or '{"location":"Paris"}'
    half = len(text) // 2
    pieces = [
        delta("arguments_delta", index=index, arguments=part) for part in (text[:half], text[half:])
    ]
    begun = start("function_call", index=index, id=call_id, name=name, arguments={}, signature="")
    return [begun, *pieces, stop(index)]


def thought(signature: str) -> list[Event]:
    return [start("thought"), delta("thought_signature", signature=signature), stop()]


def ending(status: str, interaction_id: str, usage: int) -> Event:
    fields = {"usage": {"total_tokens": usage}} if usage else {}
    return completed(status, **{"id": interaction_id, **fields})


def calling(
    *calls: list[Event], interaction_id: str = "v1_one", text: str = "", usage: int = 0
) -> Script:
    """A turn that says something and calls functions."""
    said = [start(index=9), delta(index=9, text=text), stop(9)] if text else []
    called = [event for call in calls or (function_call(),) for event in call]
    return answer(
        created(interaction_id),
        *thought(f"signature of {interaction_id}"),
        *said,
        *called,
        ending("requires_action", interaction_id, usage),
    )


def saying(text: str, interaction_id: str = "v1_last", usage: int = 0) -> Script:
    """A last turn."""
    said = [start(), delta(text=text), stop()]
    return answer(created(interaction_id), *said, ending("completed", interaction_id, usage))


def answer(*events: Event) -> Script:
    return servers.answering(stream(*events))


def create(server: RawServer, *args: str, **given: Any) -> Ran:
    prompt = [] if "-f" in args else ["-p", "Weather in Paris?"]
    return run("create", "--base-url", server.url, *prompt, *args, **given, cwd=Path.cwd())


def bodies(server: RawServer) -> list[Event]:
    return [json.loads(request.body) for request in server.requests if request.body]


def results(server: RawServer) -> list[Event]:
    found: list[Event] = bodies(server)[-1]["input"]
    return found


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


# --- several turns


def test_text_of_all_turns_follows_with_one_line_end() -> None:
    turns = [calling(text="Looking. "), calling(text="Again. "), saying("Done")]
    with RawServer(*turns) as server:
        got = create(server, "--exec", "get_weather=cat")

    assert (got.code, got.text) == (0, "Looking. Again. Done\n")


def test_an_empty_last_turn_still_ends_the_line() -> None:
    with RawServer(calling(text="Done already."), saying("")) as server:
        got = create(server, "--exec", "get_weather=cat")

    assert (got.code, got.text) == (0, "Done already.\n")


def test_json_is_one_line_a_turn() -> None:
    with RawServer(calling(), saying("Done")) as server:
        got = create(server, "--json", "--exec", "get_weather=cat")

    assert [(turn["id"], turn["status"], len(turn["steps"])) for turn in got.events] == [
        ("v1_one", "requires_action", 2),
        ("v1_last", "completed", 1),
    ]


def test_steps_of_all_turns_follow_in_order() -> None:
    with RawServer(calling(), saying("Done")) as server:
        got = create(server, "--steps", "--exec", "get_weather=cat")

    assert [step["type"] for step in got.events] == ["thought", "function_call", "model_output"]


def test_ndjson_holds_the_events_of_all_turns_and_no_exit_line() -> None:
    with RawServer(calling(), saying("Done")) as server:
        got = create(server, "--ndjson", "--exec", "get_weather=cat")

    kinds = [event["event_type"] for event in got.events]
    assert kinds.count("interaction.created") == kinds.count("interaction.completed") == 2
    assert kinds[-1] == "interaction.completed"


def test_ndjson_of_all_turns_is_decoded_as_they_were_shown() -> None:
    with RawServer(calling(text="Looking. "), saying("Done")) as server:
        written = create(server, "--ndjson", "--exec", "get_weather=cat").stdout

    again = run("decode", stdin=written)

    assert (again.code, again.text, again.stderr) == (0, "Looking. Done\n", "")


def test_ndjson_of_a_run_that_nothing_answered_stays_one_before_another_run() -> None:
    with RawServer(calling(), saying("Done")) as server:
        written = create(server, "--ndjson").stdout + create(server, "--ndjson").stdout

    again = run("decode", stdin=written)

    assert (again.code, again.text) == (10, "Done\n")


def test_a_recording_of_all_turns_is_decoded_and_replayed_as_they_were_shown(place: Path) -> None:
    with RawServer(calling(text="Looking. "), saying("Done")) as server:
        create(server, "--exec", "get_weather=cat", "--record", "r.sse")

    for command in (["decode"], ["replay", "--speed", "0"]):
        again = run(*command, "r.sse", cwd=place)
        assert (again.code, again.text, again.stderr) == (0, "Looking. Done\n", "")


def test_sse_holds_the_bytes_of_all_turns() -> None:
    with RawServer(calling(), saying("Done")) as server:
        got = create(server, "--sse", "--exec", "get_weather=cat")

    assert got.stdout.count(b"data: [DONE]\n\n") == 2


def test_flush_end_waits_for_the_last_turn() -> None:
    with RawServer(calling(text="Looking. "), servers.answering(servers.opening("half"))) as server:
        args = ["--flush", "end", "--no-resume", "--exec", "get_weather=cat"]
        got = create(server, *args)

    assert (got.code, got.text) == (76, "")
    assert "13 bytes were not written" in got.stderr


def test_a_failure_between_turns_leaves_what_flush_end_holds_unwritten() -> None:
    with RawServer(calling(text="Looking. "), servers.refusing(400, {"message": "no"})) as server:
        got = create(server, "--flush", "end", "--exec", "get_weather=cat")

    assert (got.code, got.text) == (64, "")
    assert "9 bytes were not written" in got.stderr


def test_the_tokens_of_all_turns_are_counted() -> None:
    with RawServer(calling(usage=100), saying("Done", usage=11)) as server:
        got = create(server, "--stats", "-", "--exec", "get_weather=cat")

    stats = json.loads(got.stderr)
    assert (stats["tokens"]["total_tokens"], stats["exit_code"]) == (111, 0)


def test_without_storing_the_whole_history_goes_back_with_its_signatures() -> None:
    turns = [calling(interaction_id=""), calling(interaction_id=""), saying("Done", "")]
    with RawServer(*turns) as server:
        got = create(server, "--no-store", "--exec", "get_weather=./weather.sh")

    assert (got.code, got.text) == (0, "Done\n")
    call = {
        "id": "c1",
        "type": "function_call",
        "name": "get_weather",
        "arguments": {"location": "Paris"},
    }
    result = {
        "type": "function_result",
        "name": "get_weather",
        "call_id": "c1",
        "result": {"temperature": 22},
    }
    turn = [{"type": "thought", "signature": "signature of "}, call, result]
    question = {
        "type": "user_input",
        "content": [{"type": "text", "text": "Weather in Paris?"}],
    }
    assert bodies(server)[1]["input"] == [question, *turn]
    assert bodies(server)[2]["input"] == [question, *turn, *turn]
    assert "previous_interaction_id" not in bodies(server)[2]


def test_max_turns_ends_a_model_that_calls_for_ever() -> None:
    with RawServer(calling()) as server:
        got = create(server, "--exec", "get_weather=cat", "--max-turns", "3")

    assert (got.code, len(server.requests)) == (11, 4)
    assert got.stderr == (
        "gstream: --max-turns 3 reached: the interaction waits for the results of function calls: "
        'get_weather({"location":"Paris"})\n'
        "gstream: answer with: gstream create --previous v1_one --function-result c1=…\n"
    )


def event_of(text: str, event_id: str) -> Event:
    return {**delta(text=text), "event_id": event_id}


def test_a_turn_that_breaks_off_is_resumed_like_any_other() -> None:
    one = stream(created("v1_last"), start(), event_of("It is ", "e1"), done=False)
    two = stream(event_of("22.", "e2"), stop(), ending("completed", "v1_last", 0))
    with RawServer(calling(), servers.cut(one), servers.answering(two)) as server:
        got = create(server, "-q", "--exec", "get_weather=cat")

    assert (got.code, got.text) == (0, "It is 22.\n")
    assert [request.method for request in server.requests] == ["POST", "POST", "GET"]


def test_a_cursor_of_a_killed_run_leads_to_the_calls_and_their_answers(place: Path) -> None:
    interaction = {
        "id": "v1_one",
        "status": "requires_action",
        "steps": [{"type": "function_call", "id": "c1", "name": "get_weather", "arguments": {}}],
    }
    stored = json.dumps(interaction).encode()
    whole = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(stored), stored)
    events = [created("v1_one"), *function_call(0)]
    begun = stream(*events, done=False)
    again = answer(*events, ending("requires_action", "v1_one", 0))
    with RawServer(servers.hanging(begun), again, servers.raw(whole), saying("Done")) as server:
        args = ["create", "--base-url", server.url, "-p", "x", "--cursor", "c"]
        args += ["--exec", "get_weather=./weather.sh"]
        with started(*args) as process:
            wait_for(lambda: "v1_one" in _text_of(place / "c"), "the cursor")
            process.kill()
        got = run(*args, cwd=place)

    assert (got.code, got.text) == (0, "Done\n")
    assert results(server)[0]["result"] == {"temperature": 22}


def _text_of(file: Path) -> str:
    return file.read_text() if file.exists() else ""


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
    assert lines[1:] == [
        "gstream: answer with: gstream create --previous v1_one --function-result c1=…"
    ]


def test_the_line_that_answers_a_call_works() -> None:
    with RawServer(calling(), saying("Done")) as server:
        hint = create(server).stderr.splitlines()[-1]
        line = hint.removeprefix("gstream: answer with: gstream ").replace("…", '{"t":22}')
        got = run(*line.split(), "--base-url", server.url)

    assert (got.code, got.text) == (0, "Done\n")
    assert results(server) == [{"type": "function_result", "call_id": "c1", "result": {"t": 22}}]
    assert bodies(server)[-1]["previous_interaction_id"] == "v1_one"


def test_if_one_of_two_calls_has_no_command_none_is_run(place: Path) -> None:
    with RawServer(calling(function_call(1), function_call(2, name="g", call_id="c2"))) as server:
        got = create(server, "--exec", "get_weather=./weather.sh")

    assert got.code == 10
    assert got.stderr.endswith("--function-result c1=… --function-result c2=…\n")
    assert not (place / "weather.sh.seen").exists()


def test_a_command_that_is_not_there_is_told_before_anything_is_sent() -> None:
    with RawServer(saying("x")) as server:
        got = create(server, "--exec", "f=./nonexistent --flag")

    assert (got.code, server.requests) == (2, [])
    assert "--exec f: ./nonexistent is not a command that can be run" in got.stderr


@pytest.mark.parametrize(
    ("args", "why"),
    [
        pytest.param(["--exec", "f"], "it looks like NAME=COMMAND", id="no-command"),
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


# --- commands that fail


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        pytest.param("sh -c 'echo no >&2; exit 7'", "exit status 7: no", id="exit-status"),
        pytest.param("sleep 20", "timed out after 1 s", id="timeout"),
        pytest.param("yes", "more than 1,024 bytes of output", id="output"),
    ],
)
def test_a_failing_command_is_an_error_for_the_model(command: str, expected: str) -> None:
    limits = ["--exec-timeout", "1", "--exec-max-output", "1K"]
    with RawServer(calling(), saying("I could not find out.")) as server:
        got = create(server, "--exec", f"get_weather={command}", *limits)

    assert (got.code, got.text) == (0, "I could not find out.\n")
    assert results(server)[0] == {
        "type": "function_result",
        "name": "get_weather",
        "call_id": "c1",
        "result": expected,
        "is_error": True,
    }
    assert f"gstream: get_weather: {expected.partition(': ')[0]}\n" in got.stderr


def test_arguments_that_are_no_json_are_an_error_for_the_model(place: Path) -> None:
    broken = function_call(arguments='{"location": "Par')
    with RawServer(calling(broken), saying("Sorry.")) as server:
        got = create(server, "--exec", "get_weather=./weather.sh")

    assert (got.code, got.text) == (0, "Sorry.\n")
    assert results(server)[0]["is_error"] is True
    assert results(server)[0]["result"].startswith("the arguments are not JSON")
    assert not (place / "weather.sh.seen").exists()


def test_calls_run_at_the_same_time_and_a_slow_one_leaves_no_process(place: Path) -> None:
    slow = f"1003.{os.getpid()}"
    script = (
        f"case $GSTREAM_CALL_ID in c3) sleep {slow};; c1) other=c2;; c2) other=c1;; esac; "
        "touch $GSTREAM_CALL_ID; until [ -e $other ]; do sleep 0.01; done; echo $GSTREAM_CALL_ID"
    )
    (place / "both.sh").write_text(script)
    calls = [function_call(n, call_id=f"c{n}") for n in (1, 2, 3)]
    with RawServer(calling(*calls), saying("ok")) as server:
        got = create(server, "--exec", "get_weather=sh both.sh", "--exec-timeout", "2")

    assert got.code == 0
    assert [(step["call_id"], step["result"]) for step in results(server)] == [
        ("c1", "c1"),
        ("c2", "c2"),
        ("c3", "timed out after 2 s"),
    ]
    assert not _running(slow)


def _running(mark: str) -> bytes:
    done = subprocess.run(["pgrep", "-f", f"sleep {mark}"], capture_output=True, check=False)
    return done.stdout


# --- a hostile model


HOSTILE_ARGUMENTS = '{"a":"$(touch pwned) `touch pwned` \'; touch pwned; \\"\\n\\u0000","b":[]}'


def test_hostile_arguments_reach_the_command_as_data(place: Path) -> None:
    call = function_call(arguments=HOSTILE_ARGUMENTS, call_id="c$(touch pwned)\n'\u0000")
    with RawServer(calling(call), saying("ok")) as server:
        got = create(server, "--exec", "get_weather=./weather.sh")

    assert got.code == 0
    assert json.loads((place / "weather.sh.seen").read_text()) == json.loads(HOSTILE_ARGUMENTS)
    assert results(server)[0]["call_id"] == "c$(touch pwned)\n'\u0000"
    assert sorted(path.name for path in place.iterdir()) == [
        "weather.json",
        "weather.sh",
        "weather.sh.env",
        "weather.sh.seen",
    ]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("../../bin/touch pwned", id="path-and-words"),
        pytest.param("./weather.sh", id="the-command"),
        pytest.param("get_weather ", id="blank-at-the-end"),
        pytest.param("get_weather\u0000", id="nul"),
        pytest.param("$(touch pwned)", id="shell"),
        pytest.param("", id="empty"),
        pytest.param("x" * 100_000, id="long"),
    ],
)
def test_a_hostile_name_runs_nothing(name: str, place: Path) -> None:
    with RawServer(calling(function_call(name=name))) as server:
        got = create(server, "--exec", "get_weather=./weather.sh")

    assert got.code == 10
    assert len(got.stderr.splitlines()) == 2
    assert sorted(path.name for path in place.iterdir()) == ["weather.json", "weather.sh"]


def test_a_call_id_too_long_for_a_variable_is_an_error_for_the_model() -> None:
    with RawServer(calling(function_call(call_id="x" * 300_000)), saying("ok")) as server:
        got = create(server, "--exec", "get_weather=cat")

    assert got.code == 0
    assert results(server)[0]["is_error"] is True


def test_a_hostile_name_cannot_write_to_a_terminal() -> None:
    with (
        RawServer(calling(function_call(name="\u001b]0;pwned\u0007"))) as server,
        Terminal() as screen,
    ):
        args = ["create", "--base-url", server.url, "-p", "x", "--exec", "f=cat"]
        with started(*args, stderr=screen.end) as process:
            process.wait(20)
        shown = screen.shown()

    assert b"\x1b]0;" not in shown
    assert b"\\u001b]0;pwned\\u0007" in shown


def test_what_a_command_repeats_of_the_model_cannot_write_to_a_terminal() -> None:
    call = function_call(arguments='{"a":"x\\u001b]0;pwned\\u0007"}')
    script = 'import json,sys; sys.stderr.write(json.load(sys.stdin)["a"])'
    with RawServer(calling(call), saying("ok")) as server, Terminal() as screen:
        command = f"get_weather={sys.executable} -c '{script}'"
        args = ["create", "--base-url", server.url, "-p", "x", "-q", "--exec", command]
        with started(*args, stderr=screen.end) as process:
            process.wait(20)
        shown = screen.shown()

    assert shown == b"x\\u001b]0;pwned\\u0007\n"


# --- interruptions


@pytest.fixture
def sleeping(place: Path) -> Iterator[tuple[list[str], str]]:
    """Options whose command sleeps for a time that marks it, and the mark."""
    mark = f"1002.{os.getpid()}"
    yield ["--exec", f"get_weather=sh -c 'touch begun; sleep {mark} & wait'"], mark
    assert not _running(mark)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_a_call_ends_call_and_run(
    signum: signal.Signals, sleeping: tuple[list[str], str], place: Path
) -> None:
    options, mark = sleeping
    with RawServer(calling(text="Looking.")) as server:
        args = ["create", "--base-url", server.url, "-p", "x", *options]
        with started(*args) as process:
            wait_for((place / "begun").exists, "the command")
            process.send_signal(signum)
            out, err = process.communicate(timeout=20)

    assert process.returncode == -signum
    assert out == b"Looking."
    assert b"answer with: gstream create --previous v1_one --function-result c1=" in err
    assert not _running(mark)


def test_control_c_on_a_terminal_ends_call_and_run(
    sleeping: tuple[list[str], str], place: Path
) -> None:
    options, mark = sleeping
    command = [sys.executable, "-m", "gstream", "create", "-p", "x", *options]
    with RawServer(calling()) as server:
        code = _press_control_c([*command, "--base-url", server.url], place / "begun")

    assert code == -signal.SIGINT
    assert not _running(mark)


def _press_control_c(command: list[str], begun: Path) -> int:
    """Run a command in a terminal, and press Ctrl-C once a file is there; returns its code."""
    import pty

    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(command[0], command, environment())
    try:
        wait_for(begun.exists, "the command")
        os.write(terminal, b"\x03")
        _, status = os.waitpid(pid, 0)
    finally:
        os.close(terminal)
    return os.waitstatus_to_exitcode(status)


def test_max_time_ends_a_call_too(sleeping: tuple[list[str], str]) -> None:
    options, mark = sleeping
    with RawServer(calling()) as server:
        got = create(server, *options, "--max-time", "1.5")

    assert got.code == 124
    assert not _running(mark)
