"""`gstream create` on a whole answer from a server on loopback, as fast as it comes."""

import re
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from .child import CHUNKS, Source
from .report import Row, usage_of
from .running import Measure, Usage, best_of, gstream, run
from .streams import Sample, write

_VIEWS = ("text", "ndjson", "json")
_KINDS = ("64 KiB", "one event")
_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n"
    b"connection: close\r\n\r\n"
)
FLOOR = """
import sys, httpx, orjson
with httpx.Client(verify=False, trust_env=False) as client:
    with client.stream("POST", sys.argv[1]) as response:
        rest = b""
        for chunk in response.iter_raw():
            *lines, rest = (rest + chunk).split(b"\\n")
            for line in lines:
                if line.startswith(b"data: {"):
                    orjson.loads(line[6:])
"""


def rows(sample: Sample, directory: Path, rounds: int) -> Iterator[Row]:
    """The rows of one stream."""
    path = directory / "stream.sse"
    size = write(sample, path)
    for kind in _KINDS:
        with _answer(path, kind) as answer, serving(answer) as url:
            commands = {
                "floor: httpx and orjson.loads": [sys.executable, "-c", FLOOR, url],
                **{f"gstream create --{view}": _create(view, url) for view in _VIEWS},
            }
            results = best_of(rounds, [_measure(command) for command in commands.values()])
        base = usage_of(results[0])
        for what, result in zip(commands, results, strict=True):
            yield Row(f"{sample.name}, HTTP", what, kind, result, sample.deltas, size, base)


def _create(view: str, url: str) -> list[str]:
    key = ("-H", "x-goog-api-key: none")
    return gstream("create", "-p", "hello", f"--{view}", *key, "--base-url", url)


def _measure(command: list[str]) -> Measure:
    def measure() -> Usage:
        with open("/dev/null", "rb") as nothing:
            return run(command, nothing.fileno())

    return measure


@contextmanager
def serving(answer: IO[bytes]) -> Iterator[str]:
    """A server that answers every connection with the content of a file."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_serve, args=(server, answer))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(server: socket.socket, answer: IO[bytes]) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection, suppress(ConnectionError):
            _receive(connection)
            answer.seek(0)
            connection.sendfile(answer)


def _receive(connection: socket.socket) -> None:
    """Read a request to its end, or closing the connection would reset it."""
    received = b""
    while b"\r\n\r\n" not in received and (more := connection.recv(65536)):
        received += more
    head, _, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    missing = int(length[1]) - len(body) if length else 0
    while missing > 0 and (more := connection.recv(missing)):
        missing -= len(more)


@contextmanager
def _answer(path: Path, kind: str) -> Iterator[IO[bytes]]:
    """A stream as an HTTP answer, which a child writes, for the memory of this process counts."""
    with tempfile.TemporaryFile() as file:
        command = [sys.executable, "-m", __name__, str(path), kind]
        subprocess.run(command, stdout=file, check=True)
        yield file


def write_answer(chunks: Iterable[bytes], file: IO[bytes]) -> None:
    """Write a whole answer, each chunk as a chunk of HTTP."""
    file.write(_HEAD)
    file.writelines(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    file.write(b"0\r\n\r\n")


if __name__ == "__main__":
    stream = Path(sys.argv[1])
    source = Source(stream, CHUNKS[sys.argv[2]], stream.stat().st_size)
    write_answer(source, sys.stdout.buffer)
