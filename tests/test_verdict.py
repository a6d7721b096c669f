"""Of all that went wrong, a run ends with the failure that weighs most."""

import pytest

from gstream.errors import (
    BadDataError,
    FailedError,
    GstreamError,
    IncompleteError,
    NetworkError,
    RefusedError,
    RejectedError,
    RequiresActionError,
    TruncatedError,
)
from tests.sessions import ran
from tests.support import (
    answer,
    block,
    completed,
    created,
    delta,
    event,
    line,
    ndjson,
    start,
    stream,
)

TRUNCATED = stream(created(), start(), delta(text="a"), done=False)
ERROR = line({"error": {"code": 503, "message": "gone"}})


@pytest.mark.parametrize(
    ("bodies", "failure", "message"),
    [
        pytest.param([stream(*answer("a"))], None, "", id="whole"),
        pytest.param([b""], TruncatedError, ", and no interaction had begun", id="nothing"),
        pytest.param([TRUNCATED], TruncatedError, "before the interaction did", id="truncated"),
        pytest.param(
            [stream(*answer("a", status="incomplete"))], IncompleteError, "incomplete", id="status"
        ),
        pytest.param(
            [TRUNCATED, stream(created("i2"), completed())],
            TruncatedError,
            "before the interaction did",
            id="the-first-of-two",
        ),
        pytest.param(
            [TRUNCATED, stream(created("i2"), completed("failed"))],
            FailedError,
            "status failed",
            id="a-status-outweighs-a-truncation",
        ),
        pytest.param(
            [
                stream(created(), completed("failed")),
                stream(created("i2"), completed("incomplete")),
            ],
            FailedError,
            "status failed",
            id="of-two-statuses-the-first",
        ),
        pytest.param(
            [block(created()) + b"data: {\n\ndata: [\n\n"],
            BadDataError,
            "2 events could not be read",
            id="broken-events-outweigh-a-truncation",
        ),
        pytest.param(
            [b"data: {\n\n" + stream(*answer("a", status="failed"))],
            FailedError,
            "status failed",
            id="a-status-outweighs-broken-events",
        ),
        pytest.param(
            [b"data: {\n\n" + stream(*answer("a"))],
            BadDataError,
            "1 event could not be read",
            id="broken-events-in-a-whole-answer",
        ),
        pytest.param(
            [TRUNCATED + ERROR], TruncatedError, "broke off the stream: gone (503)", id="raw-503"
        ),
        pytest.param(
            [TRUNCATED + b'{"error":{"code":"safety"}}'],
            FailedError,
            "blocked",
            id="raw-refusal-inside",
        ),
        pytest.param(
            [b": x\n\n" + ERROR + stream(*answer("a"))], None, "", id="an-error-that-was-overcome"
        ),
        pytest.param(
            [b'{"error":{"code":"invalid_request","message":"no"}}'],
            RejectedError,
            "no (invalid_request)",
            id="refused",
        ),
        pytest.param(
            [b"HTTP/1.1 403 x\r\n\r\n" + b'{"error":{"message":"no"}}'],
            RefusedError,
            "HTTP 403: no",
            id="refused-with-its-status",
        ),
        pytest.param(
            [stream(created(), event("error", error={"code": "x"}), done=False)],
            GstreamError,
            "the stream ended with an error: x",
            id="error-event",
        ),
        pytest.param(
            [ndjson(*answer("a"), event("gstream.exit", status=74, message="full"))],
            GstreamError,
            "an earlier run ended with: full",
            id="exit-line",
        ),
        pytest.param(
            [ndjson(created(), event("gstream.exit", status=77, message="no key"))],
            RefusedError,
            "an earlier run ended with: no key",
            id="exit-line-of-another-failure",
        ),
        pytest.param(
            [ndjson(created(), event("gstream.exit", status=76, message="x"))],
            TruncatedError,
            "before the interaction did",
            id="exit-line-of-the-same-failure",
        ),
        pytest.param(
            [ndjson(*answer("a"), event("gstream.exit", status=["x"]))],
            TruncatedError,
            "an earlier run ended with: None",
            id="odd-exit-line",
        ),
        pytest.param(
            [stream(created(), completed("requires_action"))],
            RequiresActionError,
            "waits for the results",
            id="requires-action",
        ),
    ],
)
def test_a_run_is_the_failure_that_weighs_most(
    bodies: list[bytes], failure: type[GstreamError] | None, message: str
) -> None:
    _, found = ran(*bodies)

    assert isinstance(found, failure or type(None))
    assert message in str(found or "")


def test_a_failure_from_outside_is_the_failure_unless_the_status_says_more() -> None:
    lost = NetworkError("lost")

    assert ran(failure=lost)[1] is lost
    assert ran(TRUNCATED, failure=lost)[1] is lost
    assert ran(TRUNCATED, failure=TruncatedError("cut"))[1].args == ("cut",)  # type: ignore[union-attr]
    assert isinstance(
        ran(stream(*answer("a", status="failed")), failure=TruncatedError("cut"))[1], FailedError
    )
