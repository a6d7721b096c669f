"""What deltas bring to a step, as elements of sequences that can be compared. Pure.

Text, fragments of arguments and pieces of audio are runs: a server may cut them anew when it sends
them again. Everything else is a token, which is the same as a whole or not at all.
"""

import base64
from collections.abc import Iterator
from typing import NamedTuple

import orjson

from .events import Event, delta_type, dumps
from .inline import decoded

_MEDIA = frozenset({"image", "video", "document"})


class Element(NamedTuple):
    """One element of a sequence of a step.

    Attributes:
        sequence: Which sequence: sequences of one step are independent of each other.
        key: What kind of run it is a piece of; empty for a token.
        value: The piece, or the token.
        delta: A delta that brings it.
    """

    sequence: str
    key: str
    value: str | bytes
    delta: Event

    @property
    def raw(self) -> bytes:
        """The value as bytes."""
        return self.value.encode() if isinstance(self.value, str) else self.value

    @property
    def length(self) -> int:
        """Characters or bytes of the value."""
        return len(self.value)

    def head(self, length: int) -> "Element":
        """The first part of a piece."""
        return self._replace(value=self.value[:length])

    def tail(self, start: int) -> "Element":
        """The rest of a piece, and the delta that brings only that."""
        value = self.value[start:]
        delta = self.delta
        if isinstance(value, bytes):
            delta = {**delta, "data": base64.b64encode(value).decode()}
        elif self.sequence == "summary":
            delta = {**delta, "content": {**delta["content"], "text": value}}
        else:
            delta = {**delta, self.key: value}
        return self._replace(value=value, delta=delta)


def elements_of(delta: Event) -> list[Element]:
    """The elements that a delta brings, in order: at least one, all of one sequence."""
    kind = delta_type(delta)
    if kind == "text" and isinstance(delta.get("text"), str):
        return [Element("content", "text", delta["text"], delta)]
    if kind == "arguments_delta" and isinstance(delta.get("arguments", ""), str):
        return [Element("arguments", "arguments", delta.get("arguments", ""), delta)]
    if kind in {"text_annotation_delta", "text_annotation"}:
        annotations = delta.get("annotations")
        if isinstance(annotations, list) and annotations:
            return [_annotation(delta, one) for one in annotations]
    if kind == "thought_summary":
        return [_summary(delta)]
    if kind == "audio" and (audio := _audio(delta)):
        return [audio]
    if kind in _MEDIA or kind == "audio":
        return [_token("content", delta)]
    if kind == "thought_signature" and delta.get("signature"):
        return [_token("signature", delta)]
    return [_token("other", delta)]


def elements_in_step(step: Event) -> Iterator[Element]:
    """The elements that a step has in itself: content, annotations, summary, signature."""
    content = step.get("content")
    for item in content if isinstance(content, list) else []:
        if isinstance(item, dict):
            yield from elements_of({key: item[key] for key in item if key != "annotations"})
            if item.get("annotations"):
                annotations = {"annotations": item["annotations"]}
                yield from elements_of({"type": "text_annotation_delta", **annotations})
    summary = step.get("summary")
    for item in summary if isinstance(summary, list) else []:
        yield from elements_of({"type": "thought_summary", "content": item})
    if step.get("type") == "thought" and step.get("signature"):
        yield from elements_of({"type": "thought_signature", "signature": step["signature"]})


def units_of(event: Event) -> list[object]:
    """An event as units that stay the same however the server cuts its text."""
    match event:
        case {"event_type": "step.delta", "index": index, "delta": dict(delta)}:
            return [unit for element in elements_of(delta) for unit in _units(index, element)]
        case {"event_type": "step.start" | "step.stop" as kind, "index": index}:
            return [(index, kind)]
    return [content_of(event)]


def content_of(event: Event) -> bytes:
    """What an event says, without its id; the order of keys does not matter."""
    return _canonical({key: value for key, value in event.items() if key != "event_id"})


def _units(index: object, element: Element) -> list[object]:
    if not element.key:
        return [(index, element.sequence, element.value)]
    return [(index, element.sequence, element.key, one) for one in element.value]


def joined(delta: Event, fresh: list[Element]) -> Event:
    """A delta that brings only some of its elements."""
    if len(fresh) == 1 and fresh[0].key:
        return fresh[0].delta
    return {**delta, "annotations": [one.delta["annotations"][0] for one in fresh]}


def _annotation(delta: Event, annotation: object) -> Element:
    return Element(
        "annotations", "", _canonical(annotation), {**delta, "annotations": [annotation]}
    )


def _summary(delta: Event) -> Element:
    content = delta.get("content")
    if isinstance(content, dict) and isinstance(content.get("text"), str):
        return Element("summary", "text", content["text"], delta)
    return _token("summary", delta)


def _audio(delta: Event) -> Element | None:
    if "uri" in delta or not isinstance(delta.get("data"), str):
        return None
    try:
        data = decoded(delta["data"])
    except ValueError:
        return None
    form = "audio {mime_type} {sample_rate} {channels}".format_map(
        {key: delta.get(key) for key in ("mime_type", "sample_rate", "channels")}
    )
    return Element("content", form, data, delta)


def _token(sequence: str, delta: Event) -> Element:
    return Element(sequence, "", _canonical(delta), delta)


def _canonical(value: object) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        return dumps(value)  # nested deeper than orjson goes
