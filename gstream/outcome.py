"""How an interaction ended, and which failure that is.

Pure. `interaction.completed` ends a stream but is no success: the status decides (PROTOCOL d.2).
"""

from collections.abc import Callable, Sequence
from typing import Any

from .errors import (
    CancelledError,
    ErrorEventError,
    FailedError,
    GstreamError,
    IncompleteError,
    RateLimitedError,
    RefusedError,
    RejectedError,
    RequiresActionError,
    ServerFailedError,
    TruncatedError,
)
from .events import DONE_EVENT, Batch, Event

RUNNING = frozenset({"", "queued", "in_progress", "unknown"})

_FAILURES: dict[str, type[GstreamError]] = {
    "requires_action": RequiresActionError,
    "requires_continuation": IncompleteError,
    "incomplete": IncompleteError,
    "budget_exceeded": IncompleteError,
    "failed": FailedError,
    "cancelled": CancelledError,
}

_STATUS_HINTS = {
    "incomplete": "its answer stops early, at max_output_tokens perhaps",
    "budget_exceeded": "its answer stops early: what it was allowed to cost is spent",
    "requires_continuation": "its answer stops early, and was not continued",
}

# These statuses are news enough without the end of the stream; others may be half an answer.
_FINAL = frozenset({"failed", "cancelled"})
# What belongs to an interaction. Errors, `[DONE]` and unknown events may come without one.
_OF_INTERACTIONS = frozenset(
    "interaction.created interaction.completed step.start step.delta step.stop gstream.exit".split()
)

_OF_ERRORS = frozenset({"code", "message", "status"})

_MOST_SHOWN = 20

BLOCKED = frozenset(
    "safety recitation language prohibited_content spii blocklist image_safety "
    "image_prohibited_content image_recitation image_other content_blocked".split()
)
"""Error codes that say that content was blocked (PROTOCOL d.6)."""

_HTTP_OF_CODE = {
    "authentication": 401,
    "unauthenticated": 401,
    "payment_required": 402,
    "permission_denied": 403,
    "not_found": 404,
    "model_not_found": 404,
    "already_exists": 409,
    "aborted": 409,
    "out_of_range": 416,
    "rate_limit_exceeded": 429,
    "quota_exceeded": 429,
    "too_many_requests": 429,
    "resource_exhausted": 429,
    "cancelled": 499,
    "api_error": 500,
    "internal": 500,
    "unimplemented": 501,
    "service_unavailable": 503,
    "unavailable": 503,
    "deadline_exceeded": 504,
    "gateway_timeout": 504,
}


class Progress:
    """What the notable events of one interaction have said so far.

    Attributes:
        begun: Whether any event has come that belongs to an interaction.
        agent: Whether an agent is at work.
        has_usage: Whether the end of the interaction brought its token counts.
        interaction_id: Empty while unknown, or where the interaction is not stored.
        status: The newest status; empty while unknown.
        last_event_id: The newest `event_id`; empty if no event had one.
        token: The newest continuation token; empty if there is none.
        completed: Whether `interaction.completed` has come.
        done: Whether `[DONE]` has come.
        error: The error of the newest error event, else the last of the end; None without one.
        calls: The ids of the function calls that nothing in the stream has answered.
        exit_line: The `gstream.exit` line of an earlier run, where its output is read again.
    """

    def __init__(self) -> None:
        self.begun = False
        self.agent = False
        self.has_usage = False
        self.interaction_id = ""
        self.status = ""
        self.last_event_id = ""
        self.token = ""
        self.completed = False
        self.done = False
        self.error: Event | None = None
        self.calls: dict[str, None] = {}
        self.exit_line: Event | None = None
        self._step_error: Event | None = None

    def feed(self, batch: Batch) -> None:
        """Take the next events."""
        if not batch.events:
            return
        self.begun = self.begun or any(map(_is_of_interaction, batch.events))
        for event in reversed(batch.events):
            if "event_id" in event and event["event_id"] and isinstance(event["event_id"], str):
                self.last_event_id = event["event_id"]
                break
        for event in batch.notable:
            if action := _ACTIONS.get(event["event_type"]):
                action(self, event)
            elif isinstance(interaction := event.get("interaction"), dict):
                self._see(interaction)

    @property
    def ended(self) -> bool:
        """Whether the interaction has come to an end that its status tells."""
        return (self.completed or self.done) and self.status not in RUNNING

    @property
    def is_final(self) -> bool:
        """Whether nothing that follows can change how the interaction ended."""
        return self.ended or self.completed or self.status in _FINAL

    @property
    def whole(self) -> bool:
        """Whether the answer is whole."""
        return self.ended and self.status == "completed"

    def failure(self) -> GstreamError | None:
        """The failure that this end of the interaction is; None if the answer is whole."""
        if self.whole:
            return None
        if self.is_final:
            return self._status_failure()
        if self.error is not None:
            return error_event(self.error)
        if not self.begun:
            return TruncatedError("the stream ended, and no interaction had begun")
        return TruncatedError(f"the stream ended before the interaction did ({self.place})")

    @property
    def place(self) -> str:
        """Where in the stream we are, for a message."""
        if self.last_event_id:
            return f"after event {self.last_event_id}"
        if self.interaction_id:
            return f"interaction {self.interaction_id}"
        return "no interaction had begun" if not self.begun else "it is not stored"

    def _status_failure(self) -> GstreamError:
        kind = _FAILURES.get(self.status, IncompleteError)
        why = f": {error_text(self.error)}" if self.error else ""
        if self.status in RUNNING:
            still = f"is still {self.status}" if self.status else "has no status"
            return TruncatedError(f"the stream ended, and the interaction {still}")
        if self.status == "requires_action":
            hint = answer_hint(self.interaction_id, list(self.calls))
            return kind("the interaction waits for the results of function calls", hint=hint)
        hint = "" if why else _STATUS_HINTS.get(self.status, "")  # a reason beats a guess
        return kind(f"the interaction ended with status {self.status}{why}", hint=hint)

    def _see(self, interaction: Event) -> None:
        match interaction:
            case {"id": str(interaction_id)} if interaction_id:
                self.interaction_id = interaction_id
        match interaction:
            case {"status": str(status)}:
                self.status = status
        self.agent = self.agent or bool(interaction.get("agent"))

    def _created(self, event: Event) -> None:
        self.completed = self.done = False
        self.token = ""
        if isinstance(interaction := event.get("interaction"), dict):
            self._see(interaction)

    def _updated(self, event: Event) -> None:
        match event:
            case {"status": str(status)} if not self.completed:
                self.status = status
        match event:
            case {"continuation_token": str(token)}:
                self.token = token
        match event:
            case {"interaction_id": str(interaction_id)} if interaction_id:
                self.interaction_id = interaction_id

    def _completed(self, event: Event) -> None:
        self.completed = True
        self.token = ""
        if isinstance(interaction := event.get("interaction"), dict):
            self._see(interaction)
            self.has_usage = bool(interaction.get("usage"))
            if isinstance(steps := interaction.get("steps"), list):
                for step in steps:
                    self._see_step(step)
            self._see_error(interaction)
            if isinstance(token := interaction.get("continuation_token"), str):
                self.token = token

    def _see_error(self, interaction: Event) -> None:
        """Take the last error of an interaction, where no event has told one."""
        match interaction:
            case {"errors": [*_, dict(error)]} | {"error": dict(error)} if self.error is None:
                self.error = error
            case _:
                self.error = self.error or self._step_error

    def _step_started(self, event: Event) -> None:
        self._see_step(event.get("step"))

    def _see_step(self, step: Any) -> None:
        match step:
            case {"type": "function_call", "id": str(call_id)} if call_id:
                self.calls[call_id] = None
            case {"type": "function_result", "call_id": str(call_id)}:
                self.calls.pop(call_id, None)
            case {"type": "model_output", "error": dict(error)}:  # why it stops (PROTOCOL c.3)
                self._step_error = error

    def _error(self, event: Event) -> None:
        match event:
            case {"error": dict(error)}:
                self.error = error
            case {"error": str(message)}:
                self.error = {"message": message}
            case _:  # what an error says of itself, perhaps
                self.error = {key: event[key] for key in _OF_ERRORS & event.keys()}

    def _done(self, _event: Event) -> None:
        self.done = True

    def _exit(self, event: Event) -> None:
        self.exit_line = event


_ACTIONS: dict[str, Callable[[Progress, Event], None]] = {
    "interaction.created": Progress._created,
    "interaction.status_update": Progress._updated,
    "interaction.completed": Progress._completed,
    "step.start": Progress._step_started,
    "error": Progress._error,
    DONE_EVENT["event_type"]: Progress._done,
    "gstream.exit": Progress._exit,
}


def _is_of_interaction(event: Event) -> bool:
    if event["event_type"] == "interaction.status_update":
        return bool(event.get("interaction_id"))  # without, it may announce one
    named = event["event_type"] in _OF_INTERACTIONS
    return named or isinstance(event.get("interaction"), dict)


def answer_hint(interaction_id: str, call_ids: Sequence[str]) -> str:
    """The command that answers function calls by hand, but for their results."""
    import shlex

    if not interaction_id:
        return "it is not stored: answer with all steps and the results as the input of -d"
    command = f"gstream create --previous {shlex.quote(interaction_id)}"
    if not call_ids:
        return f"go on with: {command} -p …"
    results = [f"--function-result {shlex.quote(call_id)}=…" for call_id in call_ids[:_MOST_SHOWN]]
    more = " …" if len(call_ids) > _MOST_SHOWN else ""
    return f"answer with: {command} {' '.join(results)}{more}"


def error_event(error: Event) -> GstreamError:
    """The failure of a stream that ended with an error event."""
    if str(error.get("code", "")).lower() in BLOCKED:
        return FailedError(f"the content was blocked: {error_text(error)}")
    return ErrorEventError(f"the stream ended with an error: {error_text(error)}")


def raw_error(error: Event) -> GstreamError:
    """The failure of a stream that a raw JSON error broke off (PROTOCOL d.6, 2 and 3)."""
    if http_status_of(error) >= 500:
        return TruncatedError(f"the server broke off the stream: {error_text(error)}")
    return error_event(error)


def refused_request(error: Event, http_status: int = 0) -> GstreamError:
    """The failure of a request that the server answered with an error body.

    Args:
        error: The error in the body; empty if there was none.
        http_status: The status of the answer; 0 if only the body is known.
    """
    status = http_status or http_status_of(error)
    text = error_text(error)
    where = f"HTTP {status}: " if status else ""
    if str(error.get("code", "")).lower() in BLOCKED:
        return FailedError(f"{where}the content was blocked: {text}")
    kind: type[GstreamError] = RejectedError
    if status in {401, 403}:
        kind = RefusedError
    elif status == 429:
        kind = RateLimitedError
    elif status >= 500:
        kind = ServerFailedError
    return kind(f"{where}{text}")


def http_status_of(error: Event) -> int:
    """The HTTP status that an error's code stands for; 0 if none does."""
    code: Any = error.get("code")
    if isinstance(code, int) and 100 <= code < 600:  # others are numbers of google.rpc.Code
        return code
    names = (str(code or "").lower(), str(error.get("status") or "").lower())
    return next((_HTTP_OF_CODE[name] for name in names if name in _HTTP_OF_CODE), 0)


def error_text(error: Event) -> str:
    """The server's own words on an error: message, code and status, as far as it gave them."""
    message = str(error.get("message") or "").strip()
    code = " ".join(str(error[key]) for key in ("code", "status") if error.get(key))
    if message and code:
        return f"{message} ({code})"
    return message or code or "no message"
