"""What may stand beside the view, or before it, and sees what passes through a session."""

from typing import Protocol

from .errors import GstreamError
from .events import Batch, Event


class Observer(Protocol):
    """Something beside the view that wants to know what passes."""

    def feed(self, batch: Batch) -> None:
        """Take the next events."""
        ...


class RawObserver(Protocol):
    """Something beside the view that wants the raw bytes."""

    def feed(self, blocks: bytes) -> None:
        """Take the raw bytes of the next complete blocks."""
        ...


class Stage(Protocol):
    """Something that saves media before a view sees them; see `Media`."""

    @property
    def failure(self) -> GstreamError | None:
        """Why some could not be saved, if so."""
        ...

    def feed(self, batch: Batch) -> Batch:
        """Take the next events; returns them with paths in place of what is saved."""
        ...

    def end(self, *, ended: bool) -> Batch:
        """The events that were held back; `ended` says whether the interaction has an end."""
        ...

    def state(self) -> Event:
        """What another run needs, so that nothing of the interaction is saved again."""
        ...

    def restore(self, state: Event) -> None:
        """Go on where another run was; `state` is what `state` returned there."""
        ...
