"""Interactions, and what broken connections bring of them, as hypothesis draws them."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from hypothesis import strategies as st

from gstream.elements import elements_of
from gstream.events import Batch, batch_of, delta_type
from gstream.finished import missing_events
from gstream.ledger import Ledger
from gstream.replay import Pair, Replay
from gstream.steps import Accumulator

Event = dict[str, Any]

INTERACTION_ID = "v1_drawn"
KINDS = ("model_output", "model_output", "thought", "function_call", "google_search_call")

_TEXTS = st.sampled_from(["", "a", "a", "ab", "b", "bab", "ä☕", "\n"])
_FRAGMENTS = st.sampled_from(["", "{", '{"a":', "[1,2,", "3]}", "1", "1"])
_SIGNATURES = st.sampled_from(["", "c2ln"])


def _deltas_of(kind: str) -> st.SearchStrategy[Event]:
    texts = _TEXTS.map(lambda text: {"type": "text", "text": text})
    signatures = _SIGNATURES.map(lambda value: {"type": "thought_signature", "signature": value})
    strange = st.sampled_from([{}, {"type": "hologram", "x": 1}, {"type": "hologram", "x": 2}])
    if kind == "model_output":
        return st.one_of(texts, texts, texts, _annotations(), _media(), _audio(), strange)
    if kind == "thought":
        return st.one_of(_TEXTS.map(_summary), _TEXTS.map(_summary), _image_summary(), signatures)
    if kind == "function_call":
        fragments = _FRAGMENTS.map(lambda text: {"type": "arguments_delta", "arguments": text})
        return st.one_of(fragments, fragments, strange)
    return st.sampled_from([{"type": kind, "arguments": {"queries": [n]}} for n in (1, 2)])


def _summary(text: str) -> Event:
    return {"type": "thought_summary", "content": {"type": "text", "text": text}}


def _image_summary() -> st.SearchStrategy[Event]:
    image = {"type": "image", "mime_type": "image/png", "data": "AAAA"}
    return st.just({"type": "thought_summary", "content": image})


def _annotations() -> st.SearchStrategy[Event]:
    one = st.sampled_from([{"type": "url_citation", "url": url} for url in ("u1", "u2")])
    return st.lists(one, max_size=3).map(
        lambda found: {"type": "text_annotation_delta", "annotations": found}
    )


def _media() -> st.SearchStrategy[Event]:
    data = st.sampled_from(["AAAA", "AAAA", "BBBB"])
    return data.map(lambda data: {"type": "image", "mime_type": "image/png", "data": data})


def _audio() -> st.SearchStrategy[Event]:
    data = st.sampled_from([b"\0", b"\0\0\1", b"\1\0\1\0"])
    return st.builds(
        lambda piece, rate: {
            "type": "audio",
            "mime_type": "audio/l16",
            "sample_rate": rate,
            "data": base64.b64encode(piece).decode(),
        },
        data,
        st.sampled_from([24000, 24000, 8000]),
    )


def _notices() -> st.SearchStrategy[Event]:
    update = {"event_type": "interaction.status_update", "interaction_id": INTERACTION_ID}
    return st.sampled_from(
        [
            {**update, "status": "in_progress"},
            {**update, "status": "in_progress"},
            {**update, "status": "queued"},
            {"event_type": "interaction.heartbeat", "n": 1},
            {"event_type": "interaction.heartbeat", "n": 2},
        ]
    )


def _starts(kind: str) -> st.SearchStrategy[Event]:
    bare: Event = {"type": kind}
    text = {"type": "text", "text": "a"}
    filled: dict[str, Event] = {
        "model_output": {**bare, "content": [text]},
        "thought": {**bare, "summary": [text]},
        "function_call": {**bare, "id": "c1", "name": "f", "arguments": {}},
        "google_search_call": {**bare, "id": "s1", "signature": ""},
    }
    return st.sampled_from([bare, filled[kind]])


@st.composite
def interactions(
    draw: st.DrawFn, *, ids: st.SearchStrategy[str] | None = None, tidy: bool = False
) -> list[Event]:
    """The events of a whole interaction: several steps, interleaved, and notices between them.

    Args:
        draw: Given by hypothesis.
        ids: How many events have ids: `all`, `some` or `none`.
        tidy: Only what the non-streaming answer holds, too: each step starts and stops.
    """
    events = [_created(), *draw(st.lists(_notices(), max_size=2))]
    kinds: list[str] = []
    for wanted in draw(st.lists(st.sampled_from([0, 0, 0, 1, 2, 3, -1]), max_size=14)):
        if wanted < 0:
            events.append(draw(_notices()))
            continue
        index = min(wanted, len(kinds))
        if index == len(kinds):
            kinds.append(draw(st.sampled_from(KINDS)))
            if tidy or draw(st.integers(0, 9)):  # a resumed stream may begin behind the start
                step = draw(_starts(kinds[index]))
                events.append({"event_type": "step.start", "index": index, "step": step})
        delta = draw(_deltas_of(kinds[index]))
        events.append({"event_type": "step.delta", "index": index, "delta": delta})
    stopped = [each for each in range(len(kinds)) if tidy or draw(st.integers(0, 9))]
    events += [
        {"event_type": "step.stop", "index": index} for index in draw(st.permutations(stopped))
    ]
    if kinds and not tidy and not draw(st.integers(0, 9)):  # odd, but it happens
        late = draw(_deltas_of(kinds[0]))
        events.append({"event_type": "step.delta", "index": 0, "delta": late})
    completed = {"id": INTERACTION_ID, "status": "completed", "usage": {"total_tokens": 5}}
    events.append({"event_type": "interaction.completed", "interaction": completed})
    placing = draw(ids if ids is not None else st.sampled_from(["all", "some", "none"]))
    return _with_ids(events, [placing == "all" or draw(st.booleans()) for _ in events]) * (
        placing != "none"
    ) or [dict(event) for event in events]


def _created() -> Event:
    interaction = {"id": INTERACTION_ID, "status": "in_progress", "object": "interaction"}
    return {"event_type": "interaction.created", "interaction": interaction}


def _with_ids(events: list[Event], chosen: Sequence[bool]) -> list[Event]:
    return [
        {**event, "event_id": f"e{number}"} if wanted else dict(event)
        for number, (event, wanted) in enumerate(zip(events, chosen, strict=True))
    ]


# --- connections


@dataclass(frozen=True, slots=True)
class Connection:
    """What one connection after the first does.

    Attributes:
        count: How many events it brings; None for all that are left.
        ask: Whether the client names the last event id, if it has one.
        obey: Whether the server begins there.
        overlap: How many events from before it come again.
        preamble: Whether created and status_update come before, as some servers send them.
        cut: Cuts its events anew; leaves them alone if it is empty.
    """

    count: int | None = None
    ask: bool = True
    obey: bool = True
    overlap: int = 0
    preamble: bool = False
    cut: tuple[int, ...] = ()


WHOLE = Connection()


def connections(*, cuts: bool = False) -> st.SearchStrategy[list[Connection]]:
    """Some connections, each of which breaks."""
    one = st.builds(
        Connection,
        count=st.integers(0, 12),
        ask=st.sampled_from([True, True, True, False]),
        obey=st.sampled_from([True, True, True, False]),
        overlap=st.sampled_from([0, 0, 1, 2, 3, 8]),
        preamble=st.booleans(),
        cut=st.lists(st.integers(0, 4), min_size=1, max_size=4).map(tuple) if cuts else st.just(()),
    )
    return st.lists(one, max_size=4)


def sent(events: list[Event], connection: Connection, last_id: str) -> list[Event]:
    """What the server sends to a client that asks for what follows an id (empty: for all)."""
    first = 0
    preamble: list[Event] = []
    if last_id and connection.obey:
        place = [event.get("event_id") for event in events].index(last_id) + 1
        first = max(0, place - connection.overlap)
        updated = events[1]["event_type"] == "interaction.status_update"
        if connection.preamble and updated and first > 1:
            preamble = events[:2]
    rest = events[first:]
    if connection.cut:
        rest = recut(rest, connection.cut)
    whole = [*preamble, *rest]
    return whole if connection.count is None else whole[: connection.count]


def recut(events: list[Event], sizes: Sequence[int]) -> list[Event]:
    """The same stream with its runs in other deltas: neighbours are joined, then cut.

    Args:
        events: The stream.
        sizes: The lengths of the pieces, over and over; an id stays with the last piece.
    """
    result: list[Event] = []
    turn = 0
    for event in _joined_neighbours(events):
        field = _run_field(event)
        if field is None:
            result.append(event)
            continue
        value, with_value = field
        pieces = []
        at = 0
        while at < len(value):
            size = sizes[turn % len(sizes)]
            turn += 1
            pieces.append(value[at : at + size])
            at += size
            if not any(sizes):
                pieces = [value]
                break
        pieces = pieces or [value]
        parts = [with_value(piece) for piece in pieces]
        result += [without_id(part) for part in parts[:-1]] + parts[-1:]
    return result


def _joined_neighbours(events: list[Event]) -> list[Event]:
    result: list[Event] = []
    for event in events:
        before = result[-1] if result else {}
        ours, theirs = _run_field(event), _run_field(before)
        if ours is None or theirs is None or "event_id" in before or not _same_run(before, event):
            result.append(event)
        else:
            result[-1] = ours[1](theirs[0] + ours[0])
    return result


def _same_run(one: Event, other: Event) -> bool:
    keys = [element.key for event in (one, other) for element in elements_of(event["delta"])]
    return one["index"] == other["index"] and keys[0] == keys[-1] != ""


def _run_field(event: Event) -> tuple[Any, Callable[[Any], Event]] | None:
    """The text or bytes of a delta that may be cut, and how to put others in its place."""
    delta = event.get("delta")
    if delta is None:
        return None
    kind = delta_type(delta)
    key = {"text": "text", "arguments_delta": "arguments"}.get(kind)
    if key is not None:
        return delta[key], lambda text: {**event, "delta": {**delta, key: text}}
    if kind == "audio":
        return base64.b64decode(delta["data"]), lambda data: {
            **event,
            "delta": {**delta, "data": base64.b64encode(data).decode()},
        }
    return None


def without_id(event: Event) -> Event:
    """The event as a server sends it that gives no ids."""
    return {key: value for key, value in event.items() if key != "event_id"}


# --- following


def line_of(event: Event) -> bytes:
    """An event as its line."""
    return orjson.dumps(event) + b"\n"


def batch(events: list[Event]) -> Batch:
    """Some events as the reader hands them on."""
    return batch_of(events, [line_of(event) for event in events])


def follow(
    events: list[Event],
    first: int,
    more: Sequence[Connection],
    *,
    in_file: bool = False,
    foreground: bool = False,
) -> list[Pair]:
    """What is handed on: some events of the first connection, then what replays find new.

    Args:
        events: The whole stream.
        first: How many events the first connection brings.
        more: The other connections; a last one that is whole follows.
        in_file: Whether each connection is another process, with a cursor file between them.
        foreground: Whether the first connection gives no ids, as those of models do.
    """
    begun = [without_id(event) for event in events] if foreground else events
    handed, ledger = follow_for_now(begun[:first], events, more, in_file=in_file)
    if not _is_complete(handed):
        handed += _replayed(events, _kept(ledger) if in_file else ledger, WHOLE)
    return handed


def follow_for_now(
    begun: list[Event], events: list[Event], more: Sequence[Connection], *, in_file: bool = False
) -> tuple[list[Pair], Ledger]:
    """As `follow`, without the last connection that is whole; and the ledger.

    Args:
        begun: What the first connection brings.
        events: The whole stream, for the others.
        more: The other connections.
        in_file: As for `follow`.
    """
    ledger = Ledger()
    first = batch(begun)
    ledger.record(first)
    handed = list(zip(first.events, first.lines, strict=True))
    for connection in more:
        if not _is_complete(handed):
            ledger = _kept(ledger) if in_file else ledger
            handed += _replayed(events, ledger, connection)
    return handed, ledger


def _kept(ledger: Ledger) -> Ledger:
    return Ledger.from_json(orjson.loads(orjson.dumps(ledger.as_json())))


def _replayed(events: list[Event], ledger: Ledger, connection: Connection) -> list[Pair]:
    last_id = ledger.last_event_id if connection.ask else ""
    replay = Replay(ledger, after_last_id=bool(last_id))
    arrived = sent(events, connection, last_id)
    return [pair for event in arrived for pair in replay.feed(event, line_of(event))]


def _is_complete(handed: list[Pair]) -> bool:
    return any(event["event_type"] == "interaction.completed" for event, _ in handed)


def accumulated(events: Sequence[Event]) -> Event:
    """The interaction that some events make."""
    accumulator = Accumulator()
    for event in events:
        accumulator.feed(event)
    return accumulator.interaction


def poll(events: list[Event], first: int, more: Sequence[Connection]) -> list[Pair]:
    """As `follow`, but what the connections did not bring is taken from the whole interaction."""
    handed, ledger = follow_for_now(events[:first], events, more)
    kinds = {index: track.kind for index, track in ledger.tracks.items()}
    replay = Replay(ledger, after_last_id=False)
    for event in missing_events(accumulated(events), kinds):
        handed += replay.feed(event, line_of(event))
    return handed
