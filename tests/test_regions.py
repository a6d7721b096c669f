"""Complete blocks out of bytes: what is handed on, what waits, what is dropped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gstream.errors import EventTooLargeError
from gstream.regions import HUGE_BLOCK, Regions, before_lf, with_lf
from tests.support import cuts


def taken(chunks: list[bytes], bound: int = 1000) -> bytes:
    """All that was handed on."""
    regions = Regions(bound)
    return b"".join(bytes(regions.take(chunk)) for chunk in chunks)


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        pytest.param(b"data: a\n\ndata: b\n\n", b"data: a\n\ndata: b\n\n", id="lf"),
        pytest.param(b"data: a\r\n\r\ndata: b\r\n\r\n", b"data: a\n\ndata: b\n\n", id="crlf"),
        pytest.param(b"data: a\r\rdata: b\r\r", b"data: a\n\ndata: b\n\n", id="cr"),
        pytest.param(b"data: a\n\ndata: b\n", b"data: a\n\n", id="an-unfinished-block-waits"),
        pytest.param(b"\xef\xbb\xbfdata: a\n\n", b"data: a\n\n", id="bom"),
        pytest.param(b"", b"", id="nothing"),
    ],
)
def test_hands_on_complete_blocks_with_lf_at_every_cut(text: bytes, blocks: bytes) -> None:
    for chunks in cuts(text):
        assert taken(chunks) == blocks


def test_a_huge_block_is_handed_on_without_a_copy() -> None:
    regions = Regions()
    regions.take(b"data: " + b"x" * HUGE_BLOCK)
    pending = regions.pending

    assert regions.take(b"\n\nda") is pending
    assert regions.pending == b"da"


def test_whole_blocks_are_handed_on_as_they_came() -> None:
    regions = Regions()
    regions.take(b"data: a\n\n")
    chunk = b"data: b\n\n"

    assert regions.take(chunk) is chunk


def test_comments_and_blank_lines_do_not_pile_up() -> None:
    regions = Regions()
    for _ in range(100):
        regions.take(b": x\n")
        regions.take(b"\r\n")

    assert regions.pending == b""


def test_knows_where_the_blocks_stand() -> None:
    regions = Regions()
    chunks = (b"\xef\xbb\xbf", b": x\n\ndata: a\n\nda", b"ta: b\r\n\r", b"\ndata: c\n\n")
    offsets = [(regions.offset, bytes(regions.region)) for chunk in chunks if regions.take(chunk)]

    assert offsets == [
        (3, b": x\n\ndata: a\n\n"),
        (17, b"data: b\r\n\r"),
        (28, b"data: c\n\n"),
    ]


def test_knows_where_the_blocks_stand_after_a_comment_that_was_forgotten() -> None:
    regions = Regions(16)
    for chunk in (b"data: a\n\n:", b"x" * 40, b"y" * 40, b"\n"):
        regions.take(chunk)
        assert len(regions.pending) < 60

    assert regions.take(b"data: b\n\n") == b"data: b\n\n"
    assert regions.offset == 9 + 1 + 80 + 1


def test_forgets_blocks_when_told() -> None:
    regions = Regions()
    regions.take(b"data: a\n\n")
    regions.forget()

    assert regions.region == b""


def test_blocks_before_one_that_is_too_large_are_handed_on() -> None:
    regions = Regions(10)

    assert regions.take(b"data: a\n\ndata: 1234567\n\n") == b"data: a\n\n"
    with pytest.raises(EventTooLargeError, match="event at byte 9 is larger than 10 bytes"):
        regions.raise_too_large()


def test_a_block_that_is_too_large_is_an_error_at_every_cut() -> None:
    for chunks in cuts(b"data: 1234567\n\n"):
        with pytest.raises(EventTooLargeError, match="event at byte 0"):
            taken([*chunks, b""], 10)


def test_a_block_that_is_too_large_is_told_at_its_place_among_crlf() -> None:
    with pytest.raises(EventTooLargeError, match="event at byte 11 is larger"):
        taken([b"data: a\r\n\r\ndata: 1234567\r\n\r\n", b""], 10)


def test_comments_and_blank_lines_count_for_no_block() -> None:
    for text in (b":\n\n: x\n", b":" + b"x" * 60 + b"\n", b"\r" * 40, b"\r\n" * 40):
        for chunks in cuts(text + b"data: a\n\n"):
            assert taken(chunks, 10).endswith(b"data: a\n\n")


def test_a_crlf_counts_as_one_byte() -> None:
    text = b"data: a\r\n" * 12 + b"\r\n"

    for chunks in cuts(text):
        assert taken(chunks, 97) == text.replace(b"\r", b"")


def test_line_ends_become_lf() -> None:
    assert with_lf(b"a\r\nb\rc\n\r") == b"a\nb\nc\n\n"


@given(st.lists(st.sampled_from([b"a", b"\n", b"\r", b"\r\n", b"bc"])).map(b"".join))
def test_finds_places_as_they_were_before_lf(region: bytes) -> None:
    as_lf = with_lf(region)

    places = list(before_lf(region, range(len(as_lf) + 1)))

    assert [with_lf(region[:place]) for place in places] == [
        as_lf[:place] for place in range(len(as_lf) + 1)
    ]
