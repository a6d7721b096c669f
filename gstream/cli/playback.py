"""Recordings in place of the network, `--offline` and `--cassette`, and what is recorded there."""

from dataclasses import replace
from os.path import isdir
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gstream.answering import Library, Reply
from gstream.cassette import CassetteTape, library
from gstream.errors import NoInputError
from gstream.events import dumps, loads_exactly
from gstream.matching import find_demo
from gstream.recording import Recording, read
from gstream.recording_writer import Tape

from .failures import without_secrets
from .run import Run
from .tapes import new_recorder

if TYPE_CHECKING:
    from gstream.transport import Request

DEMO = ("count.sse", "search.sse", "weather.sse", "weather_result.sse")
_NOT_FOUND = 404


class Playback:
    """What answers in place of the network, and what records the network's answers."""

    def __init__(self, options: dict[str, Any], run: Run) -> None:
        self._offline: bool = options["offline"]
        self._directory: str | None = options["cassette"]
        self._run = run
        self._asked = False
        self._tape: Tape | None = None
        if self._directory and not self._offline:
            self._tape = CassetteTape(self._directory, new_recorder)
            run.tapes.append(self._tape)

    def reply(self, request: "Request") -> Reply | None:
        """The recorded answer to a request; None if the network is to answer.

        Raises:
            NoInputError: Nothing was recorded, and the network must not be asked.
            CannotCreateError: A recording cannot be written.
        """
        request = _without_secrets(request)
        reply = self._find(request)
        self._tell_tapes(request, reply)
        return reply

    def _find(self, request: "Request") -> Reply | None:
        if not (self._offline or self._directory):
            return None
        known = library(self._directory) if self._directory else Library(_demo(), find=find_demo)
        reply = known.reply(request.method, _target(request), request.body)
        if reply.status != _NOT_FOUND:
            self._run.verbose(f"{request}: answered from {reply.told}")
            return reply
        if not self._offline:
            return None
        if request.method == "POST" or not self._run.session.progress.begun:
            raise self._miss(reply)
        return reply  # the stream broke off in its recording, and there is no more of it

    def _tell_tapes(self, request: "Request", reply: Reply | None) -> None:
        """Say what is asked; to the cassette's tape only what is not in the cassette."""
        self._run.start_recording()
        target = _target(request)
        streamed = "stream=true" in urlsplit(target).query
        if (request.method == "GET" and not streamed) or target.endswith("/cancel"):
            return
        again, self._asked = self._asked and request.method == "GET", True
        for tape in self._run.tapes:
            if tape is self._tape and reply is not None:
                continue
            if again:
                tape.reconnect({"path": target})
            else:
                body = loads_exactly(request.body) if request.body else None
                tape.request(request.method, target, body)

    def _miss(self, reply: Reply) -> NoInputError:
        if self._directory:
            told = reply.told if isdir(self._directory) else "there is no such directory"
            told = f"--offline: {self._directory}: {told}"
            return NoInputError(told, hint="record it: run once without --offline")
        known = "; ".join(text for one in _demo() if isinstance(text := one.body.get("input"), str))
        return NoInputError(
            "--offline: no recording answers this request", hint=f"the demo answers: {known}"
        )


def _demo() -> list[Recording]:
    from pkgutil import get_data  # finds them in an archive, too

    files = ((name, get_data("gstream", f"demo/{name}") or b"") for name in DEMO)
    return [one for name, data in files for one in read(name, data)]


def _without_secrets(request: "Request") -> "Request":
    """The request as it is recorded, and looked for: a key may stand in a prompt."""
    if not request.body:
        return request
    return replace(request, body=dumps(_cleaned(loads_exactly(request.body))))


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return without_secrets(value)
        case dict():
            return {key: _cleaned(part) for key, part in value.items()}
        case list():
            return [_cleaned(part) for part in value]
    return value


def _target(request: "Request") -> str:
    url = urlsplit(request.url)
    return f"{url.path}?{url.query}" if url.query else url.path
