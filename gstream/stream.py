"""Streams of the Interactions API as iterators of events: the face of the library (DESIGN 12).

Pure but for the source that it is given; knows no HTTP client. All that a stream means is in one
core; what is synchronous and what is not differ only in how they get their bytes.
"""

import re
import sys
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, cast

from .sse import MAX_EVENT_SIZE
from .stream_core import StreamCore

if TYPE_CHECKING:
    from .event_types import Interaction, InteractionsEvent

# What HTTP clients raise when a connection breaks, beside OSError; none of them is imported for it.
_BREAKS = {
    "httpx": ("TransportError", "DecodingError"),
    "http.client": ("HTTPException",),
    "aiohttp": ("ClientError",),
    "urllib3.exceptions": ("HTTPError",),
}

# How generators refuse to be closed while they run.
_IN_USE = re.compile(r"generator (is )?already (executing|running)")


class RawResponse(Protocol):
    """An answer whose body has not been read: `httpx.Response`, or whatever is like it."""

    def iter_raw(self) -> Iterator[bytes]:
        """The bytes as they arrive."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class AsyncRawResponse(Protocol):
    """As `RawResponse`, of an asynchronous client."""

    def aiter_raw(self) -> AsyncIterator[bytes]:
        """The bytes as they arrive."""
        ...

    async def aclose(self) -> None:
        """Close the connection."""
        ...


class Stream:
    """The events of one answer, from its bytes.

    Reads server-sent events of the Interactions API and of generateContent, NDJSON and JSON, as
    `gstream decode` does. Events are plain dicts, typed in `gstream.events`; events of types that
    are not named there come, too. The iteration ends with the interaction, or raises what kept it
    from its end, whenever it is asked for more; what follows the end is not read, but the next hop
    of an answer that `requires_continuation`. Answers that wait for something are ends: look at
    `interaction["status"]` for that, for `requires_action` and for `incomplete`.

    The stream owns its source and closes it: at the end, with `close`, or as a context manager.

        with client.stream("POST", url, json=body, headers=headers) as response:
            for event in Stream(response):
                ...

    Raises (while iterating, or from `collect`):
        TruncatedError: The bytes ended, or the connection broke, before the interaction did.
        NetworkError: The connection broke before the first event.
        FailedError: The interaction failed, or its content was blocked.
        CancelledError: Someone else cancelled the interaction.
        ErrorEventError: The stream ended with an error event.
        RejectedError, RefusedError, RateLimitedError, ServerFailedError: The answer was no stream
            but a refusal, HTTP 4xx or 5xx.
        BadDataError: The bytes are no stream, or some of it cannot be used: broken events, events
            of no step, arguments that are no JSON.
    """

    def __init__(
        self, source: RawResponse | Iterable[bytes], *, max_event_size: int = MAX_EVENT_SIZE
    ) -> None:
        """Begin with nothing read.

        Args:
            source: A response, or any iterable of chunks of bytes, of any size.
            max_event_size: Most bytes of one event.

        Raises:
            TypeError: The source is no iterable of chunks.
        """
        self._source = source
        self._core = StreamCore(source, max_event_size)
        self._chunks = _chunks(source)

    def __iter__(self) -> Iterator["InteractionsEvent"]:
        return self

    def __next__(self) -> "InteractionsEvent":
        while (event := self._core.next_event()) is None:
            if self._core.over:
                self.close()
                self._core.check()
                raise StopIteration
            try:
                self._core.feed(next(self._chunks, None))
            except _breaks() as exc:
                self._core.broke(exc)
        return event

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def interaction(self) -> "Interaction":
        """The interaction as far as its events were handed on; what follows does not change it."""
        return self._core.interaction

    @property
    def text(self) -> str:
        """The text of the answer as far as its events were handed on."""
        return self._core.accumulator.text

    def collect(self) -> "Interaction":
        """Read on to the end; returns the whole interaction, as the non-streaming API gives it.

        Raises:
            TruncatedError: As for iterating, or it was closed before its end.
            GstreamError: As for iterating; `interaction` then tells how far it came.
        """
        for _event in self:
            pass
        self._core.check_whole()
        return self.interaction

    def close(self) -> None:
        """Close the source; nothing more comes then. May be called twice.

        From another thread it ends the loop, at the latest with the bytes that come next.
        """
        self._core.stop()
        close = getattr(self._source, "close", None)
        if close is not None:
            with _in_use(ValueError):
                close()


class AsyncStream:
    """As `Stream`, over an asynchronous response or iterable.

    Ends with its task: a timeout around the loop closes the connection on its way out.

        async with asyncio.timeout(30), AsyncStream(response) as stream:
            async for event in stream:
                ...

    Raises (while iterating, or from `collect`):
        GstreamError: As for `Stream`.
    """

    def __init__(
        self,
        source: AsyncRawResponse | AsyncIterable[bytes],
        *,
        max_event_size: int = MAX_EVENT_SIZE,
    ) -> None:
        """As for `Stream`."""
        self._source = source
        self._core = StreamCore(source, max_event_size)
        self._chunks = _async_chunks(source)

    def __aiter__(self) -> AsyncIterator["InteractionsEvent"]:
        return self

    async def __anext__(self) -> "InteractionsEvent":
        while (event := self._core.next_event()) is None:
            if self._core.over:
                await self.close()
                self._core.check()
                raise StopAsyncIteration
            try:
                self._core.feed(await anext(self._chunks, None))
            except _breaks() as exc:
                self._core.broke(exc)
        return event

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def interaction(self) -> "Interaction":
        """The interaction as far as its events were handed on; what follows does not change it."""
        return self._core.interaction

    @property
    def text(self) -> str:
        """The text of the answer as far as its events were handed on."""
        return self._core.accumulator.text

    async def collect(self) -> "Interaction":
        """Read on to the end; returns the whole interaction, as the non-streaming API gives it.

        Raises:
            TruncatedError: As for iterating, or it was closed before its end.
            GstreamError: As for iterating; `interaction` then tells how far it came.
        """
        async for _event in self:
            pass
        self._core.check_whole()
        return self.interaction

    async def close(self) -> None:
        """Close the source; nothing more comes then. May be called twice.

        From another task it ends the loop, at the latest with the bytes that come next.
        """
        self._core.stop()
        close = getattr(self._source, "aclose", None)
        if close is not None:
            with _in_use(RuntimeError):
                await close()


def _chunks(source: RawResponse | Iterable[bytes]) -> Iterator[bytes]:
    """The bytes of a source; undone, where a server compressed them against our wish."""
    if hasattr(source, "iter_raw"):
        return cast("Iterator[bytes]", getattr(source, _method(source, "iter"))())
    _refuse_no_chunks(source)
    return iter(source)


def _refuse_no_chunks(source: object) -> None:
    if isinstance(source, (str, bytes, bytearray)):
        raise TypeError(f"a Stream reads chunks of bytes, as [data], not {type(source).__name__}")


def _async_chunks(source: AsyncRawResponse | AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    if hasattr(source, "aiter_raw"):
        return cast("AsyncIterator[bytes]", getattr(source, _method(source, "aiter"))())
    return aiter(source)


@contextmanager
def _in_use(refusal: type[Exception]) -> Iterator[None]:
    """Let a generator be that is waiting for its bytes: whoever reads from it closes it then."""
    try:
        yield
    except refusal as exc:
        if _IN_USE.search(str(exc)) is None:
            raise


def _method(response: object, name: str) -> str:
    headers = getattr(response, "headers", {})
    encoded = headers.get("content-encoding", "identity") != "identity"
    read = getattr(response, "is_stream_consumed", False)
    return f"{name}_bytes" if encoded or read else f"{name}_raw"


def _breaks() -> tuple[type[Exception], ...]:
    """The exceptions that say that a connection broke, of the clients that are in use."""
    loaded = [
        getattr(sys.modules[module], name)
        for module, names in _BREAKS.items()
        if module in sys.modules
        for name in names
    ]
    return (OSError, *loaded)
