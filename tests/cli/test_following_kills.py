"""`kill -9` at any moment, again and again: what the cursor file makes of it (DESIGN 7.4).

Stdout is a pipe that keeps writes apart, so that it is known which write was the last one.
"""

import os
import random
import select
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from tests.cli.support_cli import environment, run, zygote
from tests.drawn_faults import stream
from tests.faults import WHOLE, FaultModel
from tests.writes import ends

VIEWS = ("text", "ndjson", "sse", "steps", "json")
KILLS = 70 if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 7
KILLS_IN_A_ROW = 5
PIECE = 96
PAUSE = 0.001
KILLED = -signal.SIGKILL


class SlowServer(ThreadingHTTPServer):
    """Keeps an interaction and streams it in small pieces, with a pause after each.

    Attributes:
        model: The interaction.
        sent: How many pieces it has sent, over all connections.
    """

    daemon_threads = True

    def __init__(self, model: FaultModel) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.model = model
        self.sent = 0
        self.url = f"http://127.0.0.1:{self.server_port}"
        self._thread = Thread(target=self.serve_forever, args=(0.01,))

    def __enter__(self) -> "SlowServer":
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()


class Handler(BaseHTTPRequestHandler):
    server: SlowServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.server.model.note(self.command, self.path, body)
        after = parse_qs(urlsplit(self.path).query).get("last_event_id", [""])[0]
        data = self.server.model.stream(unquote(after), WHOLE)
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for at in range(0, len(data), PIECE):
                piece = data[at : at + PIECE]
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                self.server.sent += 1
                time.sleep(PAUSE)
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            pass  # the client was killed
        self.close_connection = True

    do_POST = do_GET  # noqa: N815 - the name is the library's

    def log_message(self, *_args: Any) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Moment:
    """When to kill: after some writes or some pieces, whichever is first, and a bit later."""

    writes: int
    pieces: int
    delay: float


NEVER = Moment(1 << 30, 1 << 30, 0.0)


def a_moment(draw: random.Random, pieces: int) -> Moment:
    by_writes = draw.random() < 0.5
    later = draw.choice([0.0, 0.0, draw.random() * 0.003])
    if by_writes:
        return Moment(draw.randint(1, 30), 1 << 30, later)
    return Moment(1 << 30, draw.randint(0, pieces), later)


@dataclass
class Story:
    """What processes have written, one after the other, until one ended by itself.

    Attributes:
        writes: The writes of each process.
        codes: How each ended.
        unnoticed: How many were killed before the cursor file named an interaction.
    """

    writes: list[list[bytes]] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    unnoticed: int = 0

    @property
    def kills(self) -> int:
        return self.codes.count(KILLED)


def _begun(cursor: Path) -> bool:
    """Whether a cursor file names an interaction; before, it is empty and only locked."""
    return cursor.exists() and cursor.stat().st_size > 0


def told(server: SlowServer, view: str, folder: Path, draw: random.Random, kills: int) -> Story:
    """Run `create`, kill it, and go on with `resume`, which may be killed as well."""
    story = Story()
    cursor = folder / "cursor"
    pieces = len(server.model.stream("", WHOLE)) // PIECE
    while story.kills == len(story.codes):
        moment = a_moment(draw, pieces) if story.kills < kills else NEVER
        start = ["resume"] if _begun(cursor) and draw.random() < 0.7 else ["create", "-p", "x"]
        args = [*start, f"--{view}", "--cursor", str(cursor), "--base-url", server.url]
        story.writes.append([])
        code = killed(args, moment, server, story.writes[-1], folder / "stderr")
        story.codes.append(code)
        story.unnoticed += code == KILLED and not _begun(cursor)
    return story


def killed(
    args: list[str], moment: Moment, server: SlowServer, writes: list[bytes], errors: Path
) -> int:
    """Run gstream until the moment to kill it; returns its code."""
    reading, out = os.pipe2(os.O_DIRECT)
    with open(os.devnull, "rb") as nothing, errors.open("ab") as err, os.fdopen(reading, "rb"):
        files = (nothing.fileno(), out, err.fileno())
        pid = zygote().start(args, files, environment())
        os.close(out)
        before = server.sent
        for write in arriving(reading):
            writes += [write] if write else []
            if len(writes) >= moment.writes or server.sent - before >= moment.pieces:
                time.sleep(moment.delay)
                os.kill(pid, signal.SIGKILL)
                writes += [rest for rest in arriving(reading) if rest]
                break
        return zygote().wait(pid)


def arriving(pipe: int) -> Iterator[bytes]:
    """Each write as it comes, until the pipe is closed; nothing every now and then."""
    while True:
        ready, _, _ = select.select([pipe], [], [], PAUSE / 2)
        if ready and not (write := os.read(pipe, 65536)):
            return
        yield write if ready else b""


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("ids", ["all", "some", "none"])
def test_killed_at_any_moment_it_repeats_its_last_write_at_most(
    ids: str, view: str, tmp_path: Path
) -> None:
    draw = random.Random(f"{view} {ids}")
    stories: list[Story] = []
    while (left := KILLS - sum(story.kills for story in stories)) > 0:
        kills = min(left, draw.randint(2, KILLS_IN_A_ROW))
        folder = tmp_path / str(len(stories))
        folder.mkdir()
        with SlowServer(FaultModel(stream(ids, len(stories)))) as server:
            story = told(server, view, folder, draw, kills)
        uncut = run("decode", f"--{view}", stdin=server.model.stream("", WHOLE)).stdout
        stories.append(story)

        assert story.codes[-1] == 0, (folder / "stderr").read_text()
        assert len(uncut) in ends(uncut, story.writes), story.writes
        assert 1 <= server.model.posts <= 1 + story.unnoticed
