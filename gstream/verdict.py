"""Which failure a run ends with, of all that went wrong in it (DESIGN 6). Pure."""

from .errors import BadDataError, CannotCreateError, GstreamError, TruncatedError
from .events import Event
from .outcome import Progress, raw_error, refused_request


class Verdict:
    """What a run is found to be.

    Attributes:
        failure: The failure that weighs most, of equal ones the first; None while all is well.
        progress: How far the interaction was that failed so.
    """

    def __init__(self) -> None:
        self.failure: GstreamError | None = None
        self.progress = Progress()

    def add(self, failure: GstreamError | None, progress: Progress) -> GstreamError | None:
        """Take one more thing that went wrong; None is nothing.

        Args:
            failure: The failure.
            progress: How far the interaction is that failed.

        Returns:
            The failure that weighs less than another, if one does: nobody will hear of it.
        """
        if _weight(failure) <= _weight(self.failure):
            return failure
        failure, self.failure = self.failure, failure
        self.progress = progress
        return failure


def failure_of(progress: Progress, error: Event | None, http_status: int) -> GstreamError | None:
    """The failure that an interaction ended with; None if it is whole.

    Args:
        progress: How far it is.
        error: The raw JSON error that its body ended with, if one did (PROTOCOL d.6).
        http_status: The status in the header lines of `curl -i`; 0 without them.
    """
    if error is not None and not (progress.is_final or (progress.begun and progress.done)):
        return raw_error(error) if progress.begun else refused_request(error, http_status)
    failure = progress.failure()
    if progress.exit_line is None:
        return failure
    code = failure.exit_code if failure else 0
    told = progress.exit_line.get("status") == code
    return failure if told else _earlier_failure(progress.exit_line)


def _weight(failure: GstreamError | None) -> int:
    """How much a failure says: what the interaction's status says, broken events, its end."""
    match failure:
        case None:
            return 0
        case TruncatedError():
            return 1
        case BadDataError() | CannotCreateError():
            return 2
        case _:
            return 3


def _earlier_failure(exit_line: Event) -> GstreamError:
    """The failure that an earlier run of gstream wrote at the end of its NDJSON."""
    kinds = {kind.exit_code: kind for kind in GstreamError.__subclasses__()}
    status = exit_line.get("status")
    kind = kinds.get(status, TruncatedError) if isinstance(status, int) else TruncatedError
    return kind(f"an earlier run ended with: {exit_line.get('message')}")
