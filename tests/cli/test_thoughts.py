"""`--thoughts`: summaries on stderr, the answer on stdout."""

import json
import subprocess
import threading

import pytest

from gstream.cli.thoughts import Thoughts
from tests import servers, support
from tests.cli.support_cli import Terminal, read_until, run, started
from tests.servers import RawServer
from tests.support import block

THINKING = servers.created() + servers.step_start("thought") + servers.thought_delta("**Plan**\n\n")
ANSWER = servers.step_stop() + servers.step_start(index=1) + servers.text_delta("42", 1)


def _said(*events: support.Event) -> list[str]:
    lines: list[str] = []
    thoughts = Thoughts(lines.append)
    for event in events:
        thoughts.feed(support.batch(event))
    return lines


def test_thoughts_go_to_stderr_and_the_answer_to_stdout() -> None:
    got = run("decode", "--thoughts", stdin=THINKING + ANSWER + servers.ending())

    assert (got.code, got.text, got.stderr) == (0, "42\n", "**Plan**\n")


PLAN = [{"type": "text", "text": "Plan"}]
THOUGHT = {"type": "thought", "summary": PLAN}


@pytest.mark.parametrize(
    ("events", "said"),
    [
        pytest.param([support.completed(steps=[THOUGHT, 7, THOUGHT])], ["Plan\nPlan"], id="alone"),
        pytest.param(
            [
                support.start("thought", summary=PLAN),
                support.completed(steps=[THOUGHT]),
            ],
            ["Plan"],
            id="after-its-start",
        ),
        pytest.param(
            [support.delta(text="a"), support.completed(steps=[THOUGHT])], [], id="after-text"
        ),
        pytest.param(
            [support.delta(text="a"), support.created(), support.completed(steps=[THOUGHT])],
            ["Plan"],
            id="of-the-next-interaction",
        ),
    ],
)
def test_thoughts_that_come_with_the_end_alone_are_shown(
    events: list[support.Event], said: list[str]
) -> None:
    assert _said(*events) == said


def test_thoughts_are_not_shown_unasked() -> None:
    got = run("decode", stdin=THINKING + ANSWER + servers.ending())

    assert (got.text, got.stderr) == ("42\n", "")


def test_quiet_does_not_hide_what_was_asked_for() -> None:
    got = run("decode", "--thoughts", "-q", stdin=THINKING + ANSWER + servers.ending())

    assert got.stderr == "**Plan**\n"


def test_a_thought_is_shown_while_the_server_waits() -> None:
    gate = threading.Event()
    rest = ANSWER + servers.ending()
    with RawServer(servers.waiting(THINKING, gate=gate, rest=rest)) as server:
        env = {"GOOGLE_GEMINI_BASE_URL": server.url}
        with started("create", "-p", "x", "--thoughts", env=env) as process:
            thought = read_until(process.stderr, b"\n")
            gate.set()
            answer, _ = process.communicate(timeout=servers.DEADLINE)

    assert (thought, answer) == (b"**Plan**\n", b"42\n")
    config = json.loads(server.requests[0].body)["generation_config"]
    assert config == {"thinking_summaries": "auto"}


def test_control_characters_of_a_thought_are_visible_on_a_terminal() -> None:
    stream = THINKING.replace(b"Plan", b"\\u001b[31mPlan") + ANSWER + servers.ending()
    with Terminal() as terminal:
        with started(
            "decode", "--thoughts", stdin=subprocess.PIPE, stderr=terminal.end, env={"TERM": "dumb"}
        ) as process:
            process.communicate(stream, timeout=servers.DEADLINE)
        assert terminal.shown() == b"**\\u001b[31mPlan**\n"


@pytest.mark.parametrize(
    ("event", "lines"),
    [
        pytest.param(
            support.delta("thought_summary", content={"type": "text", "text": "a\nb\n\n"}),
            ["a\nb"],
            id="text",
        ),
        pytest.param(
            support.delta("thought_summary", content={"text": "no type"}), ["no type"], id="untyped"
        ),
        pytest.param(
            support.delta("thought_summary", content={"type": "image", "data": "AAA="}),
            ["[image, 2 bytes]"],
            id="image",
        ),
        pytest.param(
            support.delta("thought_summary", content={"type": "image", "uri": "gs://a/b"}),
            ["[image, gs://a/b]"],
            id="image-elsewhere",
        ),
        pytest.param(support.delta("thought_summary"), [], id="nothing"),
        pytest.param(support.delta("thought_signature", signature="c2ln"), [], id="signature"),
        pytest.param(support.delta(text="answer"), [], id="answer"),
        pytest.param(
            support.start("thought", summary=[{"type": "text", "text": "whole"}]),
            ["whole"],
            id="whole-at-the-start",
        ),
        pytest.param(support.start("thought", summary=[{"type": "image"}, 1]), [], id="no-text"),
    ],
)
def test_each_text_of_a_summary_is_a_line_of_its_own(
    event: support.Event, lines: list[str]
) -> None:
    assert _said(event) == lines


def test_summaries_follow_one_another() -> None:
    events = [support.delta("thought_summary", content={"text": text}) for text in ("one\n", "two")]

    assert _said(*events) == ["one", "two"]
    assert block(events[0]).endswith(b"\n\n")
