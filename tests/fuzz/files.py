"""What must hold of files and requests: the cursor, recordings that are served, saved media."""

import io
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from gstream import cursor
from gstream.answering import Library
from gstream.errors import BadDataError, GstreamError
from gstream.folder import Folder
from gstream.media import Media
from gstream.recording import Pace, read
from gstream.serve import RecordingServer, _Handler
from gstream.session import Session
from gstream.sink import Sink
from gstream.views import VIEWS
from tests.support import answer, stream

from .targets import Chunks, check_equal, feeding

_FILE_NAME = re.compile(r"[0-9]{3,}-(image|audio|video|document)(\.[a-z0-9]{1,5})?")
_STATUS_LINE = re.compile(rb"HTTP/1\.1 [1-5][0-9][0-9] [^\r\n]*\r\n")
_TARGETS = (
    "/interactions/v1_built",
    "/interactions/v1_built?stream=true",
    "/interactions/v1_built?stream=true&last_event_id=e1",
)


def kept(chunks: Chunks) -> None:
    """A cursor file is one, and a run can go on from it, or it is refused as bad data."""
    try:
        _go_on(cursor.parse(b"".join(chunks), "x"))
    except BadDataError as exc:
        check_equal("why", str(exc), "--cursor x: this is no cursor of gstream")


def _go_on(found: cursor.Cursor) -> None:
    """What a run does with a cursor."""
    ledger = found.restored_ledger("x")
    kinds = {index: track.kind for index, track in ledger.tracks.items()}
    session = Session(VIEWS[found.view](), Sink(lambda _data: None), report=lambda _text: None)
    session.restore_view(found.view_state, kinds)
    session.feed(stream(*answer("a")))
    found.ledger, found.view_state = ledger.as_json(), session.view_state
    assert cursor.parse(cursor.dump(found), "x") == found


def answers(chunks: Chunks) -> None:
    """Any recording can be asked for whatever the API can be asked for."""
    library = Library(read("x", b"".join(chunks)))
    for target in _TARGETS:
        assert library.reply("GET", target).status in {200, 400, 404}
    for body in (b"{}", b'{"stream":true,"input":[1]}'):
        assert library.reply("POST", "/interactions", body).status in {200, 404}


class FakeSocket:
    """A connection on which some bytes come, in some chunks."""

    def __init__(self, chunks: Chunks) -> None:
        self._chunks = chunks
        self.sent = b""

    def makefile(self, *_args: object) -> io.BufferedReader:
        return io.BufferedReader(_Raw(iter(self._chunks)))

    def sendall(self, data: Any) -> None:
        self.sent += bytes(data)

    def settimeout(self, _seconds: float) -> None:
        """Nothing is waited for."""

    def setsockopt(self, *_args: object) -> None:
        """It is no socket."""


class _Raw(io.RawIOBase):
    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._left = self._left or next(filter(None, self._chunks), b"")
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


def served(chunks: Chunks) -> None:
    """`replay --serve` answers any bytes with HTTP or not at all, the same in any chunks."""
    whole = _conversation([b"".join(chunks)])
    check_equal("the answer", _conversation(chunks), whole)
    assert not whole or _STATUS_LINE.match(whole), f"no HTTP: {whole[:80]!r}"


def _conversation(chunks: Chunks) -> bytes:
    connection: Any = FakeSocket(chunks)
    _Handler(connection, ("127.0.0.1", 1), _server())
    return re.sub(rb"Date: [^\r\n]*", b"", connection.sent)


@cache
def _server() -> RecordingServer:
    """A server that nobody can connect to: its socket is closed again."""
    recordings = read("x.sse", stream(*answer("a", "b")))
    pace = Pace(lambda _seconds: None, lambda: 0.0, speed=0)
    server = RecordingServer(("127.0.0.1", 0), Library(recordings), new_pace=lambda: pace)
    server.server_close()
    return server


def saved(chunks: Chunks) -> None:
    """No character of a file's name comes from the stream, and all files are in the folder."""
    with _empty(_scratch() / "box" / "media") as path:
        folder = Folder(str(path))
        session = Session(VIEWS["json"](), Sink(lambda _data: None), report=lambda _text: None)
        session.save_media(Media(folder, lambda _text: None, thoughts=True))
        try:
            feeding(chunks)(session)
        except GstreamError as exc:
            session.close(exc)
        session.close()
        os.close(folder._fd)
        names = os.listdir(path)
        assert os.listdir(path.parent) == ["media"]
    assert [name for name in names if not _FILE_NAME.fullmatch(name)] == []


@contextmanager
def _empty(path: Path) -> Iterator[Path]:
    """A folder that is removed with the files in it."""
    path.mkdir(parents=True, exist_ok=True)
    try:
        yield path
    finally:
        for name in os.listdir(path):
            (path / name).unlink()
        path.rmdir()


@cache
def _scratch() -> Path:
    holder = tempfile.TemporaryDirectory(prefix="gstream-fuzz-")
    _holders.append(holder)  # it is removed at the end of the process
    return Path(holder.name)


_holders: list[tempfile.TemporaryDirectory[str]] = []
