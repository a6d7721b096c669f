"""Whether the arguments of function calls are JSON (PROTOCOL F1, F3). Pure.

Looks at function calls only: the pieces of their arguments are JSON together, if at all.
"""

from .errors import BadDataError
from .events import Batch, Event, loads


class ArgumentsCheck:
    """Finds the function calls of an interaction whose arguments are no JSON.

    Attributes:
        broken: Their names, so far.
    """

    def __init__(self) -> None:
        self.broken: list[str] = []
        self._open: dict[int, _Call] = {}

    def feed(self, batch: Batch) -> None:
        """Look at the next events."""
        if self._open or any(_is_call(event) for event in batch.notable):
            for event in batch.events:
                self._see(event)

    def end(self) -> list[str]:
        """The names of the calls whose arguments are no JSON; nothing more comes."""
        for index in list(self._open):
            self._stop(index)
        broken, self.broken = self.broken, []
        return broken

    def _see(self, event: Event) -> None:
        match event:
            case {"event_type": "step.start", "index": int(index)}:
                self._open.pop(index, None)
                if _is_call(event):
                    self._open[index] = _Call(str(event["step"].get("name")))
            case {
                "event_type": "step.delta",
                "index": int(index),
                "delta": {"arguments": str(piece)},
            }:
                if index in self._open:
                    self._open[index].pieces.append(piece)
            case {"event_type": "step.stop", "index": int(index)}:
                self._stop(index)

    def _stop(self, index: int) -> None:
        call = self._open.pop(index, None)
        text = "".join(call.pieces) if call else ""
        if call is None or not text:
            return
        try:
            loads(text.encode())
        except BadDataError:
            self.broken.append(call.name)


class _Call:
    def __init__(self, name: str) -> None:
        self.name = name
        self.pieces: list[str] = []


def _is_call(event: Event) -> bool:
    match event:
        case {"event_type": "step.start", "step": {"type": "function_call"}}:
            return True
    return False
