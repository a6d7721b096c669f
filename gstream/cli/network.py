"""From options to a connection: key, base URL, headers; on the network or from recordings."""

import os
import re
import shlex
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from gstream.api import API_REVISION, INTERACTIONS
from gstream.errors import (
    BadDataError,
    ConfigurationError,
    GstreamError,
    NoInputError,
    TimeIsUpError,
)
from gstream.events import dumps, loads_exactly

from .failures import hide
from .given import read_text
from .run import Run
from .signals import alarm, interrupt, stop_alarm, waiting, while_waiting

if TYPE_CHECKING:
    from gstream.answering import Reply
    from gstream.transport import Answer, Request, Transport

    from .playback import Playback

_FRAMING = frozenset({"content-length", "transfer-encoding"})
_KEYS = ("GOOGLE_API_KEY", "GEMINI_API_KEY")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2


class Network:
    """Connections to the server, or to recordings in its place."""

    def __init__(self, options: dict[str, Any], run: Run) -> None:
        """Prepare.

        Raises:
            ConfigurationError: The base URL is not usable, or there is no key for the network.
        """
        from gstream.transport import check_base_url

        check_base_url(options["base_url"])  # it stands in requests that recordings answer, too
        self._options = options
        self._run = run
        _hide_secrets(options)
        self._playback = _playback(options, run)
        self._transport: Transport | None = None
        if not (options["offline"] or options["cassette"]):
            self._transport = self._online()

    def connect(self, request: "Request") -> "Answer":
        """Send a request; see `Transport.connect`.

        Raises:
            NoInputError: The network must not be asked, and nothing was recorded.
        """
        reply = self._playback.reply(request) if self._playback else None
        with waiting():
            answer = self._online().connect(request) if reply is None else _recorded(reply, request)
        answer.chunks = while_waiting(answer.chunks)
        return answer

    def _online(self) -> "Transport":
        """The connections to the server, opened late: a cassette may hold all that is asked."""
        if self._transport is None:
            self._transport = self._new_transport()
        return self._transport

    def _new_transport(self) -> "Transport":
        from gstream.transport import Transport, check_base_url

        options = self._options
        base_url = check_base_url(options["base_url"])
        headers = request_headers(options)
        _hide_values(headers)
        return Transport(
            base_url,
            headers,
            options["connect_timeout"],
            options["idle_timeout"],
            self._run.wire if options["verbose"] >= 2 else None,
            _shown,
        )


def _hide_secrets(options: dict[str, Any]) -> None:
    """Let nothing show what is secret, recordings included, before it is known if it is needed."""
    for name in _KEYS:
        hide(os.environ.get(name, "").strip())
    _hide_values(given_headers(options))
    file = options["api_key_file"]
    if file and os.path.isfile(file):  # a pipe can be read but once
        with suppress(GstreamError):
            hide(_key_in_file(file))


def _hide_values(headers: Iterable[tuple[str, str]]) -> None:
    from gstream.transport import is_secret

    for name, value in headers:
        if is_secret(name):
            hide(value.rpartition(" ")[2])


def _shown(body: bytes) -> bytes:
    """The body of a request as it is recorded, too: without what is sent on to others."""
    from gstream.matching import recordable  # takes a while to load

    return dumps(recordable(loads_exactly(body)))


def _playback(options: dict[str, Any], run: Run) -> "Playback | None":
    if not (options["offline"] or options["cassette"] or options["record"]):
        return None
    from .playback import Playback  # takes a while to load

    return Playback(options, run)


def _recorded(reply: "Reply", request: "Request") -> "Answer":
    from gstream.recording import Pace
    from gstream.transport import Offline

    parts = Pace(time.sleep, time.monotonic).play(reply.parts)
    return Offline(reply.status, parts).connect(request)


def request_url(options: dict[str, Any], path: str = INTERACTIONS) -> str:
    """Where a request goes; by default where interactions are created."""
    return f"{options['base_url'].rstrip('/')}/{options['api_version']}/{path}"


def request_headers(options: dict[str, Any]) -> list[tuple[str, str]]:
    """The headers of every request, the key among them; those that were given in place of ours.

    Raises:
        ConfigurationError: There is no key.
        click.UsageError: A header is broken.
    """
    from gstream import __version__

    headers = {
        "User-Agent": f"gstream/{__version__}",
        "Accept-Encoding": "identity",
        "Api-Revision": API_REVISION,
    }
    given = given_headers(options)
    replaced = {name.lower() for name, _ in given}
    headers = {name: value for name, value in headers.items() if name.lower() not in replaced}
    if not replaced & {"authorization", "x-goog-api-key"}:
        headers["x-goog-api-key"] = _key(options["api_key_file"])
    return [*headers.items(), *given]


def given_headers(options: dict[str, Any]) -> list[tuple[str, str]]:
    """The headers that `-H` gives.

    Raises:
        click.UsageError: One is no header.
        BadDataError: One holds what no header can hold.
    """
    return [_header(text) for text in options["header"]]


def key_variable() -> str:
    """The variable that holds the key; empty if none does."""
    return next((name for name in _KEYS if os.environ.get(name, "").strip()), "")


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    name, value = name.strip(), value.strip(" \t")
    if not (colon and _HEADER_NAME.fullmatch(name)):
        raise click.UsageError("-H: a header looks like NAME:VALUE")  # it may be a secret
    if name.lower() in _FRAMING:
        raise click.UsageError(f"-H {name}: this header follows from the body")
    if not all(c.isprintable() or c == "\t" for c in value) or not value.isascii():
        raise click.UsageError(f"-H {name}: its value holds characters that no header can hold")
    return name, value


def _key(file: str | None) -> str:
    key = _key_in_file(file) if file else os.environ.get(key_variable(), "").strip()
    if not key:
        raise ConfigurationError(
            "there is no API key", hint="set GEMINI_API_KEY, or try --offline without one"
        )
    if not (key.isascii() and key.isprintable()):
        raise ConfigurationError("the API key holds characters that no header can hold")
    return key


def _key_in_file(name: str) -> str:
    try:
        mode = os.stat(name).st_mode
    except OSError as exc:
        raise NoInputError(f"--api-key-file {name}: {exc.strerror}") from exc
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):  # such as the directory of the key
        raise NoInputError(f"--api-key-file {name}: it is no file")
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigurationError(
            f"--api-key-file {name}: others can read it", hint=f"chmod 600 {shlex.quote(name)}"
        )
    key = read_text(name).decode("utf-8", "replace").strip()
    if not key:
        raise ConfigurationError(f"--api-key-file {name}: it is empty")
    if len(key.splitlines()) > 1:
        raise ConfigurationError(f"--api-key-file {name}: it has more than one line")
    return key


@contextmanager
def answer_at(url: str) -> Iterator[None]:
    """In here, input that cannot be read is what a server has answered."""
    try:
        yield
    except BadDataError as exc:
        words = str(exc)
        if words.startswith("the input "):
            exc.args = (f"{url}: the answer {words.removeprefix('the input ')}",)
            exc.hint = exc.hint or "is that the API, or does something on the way answer for it?"
        raise


class time_limit:  # noqa: N801 - reads as a statement
    """Raise `TimeIsUpError` in here after some seconds."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        if self._seconds is not None:
            alarm(self._seconds, self._raise)

    def __exit__(self, *_exc: object) -> None:
        if self._seconds is not None:
            stop_alarm()

    def _raise(self) -> None:
        interrupt(TimeIsUpError(f"the run took longer than --max-time {self._seconds:g}"))
