"""Answers that cannot be resumed, over connections that break."""

import pytest

from gstream.blocks import DONE_BLOCK
from tests.cli.support_cli import create as create_x
from tests.servers import RawServer, Script, answering, cut, hanging

API = ("--api", "generate-content")
PART = b'data: {"candidates":[{"content":{"parts":[{"text":"a"}]}}],"responseId":"r1"}\r\n\r\n'
WHOLE = PART.replace(b"}]}}]", b'}]},"finishReason":"STOP"}]')


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(answering(PART), id="early-end"),
        pytest.param(cut(PART), id="broken-connection"),
    ],
)
def test_a_truncated_answer_is_not_resumed(script: Script) -> None:
    with RawServer(script) as server:
        got = create_x(server, *API)

    assert (got.code, got.text) == (76, "a")
    assert len(server.requests) == 1
    assert "resume" not in got.stderr


def test_a_connection_that_breaks_before_the_first_chunk_is_a_network_failure() -> None:
    with RawServer(cut()) as server:
        assert create_x(server, *API).code == 68


def test_the_end_of_an_answer_outlives_the_connection() -> None:
    with RawServer(cut(WHOLE)) as server:
        got = create_x(server, *API)

    assert (got.code, got.text) == (0, "a\n")


def test_nothing_is_waited_for_behind_the_word_that_nothing_follows() -> None:
    with RawServer(hanging(WHOLE + DONE_BLOCK)) as server:
        got = create_x(server, *API, "--max-time", "20")

    assert (got.code, got.text) == (0, "a\n")
