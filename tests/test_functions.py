"""Commands for function calls: what they get, how many run at once, and how they end."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gstream.errors import UsageError
from gstream.functions import parse, run_all, without_secrets
from gstream.running import Limits, Outcome
from tests.commands import DEADLINE, Told, call, run_one, sh

# --- the option


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param("f=./f.sh", ("f", ["./f.sh"]), id="one-word"),
        pytest.param("f=a 'b c' d\\ e", ("f", ["a", "b c", "d e"]), id="quoted-words"),
        pytest.param("f=env A=1 x", ("f", ["env", "A=1", "x"]), id="equals-in-the-command"),
        pytest.param(
            "f=echo $HOME; ls | x", ("f", ["echo", "$HOME;", "ls", "|", "x"]), id="no-shell"
        ),
        pytest.param(" f =x", ("f", ["x"]), id="blanks-around-the-name"),
    ],
)
def test_a_command_is_split_as_a_shell_splits_words(
    given: str, expected: tuple[str, list[str]]
) -> None:
    assert parse(given) == expected


@pytest.mark.parametrize(
    ("given", "why"),
    [
        pytest.param("f", "--exec 'f': this is not NAME=COMMAND", id="no-command"),
        pytest.param("=x", "--exec '=x': this is not NAME=COMMAND", id="no-name"),
        pytest.param("f=", "--exec f: which command?", id="empty-command"),
        pytest.param("f='x", "--exec f: no closing quotation", id="open-quote"),
    ],
)
def test_an_option_of_another_form_is_refused(given: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(given)

    assert str(caught.value) == why


# --- what a command gets


def test_a_command_reads_the_arguments_as_one_line_of_json() -> None:
    arguments = {"city": "Zürich", "quote": "a\"b'c\nd\0e$(touch x)"}

    outcome = run_one(["cat"], arguments)

    assert outcome == Outcome(arguments)


def test_a_command_sees_the_names_of_function_call_and_interaction() -> None:
    script = 'printf "%s|%s|%s" "$GSTREAM_FUNCTION" "$GSTREAM_CALL_ID" "$GSTREAM_INTERACTION_ID"'

    assert run_one(sh(script)) == Outcome("f|c1|v1_a")


def test_an_id_with_nul_and_quotes_stays_a_value() -> None:
    strange = call(call_id="a\0b'; touch x; '\n$(id)ä")

    [outcome] = run_all(
        [strange], {"f": sh('printf %s "$GSTREAM_CALL_ID"')}, Limits(), Told().surroundings()
    )

    assert outcome == Outcome("ab'; touch x; '\n$(id)ä")


def test_a_command_has_no_terminal() -> None:
    script = "import os; os.open('/dev/tty', os.O_RDWR)"

    outcome = run_one([sys.executable, "-c", script])

    assert outcome.is_error and "/dev/tty" in outcome.value


def test_the_environment_is_the_one_that_was_given() -> None:
    told = Told()
    around = told.surroundings(environment={"PATH": os.environ["PATH"], "ONLY": "this"})

    [outcome] = run_all([call()], {"f": ["env"]}, Limits(), around)

    names = {line.partition("=")[0] for line in outcome.value.splitlines()}
    assert {"PATH", "ONLY", "GSTREAM_FUNCTION"} <= names
    assert not names & {"HOME", "GEMINI_API_KEY"}


def test_no_variable_that_holds_the_key_is_left() -> None:
    environment = {
        "GEMINI_API_KEY": "AIza-one",
        "GOOGLE_API_KEY": "",
        "MY_KEY": "AIza-secret",
        "HEADER": "Bearer AIza-secret",
        "SHORT": "abc",
        "HOME": "/root",
    }

    left = without_secrets(environment, ["AIza-secret", "abc", ""])

    assert left == {"SHORT": "abc", "HOME": "/root"}


# --- many at once


def test_commands_run_at_the_same_time_and_come_back_in_the_order_of_the_calls(
    tmp_path: Path,
) -> None:
    # Each waits for the one after it, so they end in reverse.
    script = 'cd "$1"; id=${GSTREAM_CALL_ID#c}; until [ -e $((id + 1)) ]; do sleep 0.01; done'
    words = ["sh", "-c", f"{script}; touch $id; echo $id", "sh", str(tmp_path)]
    (tmp_path / "4").touch()
    calls = [call(call_id=f"c{n}") for n in range(4)]

    outcomes = run_all(calls, {"f": words}, Limits(timeout=DEADLINE), Told().surroundings())

    assert [outcome.value for outcome in outcomes] == ["0", "1", "2", "3"]


def test_no_more_than_so_many_run_at_once(tmp_path: Path) -> None:
    file = f"{tmp_path}/$GSTREAM_CALL_ID"
    script = f"ls {tmp_path} | wc -l; touch {file}; sleep 0.1; rm {file}"
    calls = [call(call_id=f"c{n}") for n in range(9)]

    outcomes = run_all(calls, {"f": sh(script)}, Limits(at_once=3), Told().surroundings())

    assert len(outcomes) == 9
    assert max(int(outcome.value) for outcome in outcomes) <= 2


def test_one_failure_among_many_loses_no_other() -> None:
    commands = {"good": sh("echo 1"), "bad": sh("exit 1"), "absent": ["/nonexistent"]}
    calls = [call(name, call_id=name) for name in ("good", "bad", "absent", "good")]

    outcomes = run_all(calls, commands, Limits(), Told().surroundings())

    assert [outcome.is_error for outcome in outcomes] == [False, True, True, False]


# --- the end


def _sleepers(mark: str) -> list[int]:
    """The processes that sleep for exactly so long."""
    done = subprocess.run(["pgrep", "-f", f"sleep {mark}"], capture_output=True, check=False)
    return [int(pid) for pid in done.stdout.split()]


def _wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("sleep {}", id="itself"),
        pytest.param("sleep {} & wait", id="its-child"),
        pytest.param("trap '' TERM; sleep {} & sleep {}; wait", id="deaf-to-term"),
        pytest.param("exec >&- 2>&-; sleep {}", id="closed-its-output"),
        pytest.param("sleep {} &", id="its-child-that-keeps-its-output-open"),
        pytest.param("trap '' TERM; sleep {} &", id="such-a-child-that-is-deaf-to-term"),
        pytest.param("timeout 1000 sleep {}; :", id="in-a-group-of-its-own"),
        pytest.param("setsid sleep {} & wait", id="in-a-session-of-its-own"),
        pytest.param(
            "setsid sh -c 'trap \"\" TERM; sleep {} & sleep {}; sleep {}' & wait",
            id="in-a-session-and-deaf-to-term",
        ),
    ],
)
def test_a_command_that_takes_too_long_is_ended_with_all_its_children(script: str) -> None:
    mark = f"1000.{os.getpid()}{abs(hash(script)) % 1000}"

    outcome = run_one(sh(script.replace("{}", mark)), timeout=0.3)

    assert outcome == Outcome("timed out after 0.3 s", is_error=True)
    _wait_for(lambda: not _sleepers(mark))


def test_the_time_of_a_command_counts_from_its_own_start() -> None:
    calls = [call(call_id=f"c{n}") for n in range(6)]

    outcomes = run_all(
        calls, {"f": ["sleep", "0.3"]}, Limits(timeout=1.7, at_once=1), Told().surroundings()
    )

    assert outcomes == [Outcome("")] * 6


@pytest.mark.parametrize("output", [">/dev/null", ">/dev/null 2>&1"], ids=["stderr", "neither"])
def test_what_a_command_leaves_in_the_background_without_its_output_is_not_waited_for(
    output: str,
) -> None:
    mark = f"1002.{os.getpid()}"

    outcome = run_one(sh(f"sleep {mark} {output} & echo done"), timeout=DEADLINE)

    assert outcome == Outcome("done")
    [left] = _sleepers(mark)
    os.kill(left, signal.SIGKILL)


def test_an_interruption_ends_all_commands() -> None:
    mark = f"1001.{os.getpid()}"
    told = Told()

    @contextmanager
    def interrupted_while_running() -> Iterator[None]:
        yield
        if len(_sleepers(mark)) >= 2:
            raise KeyboardInterrupt

    around = told.surroundings(waiting=interrupted_while_running)
    calls = [call(call_id="c1"), call(call_id="c2")]

    with pytest.raises(KeyboardInterrupt):
        run_all(calls, {"f": ["sleep", mark]}, Limits(), around)

    assert not _sleepers(mark)


def test_no_shell_sees_a_command(tmp_path: Path) -> None:
    words = parse(f"f=printf %s $(touch {tmp_path}/x) ;ls")[1]

    outcome = run_one(words)

    assert outcome.value.startswith("$(touch")
    assert not (tmp_path / "x").exists()


def test_the_words_that_run_are_told_to_who_wants_to_know() -> None:
    told = Told()

    run_one(["printf", "%s", "a b"], told=told)

    assert told.verbose[0] == f"running {shlex.join(['printf', '%s', 'a b'])} for f (c1)"
    assert told.verbose[1].startswith("f: done in ") and told.verbose[1].endswith(" s, 3 bytes")


def test_no_file_is_left_open() -> None:
    before = set(os.listdir("/dev/fd"))

    run_one(sh("sleep 0.2 & echo x"))
    run_one(sh("exit 1"))
    run_one(["/nonexistent"])

    assert set(os.listdir("/dev/fd")) == before
