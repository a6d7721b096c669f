"""Connections that repeat some of what was handed on."""

import base64

from gstream.ledger import Ledger
from gstream.replay import Replay

from .interactions import (
    line_of,
)
from .support import Event, batch, delta

PNG: Event = {"type": "image", "mime_type": "image/png", "data": "AAAA"}


def ledger_of(*events: Event) -> Ledger:
    ledger = Ledger()
    ledger.record(batch(*events))
    return ledger


def replayed(ledger: Ledger, *arrived: Event, after_last_id: bool = False) -> list[Event]:
    """What of the events on a new connection is handed on."""
    replay = Replay(ledger, after_last_id=after_last_id)
    return [new for one in arrived for new, _ in replay.feed(one, line_of(one))]


def audio(data: bytes) -> Event:
    return delta("audio", mime_type="audio/l16", data=base64.b64encode(data).decode())
