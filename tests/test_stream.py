"""Streams as iterators, over chunks and over real connections."""

import asyncio
import gc
import json
import threading
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gstream import Accumulator, AsyncStream, Stream
from gstream.errors import NetworkError, RateLimitedError, TruncatedError
from tests import servers
from tests.support import STREAMS, answer, chunked, delta, event, stream

WHOLE = stream(*answer("Grüße, ", "東京"))
OPEN = stream(*answer("a")[:-2], done=False)
CHUNKS = (STREAMS / "generate_content" / "text_thought.sse").read_bytes()
MANY = 200


async def achunks(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def alist(stream_: AsyncStream) -> list[Any]:
    return [event_ async for event_ in stream_]


class FakeResponse:
    """A response whose connection breaks after some chunks, or is closed."""

    status_code = 200

    def __init__(self, *chunks: bytes, fails: Exception | None = None) -> None:
        self._closed = False
        self._chunks = chunks
        self._fails = fails

    def iter_raw(self) -> Iterator[bytes]:
        yield from self._chunks
        if self._fails is not None:
            raise self._fails

    def close(self) -> None:
        self._closed = True

    def is_closed(self) -> bool:
        return self._closed

    async def aiter_raw(self) -> AsyncIterator[bytes]:
        for chunk in self.iter_raw():
            yield chunk

    async def aclose(self) -> None:
        self.close()


# --- events


def test_yields_the_events_in_order() -> None:
    assert list(Stream([WHOLE])) == answer("Grüße, ", "東京")


def test_yields_an_event_before_the_next_chunk_is_asked_for() -> None:
    asked: list[int] = []

    def source() -> Iterator[bytes]:
        for number, one in enumerate(answer("a")):
            asked.append(number)
            yield stream(one, done=False)

    reading = Stream(source())

    for number in range(3):
        next(reading)
        assert asked[-1] == number


@given(chunked(st.sampled_from([WHOLE, CHUNKS, WHOLE.replace(b"\n", b"\r\n")])))
def test_any_chunks_give_the_same_events_in_both_worlds(chunks: list[bytes]) -> None:
    expected = list(Stream([b"".join(chunks)]))

    assert list(Stream(chunks)) == expected
    assert asyncio.run(alist(AsyncStream(achunks(*chunks)))) == expected


def as_array(sse: bytes) -> bytes:
    values = [line[6:].strip() for line in sse.splitlines() if line.startswith(b"data: ")]
    return b"[" + b",\r\n".join(values) + b"\n]\n"


@given(chunked(st.just(as_array(CHUNKS))))
def test_any_chunks_of_the_array_form_give_the_events_of_the_other(chunks: list[bytes]) -> None:
    assert list(Stream(chunks)) == list(Stream([CHUNKS]))


@pytest.mark.parametrize("path", sorted(STREAMS.glob("**/*.sse")), ids=lambda path: path.stem)
def test_streams_are_the_same_in_both_worlds(path: Path) -> None:
    chunks = [path.read_bytes()]
    seen: list[tuple[list[Any], str]] = []
    first: list[Any] = []
    try:
        first.extend(Stream(chunks))
        seen.append((first, ""))
    except Exception as exc:  # noqa: BLE001 - whatever it is, both must raise it
        seen.append((first, repr(exc)))

    async def second() -> tuple[list[Any], str]:
        events: list[Any] = []
        try:
            async for one in AsyncStream(achunks(*chunks)):
                events.append(one)  # noqa: PERF401 - kept when it raises
        except Exception as exc:  # noqa: BLE001
            return events, repr(exc)
        return events, ""

    assert asyncio.run(second()) == seen[0]


# --- the whole


def test_collects_the_interaction() -> None:
    interaction = Stream([WHOLE]).collect()

    assert interaction["status"] == "completed"
    assert interaction["steps"] == [
        {"type": "model_output", "content": [{"type": "text", "text": "Grüße, 東京"}]}
    ]


def test_collects_what_was_iterated_before_as_well() -> None:
    reading = Stream([WHOLE])
    for _event in range(3):
        next(reading)

    assert reading.text == "Grüße, "
    assert reading.collect() == Stream([WHOLE]).collect()
    assert reading.text == "Grüße, 東京"


def test_collects_asynchronously() -> None:
    async def work() -> tuple[Any, str]:
        reading = AsyncStream(achunks(WHOLE))
        return await reading.collect(), reading.text

    assert asyncio.run(work()) == (Stream([WHOLE]).collect(), "Grüße, 東京")


def test_what_came_before_a_failure_can_be_had() -> None:
    reading = Stream([OPEN])

    with pytest.raises(TruncatedError):
        reading.collect()

    assert (reading.text, reading.interaction["status"]) == ("a", "in_progress")


def test_what_came_before_a_failure_can_be_had_asynchronously() -> None:
    async def work() -> AsyncStream:
        reading = AsyncStream(achunks(OPEN))
        with pytest.raises(TruncatedError):
            await reading.collect()
        return reading

    reading = asyncio.run(work())
    assert (reading.text, reading.interaction["status"]) == ("a", "in_progress")


# --- sources


def test_reads_a_file(tmp_path: Path) -> None:
    file = tmp_path / "answer.sse"
    file.write_bytes(WHOLE)

    with file.open("rb") as lines:
        assert Stream(lines).collect()["status"] == "completed"


def test_closes_its_source_at_the_end() -> None:
    response = FakeResponse(WHOLE)

    list(Stream(response))

    assert response.is_closed()


def test_closes_its_source_when_its_block_ends() -> None:
    response = FakeResponse(WHOLE)

    with Stream(response) as reading:
        next(reading)
        assert not response.is_closed()

    assert response.is_closed()
    assert list(reading) == []


def test_closes_its_source_when_its_block_ends_asynchronously() -> None:
    async def work() -> FakeResponse:
        response = FakeResponse(WHOLE)
        async with AsyncStream(response) as reading:
            await anext(reading)
            assert not response.is_closed()
        assert await alist(reading) == []
        return response

    assert asyncio.run(work()).is_closed()


def test_an_iterable_without_close_is_left_alone() -> None:
    stream = Stream([WHOLE])
    stream.close()

    with pytest.raises(TruncatedError):
        stream.collect()


def test_an_asynchronous_iterable_without_close_is_left_alone() -> None:
    class Chunks:
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield WHOLE

    async def work() -> str:
        reading = AsyncStream(Chunks())
        await reading.collect()
        return reading.text

    assert asyncio.run(work()) == "Grüße, 東京"


@pytest.mark.parametrize(
    "exc",
    [
        pytest.param(ConnectionResetError("reset"), id="os"),
        pytest.param(TimeoutError("reset"), id="timeout"),
        pytest.param(httpx.ReadError("reset"), id="httpx"),
        pytest.param(httpx.DecodingError("reset"), id="httpx-decoding"),
    ],
)
def test_a_broken_connection_is_a_truncation(exc: Exception) -> None:
    reading = Stream(FakeResponse(OPEN, fails=exc))

    with pytest.raises(TruncatedError, match="the connection broke: reset"):
        list(reading)

    async def work() -> None:
        async for _event in AsyncStream(FakeResponse(OPEN, fails=exc)):
            pass

    with pytest.raises(TruncatedError, match="the connection broke: reset"):
        asyncio.run(work())


def test_a_connection_that_breaks_first_is_a_network_failure() -> None:
    with pytest.raises(NetworkError):
        list(Stream(FakeResponse(fails=httpx.ReadError("reset"))))


def test_the_bugs_of_a_source_are_its_own() -> None:
    with pytest.raises(ZeroDivisionError):
        list(Stream(FakeResponse(OPEN, fails=ZeroDivisionError())))


def test_the_size_of_events_is_bounded() -> None:
    with pytest.raises(Exception, match="larger than 10 bytes"):
        list(Stream([WHOLE], max_event_size=10))
    with pytest.raises(Exception, match="larger than 10 bytes"):
        asyncio.run(alist(AsyncStream(achunks(WHOLE), max_event_size=10)))


def test_memory_does_not_grow_with_what_is_not_text() -> None:
    other = stream(*[delta("new_kind", data="x" * 1000)] * 100, done=False)

    def source() -> Iterator[bytes]:
        yield OPEN
        for _time in range(200):
            yield other
        yield stream(*answer("a")[-2:])

    tracemalloc.start()
    try:
        assert Stream(source()).collect()["status"] == "completed"
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


# --- real connections


def test_reads_a_response_of_httpx() -> None:
    with (
        servers.RawServer(servers.answering(WHOLE[:50], WHOLE[50:])) as server,
        httpx.stream("POST", server.url, json={}) as response,
    ):
        assert Stream(response).collect()["status"] == "completed"


def test_reads_a_response_that_was_read_before() -> None:
    with servers.RawServer(servers.answering(WHOLE)) as server:
        assert Stream(httpx.get(server.url)).collect()["status"] == "completed"


def test_undoes_a_compression() -> None:
    import gzip

    body = gzip.compress(WHOLE)
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(body)}\r\n\r\n"
    with (
        servers.RawServer(servers.raw(head.encode() + body)) as server,
        httpx.stream("GET", server.url) as response,
    ):
        assert Stream(response).collect()["status"] == "completed"


def test_a_refused_request_is_its_failure() -> None:
    refusal = servers.refusing(429, {"code": "rate_limit_exceeded", "message": "slow down"})
    with (
        servers.RawServer(refusal) as server,
        httpx.stream("GET", server.url) as response,
        pytest.raises(RateLimitedError, match="HTTP 429: slow down"),
    ):
        Stream(response).collect()


def test_a_dropped_connection_is_a_truncation() -> None:
    with (
        servers.RawServer(servers.cut(OPEN)) as server,
        httpx.stream("GET", server.url) as response,
        pytest.raises(TruncatedError, match="the connection broke: "),
    ):
        list(Stream(response))


def test_closing_early_closes_the_connection() -> None:
    gone = threading.Event()

    def script(connection: Any, _stop: threading.Event) -> None:
        connection.sendall(servers.HEAD + servers.http_chunk(OPEN))
        if connection.recv(1) == b"":
            gone.set()

    with (
        servers.RawServer(script) as server,
        httpx.Client() as client,
        client.stream("GET", server.url) as response,
    ):
        with Stream(response) as reading:
            next(reading)
        assert gone.wait(servers.DEADLINE)


# --- many at a time


class AsyncServer:
    """Streams an answer to each of many connections, all at the same time.

    Attributes:
        waiting: How many connections wait for the gate.
        gone: How many clients have closed before the end.
        accepted: How many connections there were.
        answered: How many of them are over.
    """

    def __init__(self, *parts: bytes) -> None:
        self.waiting = 0
        self.gone = 0
        self.accepted = 0
        self.answered = 0
        self.gate = asyncio.Event()
        self._parts = parts

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(servers.HEAD + servers.http_chunk(self._parts[0]))
        self.waiting += 1
        closed = asyncio.ensure_future(reader.read(1))
        opened = asyncio.ensure_future(self.gate.wait())
        await asyncio.wait({closed, opened}, return_when=asyncio.FIRST_COMPLETED)
        if closed.done() and not opened.done():
            self.gone += 1
        else:
            for part in (*self._parts[1:], b""):
                writer.write(servers.http_chunk(part))
                await writer.drain()
        for task in (closed, opened):
            task.cancel()
        writer.close()
        await asyncio.wait({closed, opened})
        with suppress(OSError):
            await writer.wait_closed()
        self.answered += 1


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(servers.DEADLINE):
        while not condition():
            await asyncio.sleep(0.005)


async def serving(
    server: AsyncServer, work: Callable[[httpx.AsyncClient, str], Awaitable[None]]
) -> None:
    limits = httpx.Limits(max_connections=None)
    async with (
        await asyncio.start_server(server.answer, "127.0.0.1", 0, backlog=MANY) as listening,
        httpx.AsyncClient(limits=limits, timeout=servers.DEADLINE) as client,
    ):
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        await work(client, url)
        await until(lambda: server.answered == server.accepted)


def test_two_hundred_streams_at_once_are_whole_and_leave_nothing_behind() -> None:
    words = [f"word{number} " for number in range(50)]
    whole = stream(*answer(*words))
    server = AsyncServer(*(whole[at : at + 4096] for at in range(0, len(whole), 4096)))

    async def one(client: httpx.AsyncClient, url: str) -> str:
        async with client.stream("GET", url) as response:
            reading = AsyncStream(response)
            await reading.collect()
            return reading.text

    async def work(client: httpx.AsyncClient, url: str) -> None:
        kept = []
        for _round in range(3):
            server.gate.clear()
            server.waiting = 0
            tasks = [asyncio.create_task(one(client, url)) for _number in range(MANY)]
            await until(lambda: server.waiting == MANY)
            server.gate.set()
            assert await asyncio.gather(*tasks) == ["".join(words)] * MANY
            del tasks
            await until(lambda: server.answered == server.accepted)
            gc.collect()
            kept.append(len(gc.get_objects()))
        assert kept[2] < kept[1] + MANY

    asyncio.run(serving(server, work))


@pytest.mark.parametrize("how", ["close", "block", "timeout", "cancel"])
def test_leaving_early_closes_the_connection(how: str) -> None:
    server = AsyncServer(OPEN)
    begun = asyncio.Event()

    async def read(response: httpx.Response) -> None:
        async with AsyncStream(response) as reading:
            async for _event in reading:
                begun.set()
                if how == "close":
                    await reading.close()
                elif how == "block":
                    break

    async def work(client: httpx.AsyncClient, url: str) -> None:
        request = client.build_request("GET", url)
        response = await client.send(request, stream=True)
        task = asyncio.create_task(read(response))
        if how == "timeout":
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await task
        elif how == "cancel":
            await begun.wait()
            task.cancel()
            await asyncio.wait({task})
        else:
            await task
        await until(lambda: server.gone == 1)

    asyncio.run(serving(server, work))


def test_an_accumulator_takes_the_events_of_a_stream() -> None:
    accumulator = Accumulator()

    for one in Stream([WHOLE]):
        accumulator.feed(one)

    assert accumulator.text == "Grüße, 東京"
    assert json.dumps(accumulator.interaction)


def test_events_of_unknown_types_come_as_they_are() -> None:
    events = [*answer("a")[:3], event("new.event", n=1), *answer("a")[3:]]

    assert list(Stream([stream(*events)])) == events
