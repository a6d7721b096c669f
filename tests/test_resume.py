"""Following an interaction over broken connections; connect, sleep and clock are fake."""

import json
import os
from dataclasses import replace

import pytest

from gstream.errors import NetworkError, TruncatedError
from gstream.events import Event
from gstream.ledger import Ledger
from gstream.views import VIEWS
from tests import support
from tests.drawn_faults import any_stream, faults, stream
from tests.faults import DONE, ENDINGS, Fault, FaultModel
from tests.followers import POST, follow, uncut

SCHEDULES = 6000 if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 400
STALLED = Fault(events=2, ending="silent")
CUT_ANEW = frozenset({"text", "steps", "json"})
"""The views that are the same however the text is cut into deltas."""


def differs(events: list[Event], schedule: list[Fault], view: str) -> bool:
    """Whether a run over a schedule of faults is not what the uncut one is."""
    followed = follow(FaultModel(events, list(schedule)), view)
    whole = uncut(events, view)
    same = followed.output in {whole, whole.removesuffix(DONE)}  # which may not have come
    same = same or (followed.polled and view not in CUT_ANEW)
    return not same or followed.failure is not None or followed.model.posts != 1


@pytest.mark.parametrize("view", VIEWS)
def test_any_schedule_of_faults_gives_the_output_of_the_uncut_run(view: str) -> None:
    differing = []
    for seed in range(SCHEDULES // len(VIEWS)):
        events = stream(("none", "some", "all")[seed % 3], seed)
        schedule = faults(seed, endings=list(ENDINGS), cut_anew=view in CUT_ANEW)
        if differs(events, schedule, view):
            differing.append((seed, schedule))

    assert differing == []


@pytest.mark.parametrize("view", VIEWS)
def test_any_stream_survives_any_schedule_of_faults(view: str) -> None:
    differing = []
    for seed in range(SCHEDULES // len(VIEWS)):
        events = any_stream(seed)
        schedule = faults(seed, endings=list(ENDINGS), cut_anew=view in CUT_ANEW)
        short = [each for each in schedule if (each.events or 0) < len(events)]
        if differs(events, short, view):
            differing.append((seed, schedule))

    assert differing == []


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("ids", ["none", "some", "all"])
def test_goes_on_after_each_kind_of_end(ids: str, ending: str) -> None:
    events = stream(ids)
    model = FaultModel(events, [Fault(events=12, extra=9, ending=ending)])

    followed = follow(model, "ndjson")

    assert followed.output == uncut(events, "ndjson")
    assert followed.failure is None
    assert len(model.requests) == 2


@pytest.mark.parametrize("ids", ["none", "some", "all"])
def test_the_cut_may_fall_anywhere(ids: str) -> None:
    events = stream(ids)
    whole = uncut(events, "sse")
    differing = []
    for count in range(1, len(events)):
        size = len(json.dumps(events[count])) + 20
        for extra in range(0, size, 3):
            model = FaultModel(events, [Fault(events=count, extra=extra, ending="reset")])
            if follow(model, "sse").output != whole:
                differing.append((count, extra))

    assert differing == []


def test_asks_for_what_follows_the_last_id() -> None:
    model = FaultModel(stream("all"), [Fault(events=10)])

    follow(model)

    assert model.requests[1].endswith("?stream=true&last_event_id=e9")


def test_asks_for_everything_where_no_event_has_an_id() -> None:
    model = FaultModel(stream("none"), [Fault(events=10)])

    follow(model)

    assert model.requests[1].endswith("/v1_fault?stream=true")


def test_connects_again_at_once_and_then_waits_longer_each_time() -> None:
    refused = Fault(status=503)
    model = FaultModel(stream("all"), [Fault(events=10), refused, refused, refused])

    followed = follow(model)

    assert followed.waits == [0.5, 1.0, 2.0]
    assert followed.failure is None


def test_polls_where_streaming_again_brings_nothing_three_times() -> None:
    events = stream("none")
    model = FaultModel(events, [Fault(events=14, ending="silent"), STALLED, STALLED, STALLED])

    followed = follow(model)

    assert followed.output == uncut(events, "text")
    assert model.requests[-1] == "GET /v1beta/interactions/v1_fault?"
    assert followed.failure is None


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("ids", ["none", "some", "all"])
def test_done_before_the_end_is_no_progress_and_no_end(ids: str, view: str) -> None:
    events = stream(ids)
    done = Fault(events=14, ending="done")
    model = FaultModel(
        events, [done] * 50 if ids == "none" else [done, *[replace(done, events=0)] * 50]
    )

    followed = follow(model, view)

    assert followed.failure is None
    assert len(model.requests) == 5, "the stream, three more, and the poll"
    if view in {"text", "steps", "json"}:
        assert followed.output == uncut(events, view)
    assert followed.output.count(b"[DONE]") == (view == "sse")


def test_done_before_the_end_is_shown_where_nothing_can_be_had_after_it() -> None:
    model = FaultModel(stream("all"), [Fault(events=11, ending="done")])

    followed = follow(model, "sse", enabled=False)

    assert isinstance(followed.failure, TruncatedError)
    assert followed.output == model.stream("", Fault(events=11)) + DONE


def test_a_connection_that_breaks_before_its_last_words_ends_as_the_uncut_one() -> None:
    events = stream("all")
    model = FaultModel(events, [Fault(events=len(events), extra=9, ending="reset")])

    assert follow(model, "sse").output == uncut(events, "sse")
    assert len(model.requests) == 1


@pytest.mark.parametrize("pieces", [1 << 20, 7])
def test_nothing_that_follows_the_end_on_its_connection_is_shown(pieces: int) -> None:
    events = stream("all")
    late = [{"event_type": "step.delta", "index": 1, "delta": {"type": "text", "text": "late"}}]
    model = FaultModel([*events, *late], [Fault(pieces=pieces)])

    assert follow(model).output == uncut(events, "text")


def test_what_polling_brings_says_so_in_ndjson() -> None:
    model = FaultModel(stream("none"), [Fault(events=14, ending="silent"), *[STALLED] * 3])

    followed = follow(model, "ndjson")

    lines = [json.loads(line) for line in followed.output.splitlines()]
    made = [line for line in lines if line.get("synthesized")]
    assert lines[14:] == made
    assert made[0]["delta"] == {"type": "text", "text": "☕. 🚀 Mehr Text\n"[1:]}


def test_a_run_that_never_ends_is_given_up_after_an_hour() -> None:
    model = FaultModel(stream("none"), [Fault(events=14, ending="silent"), *[STALLED] * 3])
    model.polled_status = "in_progress"

    followed = follow(model)

    assert isinstance(followed.failure, TruncatedError)
    assert 3600 <= followed.seconds < 3700


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_that_stays_ends_it_with_what_was_printed_kept(status: int) -> None:
    model = FaultModel(stream("all"), [Fault(events=11), Fault(status=status)])

    followed = follow(model)

    assert isinstance(followed.failure, TruncatedError)
    assert f"HTTP {status}" in str(followed.failure)
    assert followed.output == b"Hello the the "


def test_no_resume_ends_it_at_the_first_cut() -> None:
    model = FaultModel(stream("all"), [Fault(events=11)])

    followed = follow(model, enabled=False)

    assert isinstance(followed.failure, TruncatedError)
    assert len(model.requests) == 1


def test_the_place_that_is_told_is_where_the_output_is() -> None:
    texts = ["a", "b", "c", "a", "b", "x", "y", "a", "b", "z"]
    deltas = [support.delta(text=text) for text in texts]
    events = [support.created(), support.start(), *deltas, support.stop(), support.completed()]
    events[4]["event_id"] = "e4"  # what follows looks like what was before it
    events[8]["event_id"] = "e8"
    places: list[tuple[int, int]] = []

    def compare(ledger: Ledger, out: bytes) -> None:
        length = ledger.tracks[0].position("content").length if ledger.tracks else 0
        places.append((length, len(out)))

    follow(FaultModel(events, [Fault(events=5), Fault(events=4)]), handed_on=compare)

    assert [length for length, _ in places] == [written for _, written in places]
    assert places[-1] == (10, 10)


def test_an_error_without_a_word_at_the_end_of_a_stream_is_passing() -> None:
    nothing = {"event_type": "error", "error": {}}
    model = FaultModel([*stream("none")[:11], nothing], [Fault(events=12)])
    first = model.connect(POST)
    model.events = stream("none")

    followed = follow(model, first=first)

    assert (followed.output, followed.failure) == (uncut(stream("none"), "text"), None)


def test_only_what_brings_nothing_several_times_in_a_row_is_polled() -> None:
    more = [Fault(events=count, ending="silent") for count in (10, 12, 14)]
    faults = [each for pair in zip(more, [STALLED] * 3, strict=True) for each in (*pair, STALLED)]
    model = FaultModel(stream("none"), faults)

    followed = follow(model)

    assert followed.failure is None
    assert not [request for request in model.requests[1:] if "stream=true" not in request]


def test_only_failures_in_a_row_are_counted() -> None:
    refused = Fault(status=503)
    more = [Fault(events=count, ending="silent") for count in (10, 12, 14)]
    faults = [each for one in more for each in (one, refused, refused, refused)]

    assert follow(FaultModel(stream("none"), faults)).failure is None


def test_another_text_is_never_mixed_in() -> None:
    events = stream("none")
    other = [dict(event) for event in events]
    other[10] = {**events[10], "delta": {"type": "text", "text": "THE "}}
    model = FaultModel(events, [Fault(events=12, ending="reset")])
    first = model.connect(POST)
    model.events = other

    followed = follow(model, first=first)

    assert isinstance(followed.failure, TruncatedError)
    assert "contradicts" in str(followed.failure)
    assert followed.output == b"Hello the the the the "


def test_an_error_that_says_nothing_and_ends_nothing_is_noise() -> None:
    events = stream("all")
    model = FaultModel(events, [Fault(events=None, noise=True)])

    followed = follow(model)

    assert (followed.output, followed.failure) == (uncut(events, "text"), None)


def test_an_error_that_stays_is_no_reason_to_connect_again() -> None:
    events = [*stream("all")[:12], {"event_type": "error", "error": {"code": "safety"}}]
    model = FaultModel(events, [Fault(events=len(events), ending="clean")])

    followed = follow(model)

    assert followed.failure is not None
    assert followed.failure.exit_code == 12
    assert len(model.requests) == 1


def test_a_connection_that_breaks_before_the_first_event_is_the_networks() -> None:
    model = FaultModel(stream("all"), [Fault(events=0, extra=9, ending="reset")])

    assert isinstance(follow(model).failure, NetworkError)


def test_tells_one_line_for_each_new_connection() -> None:
    model = FaultModel(stream("all"), [Fault(events=9, ending="reset"), Fault(events=3)])

    assert follow(model).told[:2] == [
        "the connection broke: reset (after event e8); connecting again",
        "the stream ended early (after event e11); connecting again",
    ]
