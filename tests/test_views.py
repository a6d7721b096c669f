"""What each view shows of events, however they come in batches."""

from typing import Any

import pytest

from gstream.events import Batch, Event, batch_of, dumps
from gstream.views import TextView

CREATED: Event = {"event_type": "interaction.created", "interaction": {"id": "v1_x"}}
START: Event = {"event_type": "step.start", "index": 0, "step": {"type": "model_output"}}
STOP: Event = {"event_type": "step.stop", "index": 0}


def delta(text: str, index: int = 0) -> Event:
    return {"event_type": "step.delta", "index": index, "delta": {"type": "text", "text": text}}


def completed(*texts: str) -> Event:
    """The end of an interaction, with the steps that it had."""
    items = [{"type": "text", "text": text} for text in texts]
    steps = [{"type": "model_output", "content": items}] if items else []
    interaction: dict[str, Any] = {"id": "v1_x", "status": "completed", "steps": steps}
    return {"event_type": "interaction.completed", "interaction": interaction}


def batch(*events: Event) -> Batch:
    return batch_of(list(events), [dumps(event) + b"\n" for event in events])


def in_batches(events: list[Event], size: int) -> bytes:
    view = TextView()
    batches = [batch(*events[at : at + size]) for at in range(0, len(events), size)]
    return b"".join(map(view.feed, batches)) + view.end(whole=True, ended=True)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize(
    ("events", "text"),
    [
        pytest.param(
            [CREATED, START, delta("a"), delta("b"), STOP, completed("ab")],
            b"ab\n",
            id="steps-come-again-at-the-end",
        ),
        pytest.param([CREATED, completed("ab")], b"ab\n", id="steps-come-only-at-the-end"),
        pytest.param([CREATED, START, delta("a\n"), STOP], b"a\n", id="ends-in-a-newline"),
        pytest.param([CREATED, START, delta(""), STOP], b"", id="no-text"),
        pytest.param(
            [delta("ö"), delta("😀"), delta("a", 1)], "ö😀a\n".encode(), id="never-started"
        ),
    ],
)
def test_text_is_the_same_in_batches_of_any_size(
    events: list[Event], text: bytes, size: int
) -> None:
    assert in_batches(events, size) == text


def test_text_view_keeps_no_more_than_the_last_character() -> None:
    view = TextView()
    view.feed(batch(START, delta("a" * 1000)))

    assert view.state() == {"last": "a"}
