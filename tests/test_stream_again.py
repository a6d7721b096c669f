"""Streams that are asked again: after their end, after a failure, after they were closed."""

import asyncio
import gc
import http.client
import json
import sys
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from inspect import GEN_CLOSED, getgeneratorstate
from types import SimpleNamespace
from typing import Any

import pytest

from gstream import AsyncStream, Stream
from gstream.errors import TruncatedError
from tests import servers
from tests.support import answer, delta, stream
from tests.test_stream import FakeResponse

WHOLE = stream(*answer("a", "b"))
OPEN = stream(*answer("a")[:-2], done=False)


async def events_of(reading: AsyncStream) -> list[Any]:
    return [event async for event in reading]


def test_a_whole_answer_can_be_collected_again() -> None:
    reading = Stream([WHOLE])

    assert list(reading)
    assert list(reading) == []
    assert reading.collect() == reading.collect()


def test_collecting_goes_on_where_a_loop_stopped() -> None:
    reading = Stream([WHOLE])
    for _event in reading:
        break

    assert reading.collect() == Stream([WHOLE]).collect()


@pytest.mark.parametrize("again", [Stream.collect, list, next], ids=["collect", "list", "next"])
def test_what_was_cut_never_looks_whole(again: Callable[[Stream], object]) -> None:
    reading = Stream([OPEN])
    with pytest.raises(TruncatedError):
        list(reading)

    for _time in range(2):
        with pytest.raises(TruncatedError):
            again(reading)
    assert reading.text == "a"


def test_what_was_cut_never_looks_whole_asynchronously() -> None:
    async def work() -> None:
        reading = AsyncStream(FakeResponse(OPEN))
        for ask in (reading.collect, lambda: events_of(reading), reading.collect):
            with pytest.raises(TruncatedError):
                await ask()

    asyncio.run(work())


def test_what_was_closed_early_gives_nothing_more_and_is_not_whole() -> None:
    reading = Stream([WHOLE])
    next(reading)

    reading.close()

    assert list(reading) == []
    with pytest.raises(TruncatedError, match="closed before its end"):
        reading.collect()


def test_what_was_closed_early_is_not_whole_asynchronously() -> None:
    async def work() -> None:
        reading = AsyncStream(FakeResponse(WHOLE))
        await anext(reading)
        await reading.close()
        assert await events_of(reading) == []
        await reading.collect()

    with pytest.raises(TruncatedError, match="closed before its end"):
        asyncio.run(work())


def test_another_thread_may_close_what_a_loop_waits_for() -> None:
    waiting, more = threading.Event(), threading.Event()

    def chunks() -> Generator[bytes]:
        yield OPEN
        waiting.set()
        more.wait(servers.DEADLINE)
        yield WHOLE

    source = chunks()
    reading = Stream(source)
    with ThreadPoolExecutor() as pool:
        events = pool.submit(list, reading)
        assert waiting.wait(servers.DEADLINE)
        reading.close()
        more.set()
        assert events.result(servers.DEADLINE) == answer("a")[:-2]

    assert getgeneratorstate(source) == GEN_CLOSED


def test_another_task_may_close_what_a_loop_waits_for() -> None:
    async def work() -> Any:
        waiting, more = asyncio.Event(), asyncio.Event()

        async def chunks() -> AsyncIterator[bytes]:
            yield OPEN
            waiting.set()
            await more.wait()
            yield WHOLE

        source = chunks()
        reading = AsyncStream(source)
        events = asyncio.create_task(events_of(reading))
        await waiting.wait()
        await reading.close()
        more.set()
        assert await events == answer("a")[:-2]
        return source

    assert asyncio.run(work()).ag_frame is None


@pytest.mark.parametrize("failure", [ValueError("bug"), RuntimeError("bug")], ids=repr)
def test_a_source_that_cannot_be_closed_says_so(failure: Exception) -> None:
    class Source(FakeResponse):
        def close(self) -> None:
            raise failure

    with pytest.raises(type(failure), match="bug"):
        Stream(Source(WHOLE)).close()
    with pytest.raises(type(failure), match="bug"):
        asyncio.run(AsyncStream(Source(WHOLE)).close())


def test_an_interaction_that_was_looked_at_does_not_change() -> None:
    cited = delta("text_annotation_delta", annotations=[{"type": "url_citation"}])
    events = [*answer("a")[:3], cited, cited, *answer("b")[2:]]
    reading = Stream([stream(*events)])
    looks, texts = [], []
    for _event in reading:
        looks.append(reading.interaction)
        texts.append(json.dumps(looks[-1]))

    assert len(set(texts)) == len(events) - 1  # the end of a step adds nothing
    assert [json.dumps(look) for look in looks] == texts


def test_a_whole_answer_needs_no_garbage_collector() -> None:
    gc.disable()
    try:
        reading = Stream([WHOLE])
        reading.collect()
        alive = weakref.ref(reading._core)
        del reading
        assert alive() is None
    finally:
        gc.enable()


def test_a_source_that_failed_leaves_no_whole_answer() -> None:
    reading = Stream(FakeResponse(OPEN, fails=ZeroDivisionError()))

    with pytest.raises(ZeroDivisionError):
        reading.collect()
    with pytest.raises(TruncatedError):
        reading.collect()


def test_a_cancelled_stream_leaves_no_whole_answer() -> None:
    async def work() -> None:
        waiting = asyncio.Event()

        class Source(FakeResponse):
            async def aiter_raw(self) -> Any:
                yield OPEN
                await waiting.wait()

        reading = AsyncStream(Source())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reading.collect(), 0.01)
        assert reading.text == "a"
        await reading.collect()

    with pytest.raises(TruncatedError):
        asyncio.run(work())


@pytest.mark.parametrize(
    ("module", "name"), [("aiohttp", "ClientError"), ("urllib3.exceptions", "HTTPError")]
)
def test_the_exceptions_of_other_clients_are_broken_connections(
    module: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class BrokenError(Exception):
        pass

    monkeypatch.setitem(sys.modules, module, SimpleNamespace(**{name: BrokenError}))

    with pytest.raises(TruncatedError, match="the connection broke: reset"):
        Stream(FakeResponse(OPEN, fails=BrokenError("reset"))).collect()


def test_an_answer_that_the_standard_library_cannot_read_on_is_truncated() -> None:
    with pytest.raises(TruncatedError, match="the connection broke: reset"):
        Stream(FakeResponse(OPEN, fails=http.client.HTTPException("reset"))).collect()


@pytest.mark.parametrize("source", ["data", b"data", bytearray(b"data")], ids=repr)
def test_one_text_or_bytes_are_no_chunks(source: Any) -> None:
    with pytest.raises(TypeError, match=r"^a Stream reads chunks of bytes, as \[data\], not "):
        Stream(source)
