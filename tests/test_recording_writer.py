import base64
import errno
import os
import resource
import signal
import stat
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gstream.errors import CannotCreateError
from gstream.reader import EventReader
from gstream.recording import Part, read
from gstream.recording_writer import Recorder, RecordingFile, create
from gstream.session import Session
from gstream.sink import Sink
from gstream.views import NdjsonView
from tests.servers import created, stream
from tests.support import STREAMS, answer, block, ndjson

BODY = {"model": "m", "input": "Count.", "stream": True}


class Recorded:
    """A recording in a file, with a clock that is moved by hand."""

    def __init__(self, path: Path, *, overwrite: bool = False) -> None:
        self.path = path
        self.seconds = 1000.0
        file = create(str(path), overwrite=overwrite)
        self.recorder = Recorder(
            file,
            begun=file.commit,
            clock=lambda: self.seconds,
            now=lambda: "2026-11-20T12:00:00Z",
            version="0.1.0",
        )

    def feed(self, seconds: float, blocks: bytes) -> None:
        self.seconds += seconds
        self.recorder.feed(blocks)

    @property
    def data(self) -> bytes:
        return self.path.read_bytes()


@pytest.fixture
def recorded(tmp_path: Path) -> Recorded:
    return Recorded(tmp_path / "x.sse")


def test_records_the_request_and_the_times(recorded: Recorded) -> None:
    recorded.recorder.request("POST", "/v1beta/interactions", BODY)
    recorded.feed(0.25, b"data: 1\n\n")
    recorded.feed(1.5, b"data: 2\n\n")
    recorded.recorder.exit({"status": 0})

    assert recorded.data == (
        b": gstream-recording 1\n"
        b': {"recorded":"2026-11-20T12:00:00Z","version":"0.1.0","request":{"method":"POST",'
        b'"path":"/v1beta/interactions","body":{"model":"m","input":"Count.","stream":true}}}\n'
        b": +0.25\ndata: 1\n\n"
        b": +1.5\ndata: 2\n\n"
        b': exit {"status":0}\n'
    )


def test_records_bytes_whose_request_is_not_known(recorded: Recorded) -> None:
    recorded.feed(0.5, b"data: 1\n\n")

    assert recorded.data == (
        b": gstream-recording 1\n"
        b': {"recorded":"2026-11-20T12:00:00Z","version":"0.1.0"}\n'
        b": +0.5\ndata: 1\n\n"
    )


def test_a_request_without_a_body_is_recorded_without_one(recorded: Recorded) -> None:
    recorded.recorder.request("GET", "/v1beta/interactions/i1?stream=true", None)

    assert (
        b'"request":{"method":"GET","path":"/v1beta/interactions/i1?stream=true"}}' in recorded.data
    )


def test_each_block_has_its_time(recorded: Recorded) -> None:
    recorded.feed(1.0, b"data: 1\n\ndata: 2\r\n\r\ndata: 3\r\r: ping\n\n")

    assert recorded.data.partition(b": +1\n")[2] == (
        b"data: 1\n\n: +0\ndata: 2\r\n\r\n: +0\ndata: 3\r\r: +0\n: ping\n\n"
    )


def test_rounding_does_not_add_up(recorded: Recorded) -> None:
    for _ in range(1000):
        recorded.feed(0.0004, b"data: 1\n\n")

    (recording,) = read("x", recorded.data)
    assert sum(part.seconds for part in recording.parts) == pytest.approx(0.4, abs=0.001)


def test_a_clock_that_stands_still_is_no_time_at_all(recorded: Recorded) -> None:
    recorded.feed(0.0, b"data: 1\n\n")
    recorded.feed(-0.0001, b"data: 2\n\n")

    assert recorded.data.count(b": +0\n") == 2


def test_a_run_that_received_nothing_is_recorded_with_its_end(recorded: Recorded) -> None:
    recorded.recorder.exit({"status": 66})

    (recording,) = read("x", recorded.data)
    assert (recording.parts, recording.exit) == ([], {"status": 66})


def test_a_reconnect_is_told_between_blocks(recorded: Recorded) -> None:
    recorded.feed(1.0, b"data: 1\n\n")
    recorded.recorder.reconnect({"path": "/v1beta/interactions/i1?stream=true"})
    recorded.feed(2.0, b"data: 2\n\n")

    assert recorded.data.partition(b"data: 1\n\n")[2] == (
        b': reconnect {"path":"/v1beta/interactions/i1?stream=true"}\n: +2\ndata: 2\n\n'
    )


def test_a_reconnect_before_anything_else_comes_after_the_header(recorded: Recorded) -> None:
    recorded.recorder.reconnect({})

    assert recorded.data.startswith(b": gstream-recording 1\n")


def test_a_request_that_is_tried_again_is_recorded_once(recorded: Recorded) -> None:
    for _ in range(3):
        recorded.recorder.request("POST", "/v1beta/interactions", BODY)

    assert recorded.data.count(b"gstream-recording") == 1


def test_the_next_turn_is_a_recording_of_its_own(recorded: Recorded) -> None:
    for number in (1, 2):
        recorded.seconds += 60.0
        recorded.recorder.request("POST", "/v1beta/interactions", {**BODY, "input": str(number)})
        recorded.feed(0.5, b"data: 1\n\n")

    found = read("x", recorded.data)
    assert [one.body["input"] for one in found] == ["1", "2"]
    assert [one.parts for one in found] == 2 * [[Part(0.5, b"data: 1\n\n")]]


def test_no_media_of_the_request_are_recorded(recorded: Recorded) -> None:
    picture = base64.b64encode(bytes(100_000)).decode()
    content = {"type": "image", "mime_type": "image/png", "data": picture}

    recorded.recorder.request("POST", "/v1beta/interactions", {"input": [content]})

    assert len(recorded.data) < 1000


def test_a_byte_order_mark_is_not_recorded_where_no_file_begins(recorded: Recorded) -> None:
    recorded.feed(1.0, b"\xef\xbb\xbfdata: 1\n\n")

    (recording,) = read("x", recorded.data)
    assert recording.parts == [Part(1.0, b"data: 1\n\n")]


@pytest.mark.parametrize(
    "unended",
    [
        pytest.param(b'data: {"event_type":"a"}', id="without-a-line-end"),
        pytest.param(b'data: {"event_type":"a"}\n', id="without-a-blank-line"),
        pytest.param(b'data: 1\n\ndata: {"event_type":"a"}', id="after-another-block"),
    ],
)
def test_a_block_that_lacks_its_end_stays_apart_from_what_follows(
    recorded: Recorded, unended: bytes
) -> None:
    recorded.feed(0.0, unended)
    recorded.feed(0.0, b'data: {"event_type":"b"}\n\n')

    events = EventReader(lambda _message: None).feed(recorded.data).events
    assert [event["event_type"] for event in events[-2:]] == ["a", "b"]


@pytest.mark.parametrize("unended", [b"data: 1", b"data: 1\n", b": ping", b"data: 1\n\n: ping\n"])
def test_the_exit_stands_in_a_line_of_its_own(recorded: Recorded, unended: bytes) -> None:
    recorded.feed(0.0, unended)
    recorded.recorder.exit({"status": 76})

    assert recorded.data.splitlines()[-1] == b': exit {"status":76}'
    assert received(recorded.data).rstrip(b"\n") == unended.rstrip(b"\n")


def test_a_comment_needs_no_blank_line(recorded: Recorded) -> None:
    recorded.feed(0.0, b": ping\n")
    recorded.feed(1.0, b"data: 1\n\n")

    assert recorded.data.endswith(b": +0\n: ping\n: +1\ndata: 1\n\n")


BLOCKS = st.sampled_from(
    [
        b"data: 1\n\n",
        b"event: a\r\ndata: 2\r\n\r\n",
        b"data: 3\r\r",
        b": ping\n\n",
        b"\n",
        b"\r\n",
        b"data: x: +1\n\n",
        "data: ö\u2028\n\n".encode(),
    ]
)


@given(st.lists(st.tuples(st.floats(0, 100), st.lists(BLOCKS, min_size=1))))
@example([(1.0, [b"data: 3\r\r"]), (1.0, [b"\n"]), (1.0, [b"data: 1\n\n"])])
def test_what_was_recorded_is_read_unchanged(
    tmp_path_factory: pytest.TempPathFactory, fed: list[tuple[float, list[bytes]]]
) -> None:
    recorded = Recorded(tmp_path_factory.mktemp("recording") / "x.sse")
    for seconds, blocks in fed:
        recorded.feed(seconds, b"".join(blocks))

    parts = [part for one in read("x", recorded.data) for part in one.parts]
    assert b"".join(part.data for part in parts) == b"".join(b"".join(two) for _, two in fed)
    assert sum(part.seconds for part in parts) == pytest.approx(
        sum(seconds for seconds, _ in fed), abs=0.002
    )


def test_the_file_is_valid_after_each_write(recorded: Recorded) -> None:
    recorded.recorder.request("POST", "/v1beta/interactions", BODY)
    whole = [created(), *(block({"event_type": "x", "number": n}) for n in range(3))]

    for count, one in enumerate(whole, 1):
        recorded.feed(0.1, one)

        reader = EventReader(pytest.fail)
        assert len(reader.feed(recorded.data).events) == count
        assert reader.pending_size == 0


# --- what is recorded beside a view


def received(recording: bytes) -> bytes:
    """The received bytes in a recording."""
    return b"".join(part.data for one in read("x", recording) for part in one.parts)


@dataclass
class Shown:
    """What a session shows and how it ends."""

    output: bytes
    failure: str


def show(recorders: list[Recorder], *bodies: bytes, size: int = 1 << 20) -> Shown:
    """Show bodies as NDJSON while they are recorded."""
    output: list[bytes] = []
    session = Session(
        NdjsonView(), Sink(output.append), report=lambda _line: None, raw_observers=recorders
    )
    for body in bodies:
        for at in range(0, len(body), size):
            session.feed(body[at : at + size])
        session.end_input()
    failure = session.close()
    return Shown(b"".join(output), type(failure).__name__)


ALL_STREAMS = [
    pytest.param(path, id=str(path.relative_to(STREAMS))) for path in sorted(STREAMS.rglob("*.sse"))
]


def test_there_are_streams_to_record() -> None:
    assert len(ALL_STREAMS) > 15


@pytest.mark.parametrize("size", [1 << 20, 7])
@pytest.mark.parametrize("path", ALL_STREAMS)
def test_the_recording_of_a_stream_reads_as_the_stream(
    recorded: Recorded, path: Path, size: int
) -> None:
    body = path.read_bytes()

    live = show([recorded.recorder], body, size=size)
    recorded.recorder.exit({"status": 0})

    assert show([], recorded.data) == live
    assert show([], received(recorded.data)) == live


@pytest.mark.parametrize(
    "bodies",
    [
        pytest.param([ndjson(*answer("1"))], id="ndjson"),
        pytest.param([b"HTTP/1.1 200 OK\r\nset-cookie: s3\r\n\r\n" + stream("1")], id="curl-i"),
        pytest.param(
            [b"HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 200 OK\r\na: s3\r\n\r\n" + stream("1")],
            id="curl-i-100",
        ),
        pytest.param([b'{"id":"i1","status":"completed","steps":[]}'], id="interaction"),
        pytest.param([b'[{"error":{"code":429,"message":"slow"}}]'], id="error-body"),
        pytest.param([stream("1") + b'{"error":{"code":503,"message":"late"}}'], id="stray-error"),
        pytest.param([stream("1")[:200], stream("2")], id="cut-and-another"),
        pytest.param([stream("1")[:-1], stream("2")], id="unended-and-another"),
        pytest.param([stream("1"), stream("2")], id="two"),
        pytest.param([b"\xef\xbb\xbf" + stream("1")], id="byte-order-mark"),
        pytest.param([stream("1").replace(b"\n", b"\r")], id="cr"),
        pytest.param([b'data: {"broken\n\n' + stream("1")], id="broken-event"),
        pytest.param([ndjson({"event_type": "a\nb"})], id="line-break-in-a-name"),
    ],
)
def test_any_input_is_recorded_as_server_sent_events(
    recorded: Recorded, bodies: list[bytes]
) -> None:
    live = show([recorded.recorder], *bodies)
    recorded.recorder.exit({"status": 0})

    assert show([], recorded.data) == live
    assert b"s3" not in recorded.data
    lines = recorded.data.replace(b"\r", b"\n").split(b"\n")
    assert all(not line or line.startswith((b":", b"data:", b"event:", b"{")) for line in lines)


# --- the file


def test_only_the_owner_can_read_it(recorded: Recorded) -> None:
    assert stat.S_IMODE(recorded.path.stat().st_mode) == 0o600


def test_an_old_file_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "x.sse"
    path.write_bytes(b"old")

    with pytest.raises(CannotCreateError, match=r"x\.sse: there is such a file") as caught:
        create(str(path))

    assert caught.value.hint == "overwrite it with --force"
    assert path.read_bytes() == b"old"


def test_an_old_file_is_overwritten_if_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "x.sse"
    path.write_bytes(b"old" * 1000)
    recorded = Recorded(path, overwrite=True)

    recorded.feed(0.0, b"data: 1\n\n")

    assert recorded.data.startswith(b": gstream-recording 1\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["x.sse"]


def test_an_old_file_stays_until_a_block_comes(tmp_path: Path) -> None:
    path = tmp_path / "x.sse"
    path.write_bytes(b"old")
    recorded = Recorded(path, overwrite=True)

    recorded.recorder.request("POST", "/v1beta/interactions", BODY)
    recorded.recorder.exit({"status": 77})
    recorded.recorder.close()

    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x.sse"]


def test_overwrites_what_a_link_leads_to(tmp_path: Path) -> None:
    (tmp_path / "old.sse").write_bytes(b"old")
    (tmp_path / "x.sse").symlink_to("old.sse")
    recorded = Recorded(tmp_path / "x.sse", overwrite=True)

    recorded.feed(0.0, b"data: 1\n\n")

    assert (tmp_path / "x.sse").is_symlink()
    assert (tmp_path / "old.sse").read_bytes().endswith(b"data: 1\n\n")


def test_writes_into_a_device_that_is_there_already() -> None:
    recorder = Recorded(Path(os.devnull), overwrite=True).recorder

    recorder.feed(b"data: 1\n\n")

    assert recorder.close() is None


def test_overwriting_needs_no_old_file(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path / "x.sse", overwrite=True)

    recorded.feed(0.0, b"data: 1\n\n")

    assert recorded.data.endswith(b"data: 1\n\n")


def test_a_directory_is_no_file_to_overwrite(tmp_path: Path) -> None:
    with pytest.raises(CannotCreateError, match=r"it is a directory$") as caught:
        create(str(tmp_path))

    assert caught.value.hint == ""


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_directory_that_is_not_there_is_named(tmp_path: Path, overwrite: bool) -> None:
    with pytest.raises(CannotCreateError, match="No such file or directory"):
        create(str(tmp_path / "missing" / "x.sse"), overwrite=overwrite)


class FullFile(RecordingFile):
    """A file on a disk that is full after some writes."""

    def __init__(self, fd: int, path: str, writes: int) -> None:
        super().__init__(fd, path)
        self._left = writes

    def write(self, data: bytes) -> None:
        if not self._left:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._left -= 1
        super().write(data)


def test_a_full_disk_ends_the_recording_and_not_the_run(tmp_path: Path) -> None:
    path = tmp_path / "x.sse"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    file = FullFile(fd, "x.sse", writes=2)
    recorder = Recorder(file, begun=file.commit, clock=lambda: 0.0, now=lambda: "now", version="0")

    recorder.feed(b"data: 1\n\n")
    recorder.feed(b"data: 2\n\n")
    recorder.exit({})

    assert str(recorder.close()) == "x.sse: No space left on device"
    assert path.read_bytes().endswith(b": +0\ndata: 1\n\n")


def test_half_a_block_is_taken_back_when_the_disk_is_full(recorded: Recorded) -> None:
    recorded.feed(0.0, b"data: 1\n\n")
    whole = recorded.data
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 10, hard))
    try:
        recorded.feed(0.0, stream("much text"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)

    assert recorded.data == whole
    assert "File too large" in str(recorded.recorder.close())
