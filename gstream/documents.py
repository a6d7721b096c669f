"""JSON that is no event: error bodies, finished interactions, chunks of generateContent. Pure."""

from typing import Any

import orjson

from .errors import BadDataError
from .events import Batch, Event, batch_of, dumps, exact, loads

_CHUNK_KEYS = frozenset({"candidates", "promptFeedback", "usageMetadata", "responseId"})


def values_in(document: bytes) -> list[Any]:
    """The one JSON value of a document, or those that stand one a line.

    Raises:
        BadDataError: It is no JSON.
    """
    try:
        return [loads(document)]
    except BadDataError as exc:
        try:
            return [loads(line) for line in document.splitlines() if line.strip()]
        except BadDataError:
            raise BadDataError(f"the input begins like JSON, but it is {exc}") from exc


def error_of(value: Any) -> Event:
    """The error in an error body, in any of its shapes (PROTOCOL d.6); empty if it is none."""
    match value:
        case [first, *_]:
            return error_of(first)
        case {"error": dict(error)} if "event_type" not in value:
            return error
        case {"error": str(message)} if "event_type" not in value:
            return {"message": message}
    return {}


def error_in_body(body: bytes) -> Event:
    """The error in the body of a refusal, or one that tells its first words (DESIGN 4)."""
    try:
        if error := error_of(loads(body)):
            return error
    except BadDataError:
        pass
    words = b" ".join(body.split())[:100].decode("utf-8", "replace")
    return {"message": f"the answer begins with: {words}" if words else "the answer is empty"}


def is_interaction(value: Any) -> bool:
    """Whether a JSON value is an interaction as the non-streaming API gives it."""
    return isinstance(value, dict) and "status" in value and ("id" in value or "steps" in value)


def is_chunk(value: Any) -> bool:
    """Whether a JSON value is a chunk of generateContent."""
    return (
        isinstance(value, dict) and "event_type" not in value and bool(_CHUNK_KEYS & value.keys())
    )


def with_long_integers(chunk: Event, raw: bytes) -> Event:
    """A chunk with the arguments of its calls as they came: orjson rounds long integers.

    Args:
        chunk: A chunk of generateContent.
        raw: Its JSON.
    """
    found: Event = exact(chunk, raw) if b'"functionCall"' in raw else chunk
    return found


def made(events: list[Event]) -> Batch:
    """The batch of events that no server sent in this form."""
    return batch_of(events, list(map(_line, events)))


def _line(event: Event) -> bytes:
    try:
        return orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE)  # a huge one is copied once
    except orjson.JSONEncodeError:
        return dumps(event) + b"\n"


def joined(*batches: Batch) -> Batch:
    """The events of several batches as one."""
    filled = [batch for batch in batches if batch.events]
    if len(filled) == 1:
        return filled[0]
    whole = Batch(
        [event for batch in filled for event in batch.events],
        [line for batch in filled for line in batch.lines],
        [event for batch in filled for event in batch.notable],
    )
    whole.inherit_run(filled)
    return whole
