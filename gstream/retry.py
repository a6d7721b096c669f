"""Whether and when to try again before a stream has begun (DESIGN 7.1). Pure."""

import re
from collections.abc import Callable, Mapping

from .events import Event

RETRIED = frozenset({408, 409, 429})
LONGEST_WAIT = 60.0
_FIRST, _CAP = 0.5, 8.0
_SECONDS = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?)s?\s*")


def is_retried(http_status: int) -> bool:
    """Whether an answer with this status may be another one later."""
    return http_status in RETRIED or http_status >= 500


def backoff(attempt: int, random: Callable[[], float]) -> float:
    """Seconds before try `attempt` + 1 (from 0): 0.5 s doubled each time up to 8 s, full jitter."""
    return random() * min(_CAP, _FIRST * 2.0 ** min(attempt, 10))


def asked_wait(headers: Mapping[str, str], error: Event, now: float) -> float | None:
    """Seconds that the server asks to wait; None if it does not say.

    Args:
        headers: Of the answer; `retry-after-ms`, then `retry-after` (seconds or a date).
        error: The error in the body, whose `RetryInfo` may have a `retryDelay`.
        now: Seconds since the epoch.
    """
    if milliseconds := _SECONDS.fullmatch(headers.get("retry-after-ms", "")):
        return float(milliseconds[1]) / 1000
    after = headers.get("retry-after", "")
    if seconds := _SECONDS.fullmatch(after):
        return float(seconds[1])
    if after:
        from email.utils import parsedate_to_datetime  # a slow import, for a rare header

        try:
            return max(0.0, parsedate_to_datetime(after).timestamp() - now)
        except (ValueError, OverflowError):
            pass
    for detail in _details(error):
        if delay := _SECONDS.fullmatch(str(detail.get("retryDelay", ""))):
            return float(delay[1])
    return None


def is_daily_quota(error: Event) -> bool:
    """Whether a limit per day is used up: waiting some seconds is of no use."""
    return any(
        "perday" in str(detail).lower().replace("_", "").replace(" ", "")
        for detail in _details(error)
        if "QuotaFailure" in str(detail.get("@type", ""))
    )


def _details(error: Event) -> list[Event]:
    details = error.get("details")
    return [one for one in details if isinstance(one, dict)] if isinstance(details, list) else []
