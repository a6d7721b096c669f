"""The connections of a run: open them, and follow an interaction over as many as it takes."""

import random
import time
from collections.abc import Callable
from typing import Any

from gstream.ledger import Ledger
from gstream.opening import Retrying, open_stream
from gstream.polling import Requests, Resuming
from gstream.reader import EventReader
from gstream.resume import Follower
from gstream.transport import Answer, Request

from .network import Network
from .run import Run
from .signals import sleep

_GONE = frozenset({404, 410})


class Connecting:
    """How one run reaches the server.

    Attributes:
        opened: Whether the newest request was answered; set it to False before one is due.
        gone: Whether the server has said that it knows the interaction no more.
    """

    def __init__(self, options: dict[str, Any], run: Run) -> None:
        """Prepare the network.

        Raises:
            ConfigurationError: There is no key, or the base URL is not usable.
        """
        self.opened = True
        self.gone = False
        self.network = Network(options, run)
        self._options = options
        self._run = run

    def open(self, request: Request) -> Answer:
        """Send a request, and again where that makes sense.

        Raises:
            GstreamError: There was no answer, or a refusal.
        """
        run = self._run
        retrying = Retrying(
            self._options["retries"], sleep, time.time, random.random, run.note, run.verbose
        )
        run.verbose(str(request))
        answer = open_stream(self.connect, request, retrying)
        self.opened = True
        return answer

    def connect(self, request: Request) -> Answer:
        """Connect once, and take note where the server knows an interaction no more."""
        answer = self.network.connect(request)
        self.gone = request.method == "GET" and answer.status in _GONE
        return answer

    def follower(
        self,
        requests: Requests,
        ledger: Ledger,
        handed_on: Callable[[Ledger], None] | None,
        *,
        stored: bool,
    ) -> Follower:
        """What follows an interaction.

        Args:
            requests: The requests about it.
            ledger: What was handed on of it before.
            handed_on: Is called after events were handed on, if given.
            stored: Whether it can be asked for again.
        """
        run, options = self._run, self._options
        resuming = Resuming(
            enabled=stored and not options["no_resume"],
            retries=options["retries"],
            sleep=sleep,
            clock=time.monotonic,
            now=time.time,
            random=random.random,
            tell=self._tell_reconnect,
            handed_on=handed_on,
            bytes_read=run.meter.bytes if run.meter else lambda _size: None,
        )
        return Follower(run.session, self.connect, requests, resuming, self._new_reader, ledger)

    def _new_reader(self) -> EventReader:
        return EventReader(self._run.note, max_event_size=self._options["max_event_size"])

    def _tell_reconnect(self, text: str) -> None:
        if self._run.meter is not None:
            self._run.meter.reconnects += 1
        self._run.note(text)
