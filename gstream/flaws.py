"""What of an interaction came, but cannot be used: it costs nothing else, and is told. Pure."""

from collections.abc import Callable, Iterable

from .arguments import ArgumentsCheck
from .events import Batch
from .usable import unusable

_MOST_NAMED = 5


class Flaws:
    """Events of no step, and function calls whose arguments are no JSON (F3).

    Attributes:
        unusable: How many events could not be used.
    """

    def __init__(self, report: Callable[[str], None]) -> None:
        """Begin; `report` is told why which event cannot be used, for people."""
        self.unusable = 0
        self._report = report
        self._arguments = ArgumentsCheck()

    def feed(self, batch: Batch) -> None:
        """Look at the next events."""
        for why in unusable(batch):
            self._report(why)
            self.unusable += 1
        self._arguments.feed(batch)

    def begin_after(self, indexes: Iterable[int]) -> None:
        """Say which steps another run has seen begin: the rest of their arguments is no JSON."""
        self._arguments.begin_after(indexes)

    def bad_arguments(self, *, cut: bool = False) -> str:
        """What is wrong with the arguments of calls, for people; empty if nothing is.

        Args:
            cut: Whether more was due: then calls that never stopped are cut, not broken.
        """
        names = self._arguments.end(cut=cut)[:_MOST_NAMED]
        named = ", ".join(names)
        return f"the arguments of {named} are not JSON: they are kept as text" if names else ""

    def forget(self) -> None:
        """Say that another interaction begins."""
        self.unusable = 0
