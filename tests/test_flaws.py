"""What cannot be used is counted and told; how it is found is a matter of its own modules."""

from typing import Any

from gstream.events import batch_of
from gstream.flaws import Flaws
from tests.support import delta, line, start, stop

NO_STEP = start() | {"index": "x"}
BROKEN_CALL = [
    start("function_call", name="f"),
    delta("arguments_delta", arguments="{"),
    stop(),
]


def fed(*events: dict[str, Any]) -> tuple[Flaws, list[str]]:
    """What has seen events, and what it told."""
    told: list[str] = []
    flaws = Flaws(told.append)
    flaws.feed(batch_of(list(events), [line(event) for event in events]))
    return flaws, told


def test_events_of_no_step_are_told_and_counted() -> None:
    flaws, told = fed(NO_STEP, start(), delta(index=-1) | {"index": None})

    assert flaws.unusable == 2
    assert [words.partition(":")[0] for words in told] == [
        "an event cannot be used, its index is not the number of a step"
    ] * 2


def test_another_interaction_is_counted_anew() -> None:
    flaws, _ = fed(NO_STEP)
    flaws.forget()

    assert flaws.unusable == 0


def test_calls_with_broken_arguments_are_named() -> None:
    flaws, told = fed(*BROKEN_CALL)

    assert flaws.bad_arguments() == "the arguments of f are not JSON: they are kept as text"
    assert flaws.bad_arguments() == ""
    assert told == []


def test_five_of_many_calls_are_named() -> None:
    flaws, _ = fed(*BROKEN_CALL * 9)

    assert "of f, f, f, f, f are" in flaws.bad_arguments()


def test_calls_that_are_cut_are_not_broken() -> None:
    assert fed(*BROKEN_CALL[:2])[0].bad_arguments(cut=True) == ""
    assert fed(*BROKEN_CALL[:2])[0].bad_arguments(cut=False) != ""


def test_calls_that_another_run_saw_begin_are_not_judged() -> None:
    flaws = Flaws(print)
    flaws.begin_after([0])
    rest = [delta("arguments_delta", arguments="1}"), stop()]
    flaws.feed(batch_of(rest, [line(event) for event in rest]))

    assert flaws.bad_arguments() == ""
