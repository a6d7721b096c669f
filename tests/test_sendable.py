"""What keeps JSON from being sent as it was given."""

import math

import pytest

from gstream.sendable import flaw_in
from tests.support import nested


@pytest.mark.parametrize(
    ("value", "flaw"),
    [
        pytest.param(nested(199), "", id="deep"),
        pytest.param(nested(201), "it is nested more than 200 levels deep", id="too-deep"),
        pytest.param(nested(100_000), "it is nested more than 200 levels deep", id="far-too-deep"),
        pytest.param({"a": [1.0, math.inf]}, "a number is too large", id="infinite"),
        pytest.param({"a": [1.5, None, "x"]}, "", id="plain"),
    ],
)
def test_what_nobody_can_write_as_it_was_given(value: object, flaw: str) -> None:
    assert flaw_in(value) == flaw
