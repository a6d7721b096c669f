"""The tree of failures and the table of exit codes, which never changes once released."""

import os
import re

import pytest

from gstream import errors
from gstream.errors import EXIT_CODES, EventTooLargeError, GstreamError

RELEASED = {
    0: "completed",
    1: "bug",
    2: "usage",
    10: "requires_action",
    11: "incomplete",
    12: "failed",
    13: "cancelled",
    14: "error event",
    64: "rejected",
    65: "bad data",
    66: "no input",
    68: "network",
    69: "server",
    73: "cannot create",
    74: "write error",
    75: "rate limited",
    76: "truncated",
    77: "refused",
    78: "configuration",
    124: "time is up",
    129: "HUP",
    130: "INT",
    141: "PIPE",
    143: "TERM",
}

FAILURES = GstreamError.__subclasses__()


def test_released_codes_keep_their_meaning() -> None:
    assert {row.code: row.name for row in EXIT_CODES} == RELEASED


def test_the_table_is_sorted_and_says_when() -> None:
    assert [row.code for row in EXIT_CODES] == sorted(RELEASED)
    assert all(row.when for row in EXIT_CODES)


@pytest.mark.parametrize("failure", FAILURES)
def test_each_failure_has_a_row_of_its_own_in_the_table(failure: type[GstreamError]) -> None:
    assert failure.exit_code in RELEASED
    assert [other for other in FAILURES if other.exit_code == failure.exit_code] == [failure]


def test_each_row_is_a_failure_a_bug_or_a_signal() -> None:
    others = {0, 1, 129, 130, 141, 143}

    assert {failure.exit_code for failure in FAILURES} == set(RELEASED) - others
    assert GstreamError.exit_code == 1


def test_each_failure_has_one_word_for_programs() -> None:
    reasons = [failure.reason for failure in FAILURES]

    assert len(set(reasons)) == len(FAILURES)
    assert all(re.fullmatch("[a-z_]+", reason) for reason in reasons)


def test_only_what_can_be_otherwise_later_is_retryable() -> None:
    assert {failure.exit_code for failure in FAILURES if failure.retryable} == {68, 69, 75, 76, 124}


def test_an_event_that_is_too_large_is_bad_data() -> None:
    assert (EventTooLargeError.exit_code, EventTooLargeError.reason) == (65, "bad_data")


def test_the_tree_in_the_documentation_is_the_tree() -> None:
    drawn = re.findall(r"─ (\w+) +(\d+) ", errors.__doc__ or "")

    assert drawn == [
        (failure.__name__, str(failure.exit_code))
        for failure in sorted(FAILURES, key=lambda failure: failure.exit_code)
    ]


def test_a_failure_is_its_message_and_a_hint() -> None:
    plain, hinted = GstreamError("a b"), GstreamError("a b", hint="do c")

    assert (str(plain), plain.hint) == ("a b", "")
    assert (str(hinted), hinted.hint) == ("a b", "do c")


def test_a_message_with_a_name_that_is_no_text_can_be_written() -> None:
    name = os.fsdecode(b"gr\xfc\xc3\xbcn")

    assert str(GstreamError(f"{name}: not there")) == "gr?ün: not there"
