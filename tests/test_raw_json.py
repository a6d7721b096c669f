"""Raw JSON between server-sent events (PROTOCOL d.6)."""

import pytest

from gstream.errors import EventTooLargeError
from gstream.events import Event
from gstream.raw_json import RawJSON

ERROR = {"code": 503, "message": "gone"}


def fed(*lines: bytes) -> tuple[list[Event | None], RawJSON]:
    raw = RawJSON(100)
    return [raw.feed(line) for line in lines], raw


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([b'{"error":{"code":503,"message":"gone"}}\n'], id="one-line"),
        pytest.param([b'{"error":\n', b'{"code":503,\n', b'"message":"gone"}}\n'], id="lines"),
        pytest.param([b"[{\n", b'"error": {"code":503,"message":"gone"}}]\n'], id="array"),
    ],
)
def test_an_error_is_known_with_the_line_that_completes_it(lines: list[bytes]) -> None:
    found, raw = fed(*lines)

    assert found == [None] * (len(lines) - 1) + [ERROR]
    assert not raw.is_open


def test_another_value_is_an_empty_error() -> None:
    found, raw = fed(b'{"a":\n', b"1}\n")

    assert (found, raw.words, raw.is_open) == ([None, {}], b'{"a":\n1}\n', False)


@pytest.mark.parametrize("line", [b"words\n", b"[words]\n", b"[1]\n"])
def test_words_are_nothing(line: bytes) -> None:
    found, raw = fed(line)

    assert (found, raw.is_open) == ([None], False)


def test_one_that_is_not_complete_is_open() -> None:
    found, raw = fed(b'{"error":{"code"\n')

    assert (found, raw.words, raw.is_open) == ([None], b'{"error":{"code"\n', True)


def test_one_after_another_is_found() -> None:
    found, _ = fed(b'{"a":1}\n', b"x\n", b'{"error":"no"}\n')

    assert found == [{}, None, {"message": "no"}]


def test_one_that_is_larger_than_the_bound_is_an_error() -> None:
    with pytest.raises(EventTooLargeError):
        fed(b'{"a":"' + b"x" * 100)
