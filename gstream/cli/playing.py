"""Show recordings: their turns as one run, and how that run ended."""

from collections.abc import Callable, Iterable

from gstream.errors import BadDataError, GstreamError, IncompleteError, TruncatedError
from gstream.events import Event
from gstream.outcome import Progress
from gstream.recording import Header, Part, Piece

from .run import Run

# Of these no recorded stream tells: they are what the connection was, its time, or what could not
# be handed on.
_NOT_IN_THE_STREAM = frozenset({64, 65, 68, 69, 75, 77, 78, 124})


def play(
    run: Run,
    pieces: Iterable[Piece],
    *,
    wait: Callable[[float], None] = lambda _seconds: None,
) -> None:
    """Show recordings as the runs showed them that were recorded.

    Args:
        run: Shows them.
        pieces: What the file holds.
        wait: Waits the seconds before each part.

    Raises:
        GstreamError: A recorded run failed in a way that its stream does not tell.
    """
    failure: GstreamError | None = None
    unreadable: BadDataError | None = None
    begun = ended = False
    for piece in pieces:
        match piece:
            case Part(seconds, data):
                wait(seconds)
                unreadable = unreadable or _bad_data(lambda: run.feed(data))
                begun = True
            case Header(fields):
                if unreadable is not None:
                    break
                if begun:
                    _end_turn(run, last=ended)
                run.session.expect_stream()
                _copy_request(run, fields)
                _begin_turn(run, fields)
                ended = False
            case _:  # its exit
                failure = failure or _failure(piece.fields, run.session.progress)
                ended = True
    end = run.session.end_file if failure is None else run.session.end_input
    unreadable = unreadable or _bad_data(end)
    problem = failure or unreadable
    if problem is not None:
        raise problem


def _bad_data(read: Callable[[], None]) -> BadDataError | None:
    """Read on; returns why that is not possible. How the recorded run ended says more than that."""
    try:
        read()
    except BadDataError as exc:
        return exc
    return None


def _end_turn(run: Run, *, last: bool) -> None:
    """End the answer to a request; unless it was the last of its run, the next one goes on."""
    session = run.session
    session.end_input()
    if not last and session.progress.status == "requires_action":
        session.end_turn()


def _copy_request(run: Run, header: Event) -> None:
    """Let what records this run begin with the request of the recording."""
    match header:
        case {"request": {"method": str(method), "path": str(path), **rest}}:
            body = rest.get("body")
            for tape in run.tapes:
                tape.request(method, path, body if isinstance(body, dict) else None)


def _begin_turn(run: Run, header: Event) -> None:
    """Let a hop of a long answer be one with the hop before."""
    match header:
        case {"request": {"body": {"continuation_token": str(token)}}} if token:
            if run.session.progress.begun:
                run.session.expect_hop()


def _failure(exit_fields: Event, progress: Progress) -> GstreamError | None:
    """What ended the recorded run, where the stream does not tell."""
    match exit_fields:
        case {"status": 11, "message": str(message)} if progress.status == "requires_action":
            return IncompleteError(f"as recorded: {message}")  # the turns were enough
        case {"status": 76, "message": str(message)} if progress.whole:
            return TruncatedError(f"as recorded: {message}")  # what is whole was not all
        case {"status": int(status), "message": str(message)} if status in _NOT_IN_THE_STREAM:
            kinds = {kind.exit_code: kind for kind in GstreamError.__subclasses__()}
            return kinds[status](f"as recorded: {message}")
    return None
