"""Events on their way to a view, and to what stands beside it.

Pure but for the sink, the stage and the observers that it is given.
"""

from collections.abc import Callable, Iterator, Sequence

from .errors import BadDataError, GstreamError
from .events import Batch, Event
from .sink import Sink
from .stages import Observer, Stage
from .views import View


class Display:
    """What shows the events of a run: its view, what saves their media, who counts them.

    Attributes:
        media: Saves the media before the view sees them, if anything does.
    """

    def __init__(
        self,
        view: View,
        sink: Sink,
        observers: Sequence[Observer],
        report: Callable[[str], None],
    ) -> None:
        """Begin.

        Args:
            view: Turns events into output.
            sink: Takes the output.
            observers: Are handed the events that the view is handed.
            report: Is told what is not shown, for people.
        """
        self.media: Stage | None = None
        self._view = view
        self._sink = sink
        self._observers = list(observers)
        self._report = report

    def observe(self, observer: Observer) -> None:
        """Hand the next events to one more observer."""
        self._observers.append(observer)

    def feed(self, batch: Batch) -> None:
        """Show the next events."""
        saved = batch if self.media is None else self.media.feed(batch)
        self._sink.write(self._view.feed(saved if self._view.wants_paths else batch))
        for observer in self._observers:
            observer.feed(batch)

    def amend(self, batch: Batch) -> None:
        """Take events that no stream brought: what is shown event by event does not show them."""
        if self._view.at_end:
            self._view.feed(batch)
        for observer in self._observers:
            observer.feed(batch)

    def end(self, *, whole: bool, ended: bool) -> Iterator[GstreamError]:
        """Show what the end of an interaction adds; the arguments are those of `View.end`.

        Returns:
            What went wrong: media that could not be saved, JSON that cannot be written.
        """
        if self.media is not None:
            rest = self.media.end(ended=ended)
            if self._view.wants_paths:
                self._sink.write(self._view.feed(rest))
            if (failure := self.media.failure) is not None:
                yield failure
        elif self._view.unshown:
            size = f"{self._view.unshown:,} bytes of media"
            self._report(f"{size} were not shown; --save-media DIR saves them")
        elif whole and self._view.silent:
            self._report("the answer holds no text; --json shows what it holds")
        try:
            self._sink.write(self._view.end(whole=whole, ended=ended))
        except BadDataError as exc:  # nested too deeply to be written
            yield exc

    def state(self) -> Event:
        """What another run needs, besides the types of the steps, to go on."""
        return self._view.state() | ({} if self.media is None else self.media.state())

    def restore(self, state: Event, kinds: dict[int, str]) -> None:
        """Go on where another run was.

        Args:
            state: What `state` returned there.
            kinds: The types of the steps, by index.
        """
        self._view.restore(state, kinds)
        if self.media is not None:
            self.media.restore(state)
