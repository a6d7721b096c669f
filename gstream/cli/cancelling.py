"""Ask the server to stop a run (`--cancel-on-interrupt`)."""

from typing import Any

from gstream.documents import error_in_body
from gstream.errors import BadDataError, GstreamError, TimeIsUpError
from gstream.events import loads
from gstream.outcome import error_text
from gstream.transport import Connect, Request, UnansweredError

from .hints import cancel_command
from .network import time_limit

_OK = 200
_SECONDS = 5.0


def stop(options: dict[str, Any], connect: Connect, request: Request, *, goes_on: str) -> list[str]:
    """Stop an interrupted run at the server if that was asked for; returns what to say about it.

    Args:
        options: Those of the run.
        connect: Sends the request.
        request: The one to cancel.
        goes_on: That the run goes on unless it is stopped; empty if it does not.
    """
    told = goes_on
    if options["cancel_on_interrupt"]:
        done, told = cancel(connect, request)
        if done:
            return [told]
    elif not goes_on:
        return []
    command = cancel_command(options, request.url)
    return [f"{told}; stop it with: {command}" if command else told]


def cancel(connect: Connect, request: Request) -> tuple[bool, str]:
    """Send the request to cancel; returns whether that worked, and what came of it, for people."""
    try:
        with time_limit(_SECONDS):
            answer = connect(request)
            status, body = answer.status, answer.read()
    except TimeIsUpError:
        return False, _refused(f"no answer within {_SECONDS:g} s")
    except (UnansweredError, GstreamError) as exc:
        return False, _refused(str(exc))
    if status != _OK:
        return False, _refused(f"HTTP {status}: {error_text(error_in_body(body))}")
    return True, f"the server was asked to stop the run: {_status_in(body)}"


def _refused(why: str) -> str:
    return f"the server was asked to stop the run and did not: {why}"


def _status_in(body: bytes) -> str:
    try:
        value = loads(body)
    except BadDataError:
        value = None
    match value:
        case {"status": str(status)}:
            return f"its status is {status}"
    return "it did not say with what result"
