"""`create --exec`, turn after turn: what is shown, recorded and sent back."""

import json
import signal
from pathlib import Path

import pytest

from tests import servers
from tests.cli.calling import (
    Event,
    bodies,
    calling,
    create,
    ending,
    function_call,
    results,
    saying,
    thought,
)
from tests.cli.support_cli import run, started, wait_for
from tests.servers import RawServer
from tests.support import created, delta, start, stop, stream

pytestmark = pytest.mark.usefixtures("place")

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
    events = [created("v1_one"), *thought("signature of v1_one"), *function_call()]
    begun = servers.hanging(stream(*events, done=False))
    with RawServer(begun, calling(), STORED, saying("Done")) as server:
        args = ["create", "--base-url", server.url, "-p", "x", "--cursor", "c"]
        args += ["--exec", "get_weather=./weather.sh"]
        with started(*args) as process:
            wait_for(lambda: "v1_one" in _text_of(place / "c"), "the cursor")
            process.kill()
        got = run(*args, cwd=place)

    assert (got.code, got.text) == (0, "Done\n")
    assert results(server)[0]["result"] == {"temperature": 22}


@pytest.mark.parametrize(
    ("unknown", "code"),
    [
        pytest.param(servers.refusing(503, {}), 69, id="busy"),
        pytest.param(servers.refusing(404, {}), 64, id="gone"),
        pytest.param(servers.raw(b"HTTP/1.1 200 OK\r\n\r\n[]"), 69, id="no-interaction"),
        pytest.param(servers.raw(b"HTTP/1.1 200 OK\r\n\r\n{}"), 69, id="no-steps"),
    ],
)
def test_calls_that_cannot_be_learnt_are_not_left_out(
    unknown: servers.Script, code: int, place: Path
) -> None:
    events = [created("v1_one"), *thought("signature of v1_one"), *function_call()]
    cut = servers.cut(stream(*events, done=False))
    common = ["--cursor", "c", "-q", "--exec", "get_weather=cat", "--retries", "0"]
    with RawServer(cut, calling(), unknown, calling(), STORED, saying("Done")) as server:
        create(server, *common, "--no-resume")
        broken = create(server, *common)
        whole = create(server, *common)

    methods = [request.method for request in server.requests]
    assert (broken.code, methods) == (code, ["POST", "GET", "GET", "GET", "GET", "POST"])
    assert (whole.code, whole.text) == (0, "Done\n")


STORED = servers.raw(
    b"HTTP/1.1 200 OK\r\n\r\n"
    + json.dumps(
        {
            "id": "v1_one",
            "status": "requires_action",
            "steps": [
                {"type": "function_call", "id": "c1", "name": "get_weather", "arguments": {}}
            ],
        }
    ).encode()
)


@pytest.mark.parametrize("view", ["text", "ndjson", "steps", "json"])
@pytest.mark.parametrize(
    ("second_turn", "args", "code"),
    [
        pytest.param(servers.refusing(503, {}), ["--retries", "0"], 69, id="refused"),
        pytest.param(servers.hanging(), ["--max-time", "1"], 124, id="no-answer"),
        pytest.param(servers.hanging(b": wait\n\n"), ["--max-time", "1"], 124, id="no-event"),
        pytest.param(servers.answering(b""), [], 76, id="empty"),
    ],
)
def test_a_cursor_of_an_unanswered_turn_leads_to_its_calls_without_repeating_anything(
    second_turn: servers.Script, args: list[str], code: int, view: str, place: Path
) -> None:
    one = calling(text="Looking. ")
    common = [f"--{view}", "-q", "--exec", "get_weather=cat"]
    with RawServer(one, saying("Done")) as server:
        uncut = create(server, *common)
    with RawServer(one, second_turn, one, STORED, saying("Done")) as server:
        first = create(server, "--cursor", "c", *common, *args)
        second = create(server, "--cursor", "c", *common)

    shown = [line for line in first.stdout.splitlines(True) if b"gstream.exit" not in line]
    assert (first.code, second.code) == (code, 0)
    assert b"".join(shown) + second.stdout == uncut.stdout


def test_a_cursor_of_a_run_that_was_interrupted_in_a_call_leads_to_it(place: Path) -> None:
    with RawServer(
        calling(text="Looking. "), calling(text="Looking. "), STORED, saying("Done")
    ) as server:
        args = ["create", "--base-url", server.url, "-p", "x", "--cursor", "c", "--json", "-q"]
        args += ["--exec", "get_weather=sh -c 'touch begun; sleep 60'"]
        with started(*args) as process:
            wait_for((place / "begun").exists, "the call")
            process.send_signal(signal.SIGINT)
            first, _ = process.communicate()
        args[-1] = "get_weather=cat"
        second = run(*args, cwd=place)

    assert (process.returncode, second.code) == (-signal.SIGINT, 0)
    assert [json.loads(line)["id"] for line in (first + second.stdout).splitlines()] == [
        "v1_one",
        "v1_last",
    ]


def _text_of(file: Path) -> str:
    return file.read_text() if file.exists() else ""
