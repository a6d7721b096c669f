"""How interactions end, and the failures that these ends are."""

import pytest

from gstream.errors import (
    CancelledError,
    ErrorEventError,
    FailedError,
    GstreamError,
    IncompleteError,
    RateLimitedError,
    RefusedError,
    RejectedError,
    RequiresActionError,
    ServerFailedError,
    TruncatedError,
)
from gstream.events import DONE_EVENT, NOTHING, Event
from gstream.outcome import (
    BLOCKED,
    Progress,
    answer_hint,
    error_event,
    error_text,
    http_status_of,
    raw_error,
    refused_request,
)
from tests.support import INTERACTION_ID, answer, batch, completed, created, delta, event, start


def after(*events: Event) -> Progress:
    """The progress after some events; how they are batched must not make a difference."""
    single, batched = Progress(), Progress()
    for one in events:
        single.feed(batch(one))
    batched.feed(batch(*events))
    assert vars(batched) == vars(single)
    return single


def update(**fields: object) -> Event:
    return event("interaction.status_update", **fields)


def error(**fields: object) -> Event:
    return event("error", error=fields)


# --- what is known


def test_nothing_is_known_before_the_first_event() -> None:
    progress = Progress()
    progress.feed(NOTHING)

    assert not (progress.begun or progress.ended or progress.whole or progress.status)


def test_knows_the_interaction_from_its_beginning() -> None:
    progress = after(created("i1", agent="deep-research"))

    assert (progress.interaction_id, progress.status, progress.agent) == ("i1", "in_progress", True)


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([update(interaction_id="i1")], id="update"),
        pytest.param([event("later.kind", interaction={"id": "i1"})], id="unknown-event"),
        pytest.param([created("i1"), created("")], id="not-from-an-empty-one"),
        pytest.param([created("i1"), update(interaction_id="")], id="nor-an-empty-update"),
    ],
)
def test_knows_the_id_wherever_it_is_told(events: list[Event]) -> None:
    assert after(*events).interaction_id == "i1"


@pytest.mark.parametrize(
    ("one", "begun"),
    [
        pytest.param(created(), True, id="created"),
        pytest.param(delta(text="a"), True, id="of-a-step"),
        pytest.param(completed(), True, id="completed"),
        pytest.param(update(interaction_id="i1", status="queued"), True, id="update"),
        pytest.param(event("later.kind", interaction={"id": "i1"}), True, id="of-an-interaction"),
        pytest.param(event("gstream.exit", status=76), True, id="exit-line"),
        pytest.param(error(message="x"), False, id="error"),
        pytest.param(DONE_EVENT, False, id="done"),
        pytest.param(event("ping"), False, id="unknown"),
        pytest.param(update(status="queued"), False, id="update-of-none"),
    ],
)
def test_an_interaction_begins_with_an_event_that_belongs_to_one(one: Event, begun: bool) -> None:
    assert after(one).begun == begun
    assert after(error(message="x"), event("ping"), one).begun == begun


@pytest.mark.parametrize(
    ("one", "words"),
    [
        pytest.param(error(message="boom"), "boom", id="object"),
        pytest.param(event("error", error="boom"), "boom", id="text"),
        pytest.param(event("error", message="boom", code=5), "boom (5)", id="without-object"),
        pytest.param(event("error", error=[]), "no message", id="nothing"),
    ],
)
def test_an_error_is_told_in_whatever_form_it_comes(one: Event, words: str) -> None:
    assert str(after(created(), one).failure()) == f"the stream ended with an error: {words}"


@pytest.mark.parametrize(
    "end",
    [
        pytest.param([completed("failed", error={"message": "boom"})], id="of-the-interaction"),
        pytest.param([completed("failed", errors=[{"message": "boom"}])], id="of-several"),
        pytest.param(
            [start("model_output", error={"message": "boom"}), completed("failed")], id="of-a-step"
        ),
        pytest.param(
            [completed("failed", steps=[{"type": "model_output", "error": {"message": "boom"}}])],
            id="of-a-step-at-the-end",
        ),
        pytest.param(
            [error(message="boom"), completed("failed", error={"message": "other"})], id="event"
        ),
    ],
)
def test_why_an_interaction_failed_is_told(end: list[Event]) -> None:
    assert str(after(created(), *end).failure()) == (
        "the interaction ended with status failed: boom"
    )


def test_an_error_of_a_step_is_no_end() -> None:
    failure = after(created(), start("model_output", error={"message": "boom"})).failure()

    assert isinstance(failure, TruncatedError)


@pytest.mark.parametrize(
    ("ids", "last"),
    [
        (["a", "b", None], "b"),
        (["a", ""], "a"),
        (["a", 7], "a"),
        ([None], ""),
    ],
)
def test_the_last_event_id_is_the_newest_that_is_one(ids: list[object], last: str) -> None:
    events = [
        delta(text="x") if one is None else {**delta(text="x"), "event_id": one} for one in ids
    ]

    assert after(*events).last_event_id == last


@pytest.mark.parametrize(
    ("events", "token"),
    [
        pytest.param([update(continuation_token="a")], "a", id="checkpoint"),
        pytest.param([update(continuation_token="a"), update()], "a", id="it-stays"),
        pytest.param([update(continuation_token="a"), completed()], "", id="the-end-clears-it"),
        pytest.param([completed(continuation_token="b")], "b", id="of-the-end"),
        pytest.param([update(continuation_token="a"), created()], "", id="so-does-a-beginning"),
    ],
)
def test_the_token_is_the_newest(events: list[Event], token: str) -> None:
    assert after(*events).token == token


def test_a_status_after_the_end_changes_nothing() -> None:
    assert after(completed("incomplete"), update(status="completed")).status == "incomplete"


def test_knows_whether_the_end_brought_token_counts() -> None:
    assert after(completed(usage={"total_tokens": 1})).has_usage
    assert not after(update(usage={"total_tokens": 1}), completed(usage={})).has_usage


def test_calls_are_those_that_nothing_has_answered() -> None:
    progress = after(
        start("function_call", id="c1"),
        start("function_call", id="c2"),
        start("function_call", id=""),
        start("function_result", call_id="c1"),
        start("function_result", call_id="other"),
        completed(steps=[{"type": "function_call", "id": "c3"}, 1]),
    )

    assert list(progress.calls) == ["c2", "c3"]


def test_events_without_their_fields_tell_nothing() -> None:
    broken = [created(), completed(steps=1), event("error", error=[]), start("function_call", id=1)]
    bare = [event(one["event_type"]) for one in broken]

    assert after(*bare).interaction_id == ""
    assert after(*broken).calls == {}


# --- how it ended

EARLIER = event("gstream.exit", status=76)


@pytest.mark.parametrize(
    ("events", "failure", "message"),
    [
        pytest.param(answer("a"), None, "", id="completed"),
        pytest.param([created(), update(status="completed"), DONE_EVENT], None, "", id="done"),
        pytest.param([error(message="x"), *answer("a")], None, "", id="an-error-is-overcome"),
        pytest.param([*answer("a"), EARLIER], None, "", id="an-earlier-exit-is-not-this-one"),
        pytest.param(
            answer("a", status="incomplete"),
            IncompleteError,
            "the interaction ended with status incomplete",
            id="incomplete",
        ),
        pytest.param(
            [completed("budget_exceeded")],
            IncompleteError,
            "the interaction ended with status budget_exceeded",
            id="budget-exceeded",
        ),
        pytest.param(
            [completed("requires_continuation")],
            IncompleteError,
            "the interaction ended with status requires_continuation",
            id="requires-continuation",
        ),
        pytest.param(
            [completed("later_status")],
            IncompleteError,
            "the interaction ended with status later_status",
            id="unknown-status-is-no-success",
        ),
        pytest.param(
            [completed("requires_action")],
            RequiresActionError,
            "the interaction waits for the results of function calls",
            id="requires-action",
        ),
        pytest.param(
            [error(code="safety", message="no"), completed("failed")],
            FailedError,
            "the interaction ended with status failed: no (safety)",
            id="failed",
        ),
        pytest.param(
            [created(), update(status="failed")],
            FailedError,
            "the interaction ended with status failed",
            id="failed-without-an-end",
        ),
        pytest.param(
            [created(), update(status="cancelled")],
            CancelledError,
            "the interaction ended with status cancelled",
            id="cancelled-without-an-end",
        ),
        pytest.param(
            [created(), error(code="gateway_timeout", message="too late")],
            ErrorEventError,
            "the stream ended with an error: too late (gateway_timeout)",
            id="error-event",
        ),
        pytest.param(
            [created(), event("error")],
            ErrorEventError,
            "the stream ended with an error: no message",
            id="empty-error-event",
        ),
        pytest.param(
            [created(), error(code="PROHIBITED_CONTENT")],
            FailedError,
            "the content was blocked: PROHIBITED_CONTENT",
            id="blocked",
        ),
        pytest.param(
            [created(), update(status="completed")],
            TruncatedError,
            f"the stream ended before the interaction did (interaction {INTERACTION_ID})",
            id="a-status-alone-is-no-end",
        ),
        pytest.param(
            [created(), {**delta(text="a"), "event_id": "e1"}],
            TruncatedError,
            "the stream ended before the interaction did (after event e1)",
            id="truncated-after-an-id",
        ),
        pytest.param(
            [created(""), delta(text="a")],
            TruncatedError,
            "the stream ended before the interaction did (it is not stored)",
            id="truncated-and-not-stored",
        ),
        pytest.param(
            [],
            TruncatedError,
            "the stream ended, and no interaction had begun",
            id="nothing",
        ),
        pytest.param(
            [DONE_EVENT],
            TruncatedError,
            "the stream ended, and no interaction had begun",
            id="done-at-once",
        ),
        pytest.param(
            [created(), DONE_EVENT],
            TruncatedError,
            f"the stream ended before the interaction did (interaction {INTERACTION_ID})",
            id="done-but-running",
        ),
        pytest.param(
            [completed("failed", errors=[{"message": "first"}, {"code": 13, "message": "boom"}])],
            FailedError,
            "the interaction ended with status failed: boom (13)",
            id="errors-of-the-end",
        ),
        pytest.param(
            [error(message="told"), completed("failed", errors=[{"message": "boom"}])],
            FailedError,
            "the interaction ended with status failed: told",
            id="an-error-event-before-those-of-the-end",
        ),
        pytest.param(
            [completed("failed", errors=["boom"])],
            FailedError,
            "the interaction ended with status failed",
            id="errors-that-are-none",
        ),
        pytest.param(
            [completed(errors=[{"message": "passed"}])], None, "", id="errors-of-a-whole-answer"
        ),
        pytest.param(
            [completed("in_progress")],
            TruncatedError,
            "the stream ended, and the interaction is still in_progress",
            id="completed-but-running",
        ),
        pytest.param(
            [event("interaction.completed")],
            TruncatedError,
            "the stream ended, and the interaction has no status",
            id="completed-without-a-status",
        ),
    ],
)
def test_an_end_is_a_failure_unless_the_answer_is_whole(
    events: list[Event], failure: type[GstreamError] | None, message: str
) -> None:
    progress = after(*events)
    found = progress.failure()

    assert (type(found) if found else None) == failure
    assert str(found or "") == message
    assert progress.whole == (failure is None)


def test_a_call_that_waits_says_how_to_answer_it() -> None:
    calls = [start("function_call", id="c1"), start("function_call", id="c 2")]
    found = after(created("i1"), *calls, completed("requires_action", id="i1")).failure()

    assert found is not None
    assert found.hint == (
        "answer with: gstream create --previous i1 --function-result c1=… --function-result 'c 2'=…"
    )


@pytest.mark.parametrize(
    ("fields", "hint"),
    [
        pytest.param({}, "its answer stops early, at max_output_tokens perhaps", id="no-reason"),
        pytest.param({"error": {"message": "it was stopped"}}, "", id="a-reason"),
    ],
)
def test_an_incomplete_answer_is_explained_by_a_guess_only_without_a_reason(
    fields: dict[str, object], hint: str
) -> None:
    found = after(created(), completed("incomplete", **fields)).failure()

    assert found is not None
    assert found.hint == hint


@pytest.mark.parametrize(
    ("interaction_id", "calls", "hint"),
    [
        ("", ["c1"], "it is not stored: answer with all steps and the results as the input of -d"),
        ("i1", [], "go on with: gstream create --previous i1 -p …"),
        ("i 1", [], "go on with: gstream create --previous 'i 1' -p …"),
    ],
)
def test_the_hint_for_an_answer(interaction_id: str, calls: list[str], hint: str) -> None:
    assert answer_hint(interaction_id, calls) == hint


def test_the_hint_for_an_answer_stays_short() -> None:
    hint = answer_hint("i1", [f"c{number}" for number in range(100)])

    assert hint.endswith("=… …")
    assert len(hint) < 600


# --- errors


@pytest.mark.parametrize("code", sorted(BLOCKED))
def test_blocked_content_is_a_failed_interaction(code: str) -> None:
    blocked = {"code": code, "message": "no"}

    assert isinstance(error_event(blocked), FailedError)
    assert isinstance(raw_error(blocked), FailedError)
    assert isinstance(refused_request(blocked, 400), FailedError)


def test_a_raw_error_of_the_server_truncates_the_stream() -> None:
    found = raw_error({"code": 503, "message": "gone", "status": "UNAVAILABLE"})

    assert isinstance(found, TruncatedError)
    assert str(found) == "the server broke off the stream: gone (503 UNAVAILABLE)"


def test_a_raw_error_of_the_request_is_an_error_event() -> None:
    assert isinstance(raw_error({"code": 400}), ErrorEventError)


@pytest.mark.parametrize(
    ("error", "http_status", "failure", "message"),
    [
        pytest.param({"code": 400}, 0, RejectedError, "HTTP 400: 400", id="code-in-the-body"),
        pytest.param({"message": "a"}, 404, RejectedError, "HTTP 404: a", id="status"),
        pytest.param({"message": "a"}, 401, RefusedError, "HTTP 401: a", id="401"),
        pytest.param({"message": "a"}, 403, RefusedError, "HTTP 403: a", id="403"),
        pytest.param({"message": "a"}, 429, RateLimitedError, "HTTP 429: a", id="429"),
        pytest.param({"message": "a"}, 503, ServerFailedError, "HTTP 503: a", id="503"),
        pytest.param(
            {"code": "quota_exceeded"}, 0, RateLimitedError, "HTTP 429: quota_exceeded", id="word"
        ),
        pytest.param(
            {"code": 500, "message": "a"},
            429,
            RateLimitedError,
            "HTTP 429: a (500)",
            id="http-wins",
        ),
        pytest.param({}, 0, RejectedError, "no message", id="nothing-known"),
        pytest.param(
            {"code": "safety"},
            400,
            FailedError,
            "HTTP 400: the content was blocked: safety",
            id="blocked",
        ),
    ],
)
def test_a_refused_request_is_the_failure_of_its_status(
    error: Event, http_status: int, failure: type[GstreamError], message: str
) -> None:
    found = refused_request(error, http_status)

    assert (type(found), str(found)) == (failure, message)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ({"code": 503}, 503),
        ({"code": "service_unavailable"}, 503),
        ({"code": "Deadline_Exceeded"}, 504),
        ({"code": 7, "status": "PERMISSION_DENIED"}, 403),
        ({"status": "RESOURCE_EXHAUSTED"}, 429),
        ({"code": "later"}, 0),
        ({"code": 7}, 0),
        ({"code": None, "status": []}, 0),
        ({}, 0),
    ],
)
def test_the_http_status_that_an_error_stands_for(error: Event, status: int) -> None:
    assert http_status_of(error) == status


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ({"message": " a ", "code": "b", "status": "C"}, "a (b C)"),
        ({"message": "a"}, "a"),
        ({"message": "", "code": 500}, "500"),
        ({"message": None}, "no message"),
    ],
)
def test_an_error_is_told_in_the_words_of_the_server(error: Event, text: str) -> None:
    assert error_text(error) == text
