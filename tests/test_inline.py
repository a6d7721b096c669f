"""Base64 as servers write it."""

import pytest

from gstream.inline import decoded


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param("++//QQ==", b"\xfb\xef\xff\x41", id="common"),
        pytest.param("--__QQ==", b"\xfb\xef\xff\x41", id="url-safe"),
        pytest.param("--__QQ", b"\xfb\xef\xff\x41", id="unpadded"),
        pytest.param("QUI", b"AB", id="one-missing"),
        pytest.param("", b"", id="empty"),
    ],
)
def test_either_alphabet_is_read_padded_or_not(data: str, expected: bytes) -> None:
    assert decoded(data) == expected


@pytest.mark.parametrize("data", ["A", "Yg==!", "not base64", "QQ==QQ==", "ö"])
def test_what_is_no_base64_is_refused(data: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever its words
        decoded(data)
