"""How connections end: with errors that pass or stay, with nothing new, within an event."""

import json
from collections.abc import Iterator

import pytest

from gstream.errors import BadDataError, TimeIsUpError, TruncatedError
from gstream.events import Event
from gstream.outcome import error_event
from gstream.transport import Answer, BrokenStreamError, Request, UnansweredError
from tests.drawn_faults import stream
from tests.faults import DONE, RAW_503, Fault, FaultModel
from tests.followers import POST, RETRIES, FakeRequests, Followed, follow, uncut

STALLED = Fault(events=0, ending="silent")
GONE = Fault(status=404)
TRIED = 3  # how often nothing new comes before the interaction is polled


def sent(events: list[Event]) -> bytes:
    """What a server sends of events, without its last words."""
    return b"".join(FaultModel(events).connect(POST).chunks).removesuffix(DONE)


def bringing(*chunks: bytes) -> Answer:
    """A connection that brings these and ends."""
    return Answer(200, {}, iter(chunks), lambda: None)


def kinds(output: bytes) -> list[str]:
    return [json.loads(line)["event_type"] for line in output.splitlines()]


UPDATE: Event = {
    "event_type": "interaction.status_update",
    "status": "in_progress",
    "continuation_token": "t",
}


@pytest.mark.parametrize("code", ["safety", "too_many", "service_unavailable"])
def test_an_error_before_all_events_ends_the_run_as_it_ends_decode(code: str) -> None:
    error = {"code": code}
    model = FaultModel([{"event_type": "error", "error": error}], [Fault(events=1, ending="clean")])
    expected = error_event(error)

    found = follow(model).failure

    assert (type(found), str(found)) == (type(expected), str(expected))
    assert len(model.requests) == 1


def test_of_several_errors_the_last_is_why_it_ended() -> None:
    errors = [{"event_type": "error", "error": {"code": code}} for code in ("api_error", "safety")]
    model = FaultModel([*stream("all")[:9], *errors], [Fault(events=11)])
    first = model.connect(POST)
    model.events = stream("all")

    assert "safety" in str(follow(model, first=first).failure)


def test_knows_how_it_ended() -> None:
    def ends(model: FaultModel, *, enabled: bool = True) -> tuple[bool, bool]:
        followed = follow(model, enabled=enabled)
        return followed.ended, followed.refused

    blocked = [*stream("all")[:12], {"event_type": "error", "error": {"code": "safety"}}]

    assert ends(FaultModel(stream("all"), [Fault(events=5)])) == (True, False)
    assert ends(FaultModel(stream("all"), [Fault(events=5)]), enabled=False) == (False, False)
    assert ends(FaultModel(blocked, [Fault(events=13)])) == (False, True)


@pytest.mark.parametrize(
    ("events", "known"),
    [
        pytest.param([], False, id="nothing"),
        pytest.param([UPDATE], True, id="a-token"),
        pytest.param([UPDATE, stream("all")[2]], False, id="output-behind-it"),
        pytest.param([UPDATE, {"event_type": "interaction.heartbeat"}], True, id="a-notice"),
    ],
)
def test_knows_whether_it_stands_at_a_checkpoint(events: list[Event], known: bool) -> None:
    begun = [*stream("all")[:1], *events]
    model = FaultModel(begun, [Fault(events=len(begun))])

    assert follow(model, enabled=False).at_checkpoint is known


def test_a_stream_that_ends_before_its_first_event_says_so() -> None:
    failure = follow(FaultModel(stream("all")), first=bringing(b": wait\n\n")).failure

    assert isinstance(failure, TruncatedError)
    assert str(failure) == "the stream ended early, before the first event"


def damaged_and_cut(view: str, *, behind: int) -> Followed:
    """What comes of a connection that ends so many events behind one that cannot be read."""
    model = FaultModel(stream("all"), [Fault(events=10 + behind)])
    first = model.connect(POST)
    blocks = b"".join(first.chunks).split(b"\n\n")
    blocks[9] = DAMAGED
    first.chunks = iter([block + b"\n\n" for block in blocks[:-1]])
    return follow(model, view, first=first)


DAMAGED = b'data: {"event_type":"step.delta","index":1,"delta":{"type":"text","te'


@pytest.mark.parametrize("view", ["text", "ndjson", "steps", "json", "sse"])
def test_what_could_not_be_read_is_missing_though_the_rest_was_resumed(view: str) -> None:
    followed = damaged_and_cut(view, behind=2)

    assert isinstance(followed.failure, BadDataError)
    assert str(followed.failure) == "1 event could not be read"
    assert len(followed.model.requests) == 2
    assert b"Hello " not in followed.output
    if view == "sse":
        assert followed.output.count(DAMAGED + b"\n\n") == 1


@pytest.mark.parametrize("view", ["text", "ndjson", "steps", "json", "sse"])
def test_what_could_not_be_read_right_before_a_cut_comes_again(view: str) -> None:
    followed = damaged_and_cut(view, behind=0)

    assert followed.failure is None
    assert followed.output == uncut(stream("all"), view)


@pytest.mark.parametrize("view", ["text", "sse"])
def test_what_stands_in_one_block_with_what_cannot_be_read_is_shown(view: str) -> None:
    model = FaultModel(stream("all"))
    first = model.connect(POST)
    blocks = b"".join(first.chunks).split(b"\n\n")
    blocks[9] = b'{"no":"error"}\n' + blocks[9]
    first.chunks = iter([block + b"\n\n" for block in blocks[:-1]])

    followed = follow(model, view, first=first)

    assert isinstance(followed.failure, BadDataError)
    assert b"Hello " in followed.output


def test_what_could_not_be_read_where_nothing_can_be_had_after_it_is_shown_raw() -> None:
    first = bringing(DAMAGED + b"\n\n")

    followed = follow(FaultModel(stream("all")), "sse", first=first, enabled=False)

    assert isinstance(followed.failure, BadDataError)
    assert followed.output == DAMAGED + b"\n\n"


def after_raw_error(status: int) -> FaultModel:
    model = FaultModel(stream("all"), [Fault(events=9)])
    first = model.connect(POST)
    first.chunks = iter([*first.chunks, RAW_503.replace(b"503", b"%d" % status)])
    follow(model, first=first)
    return model


@pytest.mark.parametrize("status", [400, 407, 410, 428, 430, 499])
def test_a_raw_error_that_stays_is_no_reason_to_connect_again(status: int) -> None:
    assert len(after_raw_error(status).requests) == 1


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503, 599])
def test_a_raw_error_that_passes_is_a_reason_to_connect_again(status: int) -> None:
    assert len(after_raw_error(status).requests) == 2


def test_reads_no_further_than_the_end() -> None:
    def chunks() -> Iterator[bytes]:
        yield FaultModel(stream("all")).stream("", Fault())
        raise AssertionError("there is more to read")

    closed: list[bool] = []

    for view in ("text", "sse"):
        first = Answer(200, {}, chunks(), lambda: closed.append(True))
        assert follow(FaultModel(stream("all")), view, first=first).failure is None
    assert closed == [True, True]


@pytest.mark.parametrize("error", [b'"boom"', b"null", b"[1]", b"{}"])
def test_an_error_that_is_no_object_at_the_end_is_passing(error: bytes) -> None:
    model = FaultModel(stream("all"), [Fault(events=9)])
    first = model.connect(POST)
    first.chunks = iter([*first.chunks, b'data: {"event_type":"error","error":%b}\n\n' % error])

    followed = follow(model, first=first)

    assert (followed.failure, followed.output) == (None, uncut(stream("all"), "text"))
    assert len(model.requests) == 2


@pytest.mark.parametrize("view", ["text", "ndjson", "steps", "json", "sse"])
def test_an_end_without_its_blank_line_is_one(view: str) -> None:
    body = sent(stream("all")).rstrip(b"\n")

    followed = follow(FaultModel(stream("all")), view, first=bringing(body), enabled=False)

    assert (followed.failure, followed.ended, followed.read) == (None, True, len(body))
    if view == "sse":
        assert followed.output.rstrip(b"\n") == body


def test_a_last_event_without_its_blank_line_is_shown_raw_once() -> None:
    body = sent(stream("all")[:9]).rstrip(b"\n")

    followed = follow(FaultModel([]), "sse", first=bringing(body), enabled=False)

    assert isinstance(followed.failure, TruncatedError)
    assert followed.output.rstrip(b"\n") == body


def test_a_whole_stream_without_done_is_shown_as_it_came() -> None:
    body = sent(stream("all"))

    assert follow(FaultModel(stream("all")), "sse", first=bringing(body)).output == body


@pytest.mark.parametrize("view", ["ndjson", "sse"])
def test_an_error_in_place_of_the_last_words_changes_nothing(view: str) -> None:
    first = bringing(sent(stream("all")), RAW_503)

    followed = follow(FaultModel(stream("all")), view, first=first)

    assert (followed.failure, followed.output) == (None, uncut(stream("all"), view))


class ProxyModel(FaultModel):
    """A server behind something that answers the first time instead of it."""

    def connect(self, request: Request) -> Answer:
        answer = super().connect(request)
        if len(self.requests) == 2:
            answer.chunks = iter([b"<html>busy</html>"])
        return answer


def test_what_is_no_stream_is_asked_for_again() -> None:
    followed = follow(ProxyModel(stream("all"), [Fault(events=9)]))

    assert (followed.failure, followed.output) == (None, uncut(stream("all"), "text"))
    assert len(followed.model.requests) == 3


class BusyModel(FaultModel):
    """A server that is busy once, and says for how long."""

    seconds = 0

    def connect(self, request: Request) -> Answer:
        seconds, self.seconds = self.seconds, 0
        if request.method == "GET" and seconds:
            self.note(request.method, request.url, b"")
            return Answer(429, {"retry-after": str(seconds)}, iter([b"{}"]), lambda: None)
        self.seconds = seconds
        return super().connect(request)


def test_waits_as_long_as_a_busy_server_asks() -> None:
    model = BusyModel(stream("all"), [Fault(events=9)])
    model.seconds = 7

    followed = follow(model)

    assert (followed.waits[0], followed.failure) == (7.0, None)
    assert any("connecting again in 7.0 s" in line for line in followed.told)


def test_a_server_that_asks_to_wait_for_long_is_not_waited_for() -> None:
    model = BusyModel(stream("all"), [Fault(events=9)])
    model.seconds = 3600

    followed = follow(model)

    assert "asks to wait 3600 s" in str(followed.failure)
    assert followed.seconds == 0


# --- nothing new


def test_a_run_that_began_in_the_middle_is_not_polled_and_gives_up() -> None:
    model = FaultModel(stream("all"), [STALLED] * 30)

    followed = follow(model, after="e10")

    assert isinstance(followed.failure, TruncatedError)
    assert "brings nothing new" in str(followed.failure)
    assert not followed.polled
    assert len(model.requests) == 1 + TRIED + 1 + RETRIES


def test_a_refusal_that_stays_is_polled_at_once() -> None:
    model = FaultModel(stream("none"), [Fault(events=11, ending="reset"), Fault(status=400)])

    followed = follow(model)

    assert (followed.output, followed.failure) == (uncut(stream("none"), "text"), None)
    assert [request.rpartition("?")[2] for request in model.requests] == ["", "stream=true", ""]


def test_polled_steps_are_those_that_have_come_whatever_their_numbers() -> None:
    events = [
        {**event, "index": event["index"] + 3} if "index" in event else event
        for event in stream("none")
    ]
    model = FaultModel(events, [Fault(events=14, ending="reset"), Fault(status=400)])

    followed = follow(model)

    assert followed.polled
    assert followed.output == uncut(events, "text")


def test_failures_to_connect_are_nothing_new() -> None:
    refused = [Fault(status=0)] * TRIED
    model = FaultModel(stream("none"), [Fault(events=11, ending="reset"), *refused])

    followed = follow(model)

    assert followed.polled
    assert followed.failure is None


def test_a_server_that_is_busy_is_asked_again_instead_of_polled() -> None:
    busy = [Fault(status=503)] * RETRIES
    model = FaultModel(stream("none"), [Fault(events=11, ending="reset"), *busy])

    followed = follow(model)

    assert (followed.polled, followed.failure) == (False, None)


def test_of_failures_in_a_row_one_more_than_the_retries_ends_it() -> None:
    busy = [Fault(status=503)] * (RETRIES + 1)
    model = FaultModel(stream("none"), [Fault(events=11, ending="reset"), *busy])

    followed = follow(model)

    assert isinstance(followed.failure, TruncatedError)
    assert len(model.requests) == 1 + RETRIES + 1


class UnpolledModel(FaultModel):
    """A server that cannot be reached any more once it is polled."""

    def connect(self, request: Request) -> Answer:
        if request.method == "GET" and "stream" not in request.url:
            self.note(request.method, request.url, b"")
            raise UnansweredError("connection refused", sent=False)
        return super().connect(request)


def test_failures_to_connect_count_when_it_is_polled() -> None:
    refused = [Fault(status=0)] * TRIED
    model = UnpolledModel(stream("none"), [Fault(events=11, ending="reset"), *refused])

    followed = follow(model)

    assert isinstance(followed.failure, TruncatedError)
    assert len(model.requests) == 1 + TRIED + (RETRIES - TRIED) + 1


def test_what_has_no_id_cannot_be_asked_for() -> None:
    events = [each for each in stream("none") if "interaction_id" not in each]
    events[0] = {**events[0], "interaction": {"id": "", "status": "in_progress"}}
    model = FaultModel(events, [Fault(events=9, ending="reset")])

    assert "is not stored" in str(follow(model).failure)
    assert len(model.requests) == 1


# --- which event to go on after


class ForgetfulModel(FaultModel):
    """A server that sends something else where it is asked for what follows an event."""

    def stream(self, after: str, fault: Fault) -> bytes:
        whole = super().stream("", fault)
        return whole.replace(b"Hello", b"Hullo") if after else whole


def test_ids_that_are_not_what_they_seem_are_asked_for_no_more() -> None:
    events = stream("none")
    events[1]["event_id"] = "e1"
    model = ForgetfulModel(events, [Fault(events=14, ending="silent")])

    followed = follow(model)

    assert (followed.output, followed.failure) == (uncut(events, "text"), None)
    asked = [request.rpartition("stream=true")[2] for request in model.requests[1:]]
    assert asked == ["&last_event_id=e1", ""]


def test_what_began_in_the_middle_cannot_be_compared_from_the_start() -> None:
    events = stream("none")
    events[8]["event_id"] = "e8"
    begun = FaultModel(events, [Fault(events=4, ending="silent")])
    first = begun.connect(FakeRequests().stream("v1_fault", "e8"))
    model = ForgetfulModel(events)

    followed = follow(model, first=first, after="e8")

    assert "contradicts" in str(followed.failure)
    assert len(model.requests) == 1


def test_an_id_that_came_with_a_repetition_is_asked_for() -> None:
    model = FaultModel(stream("none"), [Fault(events=14, ending="silent")])
    first = model.connect(POST)
    model.events = stream("all")
    model.faults = [Fault(events=12, ending="silent")]

    followed = follow(model, first=first)

    assert model.requests[-1].endswith("&last_event_id=e11")
    assert (followed.output, followed.failure) == (uncut(stream("all"), "text"), None)


# --- after the end


@pytest.mark.parametrize("exc", [BrokenStreamError("silence"), TimeIsUpError("over")])
@pytest.mark.parametrize("view", ["text", "sse"])
def test_only_done_is_waited_for_after_the_end_and_not_for_long(view: str, exc: Exception) -> None:
    hurries: list[float] = []

    def chunks() -> Iterator[bytes]:
        yield FaultModel(stream("all")).stream("", Fault()).removesuffix(DONE)
        raise exc

    first = Answer(200, {}, chunks(), lambda: None, hurries.append)

    followed = follow(FaultModel(stream("all")), view, first=first)

    assert (followed.output, followed.failure) == (uncut(stream("all"), view), None)
    assert hurries == ([1.0] if view == "sse" else [])


def test_a_time_limit_before_the_end_ends_it() -> None:
    def chunks() -> Iterator[bytes]:
        yield FaultModel(stream("all")).stream("", Fault(events=9))
        raise TimeIsUpError("over")

    followed = follow(FaultModel([]), first=Answer(200, {}, chunks(), lambda: None))

    assert isinstance(followed.failure, TimeIsUpError)
