"""Turn the parts of a generateContent answer into the events of its steps (PROTOCOL e).

Pure. Neighbouring parts of one kind become one step; a part with a signature is a step of its own,
for whoever sends it back must send it unchanged.
"""

import re
from collections.abc import Iterator
from typing import Any

from .events import Event
from .partial_args import PartialArgs
from .steps import Step
from .usage_metadata import snake_case

CALL_PREFIX = "gstream-call-"
"""Begins the ids of calls that came without one: results must find their call."""

# Keys that stand beside the one that says what a part is.
_BESIDE_DATA = frozenset(
    "thought thoughtSignature videoMetadata partMetadata mediaResolution mediaProcessing "
    "speechMetadata documentMetadata spreadsheetMetadata audioMetadata".split()
)
_MEDIA = frozenset({"image", "audio", "video"})


class Parts:
    """The parts of one answer.

    Attributes:
        calls: How many function calls there were.
    """

    def __init__(self) -> None:
        self.calls = 0
        self._index = -1
        self._kind = ""  # of the step that is open; empty without one
        self._thought: list[str] = []  # pieces of the line of a thought that has not ended
        self._text_index: int | None = None
        self._annotations: list[Event] = []  # those that no step has got yet
        self._call: tuple[Event, PartialArgs] | None = None
        self._code_call = ""

    def feed(self, part: Event) -> Iterator[Event]:
        """The events of one part, by the one key that says what it is."""
        signature = text_at(part, "thoughtSignature")
        thought = part.get("thought") is True
        match part:
            case {"text": str(text)}:
                yield from self._text(text, signature, thought=thought)
            case {"inlineData": dict(data)} | {"fileData": dict(data)}:
                yield from self._item(_media(data), signature, thought=thought)
            case {"functionCall": dict(call)}:
                yield from self._function_call(call, signature)
            case {"executableCode": dict(code)}:
                yield from self._whole(self._code(code), signature)
            case {"codeExecutionResult": dict(result)}:
                yield from self._whole(self._code_result(result), signature)
            case {"functionResponse": dict(response)}:
                yield from self._whole(_function_result(response), signature)
            case _:
                yield from self._unknown(part, signature)

    def annotate(self, annotation: Event) -> None:
        """Keep an annotation for the text that is being written; it gets it at its end."""
        self._annotations.append(annotation)

    def rest(self) -> Iterator[Event]:
        """The events of what was held back, where the parts broke off."""
        yield from self._end_thought()
        yield from self._annotate()

    def end(self) -> Iterator[Event]:
        """The events that the end of the parts adds."""
        yield from self._end_call()
        yield from self._close()
        yield from self._annotate()

    def tool(self, call: Step, result: Step) -> Iterator[Event]:
        """The events of a built-in tool's call and of its result."""
        call_id = self._next_id()
        yield from self._whole({"type": call["type"], "id": call_id, **call}, "")
        yield from self._whole({"type": result["type"], "call_id": call_id, **result}, "")

    # --- kinds of parts

    def _text(self, text: str, signature: str, *, thought: bool) -> Iterator[Event]:
        if text:
            yield from self._item({"type": "text", "text": text}, signature, thought=thought)
        elif signature:
            yield from self._whole({"type": "thought"}, signature)

    def _item(self, item: Event, signature: str, *, thought: bool) -> Iterator[Event]:
        """Add to the step of this kind, if it is open and nothing is signed, else begin one."""
        kind = "thought" if thought else "model_output"
        if signature or kind != self._kind:
            yield from self._start({"type": kind}, signature)
            self._kind = kind
        if thought:
            yield from self._summary(item)
        else:
            if item["type"] == "text":
                self._text_index = self._index
            yield self._delta(item)
        if signature:
            yield from self._close()

    def _summary(self, item: Event) -> Iterator[Event]:
        """Whole lines of a thought: each is an item of the summary, which nobody joins (H1)."""
        if item["type"] != "text":
            yield from self._end_thought()
            yield self._delta({"type": "thought_summary", "content": item})
            return
        lines, newline, rest = item["text"].rpartition("\n")
        if newline:
            self._thought.append(lines + newline)
            yield from self._end_thought()
        if rest:
            self._thought.append(rest)

    def _end_thought(self) -> Iterator[Event]:
        text = "".join(self._thought)
        self._thought.clear()
        if text:
            content = {"type": "text", "text": text}
            yield self._delta({"type": "thought_summary", "content": content})

    def _function_call(self, call: Event, signature: str) -> Iterator[Event]:
        """A call, whole as a rule; of one that comes in pieces the first names the function."""
        if self._call is not None and _is_other(self._call[0], call):
            yield from self._end_call()
        if self._call is None:
            self._call = (dict(call), PartialArgs())
        begun, args = self._call
        begun["signature"] = signature or begun.get("signature", "")
        if isinstance(call.get("args"), dict):
            args.value |= call["args"]
        pieces = call.get("partialArgs")
        for piece in pieces if isinstance(pieces, list) else []:
            args.feed(piece)
        if call.get("willContinue") is not True:
            yield from self._end_call()

    def _end_call(self) -> Iterator[Event]:
        if self._call is None:
            return
        (call, args), self._call = self._call, None
        self.calls += 1
        step = {
            "type": "function_call",
            "id": text_at(call, "id") or self._next_id(),
            "name": text_at(call, "name"),
            "arguments": args.joined(),
        }
        yield from self._whole(step, call["signature"])

    def _code(self, code: Event) -> Step:
        self._code_call = text_at(code, "id") or self._next_id()
        arguments = {"language": text_at(code, "language").lower(), "code": text_at(code, "code")}
        return {"type": "code_execution_call", "id": self._code_call, "arguments": arguments}

    def _code_result(self, result: Event) -> Step:
        return {
            "type": "code_execution_result",
            "call_id": text_at(result, "id") or self._code_call,
            "result": text_at(result, "output"),
            "is_error": text_at(result, "outcome") != "OUTCOME_OK",
        }

    def _unknown(self, part: Event, signature: str) -> Iterator[Event]:
        """A part of a kind that is not known, as a step of that kind."""
        name = next((key for key in part if key not in _BESIDE_DATA), "")
        if name:
            value = part[name]
            fields = value if isinstance(value, dict) else {name: value}
            yield from self._whole({**fields, "type": snake_case(name)}, signature)
        elif signature:
            yield from self._whole({"type": "thought"}, signature)

    # --- steps

    def _next_id(self) -> str:
        return f"{CALL_PREFIX}{self._index + 1}"

    def _whole(self, step: Step, signature: str) -> Iterator[Event]:
        yield from self._start(step, signature)
        yield self._stop()

    def _start(self, step: Step, signature: str) -> Iterator[Event]:
        yield from self._close()
        self._index += 1
        signed = {**step, "signature": signature} if signature else step
        yield {"event_type": "step.start", "index": self._index, "step": signed}

    def _close(self) -> Iterator[Event]:
        """End the step that is open, with what still belongs to it."""
        if self._kind == "thought":
            yield from self._end_thought()
        if self._kind:
            if self._text_index == self._index:
                yield from self._annotate()
            self._kind = ""
            yield self._stop()

    def _annotate(self) -> Iterator[Event]:
        """Give the newest text its annotations, even after its step has stopped (S1)."""
        if self._annotations and self._text_index is not None:
            delta = {"type": "text_annotation_delta", "annotations": self._annotations}
            self._annotations = []
            yield {"event_type": "step.delta", "index": self._text_index, "delta": delta}

    def _delta(self, delta: Event) -> Event:
        return {"event_type": "step.delta", "index": self._index, "delta": delta}

    def _stop(self) -> Event:
        return {"event_type": "step.stop", "index": self._index}


def shows(part: Event) -> bool:
    """Whether a part is more than an empty text with a signature."""
    return bool(part.get("text") or part.keys() - _BESIDE_DATA - {"text"})


def text_at(value: Any, key: str) -> str:
    """A string in an object; empty if there is none."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def _media(data: Event) -> Event:
    """Inline data or a file as a content item; raw PCM names its rate in the MIME type."""
    mime_type, *parameters = (word.strip() for word in text_at(data, "mimeType").split(";"))
    kind = mime_type.partition("/")[0].lower()
    item: Event = {"type": kind if kind in _MEDIA else "document"}
    if mime_type:
        item["mime_type"] = mime_type.lower()
    for name, key in (("rate", "sample_rate"), ("channels", "channels")):
        for parameter in parameters:
            if re.fullmatch(rf"{name}=\d{{1,9}}", parameter, re.ASCII | re.IGNORECASE):
                item[key] = int(parameter.partition("=")[2])
    names = {"data": "data", "fileUri": "uri", "displayName": "name"}
    return item | {names[key]: value for key, value in data.items() if key in names}


def _is_other(begun: Event, call: Event) -> bool:
    """Whether a call is not the one that was begun, but another."""
    both = ((text_at(begun, key), text_at(call, key)) for key in ("name", "id"))
    return any(before and now and before != now for before, now in both)


def _function_result(response: Event) -> Step:
    return {
        "type": "function_result",
        "call_id": text_at(response, "id"),
        "name": text_at(response, "name"),
        "result": response.get("response"),
    }
