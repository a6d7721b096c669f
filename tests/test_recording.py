import pytest

from gstream.recording import (
    Exit,
    Header,
    Pace,
    Part,
    Piece,
    pieces,
    read,
)

TIMED = b"""\
: gstream-recording 1
: {"version":"0.1.0","request":{"method":"POST","path":"/v1beta/interactions","body":{"input":"a"}}}
: +0.25
data: 1

: +1
data: 2

: reconnect {"path":"/v1beta/interactions/i1?stream=true"}
: +0.5
data: 3

: exit {"status":0,"reason":"completed"}
"""


def rejoined(found: list[Piece]) -> tuple[bytes, float, list[Header | Exit]]:
    """The received bytes, the seconds in all, and the rest."""
    parts = [piece for piece in found if isinstance(piece, Part)]
    rest = [piece for piece in found if not isinstance(piece, Part)]
    data = b"".join(part.data for part in parts)
    return data, sum(part.seconds for part in parts), rest


def test_reads_the_parts_with_the_seconds_before_them() -> None:
    (recording,) = read("x.sse", TIMED)

    assert recording.parts == [
        Part(0.25, b"data: 1\n\n"),
        Part(1.0, b"data: 2\n\n"),
        Part(0.5, b"data: 3\n\n"),
    ]


def test_reads_the_request() -> None:
    (recording,) = read("x.sse", TIMED)

    assert recording.body == {"input": "a"}
    assert recording.path == "/v1beta/interactions"
    assert recording.header["version"] == "0.1.0"


def test_reads_how_the_run_ended() -> None:
    (recording,) = read("x.sse", TIMED)

    assert recording.exit == {"status": 0, "reason": "completed"}


def test_any_sse_is_a_recording_without_request_and_times() -> None:
    plain = b"event: a\ndata: 1\n\n: keep-alive\n\ndata: 2\n\n"

    assert read("x.sse", plain) == [("x.sse", {}, [Part(0.0, plain)], {})]


def test_an_empty_file_holds_no_recording() -> None:
    assert read("x.sse", b"") == []


def test_joined_files_are_several_recordings() -> None:
    other = TIMED.replace(b'"input":"a"', b'"input":"b"')

    found = read("x.sse", TIMED + other)

    assert [one.body for one in found] == [{"input": "a"}, {"input": "b"}]
    assert [len(one.parts) for one in found] == [3, 3]


def test_the_seconds_of_a_block_that_was_cut_out_remain() -> None:
    (recording,) = read("x.sse", b": +0.25\n: +1.5\ndata: 1\n\n")

    assert recording.parts == [Part(1.75, b"data: 1\n\n")]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b": keep-alive", id="comment"),
        pytest.param(b': {"a":1}', id="comment-that-is-json"),
        pytest.param(b": +", id="no-seconds"),
        pytest.param(b": +x", id="words"),
        pytest.param(b": +-1", id="negative"),
        pytest.param(b": +1e9", id="exponent"),
        pytest.param(b": +inf", id="infinity"),
        pytest.param(b": +" + b"9" * 400, id="too-many-digits"),
        pytest.param(b":+1", id="no-space"),
        pytest.param(b"data: : +1", id="within-a-line"),
        pytest.param(b": exit soon", id="exit-without-json"),
        pytest.param(b": reconnect", id="reconnect-without-json"),
        pytest.param(b": gstream-recording", id="no-version"),
    ],
)
def test_a_line_that_is_not_ours_is_left_alone(line: bytes) -> None:
    stream = b"data: 1\n\n" + line + b"\ndata: 2\n\n"

    assert list(pieces([stream])) == [Part(0.0, stream)]


def test_what_came_at_once_is_one_part() -> None:
    (recording,) = read("x.sse", b": +1\ndata: 1\n\n: +0\ndata: 2\n\n: +0.0\ndata: 3\n\n")

    assert recording.parts == [Part(1.0, b"data: 1\n\ndata: 2\n\ndata: 3\n\n")]


def test_a_broken_header_is_an_empty_one() -> None:
    (recording,) = read("x.sse", b": gstream-recording 1\n: {broken}\ndata: 1\n\n")

    assert recording.header == {}
    assert recording.parts == [Part(0.0, b"data: 1\n\n")]


@pytest.mark.parametrize(
    "end",
    [pytest.param(b"\n", id="lf"), pytest.param(b"\r\n", id="crlf"), pytest.param(b"\r", id="cr")],
)
def test_finds_our_lines_between_lines_of_any_end(end: bytes) -> None:
    block = b"data: 1" + end + end

    found = read("x.sse", b": +1\n" + block + b": +2\n" + block)

    assert found[0].parts == [Part(1.0, block), Part(2.0, block)]


def test_our_lines_may_end_in_crlf() -> None:
    (recording,) = read("x.sse", TIMED.replace(b"\n", b"\r\n"))

    assert [part.seconds for part in recording.parts] == [0.25, 1.0, 0.5]
    assert recording.body == {"input": "a"}


@pytest.mark.parametrize("stream", [TIMED, TIMED + TIMED, TIMED.replace(b"\n", b"\r\n")])
def test_chunking_changes_nothing(stream: bytes) -> None:
    whole = rejoined(list(pieces([stream])))

    for cut in range(len(stream) + 1):
        assert rejoined(list(pieces([stream[:cut], b"", stream[cut:]]))) == whole
    assert rejoined(list(pieces(bytes([byte]) for byte in stream))) == whole


def test_hands_on_whole_lines_while_the_rest_is_still_to_come() -> None:
    arriving = iter([b": +1\ndata: 1\n\ndata", b": 2\n\n"])

    found = pieces(arriving)

    assert next(found) == Part(1.0, b"data: 1\n\n")
    assert next(arriving) == b": 2\n\n"


# --- untimed


@pytest.mark.parametrize("stream", [TIMED, TIMED + TIMED, TIMED.replace(b"\n", b"\r\n")])
def test_without_times_the_bytes_are_the_same(stream: bytes) -> None:
    data, seconds, rest = rejoined(list(pieces([stream], timed=False)))
    timed, _, of_timed = rejoined(list(pieces([stream])))

    assert (data, seconds, rest) == (timed, 0.0, of_timed)


def test_without_times_parts_are_cut_where_a_recording_begins_or_ends() -> None:
    found = list(pieces([TIMED + TIMED], timed=False))

    assert [type(piece) for piece in found] == [Header, Part, Exit] * 2


# --- pace


class FakeTime:
    """A clock that goes on when somebody sleeps, or when it is told to."""

    def __init__(self, overshoot: float = 0.0) -> None:
        self.seconds = 100.0
        self.slept: list[float] = []
        self._overshoot = overshoot

    def clock(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 9))
        self.seconds += seconds + self._overshoot


def new_pace(speed: float = 1.0, longest: float | None = None) -> tuple[Pace, FakeTime]:
    time = FakeTime()
    return Pace(time.sleep, time.clock, speed=speed, longest=longest), time


@pytest.mark.parametrize(
    ("speed", "longest", "slept"),
    [
        pytest.param(1.0, None, [0.5, 8.0], id="as-recorded"),
        pytest.param(2.0, None, [0.25, 4.0], id="twice-as-fast"),
        pytest.param(0.5, None, [1.0, 16.0], id="half-as-fast"),
        pytest.param(0.0, None, [], id="without-waiting"),
        pytest.param(1.0, 2.0, [0.5, 2.0], id="longest-wait"),
        pytest.param(4.0, 2.0, [0.125, 0.5], id="longest-wait-before-the-speed"),
    ],
)
def test_waits_as_asked(speed: float, longest: float | None, slept: list[float]) -> None:
    pace, time = new_pace(speed, longest)

    for seconds in (0.5, 0.0, 8.0):
        pace.wait(seconds)

    assert time.slept == slept


def test_what_sleeping_overshoots_does_not_add_up() -> None:
    time = FakeTime(overshoot=0.001)
    pace = Pace(time.sleep, time.clock)

    for _ in range(1000):
        pace.wait(0.01)

    assert time.seconds == pytest.approx(100.0 + 10.0 + 0.001)


def test_after_a_delay_the_pauses_stay_as_they_were() -> None:
    pace, time = new_pace()
    pace.wait(1.0)
    time.seconds += 60.0  # the reader of our output did not read

    pace.wait(1.0)

    assert time.slept[-1] == pytest.approx(1.0, abs=0.005)


def test_plays_the_bytes_of_the_parts() -> None:
    pace, time = new_pace()

    assert list(pace.play([Part(0.5, b"a"), Part(0.0, b"b")])) == [b"a", b"b"]
    assert time.slept == [0.5]
