"""The failures of gstream, each with its exit code, and the table of all exit codes.

    GstreamError
     ├─ UsageError             2   options that do not go together
     ├─ RequiresActionError   10   function calls wait for results
     ├─ IncompleteError       11   the interaction ended before its answer was whole
     ├─ FailedError           12   the interaction failed, or its content was blocked
     ├─ CancelledError        13   someone else cancelled the interaction
     ├─ ErrorEventError       14   the stream ended with an error event
     ├─ RejectedError         64   the server refused the request (HTTP 4xx)
     ├─ BadDataError          65   input, option or event that is not what it should be
     │   └─ EventTooLargeError
     ├─ NoInputError          66   a file cannot be read; no recording for the request
     ├─ NetworkError          68   no connection, or none that lasted to the first event
     ├─ ServerFailedError     69   HTTP 5xx
     ├─ CannotCreateError     73   an output file exists or cannot be written
     ├─ OutputError           74   stdout is closed or full
     ├─ RateLimitedError      75   HTTP 429
     ├─ TruncatedError        76   the stream ended before the interaction did
     ├─ RefusedError          77   HTTP 401, 403
     ├─ ConfigurationError    78   no key, bad base URL, key over plain HTTP
     └─ TimeIsUpError        124   --max-time

Exit codes follow sysexits.h where it has a word for the case; a released code never changes.
"""

from typing import ClassVar, NamedTuple


class ExitCode(NamedTuple):
    """One row of the table of exit codes.

    Attributes:
        code: What the shell sees.
        name: One or two words.
        when: The condition, for README and man page.
    """

    code: int
    name: str
    when: str


EXIT_CODES = (
    ExitCode(0, "completed", "status completed: the answer is whole"),
    ExitCode(1, "bug", "unexpected exception"),
    ExitCode(2, "usage", "bad options"),
    ExitCode(10, "requires_action", "function calls wait for results and no `--exec` answers them"),
    ExitCode(
        11,
        "incomplete",
        "incomplete, budget_exceeded, requires_continuation not continued, `--max-turns` reached",
    ),
    ExitCode(12, "failed", "status failed; content blocked"),
    ExitCode(13, "cancelled", "status cancelled by someone else"),
    ExitCode(14, "error event", "the stream ended with an error event"),
    ExitCode(64, "rejected", "HTTP 4xx that is not below"),
    ExitCode(
        65,
        "bad data",
        "input is not SSE, NDJSON or JSON; invalid JSON in an option, event or function arguments",
    ),
    ExitCode(
        66,
        "no input",
        "a file cannot be read; MIME type unknown; `--offline` has no recording for the request",
    ),
    ExitCode(
        68, "network", "DNS, proxy, connect, TLS, or reset before the first event, after retries"
    ),
    ExitCode(69, "server", "HTTP 5xx after retries"),
    ExitCode(73, "cannot create", "an output file exists or cannot be written"),
    ExitCode(74, "write error", "stdout closed or full"),
    ExitCode(75, "rate limited", "HTTP 429 after retries, or at once for a daily quota"),
    ExitCode(76, "truncated", "the stream ended early and could not be resumed"),
    ExitCode(77, "refused", "HTTP 401, 403"),
    ExitCode(78, "configuration", "no key, bad base URL, key over plain HTTP"),
    ExitCode(124, "time is up", "--max-time"),
    ExitCode(129, "HUP", "hangup: files closed, then the signal is raised again"),
    ExitCode(130, "INT", "Ctrl-C: files closed, then the signal is raised again"),
    ExitCode(141, "PIPE", "the reader went away: silent"),
    ExitCode(143, "TERM", "terminated: files closed, then the signal is raised again"),
)


class GstreamError(Exception):
    """Base of all failures that are not a bug of gstream.

    Attributes:
        exit_code: What the process exits with.
        reason: One word for programs.
        hint: What the user can do about it; empty if nothing.
        retryable: Whether the same command can succeed later.
    """

    exit_code: ClassVar[int] = 1
    reason: ClassVar[str] = "bug"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        # Names of files may hold bytes that are no text; messages go into JSON, too.
        super().__init__(message.encode("utf-8", "replace").decode())
        self.hint = hint


class UsageError(GstreamError):
    """Options that do not go together, or too few of them."""

    exit_code = 2
    reason = "usage"


class RequiresActionError(GstreamError):
    """Function calls wait for results."""

    exit_code = 10
    reason = "requires_action"


class IncompleteError(GstreamError):
    """The interaction ended before its answer was whole."""

    exit_code = 11
    reason = "incomplete"


class FailedError(GstreamError):
    """The interaction failed, or its content was blocked."""

    exit_code = 12
    reason = "failed"


class CancelledError(GstreamError):
    """Someone else cancelled the interaction."""

    exit_code = 13
    reason = "cancelled"


class ErrorEventError(GstreamError):
    """The stream ended with an error event."""

    exit_code = 14
    reason = "error"


class RejectedError(GstreamError):
    """The server refused the request."""

    exit_code = 64
    reason = "rejected"


class BadDataError(GstreamError):
    """Input, an option's value or an event is not what it should be."""

    exit_code = 65
    reason = "bad_data"


class EventTooLargeError(BadDataError):
    """An event is larger than the bound on events."""


class NoInputError(GstreamError):
    """A file cannot be read, or no recording answers the request."""

    exit_code = 66
    reason = "no_input"


class NetworkError(GstreamError):
    """There was no connection, or none that lasted to the first event."""

    exit_code = 68
    reason = "network"
    retryable = True


class ServerFailedError(GstreamError):
    """The server failed (HTTP 5xx)."""

    exit_code = 69
    reason = "server"
    retryable = True


class CannotCreateError(GstreamError):
    """An output file exists or cannot be written."""

    exit_code = 73
    reason = "cannot_create"


class OutputError(GstreamError):
    """Standard output is closed or full."""

    exit_code = 74
    reason = "write_error"


class RateLimitedError(GstreamError):
    """The server wants fewer requests (HTTP 429)."""

    exit_code = 75
    reason = "rate_limited"
    retryable = True


class TruncatedError(GstreamError):
    """The stream ended before the interaction did."""

    exit_code = 76
    reason = "truncated"
    retryable = True


class RefusedError(GstreamError):
    """The server does not accept the key (HTTP 401, 403)."""

    exit_code = 77
    reason = "refused"


class ConfigurationError(GstreamError):
    """The environment or the base URL is not usable."""

    exit_code = 78
    reason = "configuration"


class TimeIsUpError(GstreamError):
    """The run took longer than --max-time."""

    exit_code = 124
    reason = "time_is_up"
    retryable = True


def input_name(file: str) -> str:
    """What a file that is read is called in messages."""
    return "standard input" if file == "-" else file
