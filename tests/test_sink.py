"""Where a view is written to, and when."""

import pytest

from gstream.sink import Sink


class Written:
    """Takes what a sink writes, write by write."""

    def __init__(self, flush: str) -> None:
        self.writes: list[bytes] = []
        self.sink = Sink(self.writes.append, flush=flush)


@pytest.mark.parametrize(
    ("flush", "writes", "withheld"),
    [
        pytest.param("event", [b"a", b"b\nc", b"\n\nd"], 0, id="event"),
        pytest.param("line", [b"ab\n", b"c\n\n"], 1, id="line"),
        pytest.param("end", [], 7, id="end"),
    ],
)
def test_writes_as_soon_as_the_way_to_flush_allows(
    flush: str, writes: list[bytes], withheld: int
) -> None:
    written = Written(flush)
    for data in (b"a", b"", b"b\nc", b"\n\nd"):
        written.sink.write(data)

    assert (written.writes, written.sink.withheld) == (writes, withheld)


def test_whole_lines_are_written_in_pieces_that_a_pipe_never_mixes() -> None:
    short, long = b"s" * 1500 + b"\n", b"l" * 9000 + b"\n"
    written = Written("line")
    written.sink.write(short * 5 + long + short + b"rest")

    sizes = [len(write) for write in written.writes]
    assert sizes == [3002, 3002, 1501, 9001, 1501]
    assert all(write.endswith(b"\n") for write in written.writes)
    assert (b"".join(written.writes), written.sink.withheld) == (short * 5 + long + short, 4)


@pytest.mark.parametrize(("flush", "last"), [("event", []), ("line", [b"b\n"]), ("end", [b"a\nb"])])
def test_releasing_writes_what_is_held_back(flush: str, last: list[bytes]) -> None:
    written = Written(flush)
    written.sink.write(b"a\nb")
    before = len(written.writes)

    written.sink.release()
    written.sink.release()

    assert written.writes[before:] == last
    assert written.sink.withheld == 0


@pytest.mark.parametrize(
    ("flush", "forgotten", "all_written"),
    [("event", 0, b"a\nb"), ("line", 0, b"a\nb\n"), ("end", 3, b"")],
)
def test_only_what_waits_for_a_whole_answer_is_forgotten(
    flush: str, forgotten: int, all_written: bytes
) -> None:
    written = Written(flush)
    written.sink.write(b"a\nb")

    assert written.sink.discard() == forgotten
    assert b"".join(written.writes) == all_written
    assert written.sink.withheld == 0


@pytest.mark.parametrize(("flush", "more"), [("event", []), ("line", [b"b\n"]), ("end", [])])
def test_the_last_line_of_a_part_is_ended_where_lines_are_written(
    flush: str, more: list[bytes]
) -> None:
    written = Written(flush)
    written.sink.write(b"a\nb")
    before = len(written.writes)

    written.sink.end_lines()

    assert written.writes[before:] == more


def test_raw_bytes_get_no_end_that_did_not_come() -> None:
    writes: list[bytes] = []
    sink = Sink(writes.append, flush="line", ends_lines=False)
    sink.write(b"a\nb")
    sink.release()

    assert writes == [b"a\n", b"b"]


def test_nothing_is_written_where_there_is_nothing() -> None:
    written = Written("line")
    written.sink.write(b"")
    written.sink.release()
    written.sink.discard()

    assert written.writes == []


@pytest.mark.parametrize(("data", "at_line_start"), [(b"", True), (b"a", False), (b"a\n", True)])
def test_knows_whether_a_line_is_open(data: bytes, at_line_start: bool) -> None:
    written = Written("event")
    written.sink.write(data)

    assert written.sink.at_line_start == at_line_start


def test_what_is_held_back_opens_no_line() -> None:
    written = Written("end")
    written.sink.write(b"a")

    assert written.sink.at_line_start
