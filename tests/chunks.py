"""Chunks of generateContent for tests, and what becomes of them."""

from typing import Any

import pytest

from gstream.events import batch_of
from gstream.generate_content import Converter
from gstream.outcome import Progress
from gstream.steps import Accumulator


def chunk(*parts: dict[str, Any], reason: str = "", **fields: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"index": 0}
    if parts:
        candidate["content"] = {"role": "model", "parts": list(parts)}
    if reason:
        candidate["finishReason"] = reason
    return {"candidates": [{**candidate, **fields}], "responseId": "r1", "modelVersion": "m1"}


def convert(*chunks: dict[str, Any]) -> list[dict[str, Any]]:
    converter = Converter(pytest.fail)
    return [event for one in chunks for event in converter.feed(one)] + converter.finish()


def interaction(*chunks: dict[str, Any]) -> dict[str, Any]:
    accumulator = Accumulator()
    accumulator.feed_all(convert(*chunks))
    return accumulator.interaction


def failure(*chunks: dict[str, Any]) -> object:
    events = convert(*chunks)
    progress = Progress()
    progress.feed(batch_of(events, [b""] * len(events)))
    return progress.failure()
