"""What a child process measures itself: one decoder over one file, in chunks of one kind.

`python -m tests.bench.child DECODER CHUNKS FILE LIMIT` prints what it took, events and bytes read.
Reading the file and cutting it are not counted.
"""

import importlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson

CHUNKS = {"64 KiB": 65536, "1400 B": 1400, "1 B": 1, "one event": 0}
"""The kinds of chunks and their size; 0 cuts behind each blank line."""

_BATCH = 4 * 1024 * 1024
_FIRST = b'event: step.stop\ndata: {"index":0,"event_type":"step.stop"}\n\n'


class Source:
    """A file in chunks.

    Attributes:
        size: How many bytes it has handed out.
        seconds: How long it took to prepare them.
        cpu: As much in seconds of the processor.
    """

    def __init__(self, path: Path, chunk_size: int, limit: int) -> None:
        self.size = 0
        self.seconds = self.cpu = 0.0
        self._path = path
        self._chunk_size = chunk_size
        self._limit = limit

    def __iter__(self) -> Iterator[bytes]:
        start, cpu = time.perf_counter(), time.process_time()
        for chunks in self._batches():
            self.seconds += time.perf_counter() - start
            self.cpu += time.process_time() - cpu
            yield from chunks
            start, cpu = time.perf_counter(), time.process_time()

    def _batches(self) -> Iterator[list[bytes]]:
        rest = b""
        with self._path.open("rb") as file:
            size = min(_BATCH, self._limit)
            while self.size < self._limit and (batch := file.read(size)):
                self.size += len(batch)
                chunks, rest = _cut(rest + batch, self._chunk_size)
                yield chunks
        if rest:
            yield [rest]


def _cut(data: bytes, size: int) -> tuple[list[bytes], bytes]:
    """The chunks in some bytes, and what is too short for another one."""
    if size:
        end = len(data) - len(data) % size
        return [data[at : at + size] for at in range(0, end, size)], data[end:]
    *events, rest = data.split(b"\n\n")
    return [event + b"\n\n" for event in events], rest


def _loads(chunks: Iterable[bytes]) -> int:
    """No decoder at all: `orjson.loads` of what stands behind `data: `."""
    count = 0
    pieces: list[bytes] = []
    for chunk in chunks:
        pieces.append(chunk)
        if b"\n" in chunk:
            *lines, rest = b"".join(pieces).split(b"\n")
            pieces = [rest]
            for line in lines:
                if line.startswith(b"data: {"):
                    orjson.loads(line[6:])
                    count += 1
    return count


def _feed(chunks: Iterable[bytes]) -> int:
    from gstream.sse import SSEDecoder

    decoder = SSEDecoder()
    return sum(len(decoder.feed(chunk)) for chunk in chunks)


def _feed_lines(chunks: Iterable[bytes]) -> int:
    from gstream.sse import SSEDecoder

    decoder = SSEDecoder()
    return sum(len(decoder.feed_lines(chunk)) for chunk in chunks)


def _httpx_sse(chunks: Iterable[bytes]) -> int:
    response = _response(chunks)
    source = importlib.import_module("httpx_sse").EventSource(response)
    return _count_json(source.iter_sse())


def _openai(chunks: Iterable[bytes]) -> int:
    decoder = importlib.import_module("openai._streaming").SSEDecoder()
    return _count_json(decoder.iter_bytes(iter(chunks)))


def _anthropic(chunks: Iterable[bytes]) -> int:
    decoder = importlib.import_module("anthropic._streaming").SSEDecoder()
    return _count_json(decoder.iter_bytes(iter(chunks)))


def _google_genai(chunks: Iterable[bytes]) -> int:
    """What its `interactions.create(stream=True)` iterates over."""
    gaos = "google.genai._gaos"
    streaming = importlib.import_module(f"{gaos}.utils.eventstreaming")
    unmarshal = importlib.import_module(f"{gaos}.utils.unmarshal_json_response")
    types = importlib.import_module(f"{gaos}.types.interactions")
    response = _response(chunks)

    def decode(raw: str) -> Any:
        event = types.InteractionSSEStreamEvent
        return unmarshal.unmarshal_json_response(event, response, raw, validate=False).data

    return sum(1 for _ in streaming.Stream(response, decode, sentinel="[DONE]"))


def _count_json(events: Iterable[Any]) -> int:
    return sum(1 for event in events if event.data != "[DONE]" and event.json())


def _response(chunks: Iterable[bytes]) -> Any:
    httpx: ModuleType = importlib.import_module("httpx")

    class Body(httpx.SyncByteStream):  # type: ignore[misc, name-defined]
        def __iter__(self) -> Iterator[bytes]:
            yield from chunks

    headers = {"content-type": "text/event-stream"}
    return httpx.Response(200, headers=headers, stream=Body())


DECODERS: dict[str, Callable[[Iterable[bytes]], int]] = {
    "orjson.loads": _loads,
    "feed": _feed,
    "feed_lines": _feed_lines,
    "httpx-sse": _httpx_sse,
    "openai": _openai,
    "anthropic": _anthropic,
    "google-genai": _google_genai,
}


def measure(decoder: str, chunks: str, path: Path, limit: int) -> tuple[float, float, int, int]:
    """Seconds, seconds of the processor, events and bytes of one run."""
    decode = DECODERS[decoder]
    decode([_FIRST])  # what is imported or built for the first event is not measured
    source = Source(path, CHUNKS[chunks], limit)
    start, cpu = time.perf_counter(), time.process_time()
    events = decode(source)
    seconds = time.perf_counter() - start - source.seconds
    return seconds, time.process_time() - cpu - source.cpu, events, source.size


if __name__ == "__main__":
    _, name, kind, file, most = sys.argv
    try:
        print(*measure(name, kind, Path(file), int(most)))
    except ModuleNotFoundError as exc:
        sys.exit(f"{exc.name} is not installed")
