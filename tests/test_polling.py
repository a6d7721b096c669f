"""Asking for an interaction until it has ended, with a clock that only this test moves."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from gstream.errors import TruncatedError
from gstream.polling import FailedPollError, Resuming, get, poll
from gstream.transport import Answer, Request, UnansweredError

REQUEST = Request("GET", "http://127.0.0.1/v1beta/interactions/i1")
RUNNING = {"id": "i1", "status": "in_progress"}
DONE = {"id": "i1", "status": "completed", "steps": []}


class FakeServer:
    """Answers in turn with what it is given; the last answer stays."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)
        self.asked = 0
        self.clock = 0.0

    def connect(self, _request: Request) -> Answer:
        self.asked += 1
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        data = body if isinstance(body, bytes) else orjson.dumps(body)
        return Answer(status, {}, iter([data]), lambda: None)

    def sleep(self, seconds: float) -> None:
        self.clock += seconds

    def resuming(self, retries: int = 2) -> Resuming:
        now: Callable[[], float] = lambda: self.clock  # noqa: E731 - a clock
        return Resuming(True, retries, self.sleep, now, now, lambda: 0.5, lambda _text: None)


def test_waits_until_the_status_is_terminal() -> None:
    server = FakeServer(RUNNING, {**RUNNING, "status": "queued"}, DONE)

    assert poll(server.connect, REQUEST, server.resuming(), 0) == DONE
    assert (server.asked, server.clock) == (3, 10.0)


def test_an_interaction_with_an_image_is_read_to_its_end() -> None:
    image = {"type": "image", "data": "A" * 3_000_000}
    whole = {**DONE, "steps": [{"type": "model_output", "content": [image]}]}

    assert get(FakeServer(whole).connect, REQUEST) == whole


def test_asks_less_often_for_the_run_of_an_agent() -> None:
    server = FakeServer({**RUNNING, "agent": "deep-research"}, DONE)

    poll(server.connect, REQUEST, server.resuming(), 0)

    assert server.clock == 10.0


def test_gives_up_after_an_hour() -> None:
    server = FakeServer(RUNNING)

    with pytest.raises(TruncatedError, match="did not end within an hour"):
        poll(server.connect, REQUEST, server.resuming(), 0)

    assert server.clock == 3600.0


def test_failures_in_a_row_are_bounded_and_an_answer_forgives_them() -> None:
    refused = UnansweredError("connection refused", sent=False)
    server = FakeServer(refused, refused, RUNNING, refused, refused, DONE)

    assert poll(server.connect, REQUEST, server.resuming(retries=2), 0) == DONE


def test_too_many_failures_in_a_row_end_it() -> None:
    server = FakeServer((503, {"error": {"code": 503, "message": "no"}}))

    with pytest.raises(TruncatedError, match=r"could not be resumed: HTTP 503: no \(503\)"):
        poll(server.connect, REQUEST, server.resuming(retries=2), 0)

    assert server.asked == 3


def test_failures_of_before_count() -> None:
    server = FakeServer(UnansweredError("connection refused", sent=False))

    with pytest.raises(TruncatedError, match="connection refused"):
        poll(server.connect, REQUEST, server.resuming(retries=2), 2)

    assert server.asked == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_refusal_that_stays_ends_it_at_once(status: int) -> None:
    server = FakeServer((status, {"error": {"message": "gone"}}))

    with pytest.raises(TruncatedError, match=f"HTTP {status}: gone"):
        poll(server.connect, REQUEST, server.resuming(), 0)

    assert server.asked == 1


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"3"], ids=["html", "list", "number"])
def test_an_answer_that_is_no_interaction_is_a_failure(body: bytes) -> None:
    server = FakeServer(body)

    with pytest.raises(FailedPollError, match="GET http://127"):
        get(server.connect, REQUEST)
