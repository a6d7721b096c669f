"""What a server's words look like on a terminal."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gstream.terminal import visible, visible_bytes


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("a\tb\nö☕", "a\tb\nö☕", id="text"),
        pytest.param("\x1b[31m", "\\u001b[31m", id="escape-sequence"),
        pytest.param("\r\x07\b\0", "\\u000d\\u0007\\u0008\\u0000", id="c0"),
        pytest.param("\x0b\x0c", "\\u000b\\u000c", id="vertical-tab-and-form-feed"),
        pytest.param("\x7f", "\\u007f", id="delete"),
        pytest.param("\x80\x9b2J\x9f", "\\u0080\\u009b2J\\u009f", id="c1"),
        pytest.param("\xa0\xad", "\xa0\xad", id="not-beyond-c1"),
        pytest.param("\u202a\u202e", "\\u202a\\u202e", id="bidi-embeddings-and-overrides"),
        pytest.param("\u2066\u2069", "\\u2066\\u2069", id="bidi-isolates"),
        pytest.param("שלום\u200f!", "שלום\u200f!", id="not-the-marks-that-hebrew-needs"),
    ],
)
def test_control_characters_are_shown_instead_of_obeyed(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert visible_bytes(text.encode()) == shown.encode()


def test_bytes_that_are_no_utf_8_are_replaced() -> None:
    assert visible_bytes(b"a\xffb") == "a\ufffdb".encode()
    assert visible_bytes(b"\x9b2J") == "\ufffd2J".encode()
    assert visible_bytes(b"\xff") == "\ufffd".encode()


@given(st.binary())
def test_no_control_character_reaches_a_terminal(data: bytes) -> None:
    shown = visible_bytes(data).decode()

    assert not any(ord(char) < 32 and char not in "\n\t" for char in shown)
    assert not any(0x7F <= ord(char) <= 0x9F for char in shown)


@given(st.text())
def test_a_line_of_json_stays_one_and_means_the_same(text: str) -> None:
    line = orjson.dumps({"a": text})

    assert orjson.loads(visible_bytes(line)) == {"a": text}
