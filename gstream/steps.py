"""Accumulate Interactions events into the interaction that the non-streaming API returns.

Pure. The rules are PROTOCOL c.5, cited by number; how a delta changes its step stands in `merges`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .events import Batch, delta_type
from .hops import Interaction, merge_hops
from .merges import OpenStep, Step, items_of, own_copy, type_for

__all__ = ["Accumulator", "Interaction", "Step"]


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
        else:
            self._unknown(event)

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
    def indexes(self) -> list[int]:
        """The indexes of the steps of the current hop, sorted."""
        return sorted(self._steps)

    def has(self, index: int) -> bool:
        """Whether the current hop has a step of this index."""
        return index in self._steps

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
            for item in items_of(step, "content")
            if item.get("type") == "text" and isinstance(item.get("text"), str)
        )

    @property
    def thoughts(self) -> str:
        """All text of the thought summaries, one after another (H1)."""
        return "".join(
            item["text"]
            for step in self.steps
            if step.get("type") == "thought"
            for item in items_of(step, "summary")
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
        self._steps: dict[int, OpenStep] = {}
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
                if known is None and not (self._steps or unknown_hop):
                    self._overlay(fields)  # what came before only announced it
                    self._see_usage(event)
                    return
                if fields.get("id") != known or unknown_hop:
                    self._hops.append(self._own())
                self._start_over()
                self._overlay(fields)
                self._see_usage(event)

    def _status(self, event: Mapping[str, Any]) -> None:
        for key in ("status", "continuation_token"):
            if isinstance(event.get(key), str):
                self._fields[key] = event[key]
        if isinstance(event.get("interaction_id"), str) and not self._fields.get("id"):
            self._fields["id"] = event["interaction_id"]
        self._see_usage(event)

    def _completed(self, event: Mapping[str, Any]) -> None:
        """Overlay the final keys (S2); final steps, if any, replace the rebuilt ones (S3)."""
        self._see_usage(event)
        match event:
            case {"interaction": dict(fields)}:
                self._fields.pop("continuation_token", None)
                if isinstance(steps := fields.get("steps"), list) and steps:
                    self._final_steps = [own_copy(step) for step in steps if isinstance(step, dict)]
                self._overlay(fields)

    def _overlay(self, fields: Interaction) -> None:
        for key, value in fields.items():
            if key == "usage":
                self._usage = value or self._usage
            elif key != "steps" and not (value in ("", None) and key in self._fields):
                self._fields[key] = value

    def _unknown(self, event: Mapping[str, Any]) -> None:
        """Take what any event may tell: the status of the interaction, and its usage."""
        match event:
            case {"interaction": dict(fields)}:
                self._overlay(
                    {key: fields[key] for key in ("id", "status", "usage") if fields.get(key)}
                )
        self._see_usage(event)

    def _step_start(self, event: Mapping[str, Any]) -> None:
        """Start a step; a second start of the same index replaces the first (A2, A3)."""
        match event:
            case {"index": int(index), "step": dict(step)}:
                self._steps[index] = OpenStep(own_copy(step))
        self._see_usage(event)

    def _delta(self, event: Mapping[str, Any]) -> None:
        match event:
            case {"metadata": {"total_usage": dict(usage)}} if usage:
                self._usage = usage
        match event:
            case {"index": int(index), "delta": dict(delta)}:
                kind = delta_type(delta)
                step = self._steps.get(index)
                if step is None and (made := type_for(kind)):
                    step = self._steps[index] = OpenStep({"type": made})
                if step is None or not step.merge(kind, delta):
                    self.unapplied += 1
            case _:
                self.unapplied += 1

    def _see_usage(self, event: Mapping[str, Any]) -> None:
        """Remember the newest cumulative usage (S4); `step_usage` is never that."""
        match event:
            case {"usage": dict(usage)} | {"metadata": {"total_usage": dict(usage)}} if usage:
                self._usage = usage


_ACTIONS: dict[str, Callable[[Accumulator, Mapping[str, Any]], None]] = {
    "interaction.created": Accumulator._created,
    "interaction.status_update": Accumulator._status,
    "interaction.completed": Accumulator._completed,
    "step.start": Accumulator._step_start,
    "step.stop": Accumulator._see_usage,
}
