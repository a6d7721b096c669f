import json

import pytest

from gstream.blocks import BlockSplitter, block_of
from gstream.sse import SSEDecoder
from tests.support import cuts, feed_all

STREAM = b"data: 1\n\n: ping\n\nevent: a\r\ndata: 2\r\n\r\ndata: 3\r\r"
STREAM += b"data: 4\r\n\ndata: 5\n\r\n\ndata: 6\n"


def test_each_block_has_the_blank_line_that_ends_it() -> None:
    splitter = BlockSplitter()

    assert splitter.feed(STREAM) == [
        b"data: 1\n\n",
        b": ping\n\n",
        b"event: a\r\ndata: 2\r\n\r\n",
        b"data: 3\r\r",
        b"data: 4\r\n\n",
        b"data: 5\n\r\n",
    ]
    assert splitter.rest() == b"\ndata: 6\n"


def test_the_rest_is_given_once() -> None:
    splitter = BlockSplitter()
    splitter.feed(b"data: 1\n\ndata")

    assert (splitter.rest(), splitter.rest()) == (b"data", b"")


def test_chunking_loses_nothing_and_keeps_the_events() -> None:
    events = SSEDecoder().feed(STREAM + b"\n")
    for chunks in cuts(STREAM + b"\n"):
        splitter = BlockSplitter()

        blocks = [block for chunk in chunks for block in splitter.feed(chunk)]

        assert b"".join(blocks) + splitter.rest() == STREAM + b"\n"
        assert feed_all(SSEDecoder().feed, blocks) == events


def test_an_event_becomes_a_block() -> None:
    event = {"event_type": "step.stop", "index": 0}

    assert block_of(event, b'{"index":0}\n') == b'event: step.stop\ndata: {"index":0}\n\n'


@pytest.mark.parametrize("name", ["a\nid: 7", "a\r\rdata: x", "a\u2028", "\ud800"])
def test_no_name_of_an_event_makes_a_line_of_its_own(name: str) -> None:
    line = json.dumps({"event_type": name}).encode() + b"\n"

    assert block_of({"event_type": name}, line) == b"data: " + line + b"\n"
