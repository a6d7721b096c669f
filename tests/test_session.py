"""A run over one body or many: what is shown, and to whom."""

from collections.abc import Iterable

import orjson
import pytest

from gstream.blocks import DONE_BLOCK
from gstream.errors import (
    BadDataError,
    CannotCreateError,
    GstreamError,
    IncompleteError,
    TruncatedError,
)
from gstream.events import NOTHING, Batch, Event
from tests.sessions import Running, ran
from tests.support import (
    answer,
    batch,
    block,
    completed,
    created,
    delta,
    event,
    items,
    line,
    ndjson,
    one_by_one,
    start,
    stop,
    stream,
)


def kinds(events: Iterable[Event]) -> list[str]:
    return [one["event_type"] for one in events]


TRUNCATED = stream(created(), start(), delta(text="a"), done=False)
ERROR = line({"error": {"code": 503, "message": "gone"}})

# --- what is shown


def test_writes_each_event_when_it_has_come() -> None:
    running = Running()
    body = stream(*answer("a", "b"))
    for at in range(0, len(body), 9):
        running.session.feed(body[at : at + 9])

    assert running.written == [b"a", b"b"]


def test_several_interactions_give_several_results() -> None:
    second = [created("i2"), *answer("b")[1:]]
    running, failure = ran(stream(*answer("a"), *second), view="json")

    assert running.out.count(b"\n") == 2
    assert failure is None


def test_each_body_goes_on_where_the_one_before_ended() -> None:
    running, failure = ran(stream(*answer("a")), ndjson(created("i2"), *answer("b")[1:]))

    assert running.out == b"a\nb\n"
    assert failure is None


def test_nothing_counts_after_done() -> None:
    running, failure = ran(stream(*answer("a")) + block(delta(text="x")))

    assert running.out == b"a\n"
    assert running.session.finished is False  # the next interaction has not begun
    assert failure is None


def test_knows_that_a_live_stream_says_nothing_more() -> None:
    running = Running()
    seen = []
    for chunk in (block(created()), b"data: [DONE]\n\n"):
        running.session.feed(chunk)
        seen.append(running.session.finished)

    assert seen == [False, True]


def test_another_interaction_may_follow_done() -> None:
    running, _ = ran(stream(*answer("a")) + stream(created("i2"), *answer("b")[1:]))

    assert running.out == b"a\nb\n"


def test_s5_a_replay_of_an_open_interaction_is_no_second_one() -> None:
    for view in ("text", "ndjson", "steps", "json"):
        running, failure = ran(TRUNCATED + stream(*answer("a", "b")), view=view)
        whole, _ = ran(stream(*answer("a", "b")), view=view)

        assert running.out == whole.out
        assert failure is None


def test_a_replay_that_differs_is_never_mixed_in() -> None:
    another = stream(created("i2"), *answer("c")[1:])
    running, failure = ran(TRUNCATED + stream(*answer("b")) + another)

    assert running.out == b"ac\n"
    assert isinstance(failure, TruncatedError)
    assert "contradicts what was shown" in str(failure)


def test_an_interaction_that_is_not_stored_is_none_that_was_before() -> None:
    open_one = stream(created(""), start(), delta(text="a"), done=False)
    running, failure = ran(open_one * 2, view="json")

    assert running.out.count(b"\n") == 2
    assert isinstance(failure, TruncatedError)


@pytest.mark.parametrize(
    ("status", "hop", "expected"),
    [
        ("requires_continuation", False, [2]),
        ("incomplete", True, [2]),
        ("completed", False, [1, 1]),
    ],
)
def test_s5_the_next_hop_is_part_of_the_interaction(
    status: str, hop: bool, expected: list[int]
) -> None:
    running = Running("json")
    running.session.feed(stream(*answer("a", status=status)))
    if hop:
        running.session.expect_hop()
    running.session.feed(stream(created("i2"), *answer("b")[1:]))

    assert running.session.close() is None
    assert [len(orjson.loads(one)["steps"]) for one in running.out.splitlines()] == expected


def test_an_end_that_a_status_told_keeps_its_token() -> None:
    update = event(
        "interaction.status_update", status="requires_continuation", continuation_token="t"
    )
    running, failure = ran(stream(*answer("a")[:-1], update), view="json")

    assert isinstance(failure, IncompleteError)
    assert orjson.loads(running.out)["continuation_token"] == "t"


@pytest.mark.parametrize("after", [b"", DONE_BLOCK], ids=["nothing", "done"])
def test_an_expected_hop_that_never_comes_is_no_end(after: bytes) -> None:
    running = Running("text")
    running.session.feed(stream(*answer("a", status="requires_continuation")))
    running.session.expect_hop()
    running.session.feed(after)

    assert isinstance(running.session.close(), TruncatedError)


def test_an_expected_hop_may_be_asked_for_by_its_id() -> None:
    running = Running("text")
    running.session.feed(stream(*answer("a", status="requires_continuation")))
    running.session.expect_hop()
    running.session.progress.interaction_id = "i2"
    running.session.feed(stream(created("i2"), *answer("b")[1:]))

    assert (running.session.close(), running.out) == (None, b"ab\n")


def test_an_observer_sees_what_the_view_sees() -> None:
    running, _ = ran(stream(*answer("a")) + block(delta(text="x")))

    assert running.seen == answer("a")


def test_one_more_observer_sees_what_follows() -> None:
    running, later = Running(), Running()
    running.session.feed(block(created()))
    running.session.observe(later)
    running.session.feed(block(start()))

    assert later.seen == [start()]


# --- raw bytes


# --- holding back

UNWRITTEN = "1 bytes were not written: the answer is not whole"


@pytest.mark.parametrize(
    ("body", "out", "told"),
    [
        pytest.param(stream(*answer("a", "b")), [b"ab\n"], [], id="whole"),
        pytest.param(TRUNCATED, [], [UNWRITTEN], id="truncated"),
        pytest.param(stream(*answer("a", status="incomplete")), [], [UNWRITTEN], id="incomplete"),
        pytest.param(stream(*answer("a", status="failed")), [], [UNWRITTEN], id="failed"),
        pytest.param(
            stream(*answer("a")) + stream(created("i2")),
            [],
            ["2 bytes were not written: the answer is not whole"],
            id="the-next-one",
        ),
        pytest.param(
            stream(created(), {**start(), "index": "x"}, *answer("a")[1:]),
            [],
            ["an event cannot be used", "2 bytes were not written: the answer is not whole"],
            id="with-a-flaw",
        ),
    ],
)
def test_what_waits_for_the_end_is_written_only_if_the_answer_is_whole(
    body: bytes, out: list[bytes], told: list[str]
) -> None:
    running, _ = ran(body, flush="end")

    assert running.written == out
    assert [words.partition(", its index")[0] for words in running.reports] == told


def test_media_that_is_not_shown_is_told() -> None:
    image = delta("image", mime_type="image/png", data="AAAA" * 400)
    running, _ = ran(stream(created(), start(), image, completed()))

    assert running.reports == ["1,200 bytes of media were not shown; --save-media DIR saves them"]


# --- going on from another run


def test_a_run_that_has_nothing_to_do_writes_nothing() -> None:
    running, incomplete = Running(), IncompleteError("x")
    running.session.nothing_to_do(incomplete)

    assert running.session.close() is incomplete
    assert running.out == b""

    running = Running()
    running.session.nothing_to_do(None)
    assert running.session.close() is None


def test_a_view_goes_on_where_another_run_was() -> None:
    first, second = Running(), Running()
    first.session.feed(TRUNCATED)
    second.session.restore_view(first.session.view_state, {0: "model_output"})
    second.session.feed(stream(delta(text="b"), stop(), completed()))

    assert second.session.close() is None
    assert first.out + second.out == b"ab\n"


@pytest.mark.parametrize(("view", "shown"), [("text", b""), ("json", b"a")])
def test_events_that_no_stream_brought_are_shown_only_at_the_end(view: str, shown: bytes) -> None:
    running = Running(view)
    running.session.amend(batch(start(content=items("a"))))
    assert running.out == b""
    assert kinds(running.seen) == ["step.start"]

    running.session.feed(stream(completed()))
    running.session.close()
    assert shown in running.out


def test_where_we_were_is_known_after_the_end() -> None:
    running, _ = ran(stream(created("i1"), {**completed(id="i1"), "event_id": "e9"}))

    progress = running.session.progress
    assert (progress.interaction_id, progress.last_event_id, progress.status) == (
        "i1",
        "e9",
        "completed",
    )


def test_the_exit_line_tells_the_same_story_to_a_program() -> None:
    running, failure = ran(stream(created("i1"), {**delta(text="a"), "event_id": "e1"}, done=False))
    assert failure is not None

    assert orjson.loads(running.session.exit_line(failure, 76)) == {
        "event_type": "gstream.exit",
        "status": 76,
        "reason": "truncated",
        "message": "the stream ended before the interaction did (after event e1)",
        "interaction_id": "i1",
        "last_event_id": "e1",
        "retryable": True,
    }
    nothing = orjson.loads(Running().session.exit_line(BadDataError("x"), 65))
    assert (nothing["interaction_id"], nothing["last_event_id"]) == (None, None)


# --- media


class FakeMedia:
    """Puts a path in place of each image, the last one only at the end."""

    def __init__(self, failure: GstreamError | None = None, known: list[str] | None = None) -> None:
        self.failure = failure
        self.known = known

    def feed(self, read: Batch) -> Batch:
        events = [
            {**one, "delta": {"type": "image", "path": "1.png"}} if "delta" in one else one
            for one in read.events
        ]
        return batch(*events)

    def end(self, *, ended: bool) -> Batch:
        return NOTHING

    def state(self) -> Event:
        return {"media": self.known}

    def restore(self, state: Event) -> None:
        self.known = state["media"]


@pytest.mark.parametrize(("view", "path"), [("json", True), ("steps", True), ("ndjson", False)])
def test_saved_media_is_a_path_in_views_of_steps(view: str, path: bool) -> None:
    running = Running(view)
    running.session.save_media(FakeMedia())
    image = delta("image", mime_type="image/png", data="AAAA")
    running.session.feed(stream(created(), start(), image, stop(), completed()))

    assert running.session.close() is None
    assert (b'"path":"1.png"' in running.out) == path
    assert image in running.seen
    assert running.reports == []


def test_what_is_saved_is_part_of_the_state_for_another_run() -> None:
    first, second = Running(), Running()
    media = FakeMedia()
    for running in (first, second):
        running.session.save_media(media if running is second else FakeMedia(known=["1.png"]))
    second.session.restore_view(first.session.view_state, {})

    assert first.session.view_state == {"last": "", "media": ["1.png"]}
    assert media.known == ["1.png"]


def test_media_that_cannot_be_saved_is_a_failure() -> None:
    running, full = Running(), CannotCreateError("full")
    running.session.save_media(FakeMedia(full))
    running.session.feed(stream(*answer("a")))

    assert running.session.close() is full


@pytest.mark.parametrize("flush", ["event", "end"])
def test_what_follows_the_end_of_an_interaction_belongs_to_none(flush: str) -> None:
    late = [delta(text="late"), event("error", error={"code": "internal"})]
    body = stream(*answer("a"), *late)
    for chunks in ([body], one_by_one(body)):
        running, failure = ran(chunks, view="text", flush=flush)

        assert (running.out, failure) == (b"a\n", None)
        assert running.reports == ["left out after the end of the interaction: 2 events"]
