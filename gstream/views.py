"""What goes to stdout: batches of events in, bytes out. A new view is one class and one line.

Pure. A view never waits for more than the event that it needs.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol
from zlib import crc32

import orjson

from .events import Batch, Event, delta_type, dumps
from .merges import type_for
from .steps import Accumulator, Step


class View(Protocol):
    """One way to show interactions.

    Attributes:
        wants_raw: Whether `raw` is to be called with the bytes of complete blocks.
        at_end: Whether it shows nothing before `end`.
        wants_paths: Whether it shows steps, where a path can stand for what was saved.
        unshown: How many bytes of media of the interaction it has left out.
        silent: Whether it has found nothing to show of the interaction so far.
    """

    wants_raw: bool
    at_end: bool
    wants_paths: bool
    unshown: int

    @property
    def silent(self) -> bool: ...

    def feed(self, batch: Batch) -> bytes:
        """What the next events add to the output."""
        ...

    def raw(self, data: bytes) -> bytes:
        """What the next bytes, as they came, add to the output."""
        ...

    def end(self, *, whole: bool, ended: bool) -> bytes:
        """What the end of the interaction adds.

        Args:
            whole: The status is completed.
            ended: The interaction has come to its end, whatever its status.
        """
        ...

    def state(self) -> Event:
        """What another run needs to go on with this view, besides the types of the steps."""
        ...

    def restore(self, state: Event, kinds: dict[int, str]) -> None:
        """Go on where another run was.

        Args:
            state: What `state` returned there.
            kinds: The types of the steps, by index.
        """
        ...


class _Base:
    wants_raw = False
    at_end = False
    wants_paths = False
    unshown = 0
    silent = False

    def feed(self, batch: Batch) -> bytes:
        return b""

    def raw(self, data: bytes) -> bytes:
        return b""

    def end(self, *, whole: bool, ended: bool) -> bytes:
        return b""

    def state(self) -> Event:
        return {}

    def restore(self, state: Event, kinds: dict[int, str]) -> None:
        pass


class TextView(_Base):
    """The text of model_output steps as it arrives; keeps none of it."""

    def __init__(self) -> None:
        self._kinds: dict[Any, str] = {}
        self._last = ""  # the last character of this hop
        self._before = ""  # that of what came before
        self.unshown = 0

    @property
    def silent(self) -> bool:  # type: ignore[override]
        return not (self._last or self._before)

    def feed(self, batch: Batch) -> bytes:
        return self.text(batch).encode()

    def text(self, batch: Batch) -> str:
        """The text that the next events add."""
        text = self._text_of_deltas(batch)
        if text is None:
            return "".join(self._texts(batch.events))
        self._last = text[-1:] or self._last
        return text

    def _texts(self, events: Iterable[Event]) -> Iterator[str]:
        """The texts of some events, one by one: the end of an interaction looks at what was."""
        for event in events:
            streamed = bool(self._kinds)
            if text := self._text_of(event):
                self._last = text[-1:]
                yield text
            self.unshown += _media_size(event, streamed=streamed)

    def _text_of_deltas(self, batch: Batch) -> str | None:
        """The short way; None if there are other events than deltas, or unusual ones."""
        if batch.notable:
            return None
        kinds = self._kinds
        if run := batch.run():
            return run[1] if kinds.get(run[0]) == "model_output" else None
        try:
            pieces = [
                delta["text"]
                for event in batch.events
                if kinds[event["index"]] == "model_output"
                and (delta := event["delta"])["type"] == "text"
                and event["index"].__class__ is int  # 0.0 finds 0, too
            ]
            text = "".join(pieces)
            if len(pieces) < len(batch.events):
                if not all(event["delta"]["type"].__class__ is str for event in batch.events):
                    return None  # null, say: its keys tell the type (U3)
                self.unshown += sum(_media_size(event, streamed=True) for event in batch.events)
        except (KeyError, TypeError):
            return None
        return text

    def end(self, *, whole: bool, ended: bool) -> bytes:
        last = self._last or self._before
        self.__init__()  # type: ignore[misc]  # the next interaction starts afresh
        if not whole:
            self._before = last  # what follows may go on in this line
        return b"\n" if whole and last not in {"", "\n"} else b""

    def state(self) -> Event:
        return {"last": self._last or self._before}

    def restore(self, state: Event, kinds: dict[int, str]) -> None:
        self._kinds = dict(kinds)
        self._last = str(state.get("last", ""))[-1:]

    def _text_of(self, event: Event) -> str:
        match event:
            case {"event_type": "step.delta", "index": int(index), "delta": dict(delta)}:
                kind = delta_type(delta)
                if index not in self._kinds and (made := type_for(kind)):
                    self._kinds[index] = made
                text = delta.get("text")
                if (
                    kind == "text"
                    and self._kinds[index] == "model_output"
                    and isinstance(text, str)
                ):
                    return text
            case {"event_type": "step.start", "index": int(index), "step": dict(step_value)}:
                self._kinds[index] = str(step_value.get("type"))
                return step_text(step_value)
            case {"event_type": "interaction.created"}:
                self._kinds.clear()
                self._before, self._last = self._last or self._before, ""
            case {"event_type": "interaction.completed", "interaction": {"steps": [*steps]}}:
                if not self._last:
                    return "".join(step_text(step) for step in steps if isinstance(step, dict))
        return ""


class NdjsonView(_Base):
    """Every event as one line of JSON: the bytes that came."""

    def feed(self, batch: Batch) -> bytes:
        return b"".join(batch.lines)


class SseView(_Base):
    """The raw bytes as they came."""

    wants_raw = True

    def raw(self, data: bytes) -> bytes:
        return data


class StepsView(_Base):
    """Each step as one line of JSON when it has stopped.

    One that starts again replaces the first (A3): it is shown once more if it differs. So is one
    to which something came after its stop (S1), at the end.
    """

    wants_paths = True

    def __init__(self) -> None:
        self._accumulator = Accumulator()
        self._shown: set[int] = set()
        self._before: set[int] = set()
        self._late: set[int] = set()
        self._checksums: dict[int, int] = {}  # of the lines of this run

    def feed(self, batch: Batch) -> bytes:
        lines: list[bytes] = []
        if not batch.notable:
            if self._checksums:
                run = batch.run()
                self._late.update([run[0]] if run else map(_delta_index, batch.events))
            self._accumulator.feed_batch(batch)
            return b""
        for event in batch.events:
            if event["event_type"] == "interaction.created":
                self._before.clear()
                if self._accumulator.indexes:
                    lines += self._rest(partial=False)
                    self._shown.clear()
                    self._late.clear()
                    self._checksums.clear()
            self._accumulator.feed(event)
            if event["event_type"] == "step.start":
                self._started(event.get("index"))
            elif event["event_type"] == "step.stop":
                lines += self._stopped(event.get("index"))
            elif self._checksums:
                self._late.add(_delta_index(event))
        return b"".join(lines)

    def end(self, *, whole: bool, ended: bool) -> bytes:
        try:
            return b"".join(self._rest(partial=not ended))
        finally:
            shown = set(self._accumulator.indexes) if ended else self._shown
            self.__init__()  # type: ignore[misc]  # the next interaction starts afresh
            self._before = shown  # another run may go on with this one

    def state(self) -> Event:
        return {"shown": sorted(self._shown or self._before)}

    def restore(self, state: Event, kinds: dict[int, str]) -> None:
        self._shown = {int(index) for index in state.get("shown", [])}

    def _stopped(self, index: Any) -> list[bytes]:
        known = isinstance(index, int) and self._accumulator.has(index)
        if not known or index in self._shown:
            return []
        self._shown.add(index)
        self._late.discard(index)
        return self._line(index, {})

    def _started(self, index: Any) -> None:
        if isinstance(index, int) and index in self._checksums:
            self._shown.discard(index)

    def _line(self, index: int, mark: Event) -> list[bytes]:
        """The line of a step, unless it is the one that was shown for it last."""
        line = dump_line({**self._accumulator.step(index), **mark})
        before, self._checksums[index] = self._checksums.get(index), crc32(line)
        return [] if before == self._checksums[index] else [line]

    def _rest(self, *, partial: bool) -> list[bytes]:
        """The steps that never stopped or went on, and those that came with the end alone (S3)."""
        mark = {"partial": True} if partial else {}
        indexes = self._accumulator.indexes
        late = self._late & self._checksums.keys()
        missing = [index for index in indexes if index in late or index not in self._shown]
        open_steps = [line for index in missing for line in self._line(index, mark)]
        known = len(self._shown.union(indexes))
        return open_steps + [dump_line(step) for step in self._accumulator.final_steps[known:]]


class JsonView(_Base):
    """Each interaction when it has ended, as the non-streaming API gives it."""

    at_end = True
    wants_paths = True

    def __init__(self, *, indent: bool = False) -> None:
        self._accumulator = Accumulator()
        self._indent = indent
        self._written = self._before = False

    def feed(self, batch: Batch) -> bytes:
        self._accumulator.feed_batch(batch)
        self._before = False
        return b""

    def end(self, *, whole: bool, ended: bool) -> bytes:
        interaction, written = self._accumulator.interaction, self._written
        self._accumulator = Accumulator()
        self._written, self._before = False, ended  # another run may go on behind this one
        return dump_line(interaction, indent=self._indent) if interaction and not written else b""

    def state(self) -> Event:
        return {"written": True} if self._written or self._before else {}

    def restore(self, state: Event, kinds: dict[int, str]) -> None:
        self._written = bool(state.get("written"))


VIEWS: dict[str, Callable[[], View]] = {
    "text": TextView,
    "ndjson": NdjsonView,
    "steps": StepsView,
    "json": JsonView,
    "sse": SseView,
}


def _delta_index(event: Event) -> int:
    """The index of the step that a delta belongs to; -1 if it does not say."""
    index = event.get("index")
    return index if isinstance(index, int) else -1


def step_text(step: Step) -> str:
    """The text of a step of the model's output; empty for other steps."""
    if step.get("type") != "model_output" or not isinstance(step.get("content"), list):
        return ""
    return "".join(
        item["text"]
        for item in step["content"]
        if isinstance(item, dict)
        and delta_type(item) == "text"
        and isinstance(item.get("text"), str)
    )


def decoded_size(data: str) -> int:
    """How many bytes some base64 holds."""
    return len(data) * 3 // 4 - data.count("=", -2)


def _media_size(event: Event, *, streamed: bool) -> int:
    """How many bytes of images, audio and the like an event brings inline.

    Args:
        event: The event.
        streamed: Whether steps came before: the end repeats them, if it has any.
    """
    match event:
        case {
            "event_type": "step.delta",
            "delta": {"data": str(data)} | {"content": {"data": str(data)}},
        }:
            return decoded_size(data)
        case {"event_type": "step.start", "step": dict(step)}:
            return _media_size_of_step(step)
        case {"event_type": "interaction.completed", "interaction": {"steps": [*steps]}}:
            return 0 if streamed else sum(map(_media_size_of_step, steps))
    return 0


def _media_size_of_step(step: Any) -> int:
    match step:
        case {"type": "model_output", "content": [*items]} | {
            "type": "thought",
            "summary": [*items],
        }:
            found = (item.get("data") for item in items if isinstance(item, dict))
            return sum(decoded_size(data) for data in found if isinstance(data, str))
    return 0


def dump_line(value: Any, *, indent: bool = False) -> bytes:
    """JSON with a LF at its end; one line unless indented."""
    style = orjson.OPT_INDENT_2 if indent else 0
    try:
        return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE | style)
    except orjson.JSONEncodeError:
        return dumps(value) + b"\n"
