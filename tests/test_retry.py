"""Whether and when a request is sent again."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from gstream.retry import LONGEST_WAIT, asked_wait, backoff, is_daily_quota, is_retried

NOW = 1_790_000_000.0


@pytest.mark.parametrize("status", [408, 409, 429, 500, 501, 502, 503, 504, 529])
def test_what_may_be_otherwise_later_is_retried(status: int) -> None:
    assert is_retried(status)


@pytest.mark.parametrize("status", [200, 301, 400, 401, 402, 403, 404, 416, 499])
def test_what_stays_as_it_is_is_not_retried(status: int) -> None:
    assert not is_retried(status)


def test_each_wait_is_at_most_twice_the_one_before_up_to_8_s() -> None:
    assert [backoff(attempt, lambda: 1.0) for attempt in range(7)] == [
        *[0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    ]


def test_a_wait_is_anything_down_to_nothing() -> None:
    assert backoff(3, lambda: 0.25) == 1.0
    assert backoff(3, lambda: 0.0) == 0.0


def test_many_tries_overflow_nothing() -> None:
    assert backoff(10_000, lambda: 1.0) == 8.0


def date(seconds: float) -> str:
    return format_datetime(datetime.fromtimestamp(NOW, UTC) + timedelta(seconds=seconds), True)


def retry_info(delay: object) -> dict[str, Any]:
    kind = "type.googleapis.com/google.rpc.RetryInfo"
    return {"details": ["x", {"@type": "other"}, {"@type": kind, "retryDelay": delay}]}


@pytest.mark.parametrize(
    ("headers", "error", "seconds"),
    [
        pytest.param({}, {}, None, id="nothing-asked"),
        pytest.param({"retry-after-ms": "1500"}, {}, 1.5, id="milliseconds"),
        pytest.param({"retry-after": "3"}, {}, 3.0, id="seconds"),
        pytest.param({"retry-after": " 2.5 "}, {}, 2.5, id="fractions"),
        pytest.param({"retry-after": date(30)}, {}, 30.0, id="date"),
        pytest.param({"retry-after": date(-30)}, {}, 0.0, id="date-in-the-past"),
        pytest.param({"retry-after-ms": "1", "retry-after": "3"}, {}, 0.001, id="ms-win"),
        pytest.param({"retry-after-ms": "x", "retry-after": "3"}, {}, 3.0, id="unless-broken"),
        pytest.param({}, retry_info("22s"), 22.0, id="retry-info"),
        pytest.param({}, retry_info("0.25s"), 0.25, id="retry-info-in-fractions"),
        pytest.param({"retry-after": "3"}, retry_info("22s"), 3.0, id="headers-win"),
        pytest.param({"retry-after": "soon"}, retry_info("22s"), 22.0, id="unless-they-are-broken"),
        pytest.param({"retry-after": "-1"}, {}, None, id="negative"),
        pytest.param({"retry-after": "1e3"}, {}, None, id="exponent"),
        pytest.param({"retry-after": "inf"}, {}, None, id="infinite"),
        pytest.param({"retry-after": "\u0663"}, {}, None, id="other-digits"),
        pytest.param({}, retry_info(None), None, id="no-delay"),
        pytest.param({}, {"details": "x"}, None, id="details-that-are-no-list"),
        pytest.param({"retry-after": "Mon, 99 Foo 2026 99:99:99 GMT"}, {}, None, id="no-date"),
        pytest.param({"retry-after": f"1 Jan {10**14} 00:00:00 GMT"}, {}, None, id="huge-year"),
    ],
)
def test_the_wait_that_the_server_asks_for(
    headers: dict[str, str], error: dict[str, Any], seconds: float | None
) -> None:
    assert asked_wait(headers, error, NOW) == seconds


def test_a_long_wait_is_a_minute() -> None:
    assert LONGEST_WAIT == 60.0


def quota(**violation: str) -> dict[str, Any]:
    kind = "type.googleapis.com/google.rpc.QuotaFailure"
    return {"details": [{"@type": kind, "violations": [violation]}]}


@pytest.mark.parametrize(
    "error",
    [
        quota(quotaId="GenerateRequestsPerDayPerProjectPerModel-FreeTier"),
        quota(quotaMetric="x/requests_per_day"),
        quota(description="limit per day is used up"),
    ],
)
def test_a_limit_per_day_is_a_daily_quota(error: dict[str, Any]) -> None:
    assert is_daily_quota(error)


@pytest.mark.parametrize(
    "error",
    [
        quota(quotaId="GenerateRequestsPerMinutePerProjectPerModel"),
        {"details": [{"@type": "type.googleapis.com/google.rpc.Help", "x": "per day"}]},
        {"message": "per day"},
        {},
    ],
)
def test_another_limit_is_not(error: dict[str, Any]) -> None:
    assert not is_daily_quota(error)
