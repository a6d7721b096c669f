"""Streams and schedules of faults for the tests of resuming, drawn from a seed."""

import random
from typing import Any

from tests.faults import ENDINGS, Fault

Event = dict[str, Any]

TEXTS = ["Hello ", "the the ", "the the ", "wörld ☕", "", "", ". 🚀 Mehr", " Text\n"]
FRAGMENTS = ["", '{"a":', "[1,2,", "3]}"]
LIVE_ENDINGS = [ending for ending in ENDINGS if ending != "silent"]


def stream(ids: str, seed: int = 0) -> list[Event]:
    """All that happens in a stream: thoughts, text, an image, citations, a call, notices.

    Args:
        ids: Which events have an id: `all`, `some` or `none`.
        seed: Which ones, where it is some.
    """
    running = {"interaction_id": "v1_fault", "status": "in_progress"}
    events: list[Event] = [
        {
            "event_type": "interaction.created",
            "interaction": {"id": "v1_fault", "status": "in_progress", "model": "m"},
        },
        {"event_type": "interaction.status_update", **running},
        {"event_type": "step.start", "index": 0, "step": {"type": "thought"}},
        _delta(0, type="thought_summary", content={"type": "text", "text": "Plan.\n\n"}),
        _delta(0, type="thought_summary", content={"type": "text", "text": "Look.\n\n"}),
        {"event_type": "interaction.status_update", **running},
        _delta(0, type="thought_signature", signature="c2ln"),
        {"event_type": "step.stop", "index": 0},
        {"event_type": "step.start", "index": 1, "step": {"type": "model_output"}},
        *[_delta(1, type="text", text=text) for text in TEXTS],
        _delta(1, type="image", mime_type="image/png", data="AAAA"),
        _delta(1, type="text", text="after"),
        _delta(1, type="text_annotation_delta", annotations=[{"url": "u1"}, {"url": "u2"}]),
        {"event_type": "step.stop", "index": 1},
        {"event_type": "interaction.heartbeat", "n": 1},
        {
            "event_type": "step.start",
            "index": 2,
            "step": {"type": "function_call", "id": "c1", "name": "f", "arguments": {}},
        },
        *[_delta(2, type="arguments_delta", arguments=text) for text in FRAGMENTS],
        {"event_type": "step.stop", "index": 2},
        {
            "event_type": "interaction.completed",
            "interaction": {"id": "v1_fault", "status": "completed", "usage": {"total_tokens": 5}},
        },
    ]
    draw = random.Random(seed)
    for number, event in enumerate(events):
        if ids == "all" or (ids == "some" and draw.random() < 0.4):
            event["event_id"] = f"e{number}"
    return events


def any_stream(seed: int) -> list[Event]:
    """A whole stream of any steps, whose texts, items and notices often say the same."""
    draw = random.Random(seed)
    running = {"interaction_id": "v1_fault", "status": "in_progress"}
    update: Event = {"event_type": "interaction.status_update", **running}
    created = {"id": "v1_fault", "status": "in_progress", "model": "m"}
    events = [{"event_type": "interaction.created", "interaction": created}, update]
    events += [update] * draw.choice([0, 0, 1])
    for index in range(draw.randint(1, 5)):
        kind = draw.choice(["model_output", "model_output", "thought", *_WHOLE_KINDS])
        step = {"type": kind, **_WHOLE_KINDS.get(kind, {})}
        events.append({"event_type": "step.start", "index": index, "step": step})
        for _ in range(draw.randint(0, 7)):
            events.append(_delta(index, **draw.choice(_DELTAS[kind])))
            if draw.random() < 0.12:
                events.append(draw.choice([update, {"event_type": "interaction.beat", "n": 1}]))
        events.append({"event_type": "step.stop", "index": index})
    completed = {"id": "v1_fault", "status": "completed", "usage": {"total_tokens": 5}}
    events.append({"event_type": "interaction.completed", "interaction": completed})
    share = draw.choice([0.0, 0.1, 0.4, 1.0])
    return [
        {**event, "event_id": f"e{number}"} if draw.random() < share else dict(event)
        for number, event in enumerate(events)
    ]


_WHOLE_KINDS: dict[str, Event] = {
    "function_call": {"id": "c1", "name": "f", "arguments": {}},
    "google_search_call": {"id": "s1", "signature": ""},
}
_SAID = ["", "a", "a", "ab", "the ", "wörld ☕", "\n", "🚀"]
_PIECES = ["AA==", "AAAB", ""]
_DELTAS: dict[str, list[Event]] = {
    "model_output": [
        *[{"type": "text", "text": text} for text in _SAID],
        *[{"type": "image", "mime_type": "image/png", "data": data} for data in ("AAAA", "BBBB")],
        *[{"type": "audio", "mime_type": "audio/l16", "data": data} for data in _PIECES],
        *[{"type": "text_annotation_delta", "annotations": [{"url": "u"}] * n} for n in (0, 1, 2)],
        {"type": "hologram", "x": 1},
    ],
    "thought": [
        *[
            {"type": "thought_summary", "content": {"type": "text", "text": text}}
            for text in ("", "Plan.", "P", "Plan.")
        ],
        *[{"type": "thought_signature", "signature": text} for text in ("", "c2ln")],
    ],
    "function_call": [
        {"type": "arguments_delta", "arguments": text} for text in ("", "1", "1", "23")
    ],
    "google_search_call": [
        {"type": "google_search_call", "arguments": {"queries": [n]}} for n in (1, 2)
    ],
}


def _delta(index: int, **delta: Any) -> Event:
    return {"event_type": "step.delta", "index": index, "delta": delta}


def faults(seed: int, *, endings: list[str], cut_anew: bool) -> list[Fault]:
    """Some connections that break; never so many without progress that polling begins."""
    draw = random.Random(seed)
    drawn = []
    for number in range(draw.randint(1, 5)):
        split = draw.choice([0, 1, 3, 5]) if cut_anew else 0
        drawn.append(
            Fault(
                events=draw.randint(1, 7) + 4 * number,
                extra=draw.choice([0, 0, 5, 30, 60]),
                ending=draw.choice(endings),
                split=split,
                repeat=0 if split else draw.choice([0, 0, 1, 3]),
                from_start=draw.random() < 0.15,
                preamble=draw.random() < 0.2,
                pieces=draw.choice([1 << 20, 7, 64]),
            )
        )
    return drawn
