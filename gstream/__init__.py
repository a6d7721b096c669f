"""Stream the Gemini Interactions API: the library behind the command line.

    SSEDecoder, ServerSentEvent   an event stream's bytes, decoded
    Stream, AsyncStream           an answer's bytes as Interactions events
    Accumulator                   events as the interaction that they are

Each is loaded when it is first asked for; none imports an HTTP client.
"""

TYPE_CHECKING = False  # as of `typing`, whose import takes a while

__version__ = "0.1.0"

__all__ = ["Accumulator", "AsyncStream", "SSEDecoder", "ServerSentEvent", "Stream"]

if TYPE_CHECKING:
    from .sse import ServerSentEvent, SSEDecoder
    from .steps import Accumulator
    from .stream import AsyncStream, Stream
else:
    _MODULES = {
        "Accumulator": "steps",
        "AsyncStream": "stream",
        "SSEDecoder": "sse",
        "ServerSentEvent": "sse",
        "Stream": "stream",
    }

    def __getattr__(name):
        """Load what the library offers when it is first asked for."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = globals()[name] = getattr(import_module(f".{_MODULES[name]}", __name__), name)
        return value

    def __dir__():
        return [*globals(), *__all__]
