"""The builders do what they say, or no test that uses them means anything."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import (
    STREAMS,
    answer,
    batch,
    chunked,
    completed,
    created,
    cuts,
    delta,
    event,
    feed_all,
    growth,
    ndjson,
    one_by_one,
    run_gstream,
    start,
    stop,
    stream,
)


def test_an_event_has_its_type_and_fields() -> None:
    assert event("ping", index=1) == {"event_type": "ping", "index": 1}


def test_a_delta_is_one_of_text_unless_told_otherwise() -> None:
    assert delta(text="a") == {
        "event_type": "step.delta",
        "index": 0,
        "delta": {"type": "text", "text": "a"},
    }


def test_a_delta_can_be_without_type() -> None:
    assert delta("", index=2, text="a")["delta"] == {"text": "a"}


def test_an_answer_is_a_whole_interaction() -> None:
    assert answer("a", status="incomplete") == [
        created(),
        start("model_output", index=0),
        delta(text="a"),
        stop(0),
        completed("incomplete"),
    ]


def test_a_stream_is_blocks_with_an_event_line_and_a_data_line() -> None:
    assert stream(event("ping")) == (
        b'event: ping\ndata: {"event_type":"ping"}\n\nevent: done\ndata: [DONE]\n\n'
    )


def test_a_stream_can_be_cut_before_its_end() -> None:
    assert stream(event("ping"), done=False) == b'event: ping\ndata: {"event_type":"ping"}\n\n'


def test_ndjson_is_an_event_a_line() -> None:
    lines = ndjson(*answer("a")).splitlines()

    assert [orjson.loads(line) for line in lines] == answer("a")


def test_a_batch_knows_what_is_notable() -> None:
    assert batch(start(), delta(text="a")).notable == [start()]


@pytest.mark.parametrize("data", [b"", b"a", b"abc"])
def test_every_cut_holds_all_bytes(data: bytes) -> None:
    ways = list(cuts(data))

    assert {b"".join(way) for way in ways} == {data}
    assert len(ways) == len(data) + 3


def test_the_cuts_are_whole_then_single_bytes_then_every_place() -> None:
    assert list(cuts(b"ab")) == [
        [b"ab"],
        [b"a", b"b"],
        [b"", b"", b"ab"],
        [b"a", b"", b"b"],
        [b"ab", b"", b""],
    ]


@given(chunked(st.just(b"abcdef")))
def test_drawn_chunks_are_pieces_of_the_drawn_bytes(chunks: list[bytes]) -> None:
    assert b"".join(chunks) == b"abcdef"


def test_single_bytes_are_bytes() -> None:
    assert one_by_one(b"ab") == [b"a", b"b"]


def test_feeding_collects_everything_that_comes_back() -> None:
    assert feed_all(list, [b"ab", b"", b"c"]) == list(b"abc")


def test_runs_the_program_with_bytes_in_and_bytes_out() -> None:
    done = run_gstream("decode", stdin=stream(*answer("ö")))

    assert (done.returncode, done.stdout, done.stderr) == (0, "ö\n".encode(), b"")


def test_the_golden_streams_are_here() -> None:
    assert (STREAMS / "simple_text.sse").stat().st_size > 1000


def test_growth_tells_linear_from_quadratic_work() -> None:
    assert growth(lambda size: sum(range(size)), 50_000) < 100
    assert growth(lambda size: [sum(range(size)) for _ in range(size)], 150) > 100
