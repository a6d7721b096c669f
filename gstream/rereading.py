"""An interaction that begins again within one input: only what is new of it passes (PROTOCOL S5).

Pure. So it is where the whole of an interaction stands behind its beginning, such as a stream that
was asked for again after it broke off.
"""

from .errors import TruncatedError
from .events import NOTHING, Batch, batch_of
from .ledger import Ledger
from .replay import ContradictionError, Replay


class Rereading:
    """The events of an input, each once.

    Attributes:
        failure: Why nothing passes any more: what came again differs from what had come.
    """

    def __init__(self) -> None:
        self.failure: TruncatedError | None = None
        self._ledger = Ledger(places=False)
        self._replay: Replay | None = None

    def begin(self) -> None:
        """Say that an interaction begins."""
        self.__init__()  # type: ignore[misc]  # nothing is left of the one before

    def begin_again(self) -> None:
        """Say that the interaction begins again; what began in its middle cannot be compared."""
        if self._ledger.created:
            self._replay = Replay(self._ledger, after_last_id=False)
        else:
            self.begin()

    def feed(self, batch: Batch) -> Batch:
        """Take the next events; returns what is new of them, up to a failure."""
        if self.failure is not None:
            return NOTHING
        if self._replay is None:
            self._ledger.record(batch)
            return batch
        pairs = []
        try:
            for event, line in zip(batch.events, batch.lines, strict=True):
                pairs += self._replay.feed(event, line)
        except ContradictionError as exc:
            why = "the interaction begins again and contradicts what was shown"
            self.failure = TruncatedError(f"{why}: {exc}")
        return batch_of([event for event, _ in pairs], [line for _, line in pairs])
