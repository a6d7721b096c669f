"""Arguments of function calls that are no JSON: who finds them, and what it means for the run."""

from typing import Any

import pytest

from gstream.arguments import ArgumentsCheck
from gstream.events import batch_of
from tests.cli.support_cli import run
from tests.support import completed, created, delta, line, start, stop, stream

Event = dict[str, Any]


def call(*pieces: str, index: int = 0, name: str = "f") -> list[Event]:
    """The events of a function call."""
    deltas = [delta("arguments_delta", index=index, arguments=piece) for piece in pieces]
    return [start("function_call", index=index, id="c1", name=name), *deltas, stop(index)]


def broken(*events: Event, at_once: int = 1) -> list[str]:
    """The names of the calls that are found."""
    check = ArgumentsCheck()
    for at in range(0, len(events), at_once):
        part = list(events[at : at + at_once])
        check.feed(batch_of(part, [line(event) for event in part]))
    return check.end()


@pytest.mark.parametrize("at_once", [1, 2, 100])
@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param(call('{"a":', "1}"), [], id="json-in-pieces"),
        pytest.param(call('{"a":'), ["f"], id="cut"),
        pytest.param(call(), [], id="none"),
        pytest.param(call("", ""), [], id="empty"),
        pytest.param(call("1"), [], id="json-but-no-object"),
        pytest.param(call("{")[:-1], ["f"], id="never-stopped"),
        pytest.param([*call("{"), *call("{}")], ["f"], id="index-used-again"),
        pytest.param([call("{")[0], *call("{}")], [], id="started-again"),
        pytest.param(
            [*call("{")[:-1], created(), delta("thought_signature", signature="s"), stop()],
            ["f"],
            id="other-events-between",
        ),
        pytest.param(
            [
                *call("{")[:-1],
                start("x", index=1),
                delta("arguments_delta", index=1, arguments="x"),
            ],
            ["f"],
            id="another-step-between",
        ),
        pytest.param([*call("{"), *call("x", index=1, name="g")], ["f", "g"], id="two"),
        pytest.param([start(), delta(text="{"), stop()], [], id="text"),
        pytest.param(
            [delta("arguments_delta", arguments="{"), stop()],
            ["the call in step 0"],
            id="never-started",
        ),
        pytest.param([{**event, "index": []} for event in call("{")], [], id="strange-index"),
    ],
)
def test_calls_whose_arguments_are_no_json_are_found(
    events: list[Event], expected: list[str], at_once: int
) -> None:
    assert broken(*events, at_once=at_once) == expected


def test_an_answer_with_such_a_call_is_bad_data() -> None:
    got = run("decode", "--json", stdin=stream(created(), *call("{"), completed()))

    assert got.code == 65
    assert got.events[0]["steps"][0]["arguments"] == "{"
    assert got.stderr == ("gstream: the arguments of f are not JSON: they are kept as text\n")


def test_a_call_that_waits_for_its_result_weighs_more() -> None:
    got = run("decode", stdin=stream(created(), *call("{"), completed("requires_action")))

    assert got.code == 10
    assert [line.partition(": ")[2][:30] for line in got.stderr.splitlines()] == [
        "the arguments of f are not JSO",
        "the interaction waits for the ",
        "answer with: gstream create --",
    ]


def test_each_answer_is_checked_for_itself() -> None:
    two = stream(created("v1_a"), *call("{"), completed()) + stream(created("v1_b"), completed())

    assert run("decode", stdin=two).code == 65
    assert run("decode", stdin=two).stderr.count("are not JSON") == 1


def test_the_rest_of_a_call_that_another_run_has_seen_begin_is_not_looked_at() -> None:
    check = ArgumentsCheck()
    check.begin_after([0])

    for event in [*call('"a":1}')[1:], *call("{", index=1)]:
        check.feed(batch_of([event], [line(event)]))

    assert check.end() == ["f"]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param(call("{")[:-1], [], id="inside-its-arguments"),
        pytest.param(call("{"), ["f"], id="after-its-stop"),
        pytest.param([delta("arguments_delta", arguments="{")], [], id="never-started"),
    ],
)
def test_arguments_that_were_cut_are_not_broken(events: list[Event], expected: list[str]) -> None:
    check = ArgumentsCheck()
    check.feed(batch_of(events, [line(event) for event in events]))

    assert check.end(cut=True) == expected


def test_a_stream_that_is_cut_inside_arguments_is_truncated() -> None:
    got = run("decode", "--json", stdin=stream(created(), *call("{")[:-1], done=False))

    assert got.code == 76
    assert got.stderr.startswith("gstream: the stream ended before the interaction did")


def test_fragments_for_another_kind_of_step_are_no_arguments() -> None:
    assert broken(start(), delta("arguments_delta", arguments="{"), stop()) == []


def test_a_call_without_a_name_is_named_by_its_step() -> None:
    [started, *rest] = call("{", index=3)
    started["step"].pop("name")

    assert broken(started, *rest) == ["the call in step 3"]
