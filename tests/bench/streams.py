"""The streams that are measured, and what they hold: tests/test_bench.py decodes them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_MIB = 1024 * 1024

_HEAD = (
    b'event: interaction.created\ndata: {"interaction":{"id":"v1_bench","status":"in_progress",'
    b'"object":"interaction","model":"m"},"event_type":"interaction.created"}\n\n'
    b'event: step.start\ndata: {"index":0,"step":{"type":"model_output"},'
    b'"event_type":"step.start"}\n\n'
)
_TAIL = (
    b'event: step.stop\ndata: {"index":0,"event_type":"step.stop"}\n\n'
    b'event: interaction.completed\ndata: {"interaction":{"id":"v1_bench","status":"completed",'
    b'"usage":{"total_output_tokens":1}},"event_type":"interaction.completed"}\n\n'
    b"event: done\ndata: [DONE]\n\n"
)
FRAME_EVENTS = 5
"""Server-sent events around the deltas, `[DONE]` among them."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A stream to measure with.

    Attributes:
        name: Names it in the table.
        deltas: How many deltas it holds.
        content: How many characters of text or of image data its deltas hold.
        pieces: Its bytes, never many at once, for the memory of a parent counts as its child's.
    """

    name: str
    deltas: int
    content: int
    pieces: Callable[[], Iterator[bytes]]

    @property
    def events(self) -> int:
        """How many server-sent events it holds."""
        return self.deltas + FRAME_EVENTS


def write(sample: Sample, path: Path) -> int:
    """Write the stream to a file; returns its size."""
    with path.open("wb") as file:
        file.writelines(sample.pieces())
    return path.stat().st_size


def small(deltas: int) -> Sample:
    """Deltas of text as a model sends them, 130 bytes each."""

    def pieces() -> Iterator[bytes]:
        yield _HEAD
        yield from (
            _text_delta(b"%08d and words of the answer." % number) for number in range(deltas)
        )
        yield _TAIL

    return Sample("130 B deltas", deltas, deltas * 33, pieces)


def medium(deltas: int) -> Sample:
    """Deltas of 2 KB of text that is not all ASCII."""
    text = (
        b"%08d " + "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. ".encode() * 28
    )

    def pieces() -> Iterator[bytes]:
        yield _HEAD
        yield from (_text_delta(text % number) for number in range(deltas))
        yield _TAIL

    return Sample("2 KB deltas", deltas, deltas * len((text % 0).decode()), pieces)


def images(deltas: int, size: int = _MIB) -> Sample:
    """Images, inline."""
    data = (b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB" * (size // 32 + 1))[:size]
    block = (
        b'event: step.delta\ndata: {"index":0,"delta":{"mime_type":"image/png","data":"%b",'
        b'"type":"image"},"event_type":"step.delta"}\n\n' % data
    )

    def pieces() -> Iterator[bytes]:
        yield _HEAD
        for _ in range(deltas):
            yield block
        yield _TAIL

    return Sample("1 MB images", deltas, deltas * size, pieces)


def line(size: int) -> Sample:
    """One line of data, as long as it gets."""
    before, after = _text_delta(b"@").split(b"@")
    count = max(1, size // _MIB)
    text = b"x" * (size // count)

    def pieces() -> Iterator[bytes]:
        yield _HEAD + before
        for _ in range(count):
            yield text
        yield after + _TAIL

    return Sample(f"{size / _MIB:g} MB line", 1, count * len(text), pieces)


def keep_alives(lines: int) -> Sample:
    """Comments that say nothing, each with its blank line, before the answer comes."""
    block = b": keep-alive\n\n" * 1000

    def pieces() -> Iterator[bytes]:
        yield _HEAD
        for _ in range(lines // 2000):
            yield block
        yield _TAIL

    return Sample("keep-alives", 0, 0, pieces)


def _text_delta(text: bytes) -> bytes:
    return (
        b'event: step.delta\ndata: {"index":0,"delta":{"text":"%b","type":"text"},'
        b'"event_type":"step.delta"}\n\n' % text
    )
