"""Whether the arguments of function calls are JSON (PROTOCOL F1, F3). Pure.

Looks at function calls only: the pieces of their arguments are JSON together, if at all.
"""

from collections.abc import Iterable

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
        self._others: set[int] = set()

    def feed(self, batch: Batch) -> None:
        """Look at the next events."""
        if batch.run() is None or self._open:
            looked_at = self._open or any(map(_is_call, batch.notable)) or _has_fragments(batch)
            for event in batch.events if looked_at else batch.notable:
                self._see(event)

    def begin_after(self, indexes: Iterable[int]) -> None:
        """Say which steps another run has seen begin: the rest of their arguments is no JSON."""
        self._others.update(indexes)

    def end(self, *, cut: bool = False) -> list[str]:
        """The names of the calls whose arguments are no JSON; nothing more comes.

        Args:
            cut: Whether more was due: then those that never stopped are cut, not broken.
        """
        for index in [] if cut else list(self._open):
            self._stop(index)
        broken = self.broken
        self.__init__()  # type: ignore[misc]  # the next interaction starts afresh
        return broken

    def _see(self, event: Event) -> None:
        match event:
            case {"event_type": "step.start", "index": int(index)}:
                self._open.pop(index, None)
                self._others.add(index)
                if _is_call(event):
                    self._open_call(index, event["step"].get("name"))
            case {
                "event_type": "step.delta",
                "index": int(index),
                "delta": {"type": "arguments_delta", "arguments": str(piece)},
            }:
                if index not in self._open and index not in self._others:
                    self._open_call(index)  # its start did not come (A4)
                if index in self._open:
                    self._open[index].pieces.append(piece)
            case {"event_type": "interaction.created"}:
                self._others.clear()
            case {"event_type": "step.stop", "index": int(index)}:
                self._stop(index)

    def _open_call(self, index: int, name: object = None) -> None:
        self._others.discard(index)
        self._open[index] = _Call(str(name or f"the call in step {index}"))

    def _stop(self, index: int) -> None:
        call = self._open.pop(index, None)
        self._others.add(index)
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


def _has_fragments(batch: Batch) -> bool:
    deltas = [event.get("delta") for event in batch.events]
    return any(delta.__class__ is dict and "arguments" in delta for delta in deltas)
