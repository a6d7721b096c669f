"""An answer that no other connection can go on with: that of generateContent."""

from gstream.errors import NetworkError, TruncatedError
from gstream.transport import Answer, BrokenStreamError

from .run import Run


def read_once(run: Run, answer: Answer) -> None:
    """Show an answer.

    Raises:
        GstreamError: The connection broke, or brought what is no stream.
    """
    why = ""
    try:
        for chunk in answer.chunks:
            run.feed(chunk)
            if run.session.finished:
                break
    except BrokenStreamError as exc:
        why = f"the connection broke: {exc}"
    finally:
        answer.close()
    run.session.end_input()
    progress = run.session.progress
    if why and not progress.begun:
        raise NetworkError(f"{why}, before the first event")
    if why and not progress.completed:
        raise TruncatedError(f"{why} ({progress.place})")
