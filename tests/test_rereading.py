"""An interaction that begins again within one input is read once."""

import pytest

from gstream.rereading import Rereading

from .support import Event, batch, completed, created, delta, event, start, stop

WHOLE = [
    created(),
    event("interaction.status_update", interaction_id="v1_built", status="in_progress"),
    start(),
    delta(text="Hel"),
    delta(text="lo"),
    stop(),
    completed(),
]


def with_ids(events: list[Event]) -> list[Event]:
    return [{**one, "event_id": f"e{number}"} for number, one in enumerate(events)]


@pytest.mark.parametrize("cut", range(1, len(WHOLE)))
@pytest.mark.parametrize("events", [WHOLE, with_ids(WHOLE)], ids=["without-ids", "with-ids"])
def test_what_came_before_does_not_pass_again(events: list[Event], cut: int) -> None:
    rereading = Rereading()
    passed = rereading.feed(batch(*events[:cut])).events
    rereading.begin_again()
    passed = passed + rereading.feed(batch(*events)).events

    assert passed == events


def test_text_goes_on_in_the_middle_of_a_delta() -> None:
    rereading = Rereading()
    rereading.feed(batch(*WHOLE[:4]))
    rereading.begin_again()

    assert rereading.feed(batch(*WHOLE[:3], delta(text="Hello"))).events == [delta(text="lo")]


def test_what_differs_never_passes_but_what_came_before_it_does() -> None:
    notice = event("later.kind")
    rereading = Rereading()
    rereading.feed(batch(*WHOLE[:4]))
    rereading.begin_again()

    assert rereading.feed(batch(*WHOLE[:3], notice, delta(text="Hi!"))).events == [notice]
    assert str(rereading.failure) == (
        "the interaction begins again and contradicts what was shown: "
        "step 0: the text is not what it was"
    )
    assert rereading.feed(batch(*WHOLE[4:])).events == []


def test_another_interaction_is_compared_with_nothing() -> None:
    rereading = Rereading()
    rereading.feed(batch(*WHOLE[:4]))
    rereading.begin()

    assert rereading.feed(batch(*WHOLE)).events == WHOLE


def test_what_began_in_the_middle_of_an_interaction_is_compared_with_nothing() -> None:
    rereading = Rereading()
    rereading.feed(batch(*WHOLE[3:5], delta(text="x", index=7)))
    rereading.begin_again()

    assert rereading.feed(batch(*WHOLE)).events == WHOLE
    rereading.begin_again()
    assert rereading.feed(batch(*WHOLE, event("later.kind"))).events == [event("later.kind")]
    assert rereading.failure is None
