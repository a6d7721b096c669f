"""Raw bytes are written as they came, complete blocks at a time."""

import pytest

from tests.sessions import Running, ran
from tests.support import (
    answer,
    ndjson,
    stream,
)


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_raw_bytes_are_written_as_they_came(size: int) -> None:
    body = b": x\r\n\r\n" + stream(*answer("a")).replace(b"\n", b"\r\n") + b"rest"
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    running, _ = ran(chunks, view="sse", raw=True)

    assert (running.out, running.raw) == (body, body)


def test_raw_bytes_wait_for_the_end_of_their_block() -> None:
    running = Running("sse")
    running.session.feed(b"data: {}\n\ndata: {")

    assert running.written == [b"data: {}\n\n"]


def test_raw_bytes_are_recorded_beside_any_view() -> None:
    running, _ = ran(ndjson(*answer("a")), raw=True)

    assert running.session.wants_raw
    assert (running.out, running.raw) == (b"a\n", stream(*answer("a"), done=False))


def test_raw_bytes_can_be_shown_from_elsewhere() -> None:
    shown, recorded = Running("sse"), Running("text", raw=True)
    for running in (shown, recorded):
        running.session.show_raw(b"data: {}\n\n")
        running.session.show_raw(b"")

    assert (shown.out, recorded.out, recorded.raw) == (b"data: {}\n\n", b"", b"data: {}\n\n")


def test_a_text_view_wants_no_raw_bytes() -> None:
    assert not Running().session.wants_raw
