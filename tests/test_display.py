"""What shows the events of a run; that it is used so is a matter of the session's tests."""

import orjson
import pytest

from gstream.display import Display
from gstream.errors import CannotCreateError, GstreamError
from gstream.events import Batch, Event
from gstream.sink import Sink
from gstream.views import VIEWS
from tests.support import answer, batch, created, delta, start, stop

IMAGE = delta("image", mime_type="image/png", data="AAAA")


class Seen:
    """Remembers the events that it was handed."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def feed(self, read: Batch) -> None:
        self.events += read.events


class Saver:
    """Holds every image back until the end, and knows one path."""

    def __init__(self, failure: GstreamError | None = None) -> None:
        self.failure = failure
        self.known: Event = {}
        self._held: list[Event] = []

    def feed(self, read: Batch) -> Batch:
        self._held += [one for one in read.events if one is IMAGE]
        return batch(*(one for one in read.events if one is not IMAGE))

    def end(self, *, ended: bool) -> Batch:
        return batch(*({**one, "delta": {"type": "image", "path": "1"}} for one in self._held))

    def state(self) -> Event:
        return {"media": 1}

    def restore(self, state: Event) -> None:
        self.known = state


class Shown:
    """A display of a view, and all that it wrote and told."""

    def __init__(self, view: str) -> None:
        self.out = bytearray()
        self.told: list[str] = []
        self.seen = Seen()
        sink = Sink(self.out.extend)
        self.display = Display(VIEWS[view](), sink, [self.seen], self.told.append)

    def end(self) -> list[GstreamError]:
        return list(self.display.end(whole=True, ended=True))


@pytest.mark.parametrize("view", ["text", "json"])
def test_observers_see_the_events_that_came(view: str) -> None:
    shown = Shown(view)
    shown.display.media = Saver()
    shown.display.feed(batch(*answer("a"), IMAGE))

    assert shown.seen.events == [*answer("a"), IMAGE]


def test_a_view_of_steps_sees_what_was_saved_at_the_end() -> None:
    shown = Shown("steps")
    shown.display.media = Saver()
    shown.display.feed(batch(created(), start(), IMAGE, stop()))

    assert shown.end() == []
    assert [orjson.loads(line).get("content") for line in shown.out.splitlines()] == [
        None,
        [{"type": "image", "path": "1"}],
    ]


def test_what_could_not_be_saved_went_wrong() -> None:
    shown, full = Shown("json"), CannotCreateError("full")
    shown.display.media = Saver(full)

    assert shown.end() == [full]


def test_media_that_is_not_shown_is_told() -> None:
    shown = Shown("text")
    shown.display.feed(batch(created(), start(), IMAGE))

    assert shown.end() == []
    assert shown.told == ["3 bytes of media were not shown; --save-media DIR saves them"]


@pytest.mark.parametrize(
    ("view", "events", "told"),
    [
        ("text", [created(), start("thought"), stop()], True),
        ("text", answer("a"), False),
        ("json", [created()], False),
    ],
)
def test_an_answer_without_text_is_told_where_text_is_shown(
    view: str, events: list[Event], told: bool
) -> None:
    shown = Shown(view)
    shown.display.feed(batch(*events))

    assert shown.end() == []
    assert (shown.told == ["the answer holds no text; --json shows what it holds"]) == told


def test_the_state_is_that_of_the_view_and_of_what_is_saved() -> None:
    shown, saver = Shown("text"), Saver()
    assert shown.display.state() == {"last": ""}
    shown.display.media = saver
    shown.display.restore({"last": "a"}, {0: "model_output"})

    assert shown.display.state() == {"last": "a", "media": 1}
    assert saver.known == {"last": "a"}


@pytest.mark.parametrize(("view", "text"), [("text", b""), ("json", b'"a"')])
def test_what_no_stream_brought_is_for_those_who_look_at_the_end(view: str, text: bytes) -> None:
    shown = Shown(view)
    shown.display.amend(batch(*answer("a")))
    shown.display.observe(late := Seen())

    assert shown.end() == []
    assert text in shown.out
    assert (shown.seen.events, late.events) == (answer("a"), [])
