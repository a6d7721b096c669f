"""One step being put together from its deltas (PROTOCOL c.4, c.5).

Pure. A new type of delta is one function and one line in `MERGES`. Text, arguments and audio are
kept in pieces and joined once: appending is linear.
"""

from collections.abc import Callable
from typing import Any

from .errors import BadDataError
from .events import Event, delta_type, loads
from .inline import decoded

Step = dict[str, Any]

_AUDIO_FORMAT = ("mime_type", "sample_rate", "channels")


class OpenStep:
    """One step being put together.

    Attributes:
        value: The step; what is still in pieces is missing from it.
        pieces: The pieces of the text item at the end of `content`; None if that is no text.
        annotations: The newest list of annotations, which no event shares.
    """

    __slots__ = ("annotations", "arguments", "audio", "kind", "pieces", "value")

    def __init__(self, value: Step) -> None:
        self.value = value
        kind = value.get("type")
        self.kind = kind if isinstance(kind, str) else None  # a list would be no key
        self.pieces: list[str] | None = None
        self.audio: list[bytes] | None = None
        self.annotations: list[Any] | None = None
        self.arguments: list[str] = []
        last = self.last_item()
        text = last.get("text") or ""
        if self.kind == "model_output" and last.get("type") == "text" and isinstance(text, str):
            self.pieces = [text]

    def merge(self, kind: str, delta: Event) -> bool:
        """Apply a delta; False if it does not belong to this step (U1, U4)."""
        merge = MERGES.get(kind)
        if merge is not None and self.kind in merge[0]:
            return merge[1](self, delta)
        if kind and kind == self.kind:
            return _merge_same_type(self, delta)
        return False

    def joined(self) -> Step:
        """The step as it is now, all pieces joined."""
        self._join_content()
        value = self.value
        if text := "".join(self.arguments):
            try:
                value["arguments"] = loads(text.encode())
            except BadDataError:
                value["arguments"] = text
            self.arguments[:] = [text]
        elif self.kind == "function_call":
            value.setdefault("arguments", {})
        if value.get("signature") == "":
            return {key: part for key, part in value.items() if key != "signature"}
        return dict(value)

    def last_item(self) -> Event:
        items = items_of(self.value, "content")
        return items[-1] if items else {}

    def push(self, key: str, item: Event) -> None:
        """Add an item to `content` or `summary`."""
        self._join_content()
        self.pieces = self.audio = None
        if not isinstance(self.value.get(key), list):
            self.value[key] = []
        self.value[key].append(item)

    def _join_content(self) -> None:
        if self.pieces is not None:
            text = "".join(self.pieces)
            self.pieces[:] = [text]
            self.last_item()["text"] = text
        if self.audio is not None:
            data = b"".join(self.audio)
            self.audio[:] = [data]
            import base64  # costs start-up time, and most answers are text

            self.last_item()["data"] = base64.b64encode(data).decode()


def _merge_text(step: OpenStep, delta: Event) -> bool:
    """T1: append to the text item at the end, else begin one."""
    if not isinstance(delta.get("text"), str):
        return False
    if step.pieces is None:
        step.push("content", {"type": "text", "text": ""})
        step.pieces = []
    step.pieces.append(delta["text"])
    return True


def _merge_annotations(step: OpenStep, delta: Event) -> bool:
    """T2: extend the annotations of the newest text item; offsets stay as they are."""
    annotations = delta.get("annotations") or []
    if not isinstance(annotations, list):
        return False
    if not annotations:
        return True
    items = reversed(items_of(step.value, "content"))
    text = next((item for item in items if item.get("type") == "text"), None)
    if text is None:
        _merge_text(step, {"text": ""})
        text = step.last_item()
    known = text.get("annotations")
    if isinstance(known, list) and known is step.annotations:
        known.extend(annotations)
        return True
    step.annotations = [*known, *annotations] if isinstance(known, list) else [*annotations]
    text["annotations"] = step.annotations
    return True


def _merge_media(step: OpenStep, delta: Event) -> bool:
    """M1: each delta is one whole item."""
    step.push("content", _typed(delta))
    return True


def _merge_audio(step: OpenStep, delta: Event) -> bool:
    """M2: pieces of one format are decoded and joined, never the base64 strings."""
    last = step.last_item()
    piece = _decoded(delta)
    same = last.get("type") == "audio" and all(
        last.get(key) == delta.get(key) for key in _AUDIO_FORMAT
    )
    if piece is not None and same and step.audio is not None:
        step.audio.append(piece)
        return True
    before = _decoded(last) if same and piece is not None else None
    if before is not None and piece is not None:
        step.audio = [before, piece]
        return True
    step.push("content", _typed(delta))
    return True


def _decoded(audio: Event) -> bytes | None:
    """The bytes of an audio item that has them inline and valid."""
    if "uri" in audio or not isinstance(audio.get("data"), str):
        return None
    try:
        return decoded(audio["data"])
    except ValueError:
        return None


def _merge_summary(step: OpenStep, delta: Event) -> bool:
    """H1: each summary is a new item."""
    match delta.get("content"):
        case dict(content) if content:
            step.push("summary", _typed(content))
            return True
    return delta.get("content") is None


def _merge_signature(step: OpenStep, delta: Event) -> bool:
    """H2: a later signature replaces, an empty one is ignored."""
    if signature := delta.get("signature"):
        step.value["signature"] = signature
    return True


def _merge_arguments(step: OpenStep, delta: Event) -> bool:
    """F1: collect the fragments; they are JSON only together."""
    match delta.get("arguments"):
        case str(fragment):
            step.arguments.append(fragment)
        case dict(whole):
            step.value["arguments"] = whole
    return True


def _merge_same_type(step: OpenStep, delta: Event) -> bool:
    """X1: shallow merge; X2: an empty signature is none."""
    for key, value in delta.items():
        if key != "type" and not (key == "signature" and value == ""):
            step.value[key] = value
    return True


_OUTPUT = frozenset({"model_output"})
_THOUGHT = frozenset({"thought"})
_CALL = frozenset({"function_call"})

MERGES: dict[str, tuple[frozenset[str], Callable[[OpenStep, Event], bool]]] = {
    "text": (_OUTPUT, _merge_text),
    "text_annotation_delta": (_OUTPUT, _merge_annotations),
    "text_annotation": (_OUTPUT, _merge_annotations),
    "image": (_OUTPUT, _merge_media),
    "video": (_OUTPUT, _merge_media),
    "document": (_OUTPUT, _merge_media),
    "audio": (_OUTPUT, _merge_audio),
    "thought_summary": (_THOUGHT, _merge_summary),
    "thought_signature": (_THOUGHT | _CALL, _merge_signature),
    "arguments_delta": (_CALL, _merge_arguments),
}
"""Delta type: the step types that it belongs to, and how it is applied (PROTOCOL c.4)."""


def type_for(kind: str) -> str:
    """The type of a step that was never started, from its first delta (A4); empty if unknown."""
    if kind == "thought_signature":
        return "thought"
    if kind in MERGES:
        return next(iter(MERGES[kind][0]))
    return kind if kind.endswith(("_call", "_result")) else ""


def own_copy(step: Step) -> Step:
    """A step that shares nothing with the event that is going to change (A2).

    No `copy.deepcopy`: it gives up where JSON is nested some hundred levels deep.
    """
    lists = {key: step[key] for key in ("content", "summary") if isinstance(step.get(key), list)}
    return step | {
        key: [_typed(item) if isinstance(item, dict) else item for item in items]
        for key, items in lists.items()
    }


def _typed(item: Event) -> Event:
    """A copy of an item that says its type, where its keys tell (U3)."""
    kind = delta_type(item)
    return {"type": kind} | item | {"type": kind} if kind else dict(item)


def items_of(step: Step, key: str) -> list[Event]:
    """The items of a list of a step, as far as it has such a list."""
    items = step.get(key)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
