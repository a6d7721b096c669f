"""Turn the chunks of generateContent into Interactions events (DESIGN 11, PROTOCOL e).

Pure. A chunk is one GenerateContentResponse, which holds only what is new
<https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse>. The first candidate is
the answer. It is not stored, so the interaction has no id. What has no counterpart stays a field
of the interaction, under its own name.
"""

from collections.abc import Callable, Iterator

from .events import Event, dumps
from .grounding import annotations, tool_steps, unplaced
from .parts import Parts, shows, text_at
from .usage_metadata import snake_case, usage_of

Report = Callable[[str], None]

FINISH_REASONS = {
    "STOP": "completed",
    "MAX_TOKENS": "incomplete",
    "CONTINUATION": "requires_continuation",
    "SAFETY": "failed",
    "RECITATION": "failed",
    "LANGUAGE": "failed",
    "BLOCKLIST": "failed",
    "PROHIBITED_CONTENT": "failed",
    "SPII": "failed",
    "MODEL_ARMOR": "failed",
    "IMAGE_SAFETY": "failed",
    "IMAGE_PROHIBITED_CONTENT": "failed",
    "IMAGE_RECITATION": "failed",
    "IMAGE_OTHER": "failed",
    "NO_IMAGE": "failed",
    "MALFORMED_FUNCTION_CALL": "failed",
    "MALFORMED_RESPONSE": "failed",
    "UNEXPECTED_TOOL_CALL": "failed",
    "TOO_MANY_TOOL_CALLS": "failed",
    "MISSING_THOUGHT_SIGNATURE": "failed",
    "ESCALATION": "failed",
    "PUP_LIMITED_DISABLED": "failed",
    "OTHER": "failed",
}
"""The status that each finishReason is; an unknown one is `incomplete`, never a success."""

_QUIET = frozenset({"completed", "requires_continuation"})

# Keys of a chunk and of a candidate that become something else than a field of the interaction.
_CONVERTED = frozenset(
    "candidates usageMetadata modelVersion createTime content index continuationToken "
    "groundingMetadata citationMetadata urlContextMetadata usage steps".split()
)


_GROUNDING = frozenset({"groundingMetadata", "citationMetadata"})


class Converter:
    """Chunks being converted, of one answer after another."""

    def __init__(self, report: Report) -> None:
        """Begin; `report` is told about what is not shown."""
        self._report = report
        self._answer: _Answer | None = None

    def feed(self, chunk: Event) -> list[Event]:
        """The events that a chunk adds."""
        events: list[Event] = []
        if self._answer is not None and self._answer.is_over_before(chunk):
            events += self.finish()
        if self._answer is None:
            self._answer = _Answer(chunk, self._report)
        return events + list(self._answer.feed(chunk))

    def finish(self) -> list[Event]:
        """The events that the end of the answer adds: how it ended, if a finishReason told."""
        answer, self._answer = self._answer, None
        return list(answer.end()) if answer else []

    def break_off(self) -> list[Event]:
        """The events of what was held back, where the input itself shows that more was due."""
        answer, self._answer = self._answer, None
        return list(answer.rest()) if answer else []


class _Answer:
    """One answer: its first candidate."""

    def __init__(self, chunk: Event, report: Report) -> None:
        self._report = report
        self._id = text_at(chunk, "responseId")
        self._begun = False
        self._fields: Event = {}
        self._usage: Event = {}
        self._candidate: Event = {}
        self._annotated: set[bytes] = set()
        self._others = False
        self._steps = Parts()

    def is_over_before(self, chunk: Event) -> bool:
        """Whether a chunk belongs to the next answer."""
        other = text_at(chunk, "responseId")
        if self._id and other and other != self._id:
            return True
        more = bool(self._reason) and any(map(shows, _parts(self._first(chunk))))
        return more and not self._goes_on(chunk)

    def feed(self, chunk: Event) -> Iterator[Event]:
        """The events that a chunk adds."""
        candidate = self._first(chunk)
        self._remember(chunk, candidate)
        if not self._begun:
            self._begun = True
            yield {"event_type": "interaction.created", "interaction": self._beginning()}
        if grounding := _GROUNDING & candidate.keys():
            for annotation in annotations({key: self._candidate[key] for key in grounding}):
                self._annotate(annotation)
        for part in _parts(candidate):
            yield from self._steps.feed(part)

    def _goes_on(self, chunk: Event) -> bool:
        """Whether content after a finishReason is more of the answer: some give one every time.

        Token counts are cumulative; where there are none, the id has to do.
        """
        counts = _usage(chunk)
        if not (counts and self._usage):
            return bool(self._id) and self._id == text_at(chunk, "responseId")
        same = counts.get("total_input_tokens") == self._usage.get("total_input_tokens")
        return same and _total(counts) > _total(self._usage)

    def rest(self) -> Iterator[Event]:
        """The events of what was held back; the answer stays open: truncated."""
        yield from self._steps.rest()
        if self._usage:
            yield self._usage_so_far()

    def end(self) -> Iterator[Event]:
        """The events of the end; without a reason for it the answer stays open."""
        status, error = self._outcome()
        if not status:
            yield from self.rest()
            return
        yield from self._steps.end()
        for call, result in tool_steps(self._candidate):
            yield from self._steps.tool(call, result)
        if error:
            yield {"event_type": "error", "error": error}
        token = self._candidate.get("continuationToken")
        usage = {"usage": self._usage} if self._usage else {}
        ended = {"status": status} | ({"continuation_token": token} if token else {}) | usage
        rest = unplaced(self._candidate)
        interaction = {**self._fields, **rest, **self._beginning(), **ended}
        yield {"event_type": "interaction.completed", "interaction": interaction}

    @property
    def _reason(self) -> str:
        reason = text_at(self._candidate, "finishReason")
        return "" if reason.endswith("_UNSPECIFIED") else reason

    def _first(self, chunk: Event) -> Event:
        """The part of a chunk that belongs to the first candidate; others are reported once."""
        candidates = chunk.get("candidates")
        found = candidates if isinstance(candidates, list) else []
        found = [one for one in found if isinstance(one, dict)]
        first = [one for one in found if not one.get("index")]
        if len(found) > len(first[:1]) and not self._others:
            self._others = True
            self._report("the answer has several candidates: only the first is shown")
        return first[0] if first else {}

    def _annotate(self, annotation: Event) -> None:
        """Keep what is new: grounding comes again with what was added."""
        key = dumps(annotation)
        if key not in self._annotated:
            self._annotated.add(key)
            self._steps.annotate(annotation)

    def _remember(self, chunk: Event, candidate: Event) -> None:
        """Keep what the end needs; the last word on each key counts."""
        self._id = self._id or text_at(chunk, "responseId")
        grounding = _merged(self._candidate, candidate, "groundingMetadata")
        self._candidate |= {key: value for key, value in candidate.items() if key != "content"}
        self._candidate |= grounding
        for key, value in [*chunk.items(), *candidate.items()]:
            if key not in _CONVERTED:
                self._fields[snake_case(key)] = value
        if version := text_at(chunk, "modelVersion"):
            self._fields["model"] = version
        if created := text_at(chunk, "createTime"):
            self._fields["created"] = created
        self._usage |= _usage(chunk)
        if tier := text_at(chunk.get("usageMetadata"), "serviceTier"):
            self._fields["service_tier"] = tier.lower()

    def _beginning(self) -> Event:
        model = {"model": self._fields["model"]} if "model" in self._fields else {}
        return {"id": "", "object": "interaction", "status": "in_progress", **model}

    def _usage_so_far(self) -> Event:
        return {
            "event_type": "interaction.status_update",
            "interaction_id": "",
            "status": "in_progress",
            "usage": self._usage,
        }

    def _outcome(self) -> tuple[str, Event]:
        """The status that the answer ended with, and the error that says why."""
        feedback = self._fields.get("prompt_feedback")
        blocked = text_at(feedback, "blockReason")
        if self._reason:
            status = FINISH_REASONS.get(self._reason, "incomplete")
            if status == "completed" and self._steps.calls:
                return "requires_action", {}
            if status in _QUIET or self._reason == "MAX_TOKENS":
                return status, {}
            message = text_at(self._candidate, "finishMessage") or "the answer was stopped"
            return status, {"code": self._reason.lower(), "message": message}
        if blocked and not blocked.endswith("_UNSPECIFIED"):
            message = text_at(feedback, "blockReasonMessage") or "the prompt was blocked"
            return "failed", {"code": blocked.lower(), "message": message}
        return "", {}


def _parts(candidate: Event) -> list[Event]:
    match candidate.get("content"):
        case {"parts": [*parts]}:
            return [part for part in parts if isinstance(part, dict)]
    return []


def _usage(chunk: Event) -> Event:
    counts = chunk.get("usageMetadata")
    return usage_of(counts) if isinstance(counts, dict) else {}


def _total(usage: Event) -> float:
    total = usage.get("total_tokens")
    return total if isinstance(total, (int, float)) else 0


def _merged(before: Event, now: Event, key: str) -> Event:
    """An object that comes in parts: what was said before stays, unless it is said again."""
    if isinstance(before.get(key), dict) and isinstance(now.get(key), dict):
        return {key: before[key] | now[key]}
    return {}
