"""`create` and `resume` as runs: send, follow over dropped connections, keep the cursor file."""

import shlex
from typing import TYPE_CHECKING, Any

import click

from gstream import api
from gstream.cursor import Cursor
from gstream.errors import (
    BadDataError,
    GstreamError,
    IncompleteError,
    OutputError,
    RefusedError,
    RequiresActionError,
    ServerFailedError,
    TruncatedError,
    UsageError,
)
from gstream.events import Event, batch_of, dumps
from gstream.ledger import Ledger
from gstream.outcome import RUNNING, Progress, answer_hint
from gstream.polling import FailedPollError, get, interaction_in
from gstream.resume import Follower
from gstream.steps import Step
from gstream.transport import Answer, Request

from .cancelling import stop
from .connecting import Connecting
from .hints import kept_options, key_hint, resume_hint
from .interaction_requests import InteractionRequests
from .network import answer_at, request_url, time_limit
from .run import Run
from .unfollowed import read_once

if TYPE_CHECKING:
    from .calls import Answering
    from .place import Place

_REBUILT_VIEWS = frozenset({"steps", "json"})
_CONTINUABLE = "requires_continuation"
_MOST_HOPS = 100  # each is paid for, and a server may never come to an end
_SAME_COMMAND = "go on with the same gstream create … --cursor FILE"


class Following:
    """One run of `create` or `resume`."""

    def __init__(self, options: dict[str, Any], run: Run) -> None:
        """Prepare the connection and the cursor.

        Raises:
            ConfigurationError: There is no key, or the base URL is not usable.
            click.UsageError: Options do not go together.
        """
        self._options = options
        self._run = run
        self._requests = InteractionRequests(options)
        self._goes_on = ""
        self._to_wire: api.ToWire = lambda body: (api.INTERACTIONS, body)
        self._followed = True
        self._cursor_file: str | None = options["cursor"]
        self._place: Place | None = None
        self._follower: Follower | None = None
        self._hops: list[str] = []
        self._token = ""
        self._stored = True
        self._answering: Answering | None = None
        if self._cursor_file and options["flush"] != "event":
            raise click.UsageError("--cursor needs --flush event: it says what has been written")
        if self._cursor_file == "-":
            raise click.UsageError("--cursor needs a file")
        self._connecting = Connecting(options, run)
        run.resume_hint = self._resume_hint
        run.interrupted = self._interrupted
        run.closed = self._closed

    def create(self, body: api.Body, to_wire: api.ToWire) -> None:
        """Send a request and follow the interaction, hop after hop.

        Args:
            body: A request of the Interactions API.
            to_wire: The way to the API that it is sent to; only interactions can be followed over
                several connections.

        Raises:
            GstreamError: It could not be followed to its end.
        """
        self._to_wire = to_wire
        path, finished = to_wire(body)
        self._followed = path == api.INTERACTIONS
        body = finished if self._followed else body
        with time_limit(self._options["max_time"]), answer_at(self._options["base_url"]):
            self._goes_on = "the run goes on at the server" if body.get("background") else ""
            place = self._open_place(new=True)
            kept = place.of_request(body) if place else None
            if kept is not None:
                self._run.note(f"{self._cursor_file}: going on with {kept.interaction_id}")
                self._prepare_answering(body)
                self._continue(body, self._go_on(kept))
                self._answer_calls(self._stored_steps())
                return
            self._prepare_answering(body)
            self._create(body)
            self._answer_calls()

    def resume(self, interaction_id: str, last_event_id: str) -> None:
        """Pick up a stored interaction, by its id or from the cursor file.

        Raises:
            GstreamError: It could not be followed to its end.
        """
        with time_limit(self._options["max_time"]), answer_at(self._options["base_url"]):
            self._goes_on = "a background run goes on at the server"
            place = self._open_place(new=bool(interaction_id))
            kept = place.of_interaction(interaction_id, last_event_id) if place else None
            if kept is None:
                self._resume(interaction_id, last_event_id)
            else:
                self._end(self._go_on(kept))
            self._check_continued()

    def _open_place(self, *, new: bool) -> "Place | None":
        if self._cursor_file:
            from .place import Place  # takes a while to load

            self._place = Place(self._cursor_file, self._run, new=new)
        return self._place

    # --- create

    def _prepare_answering(self, body: api.Body) -> None:
        if self._options.get("commands"):
            from .calls import Answering

            self._answering = Answering(self._options, self._run, body)

    def _answer_calls(self, stored_steps: list[Step] | None = None) -> None:
        """Answer function calls in more turns, as long as there are any."""
        progress = self._run.session.progress
        while self._answering is not None and progress.status == "requires_action":
            self._connecting.opened = False
            self._answering.end_turn(stored_steps)
            self._keep_place()
            self._create(self._answering.next_body())
            progress, stored_steps = self._run.session.progress, None

    def _stored_steps(self) -> list[Step] | None:
        """The steps of an interaction whose beginning another run has shown.

        Raises:
            GstreamError: They cannot be had: some calls may be among them.
        """
        progress = self._run.session.progress
        if self._answering is None or progress.status != "requires_action":
            return None
        request = self._requests.get(progress.interaction_id)
        try:
            answer = self._connecting.open(request)
        finally:
            self._connecting.opened = False  # or the run would be at its end
        try:
            steps = interaction_in(answer, request)["steps"]
        except (FailedPollError, KeyError) as exc:
            raise ServerFailedError(f"{request}: the calls are not told") from exc
        return steps if isinstance(steps, list) else None

    def _create(self, body: api.Body) -> None:
        self._connecting.opened = False
        if not self._followed:
            read_once(self._run, self._connecting.open(self._request(body)))
            return
        self._stored = body.get("store") is not False
        self._begin_hop([], str(body.get("continuation_token") or ""))
        self._continue(body, self._follow(body))

    def _follow(self, body: api.Body) -> GstreamError | None:
        """Send a request and follow its answer; returns why that was not possible to its end."""
        self._connecting.opened = False
        answer = self._connecting.open(self._request(body))
        self._follower = self._new_follower(Ledger())
        return self._follower.follow(answer)

    def _continue(self, first: api.Body, failure: GstreamError | None) -> None:
        """Ask for the next hops of a long answer as long as there are any (PROTOCOL d.5).

        Args:
            first: The request of its first hop.
            failure: Why its newest hop could not be followed to its end; None if it was.

        Raises:
            GstreamError: The same of the last hop.
        """
        session = self._run.session
        for _ in range(_MOST_HOPS):
            token = self._next_token(failure, first)
            if token in {"", self._token}:
                break
            interaction_id = session.progress.interaction_id
            self._run.verbose(f"continuing {interaction_id} with its token")
            self._begin_hop([*self._hops, interaction_id], token)
            session.expect_hop()
            failure = self._follow(api.next_hop(first, interaction_id, token))
        self._end(failure)

    def _begin_hop(self, hops: list[str], token: str) -> None:
        """Say which interactions the next one continues, and with what token."""
        self._hops, self._token = hops, token
        if self._place is not None:
            self._place.hops, self._place.token = hops, token

    def _next_token(self, failure: GstreamError | None, body: api.Body) -> str:
        """The token to continue with, if the answer goes on in another hop (PROTOCOL d.5)."""
        progress = self._run.session.progress
        if self._options["no_resume"] or "agent" in body or body.get("background"):
            return ""
        if failure is None:
            return progress.token if progress.status == _CONTINUABLE else ""
        at_checkpoint = self._follower is not None and self._follower.at_checkpoint
        return progress.token if isinstance(failure, TruncatedError) and at_checkpoint else ""

    def _request(self, body: api.Body) -> Request:
        path, sent = self._to_wire(body)
        return Request("POST", request_url(self._options, path), dumps(sent))

    # --- resume

    def _resume(self, interaction_id: str, last_event_id: str) -> None:
        ledger = Ledger()
        if last_event_id and self._run.view in _REBUILT_VIEWS:
            self._run.note(f"--{self._run.view} needs all events: it begins at the start")
            last_event_id = ""
        ledger.begin_after(last_event_id)
        self._run.session.progress.interaction_id = interaction_id
        self._follower = self._new_follower(ledger)
        answer = self._connecting.open(self._requests.stream(interaction_id, last_event_id))
        self._end(self._follower.follow(answer, known=True))

    def _go_on(self, kept: Cursor) -> GstreamError | None:
        """Go on where another run was when it wrote the cursor; returns as `_follow`."""
        path = str(self._cursor_file)
        if kept.view != self._run.view:
            raise UsageError(f"{path} was written with --{kept.view}: go on with that view")
        session = self._run.session
        self._begin_hop(kept.hops, kept.token)
        if self._run.view == "json" and (failure := self._read_hops_again()) is not None:
            return failure
        session.progress.interaction_id = kept.interaction_id
        session.progress.status = kept.status
        session.progress.last_event_id = kept.last_event_id
        if kept.flawed and (kept.finished or self._run.view not in _REBUILT_VIEWS):
            session.miss(1)
        if kept.finished:
            self._tell_finished(kept)
            return None
        ledger = kept.restored_ledger(path)
        kinds = {index: track.kind for index, track in ledger.tracks.items()}
        session.restore_view(kept.view_state, kinds)
        if self._run.view in _REBUILT_VIEWS:  # these need all events to put steps together
            ledger = Ledger()
        self._follower = self._new_follower(ledger)
        # The token for the next hop comes with the end of this one: have that again, too.
        after = ledger.last_event_id if kept.status != _CONTINUABLE else ""
        answer = self._open_kept(self._requests.stream(kept.interaction_id, after))
        replays = "after" if after else "all"
        replays = replays if ledger.begun else ""
        return self._follower.follow(answer, replays=replays, known=True)

    def _read_hops_again(self) -> GstreamError | None:
        """Hand on the hops before the newest to a view that shows them together at the end."""
        session = self._run.session
        for interaction_id in self._hops:
            session.progress.interaction_id = interaction_id
            answer = self._open_kept(self._requests.stream(interaction_id, ""))
            failure = self._new_follower(Ledger(), kept=False).follow(answer, known=True)
            if failure is not None:
                return failure
            session.expect_hop()
        return None

    def _open_kept(self, request: Request) -> Answer:
        """Ask for the interaction of the cursor; one that the server knows no more has no rest.

        Raises:
            GstreamError: There was no answer, or a refusal.
        """
        try:
            return self._connecting.open(request)
        except GstreamError as exc:
            if not self._connecting.gone:
                raise
            begin_anew = f"to ask anew, remove {shlex.quote(str(self._cursor_file))}"
            raise TruncatedError(f"the answer cannot be resumed: {exc}", hint=begin_anew) from exc

    def _tell_finished(self, kept: Cursor) -> None:
        progress = Progress()
        ended = kept.status not in RUNNING  # else by an error that no connection makes better
        progress.status, progress.completed = kept.status if ended else "failed", True
        progress.interaction_id = kept.interaction_id
        progress.calls = {"CALL_ID": None}  # the file does not know them
        self._run.note(f"{kept.interaction_id} was written to its end")
        self._run.session.nothing_to_do(progress.failure())

    # --- both

    def _new_follower(self, ledger: Ledger, *, kept: bool = True) -> Follower:
        """A follower; `kept` says whether its place is that of the run."""
        save = self._place.save if self._place and kept else None
        return self._connecting.follower(self._requests, ledger, save, stored=self._stored)

    def _end(self, failure: GstreamError | None) -> None:
        if failure is not None:
            raise failure
        if self._wants_usage():
            self._fetch_usage()

    def _wants_usage(self) -> bool:
        """Whether an agent's token counts are asked for and did not come with its end."""
        options, progress = self._options, self._run.session.progress
        asked = options["usage"] or options["stats"] or self._run.view == "json"
        missing = progress.agent and progress.completed and not progress.has_usage
        return bool(asked and missing and progress.interaction_id)

    def _fetch_usage(self) -> None:
        interaction = self._get(self._requests.get(self._run.session.progress.interaction_id))
        usage = interaction.get("usage")
        if isinstance(usage, dict):
            event: Event = {"event_type": "interaction.status_update", "usage": usage}
            self._run.session.amend(batch_of([event], [b""]))

    def _get(self, request: Request) -> Event:
        """The JSON object that answers a request; empty if that cannot be had."""
        try:
            return get(self._connecting.network.connect, request)
        except (FailedPollError, GstreamError) as exc:
            self._run.verbose(f"{request}: {exc}")
            return {}

    # --- cursor and interruptions

    def _keep_place(self, *, finished: bool = False) -> None:
        if self._place is not None and self._follower is not None:
            self._place.save(self._follower.ledger, finished=finished)

    def _closed(self) -> None:
        """Say that all was written; until then, the place is kept whenever something was."""
        follower = self._follower
        if (
            follower is not None
            and (follower.ended or follower.refused)
            and self._connecting.opened
            and not self._continuable
        ):
            self._keep_place(finished=True)
        if self._place is not None:
            self._place.close()

    @property
    def _continuable(self) -> bool:
        """Whether the answer goes on in another hop, which nobody has asked for yet."""
        return self._run.session.progress.status == _CONTINUABLE

    def _check_continued(self) -> None:
        """Say how a long answer goes on, which only `create` can ask for.

        Raises:
            IncompleteError: It does.
        """
        if self._place is not None and self._continuable:
            interaction_id = self._run.session.progress.interaction_id
            raise IncompleteError(f"the answer goes on after {interaction_id}", hint=_SAME_COMMAND)

    # --- hints

    def _resume_hint(self, failure: GstreamError) -> str:
        """How to go on after a failure; empty if nothing is known to help."""
        follower = self._follower
        if isinstance(failure, RefusedError):
            return key_hint(self._options)
        if isinstance(failure, RequiresActionError):
            if not self._stored:
                return answer_hint("", [])
            return " ".join([failure.hint, *kept_options(self._options)])
        if not self._connecting.opened:  # what was called last is not answered yet
            return self._answering.hint if self._answering else ""
        if follower is None or follower.ended or follower.refused or not follower.ledger.begun:
            return ""
        if self._connecting.gone or not self._stored or self._options["offline"]:
            return ""
        written = not isinstance(failure, OutputError | BadDataError)
        after = follower.ledger.last_event_id if written and follower.ledger.at_last_event else ""
        interaction_id = self._run.session.progress.interaction_id
        hop = bool(self._hops)
        return resume_hint(self._options, self._run.view, interaction_id, after, hop=hop)

    def _interrupted(self) -> list[str]:
        """Stop the run at the server if that was asked for; returns what to say about it."""
        interaction_id = self._run.session.progress.interaction_id
        if not interaction_id or (self._follower and self._follower.ended):
            return []
        request = self._requests.cancel(interaction_id)
        return stop(self._options, self._connecting.network.connect, request, goes_on=self._goes_on)
