"""Accumulate Interactions events into the interaction that the non-streaming API returns.

Pure. The rules are PROTOCOL c.5, cited by number; a new type of delta is one function and one line
in `MERGES`. Text, arguments and audio are kept in pieces and joined once: appending is linear.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .errors import BadDataError
from .events import Batch, Event, delta_type, loads

Step = dict[str, Any]
Interaction = dict[str, Any]

_AUDIO_FORMAT = ("mime_type", "sample_rate", "channels")


class Accumulator:
    """An interaction being put together from its events.

    Attributes:
        unapplied: How many deltas changed nothing: unknown types, or the wrong step (U1, U4).
    """

    def __init__(self) -> None:
        self.unapplied = 0
        self._hops: list[Interaction] = []
        self._start_over()

    def feed(self, event: Mapping[str, Any]) -> None:
        """Take one event; an unknown one changes nothing."""
        if event["event_type"] == "step.delta":
            self._delta(event)
        elif action := _ACTIONS.get(event["event_type"]):
            action(self, event)

    def feed_all(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Take many events, text deltas on the short way."""
        steps = self._steps
        for event in events:
            if event["event_type"] == "step.delta":
                try:
                    delta = event["delta"]
                    if delta["type"] == "text" and "metadata" not in event:
                        text, index = delta["text"], event["index"]
                        if text.__class__ is str and index.__class__ is int:  # 0.0 finds 0, too
                            steps[index].pieces.append(text)  # type: ignore[union-attr]
                            continue
                except (KeyError, TypeError, AttributeError):
                    pass  # no text of this step yet, or not the usual shape
                self._delta(event)
            else:
                self.feed(event)
                steps = self._steps

    def feed_batch(self, batch: Batch) -> None:
        """Take many events; the text of one step all at once."""
        run = batch.run()
        step = self._steps.get(run[0]) if run else None
        if run and step is not None and step.pieces is not None:
            step.pieces.append(run[1])
        else:
            self.feed_all(batch.events)

    @property
    def steps(self) -> list[Step]:
        """The steps so far, open ones included, sorted by index (A1); hops one after another."""
        return [step for hop in self._hops for step in hop["steps"]] + self._own_steps()

    @property
    def bad_arguments(self) -> list[Step]:
        """The function calls whose arguments are not JSON; they are kept as a string (F3)."""
        return [
            step
            for step in self.steps
            if step.get("type") == "function_call" and isinstance(step.get("arguments"), str)
        ]

    @property
    def indexes(self) -> list[int]:
        """The indexes of the steps of the current hop, sorted."""
        return sorted(self._steps)

    @property
    def final_steps(self) -> list[Step]:
        """The steps that the completed event brought along, if it did (S3)."""
        return self._final_steps

    def step(self, index: int) -> Step:
        """One step of the current hop as it is now."""
        return self._steps[index].joined()

    @property
    def interaction(self) -> Interaction:
        """The interaction so far, as the non-streaming API gives it; empty before any event."""
        own = self._own()
        if not self._hops:
            return own
        return merge_hops([*self._hops, own] if own else self._hops)

    @property
    def text(self) -> str:
        """All text of the model's output, in order (E1)."""
        return "".join(
            item["text"]
            for step in self.steps
            if step.get("type") == "model_output"
            for item in _items(step, "content")
            if item.get("type") == "text" and isinstance(item.get("text"), str)
        )

    @property
    def thoughts(self) -> str:
        """All text of the thought summaries, one after another (H1)."""
        return "".join(
            item["text"]
            for step in self.steps
            if step.get("type") == "thought"
            for item in _items(step, "summary")
            if isinstance(item.get("text"), str)
        )

    def _own(self) -> Interaction:
        if not (self._fields or self._steps):
            return {}
        usage = {} if self._usage is None else {"usage": self._usage}
        return {**self._fields, **usage, "steps": self._own_steps()}

    def _own_steps(self) -> list[Step]:
        return self._final_steps or [self._steps[index].joined() for index in sorted(self._steps)]

    def _start_over(self) -> None:
        self._fields: Interaction = {}
        self._steps: dict[int, _Step] = {}
        self._final_steps: list[Step] = []
        self._usage: Any = None

    def _created(self, event: Mapping[str, Any]) -> None:
        """Begin, begin again (same id: a full replay), or begin the next hop (S5)."""
        match event:
            case {"interaction": dict(fields)}:
                known = self._fields.get("id")
                # Hops that are not stored have no ids to tell them apart.
                goes_on = self._fields.get("status") == "requires_continuation"
                unknown_hop = not known and (goes_on or self._fields.get("continuation_token"))
                if self._fields and (fields.get("id") != known or unknown_hop):
                    self._hops.append(self._own())
                self._start_over()
                self._overlay(fields)

    def _status(self, event: Mapping[str, Any]) -> None:
        for key in ("status", "continuation_token"):
            if isinstance(event.get(key), str):
                self._fields[key] = event[key]
        if isinstance(event.get("interaction_id"), str):
            self._fields.setdefault("id", event["interaction_id"])
        self._see_usage(event)

    def _completed(self, event: Mapping[str, Any]) -> None:
        """Overlay the final keys (S2); final steps, if any, replace the rebuilt ones (S3)."""
        match event:
            case {"interaction": dict(fields)}:
                self._fields.pop("continuation_token", None)
                if isinstance(steps := fields.get("steps"), list) and steps:
                    self._final_steps = [step for step in steps if isinstance(step, dict)]
                self._overlay(fields)

    def _overlay(self, fields: Interaction) -> None:
        for key, value in fields.items():
            if key == "usage":
                self._usage = value
            elif key != "steps" and (value != "" or key not in self._fields):
                self._fields[key] = value

    def _step_start(self, event: Mapping[str, Any]) -> None:
        """Start a step; a second start of the same index replaces the first (A2, A3)."""
        match event:
            case {"index": int(index), "step": dict(step)}:
                self._steps[index] = _Step(_own_copy(step))

    def _delta(self, event: Mapping[str, Any]) -> None:
        match event:
            case {"metadata": {"total_usage": dict(usage)}}:
                self._usage = usage
        match event:
            case {"index": int(index), "delta": dict(delta)}:
                kind = delta_type(delta)
                step = self._steps.get(index)
                if step is None and (made := type_for(kind)):
                    step = self._steps[index] = _Step({"type": made})
                if step is None or not step.merge(kind, delta):
                    self.unapplied += 1
            case _:
                self.unapplied += 1

    def _see_usage(self, event: Mapping[str, Any]) -> None:
        """Remember the newest cumulative usage (S4); `step_usage` is never that."""
        match event:
            case {"usage": dict(usage)} | {"metadata": {"total_usage": dict(usage)}}:
                self._usage = usage


_ACTIONS: dict[str, Callable[[Accumulator, Mapping[str, Any]], None]] = {
    "interaction.created": Accumulator._created,
    "interaction.status_update": Accumulator._status,
    "interaction.completed": Accumulator._completed,
    "step.start": Accumulator._step_start,
    "step.stop": Accumulator._see_usage,
}


class _Step:
    """One step being put together.

    Attributes:
        value: The step; what is still in pieces is missing from it.
        pieces: The pieces of the text item at the end of `content`; None if that is no text.
    """

    __slots__ = ("arguments", "audio", "kind", "pieces", "value")

    def __init__(self, value: Step) -> None:
        self.value = value
        self.kind = value.get("type")
        self.pieces: list[str] | None = None
        self.audio: list[bytes] | None = None
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
        items = _items(self.value, "content")
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


def _merge_text(step: _Step, delta: Event) -> bool:
    """T1: append to the text item at the end, else begin one."""
    if not isinstance(delta.get("text"), str):
        return False
    if step.pieces is None:
        step.push("content", {"type": "text", "text": ""})
        step.pieces = []
    step.pieces.append(delta["text"])
    return True


def _merge_annotations(step: _Step, delta: Event) -> bool:
    """T2: extend the annotations of the newest text item; offsets stay as they are."""
    annotations = delta.get("annotations") or []
    if not isinstance(annotations, list):
        return False
    if not annotations:
        return True
    texts = [item for item in _items(step.value, "content") if item.get("type") == "text"]
    if not texts:
        _merge_text(step, {"text": ""})
        texts = [step.last_item()]
    known = texts[-1].get("annotations")
    texts[-1]["annotations"] = [*known, *annotations] if isinstance(known, list) else annotations
    return True


def _merge_media(step: _Step, delta: Event) -> bool:
    """M1: each delta is one whole item."""
    step.push("content", {"type": delta_type(delta), **delta})
    return True


def _merge_audio(step: _Step, delta: Event) -> bool:
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
    step.push("content", {"type": "audio", **delta})
    return True


def _decoded(audio: Event) -> bytes | None:
    """The bytes of an audio item that has them inline and valid."""
    if "uri" in audio or not isinstance(audio.get("data"), str):
        return None
    import base64

    try:
        return base64.b64decode(audio["data"], validate=True)
    except ValueError:
        return None


def _merge_summary(step: _Step, delta: Event) -> bool:
    """H1: each summary is a new item."""
    match delta.get("content"):
        case dict(content) if content:
            kind = delta_type(content)
            step.push("summary", {"type": kind, **content} if kind else dict(content))
            return True
    return delta.get("content") is None


def _merge_signature(step: _Step, delta: Event) -> bool:
    """H2: a later signature replaces, an empty one is ignored."""
    if signature := delta.get("signature"):
        step.value["signature"] = signature
    return True


def _merge_arguments(step: _Step, delta: Event) -> bool:
    """F1: collect the fragments; they are JSON only together."""
    match delta.get("arguments"):
        case str(fragment):
            step.arguments.append(fragment)
        case dict(whole):
            step.value["arguments"] = whole
    return True


def _merge_same_type(step: _Step, delta: Event) -> bool:
    """X1: shallow merge; X2: an empty signature is none."""
    for key, value in delta.items():
        if key != "type" and not (key == "signature" and value == ""):
            step.value[key] = value
    return True


_OUTPUT = frozenset({"model_output"})
_THOUGHT = frozenset({"thought"})
_CALL = frozenset({"function_call"})

MERGES: dict[str, tuple[frozenset[str], Callable[[_Step, Event], bool]]] = {
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


def _own_copy(step: Step) -> Step:
    """A step that shares nothing with the event that is going to change (A2).

    No `copy.deepcopy`: it gives up where JSON is nested some hundred levels deep.
    """
    lists = {key: step[key] for key in ("content", "summary") if isinstance(step.get(key), list)}
    return step | {
        key: [dict(item) if isinstance(item, dict) else item for item in items]
        for key, items in lists.items()
    }


def _items(step: Step, key: str) -> list[Event]:
    items = step.get(key)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def merge_hops(hops: list[Interaction]) -> Interaction:
    """Merge the interactions of a continued answer as the official SDK does (PROTOCOL d.5)."""
    first, last = hops[0], hops[-1]
    merged = {key: value for key, value in first.items() if key != "continuation_token"} | last
    for key in ("created", "previous_interaction_id", "input"):
        if key in first:
            merged[key] = first[key]
    usages = [hop["usage"] for hop in hops if isinstance(hop.get("usage"), dict)]
    if usages:
        merged["usage"] = sum_usage(usages)
    merged["continuation_ids"] = [hop["id"] for hop in hops if hop.get("id")]
    merged["steps"] = list(first["steps"])
    for hop in hops[1:]:
        merged["steps"] += _without_leading_input(hop["steps"])
    return merged


def _without_leading_input(steps: list[Step]) -> list[Step]:
    start = 0
    while start < len(steps) and steps[start].get("type") == "user_input":
        start += 1
    return steps[start:]


def sum_usage(usages: list[Event]) -> Event:
    """The usage of several interactions that belong together."""
    total: Event = {}
    for usage in usages:
        for key, value in usage.items():
            if isinstance(value, int) and isinstance(total.get(key, 0), int):
                total[key] = total.get(key, 0) + value
            elif key.endswith("_by_modality") and isinstance(value, list):
                before = total.get(key)
                total[key] = _sum_modalities(before if isinstance(before, list) else [], value)
            else:
                total[key] = value
    first = usages[0]
    initial = first.get("initial_input_tokens", first.get("total_input_tokens"))
    if initial is not None:
        total["initial_input_tokens"] = initial
    return total


def _sum_modalities(total: list[Event], more: list[Event]) -> list[Event]:
    tokens = {part["modality"]: part["tokens"] for part in total}
    for part in more:
        match part:
            case {"modality": str(modality), "tokens": int(count)}:
                tokens[modality] = tokens.get(modality, 0) + count
    return [{"modality": modality, "tokens": count} for modality, count in tokens.items()]
