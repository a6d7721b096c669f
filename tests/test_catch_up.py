"""A shadow goes on until it has caught up, in the middle of a piece if need be."""

import pytest

from .replaying import PNG, audio, ledger_of, replayed
from .support import answer, completed, created, delta, start, stop


@pytest.mark.parametrize("cut", range(1, 14))
def test_text_goes_on_in_the_middle_of_a_delta(cut: int) -> None:
    whole = "Hello wörld ☕!"
    ledger = ledger_of(created(), start(), delta(text=whole[:cut]))

    assert replayed(ledger, *answer(whole))[0] == delta(text=whole[cut:])


def test_audio_goes_on_in_the_middle_of_a_piece() -> None:
    ledger = ledger_of(created(), start(), audio(b"\0\1"))

    assert replayed(ledger, created(), start(), audio(b"\0\1\2\3")) == [audio(b"\2\3")]


def test_arguments_go_on_in_the_middle_of_a_fragment() -> None:
    ledger = ledger_of(created(), start("function_call"), delta("arguments_delta", arguments='{"'))
    again = [created(), start("function_call"), delta("arguments_delta", arguments='{"a":1}')]

    assert replayed(ledger, *again) == [delta("arguments_delta", arguments='a":1}')]


def test_empty_deltas_may_be_left_out_when_the_stream_begins_again() -> None:
    ledger = ledger_of(created(), start(), delta(text="a"), delta(text=""))

    rest = [stop(), completed()]

    assert replayed(ledger, created(), start(), delta(text="a"), *rest) == rest


def test_a_step_may_go_on_after_text_whose_empty_end_is_left_out() -> None:
    handed = [created(), start(), delta(text="a"), delta(text="")]

    for more in (delta(**PNG), delta(text="b")):
        assert replayed(ledger_of(*handed), *handed[:3], more) == [more]


def test_an_empty_text_before_a_run_of_another_kind_is_old() -> None:
    events = [created(), start(), delta(text=""), audio(b"\0"), audio(b"\1"), completed()]

    assert replayed(ledger_of(*events[:4]), *events) == events[4:]


def test_an_empty_text_after_an_item_that_came_whole_is_new() -> None:
    handed = [created(), start(), delta(**PNG)]

    assert replayed(ledger_of(*handed), *handed, delta(text="")) == [delta(text="")]


def test_new_text_of_a_kind_after_an_empty_one_is_new() -> None:
    ledger = ledger_of(created(), start(), delta(**PNG), delta(text=""))

    assert replayed(ledger, created(), start(), delta(**PNG), delta(**PNG)) == [delta(**PNG)]


def test_an_empty_piece_between_runs_may_be_left_out() -> None:
    handed = [created(), start(), delta(**PNG), delta(text=""), delta(**PNG), delta(text="a")]
    again = [created(), start(), delta(**PNG), delta(**PNG), delta(text="ab")]

    assert replayed(ledger_of(*handed), *again) == [delta(text="b")]
