"""JSON where a stream is due: the interaction as it is now, which may run on."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from gstream.errors import TruncatedError
from gstream.events import Event
from gstream.transport import Answer, BrokenStreamError, Request
from tests.drawn_faults import stream
from tests.faults import Fault, FaultModel
from tests.followers import Followed, follow, uncut


def as_json(interaction: Event) -> Answer:
    return Answer(200, {}, iter([orjson.dumps(interaction)]), lambda: None)


class JSONModel(FaultModel):
    """A server that answers its first requests for a stream with these objects."""

    def __init__(self, events: list[Event], *objects: Event, **given: Any) -> None:
        super().__init__(events, **given)
        self._objects = list(objects)

    def connect(self, request: Request) -> Answer:
        if request.method == "GET" and "stream=true" in request.url and self._objects:
            self.note(request.method, request.url, b"")
            return as_json(self._objects.pop(0))
        return super().connect(request)


def running(status: str = "in_progress", **fields: Any) -> Event:
    return {"id": "v1_fault", "status": status, "steps": [], **fields}


def half(events: list[Event]) -> list[Event]:
    """The steps that half a stream has brought."""
    steps: list[Event] = FaultModel(events[:12]).interaction()["steps"]
    return steps


@pytest.mark.parametrize("view", ["text", "steps", "json", "sse"])
@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_a_run_that_has_only_begun_is_streamed(status: str, view: str) -> None:
    model = FaultModel(stream("all"))
    begun = {**stream("all")[0]["interaction"], "status": status}

    followed = follow(model, view, first=as_json(begun))

    assert followed.failure is None
    assert model.requests == ["GET /v1beta/interactions/v1_fault?stream=true"]
    if view != "sse":
        assert followed.output == uncut(stream("all"), view)


def test_a_run_that_has_only_begun_has_no_end_in_ndjson() -> None:
    followed = follow(FaultModel(stream("all")), "ndjson", first=as_json(running()))

    created, *others = followed.output.splitlines()
    assert orjson.loads(created)["synthesized"] is True
    assert others == uncut(stream("all"), "ndjson").splitlines()[1:]


def test_a_run_that_is_never_streamed_is_polled() -> None:
    model = JSONModel(stream("all"), *[running()] * 4)

    followed = follow(model, first=as_json(running()))

    assert (followed.output, followed.failure) == (uncut(stream("all"), "text"), None)
    assert followed.polled


@pytest.mark.parametrize("ids", ["none", "all"])
@pytest.mark.parametrize("view", ["text", "ndjson", "steps", "json", "sse"])
def test_a_look_at_a_run_after_a_cut_changes_nothing(view: str, ids: str) -> None:
    events = stream(ids)
    looks = [running(), running(steps=half(events))]
    model = JSONModel(events, *looks, faults=[Fault(events=11)])

    followed = follow(model, view)

    assert (followed.output, followed.failure) == (uncut(events, view), None)


def test_a_run_that_goes_on_is_not_whole_where_it_is_not_followed() -> None:
    followed = follow(FaultModel(stream("all")), enabled=False, first=as_json(running()))

    assert str(followed.failure) == "the answer is that it is in_progress (interaction v1_fault)"


@pytest.mark.parametrize("view", ["text", "ndjson", "steps", "json", "sse"])
def test_an_interaction_as_json_is_whole_even_if_its_connection_breaks(view: str) -> None:
    def chunks() -> Iterator[bytes]:
        yield orjson.dumps(FaultModel(stream("all")).interaction())
        raise BrokenStreamError("reset")

    followed = follow(FaultModel([]), view, first=Answer(200, {}, chunks(), lambda: None))

    assert followed.failure is None
    assert followed.output.count(b"[DONE]") == (view == "sse")


@pytest.mark.parametrize("view", ["text", "ndjson", "steps", "json", "sse"])
def test_an_end_that_says_that_it_runs_is_none(view: str) -> None:
    early = {"event_type": "interaction.completed", "interaction": running()}
    model = FaultModel([*stream("all")[:11], early], [Fault(events=12)])
    first = model.connect(Request("POST", "http://127.0.0.1/v1beta/interactions"))
    model.events = stream("all")

    followed = follow(model, view, first=first)

    assert (followed.output, followed.failure) == (uncut(stream("all"), view), None)


def test_an_end_that_says_that_it_runs_is_shown_where_nothing_follows() -> None:
    early = {"event_type": "interaction.completed", "interaction": running()}
    model = FaultModel([*stream("all")[:11], early], [Fault(events=12)])

    followed = follow(model, "ndjson", enabled=False)

    assert isinstance(followed.failure, TruncatedError)
    assert followed.output.splitlines()[-1] == orjson.dumps(early)


# --- the whole


def after_a_cut(interaction: Event, view: str = "text") -> Followed:
    model = JSONModel(stream("all"), *[interaction] * 2, faults=[Fault(events=11)])
    return follow(model, view)


@pytest.mark.parametrize("view", ["text", "steps", "json"])
def test_an_interaction_as_json_brings_what_is_missing(view: str) -> None:
    followed = after_a_cut(FaultModel(stream("all")).interaction(), view)

    assert (followed.output, followed.failure) == (uncut(stream("all"), view), None)


@pytest.mark.parametrize("fields", [{}, {"steps": []}], ids=["no-steps", "empty-steps"])
def test_an_interaction_as_json_must_hold_what_was_handed_on(fields: Event) -> None:
    followed = after_a_cut({"id": "v1_fault", "status": "completed", **fields})

    assert isinstance(followed.failure, TruncatedError)
    assert "is shorter now than it was" in str(followed.failure)


@pytest.mark.parametrize(
    ("status", "code"), [("failed", 12), ("cancelled", 13)], ids=["failed", "cancelled"]
)
def test_less_may_be_kept_of_what_ended_before_its_answer(status: str, code: int) -> None:
    errors = [{"message": "boom"}]
    followed = after_a_cut({"id": "v1_fault", "status": status, "steps": [], "errors": errors})

    assert followed.failure is not None
    assert followed.failure.exit_code == code
    assert "boom" in str(followed.failure)
    assert followed.output == b"Hello the the "
