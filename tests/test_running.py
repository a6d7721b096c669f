"""A command while it runs: its pipes, what becomes of its output, and its limits."""

import sys
import time
from pathlib import Path
from typing import Any

import pytest

from gstream.running import Outcome
from tests.commands import DEADLINE, Told, run_one, sh

# --- its pipes


def test_arguments_larger_than_a_pipe_arrive_whole_while_output_larger_than_a_pipe_leaves() -> None:
    outcome = run_one(["cat"], {"text": "x" * 500_000})

    assert outcome == Outcome({"text": "x" * 500_000})


def test_a_command_that_does_not_read_its_arguments_is_no_failure() -> None:
    assert run_one(sh("echo ok"), {"text": "x" * 500_000}) == Outcome("ok")


def test_the_arguments_are_json_whatever_they_hold() -> None:
    outcome = run_one(
        [sys.executable, "-c", "import sys; print(sys.stdin.read().count('\\n'))"],
        {"a": "\n\r\u2028"},
    )

    assert outcome.value == "1"


@pytest.mark.parametrize("seconds", ["0.1", "0.9"])
def test_output_that_comes_from_a_child_after_the_command_has_ended_still_counts(
    seconds: str,
) -> None:
    assert run_one(sh(f"(sleep {seconds}; echo late) &")) == Outcome("late")


def test_the_result_of_a_command_that_has_failed_is_not_waited_for() -> None:
    began = time.monotonic()

    outcome = run_one(sh(f"sleep {DEADLINE} & exit 3"), timeout=DEADLINE)

    assert outcome == Outcome("exit status 3", is_error=True)
    assert time.monotonic() - began < DEADLINE / 2


# --- what becomes of its output


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        pytest.param('{"t": 22}\n', {"t": 22}, id="object"),
        pytest.param('[{"type":"text","text":"x"}]', [{"type": "text", "text": "x"}], id="list"),
        pytest.param('"quoted"', "quoted", id="string"),
        pytest.param("22\n", "22", id="number"),
        pytest.param("123456789012345678901234567890", "1234567890" * 3, id="long-number"),
        pytest.param("1e3\n", "1e3", id="number-as-written"),
        pytest.param('{"v":1e999}\n', '{"v":1e999}', id="too-large-a-number"),
        pytest.param("null", "null", id="null"),
        pytest.param("[NaN]", "[NaN]", id="what-json-does-not-know"),
        pytest.param("22 degrees\n", "22 degrees", id="text-without-its-line-end"),
        pytest.param("a\n\nb\n", "a\n\nb", id="lines"),
        pytest.param("{broken", "{broken", id="no-json-after-all"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_output_is_json_if_it_parses_else_text(output: str, expected: Any) -> None:
    assert run_one(["printf", "%s", output]) == Outcome(expected)


def test_output_that_is_no_utf_8_is_text_with_replacements() -> None:
    assert run_one(["printf", r"caf\351"]) == Outcome("caf\ufffd")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(sh("echo broken >&2; exit 3"), "exit status 3: broken", id="exit-status"),
        pytest.param(sh("echo lost; exit 1"), "exit status 1", id="silent"),
        pytest.param(sh("kill -9 $$"), "ended by SIGKILL", id="signal"),
        pytest.param(sh("kill -40 $$"), "ended by signal 40", id="signal-without-a-name"),
        pytest.param(
            ["/nonexistent/f"], "f cannot be started: No such file or directory", id="absent"
        ),
        pytest.param(
            ["/etc/passwd"], "f cannot be started: Permission denied", id="not-executable"
        ),
    ],
)
def test_a_failure_is_an_error_result_and_a_note(words: list[str], expected: str) -> None:
    told = Told()

    outcome = run_one(words, told=told)

    assert outcome == Outcome(expected, is_error=True)
    assert len(told.notes) == 1 and told.notes[0].startswith("f: ")


def test_the_message_of_a_failure_is_the_tail_of_stderr() -> None:
    script = "import sys; sys.stderr.write('x' * 100_000 + '\\nlast words\\n'); sys.exit(1)"

    outcome = run_one([sys.executable, "-c", script])

    assert outcome.value.startswith("exit status 1: x")
    assert outcome.value.endswith("x\nlast words")
    assert len(outcome.value) < 5000


def test_stderr_is_shown_in_whole_lines_as_it_comes() -> None:
    told = Told()

    run_one(sh("printf 'one\\ntw' >&2; sleep 0.1; printf 'o\\nrest' >&2"), told=told)

    assert b"".join(told.shown) == b"one\ntwo\nrest\n"
    assert all(piece.endswith(b"\n") for piece in told.shown)


def test_arguments_that_are_no_json_are_an_error_and_run_nothing(tmp_path: Path) -> None:
    outcome = run_one(["touch", str(tmp_path / "ran")], '{"location": "Par')

    assert outcome == Outcome('the arguments are not JSON: {"location": "Par', is_error=True)
    assert not (tmp_path / "ran").exists()


def test_too_much_output_is_an_error_and_ends_the_command() -> None:
    began = time.monotonic()

    outcome = run_one(["yes"], max_output=100_000)

    assert outcome == Outcome("more than 100,000 bytes of output", is_error=True)
    assert time.monotonic() - began < DEADLINE / 2


def test_output_of_exactly_the_limit_is_no_error() -> None:
    assert run_one(["printf", "12345678"], max_output=8) == Outcome("12345678")
