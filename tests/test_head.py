"""The first bytes of a body, until they tell what kind of input it is."""

import pytest

from gstream.head import Head
from gstream.sse import BOM
from tests.support import one_by_one

HEADERS = b"HTTP/1.1 429 No\r\nx: y\r\n\r\n"


def fed(chunks: list[bytes]) -> tuple[bytes, Head]:
    """What is known after some chunks: the first byte of the body."""
    head = Head()
    first = b""
    for chunk in chunks:
        first = head.feed(chunk)
        while head.newest_size:
            first = head.feed(b"")
    return first, head


@pytest.mark.parametrize(
    ("data", "first", "begin"),
    [
        pytest.param(b"data: x", b"d", 0, id="fields"),
        pytest.param(b'{"a":1}', b"{", 0, id="json"),
        pytest.param(b" \r\n\t[1]", b"[", 4, id="blanks"),
        pytest.param(BOM + b"<html>", b"<", 3, id="bom"),
        pytest.param(BOM + b" {", b"{", 4, id="bom-and-blanks"),
        pytest.param(b"HTTX", b"H", 0, id="nearly-header-lines"),
        pytest.param(BOM[:2] + b"x", BOM[:1], 0, id="nearly-a-bom"),
    ],
)
def test_the_first_byte_tells_the_kind(data: bytes, first: bytes, begin: int) -> None:
    for chunks in ([data], one_by_one(data)):
        found, head = fed(chunks)

        assert head.begin == begin
        assert (found, head.http_status, head.size) == (first, 0, 0)


@pytest.mark.parametrize(
    "data", [b"", b" \n", BOM[:1], BOM[:2], BOM, b"H", b"HTTP", b"HTTP/1.1 200"]
)
def test_too_few_bytes_tell_nothing_and_are_kept(data: bytes) -> None:
    for chunks in ([data], one_by_one(data)):
        found, head = fed(chunks)

        assert (found, bytes(head.pending)) == (b"", data)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        pytest.param(HEADERS, 429, id="crlf"),
        pytest.param(b"HTTP/2 200\n\n", 200, id="lf"),
        pytest.param(b"HTTP/1.1 100 Go on\r\n\r\n" + HEADERS, 429, id="twice"),
        pytest.param(BOM + b"\n" + HEADERS, 429, id="bom"),
        pytest.param(b"HTTP/1.1 " + b"9" * 5000 + b"\n\n", 0, id="no-status"),
        pytest.param(b"HTTP/\n\n", 0, id="none"),
    ],
)
def test_header_lines_are_taken_off_and_their_status_is_kept(data: bytes, status: int) -> None:
    for chunks in ([data + b"data: x"], one_by_one(data + b"d")):
        found, head = fed(chunks)

        assert (found, head.http_status, head.size) == (b"d", status, len(data))


@pytest.mark.parametrize(("data", "packed"), [(b"\x1f\x8b\x08", True), (b"data", False)])
def test_what_looks_like_gzip_is_known(data: bytes, packed: bool) -> None:
    assert fed([data])[1].is_packed == packed
