"""Which of several files a failure is of: it is told with the name of the file. Pure."""

from collections.abc import Callable

from .errors import GstreamError, input_name


class FileNames:
    """The file that is read, and the one that the interaction began in.

    Attributes:
        current: The name of the first; empty where there is one input alone.
        tell_failure: Is told the failures of which that of the run says nothing.
    """

    def __init__(self) -> None:
        self.current = ""
        self.tell_failure: Callable[[GstreamError], None] = lambda _failure: None
        self._begun_in = ""

    def about_current(self, words: str) -> str:
        """Words about what is read, with the name of its file."""
        return f"{input_name(self.current)}: {words}" if self.current else words

    def interaction_begins(self) -> None:
        """Say that what is read from now on is of an interaction that begins here."""
        self._begun_in = self.current

    @property
    def holds_interaction(self) -> bool:
        """Whether the interaction began in the file that is read."""
        return self._begun_in == self.current

    def of_current(self, failure: GstreamError) -> GstreamError:
        """A failure to read the file, with its name."""
        name = input_name(self.current)
        told = str(failure).startswith((f"{name}: ", f"{name} is closed"))
        return failure if told else _named(failure, self.current)

    def of_interaction(self, failure: GstreamError | None) -> GstreamError | None:
        """A failure of the interaction, with the name of its file."""
        return None if failure is None else _named(failure, self._begun_in)

    def tell(self, unheard: GstreamError | None, *, of_server: bool = False) -> None:
        """Tell a failure that the run's own says nothing of, if that is news.

        Args:
            unheard: The failure; None is nothing.
            of_server: Whether it holds words of the server: these are news with one input, too.
        """
        if unheard is not None and (self.current or of_server):
            self.tell_failure(unheard)


def _named(failure: GstreamError, name: str) -> GstreamError:
    if name:
        failure.args = (f"{input_name(name)}: {failure}",)
    return failure
