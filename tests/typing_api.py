"""The whole public interface as a user's type checker sees it; checked by mypy, run by a test."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, assert_type

from gstream import Accumulator, AsyncStream, ServerSentEvent, SSEDecoder, Stream
from gstream.errors import GstreamError, TruncatedError

if TYPE_CHECKING:
    import httpx

    from gstream.events import Delta, Interaction, InteractionsEvent, Step, Usage


def decode(chunks: list[bytes]) -> list[str]:
    """Every attribute of the decoder and of what it returns."""
    decoder = SSEDecoder()
    events: list[ServerSentEvent] = decoder.feed(chunks[0])
    events += decoder.iter_bytes(chunks[1:])
    for event in events:
        assert_type(event.event, str | None)
        assert_type(event.data, str)
        assert_type(event.id, str)
        assert_type(event.retry, int | None)
        assert_type(event.raw, bytes)
        if event.data != "[DONE]":
            event.json()
    assert_type(decoder.last_event_id, str)
    assert_type(decoder.retry_ms, int | None)
    assert_type(decoder.pending, bytes)
    return [event.data for event in events]


async def decode_async(chunks: AsyncIterator[bytes]) -> list[str]:
    """The decoder over an asynchronous source."""
    return [event.data async for event in SSEDecoder().aiter_bytes(chunks)]


def text_of(event: "InteractionsEvent") -> str:
    """Event types and delta types tell which keys there are."""
    if event["event_type"] == "step.delta":
        assert_type(event["index"], int)
        delta: Delta = event["delta"]
        if delta["type"] == "text":
            return delta["text"]
        if delta["type"] == "thought_signature":
            return delta.get("signature", "")
    if event["event_type"] == "step.start":
        step: Step = event["step"]
        if step["type"] == "function_call":
            return step["name"]
    if event["event_type"] == "interaction.completed":
        return event["interaction"]["status"]
    return ""


def read(chunks: Iterator[bytes]) -> "Interaction":
    """A stream as an iterator, and as a whole."""
    with Stream(chunks) as stream:
        first = next(stream)
        texts = [text_of(first)]
        texts += [text_of(event) for event in stream]
        usage: Usage = stream.interaction.get("usage", {})
        assert_type(usage.get("total_tokens"), int | None)
        assert_type(stream.text, str)
        return stream.collect()


async def read_async(chunks: AsyncIterator[bytes]) -> "Interaction":
    """The same, asynchronously."""
    async with AsyncStream(chunks) as stream:
        text_of(await anext(stream))
        async for event in stream:
            text_of(event)
        await stream.close()
        return await stream.collect()


def read_response(response: "httpx.Response") -> "Interaction":
    """A response of httpx is a source."""
    return Stream(response, max_event_size=1_000_000).collect()


async def read_response_async(response: "httpx.Response") -> "Interaction":
    """So it is for the asynchronous client."""
    return await AsyncStream(response, max_event_size=1_000_000).collect()


def accumulate(chunks: list[bytes]) -> str:
    """Events of a stream, put together again."""
    accumulator = Accumulator()
    try:
        for event in Stream(chunks):
            accumulator.feed(event)
    except TruncatedError as exc:
        assert_type(exc.exit_code, int)
        assert_type(exc.hint, str)
        assert_type(exc.retryable, bool)
    except GstreamError as exc:
        assert_type(exc.reason, str)
    accumulator.steps.clear()
    accumulator.interaction.clear()
    return accumulator.text + accumulator.thoughts


def run(body: bytes) -> list[object]:
    """Everything above, over one body."""

    async def chunks() -> AsyncIterator[bytes]:
        yield body

    return [
        decode([body, b""]),
        asyncio.run(decode_async(chunks())),
        read(iter([body])),
        asyncio.run(read_async(chunks())),
        accumulate([body]),
    ]
