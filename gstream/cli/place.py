"""The place of a run in its stream, kept in the file of `--cursor` (DESIGN 7.4)."""

import errno
import hashlib
import os
import shlex

from gstream.api import Body
from gstream.cursor import Cursor
from gstream.cursor_file import CursorFile
from gstream.errors import NoInputError, UsageError
from gstream.ledger import Ledger
from gstream.matching import canonical

from .run import Run


class Place:
    """Where a run is, for another run to go on from; nobody else uses the file meanwhile.

    Attributes:
        path: The name of the file.
        hops: The ids of the interactions that the newest one continues, in order.
        token: The continuation token that it was begun with; empty without one.
    """

    def __init__(self, path: str, run: Run, *, new: bool) -> None:
        """Take the file.

        Args:
            path: Its name.
            run: The run whose place is kept.
            new: Whether to make it if it is not there.

        Raises:
            CannotCreateError: Another run uses it, or it cannot be written.
            BadDataError: It is no cursor.
        """
        self.path = path
        self.hops: list[str] = []
        self.token = ""
        self._run = run
        self._file = CursorFile(path, new=new)
        self._kept = self._file.load()
        self._request = self._kept.request if self._kept else ""

    def of_request(self, body: Body) -> Cursor | None:
        """Where the answer to a request was left; None if it is to be sent.

        Raises:
            UsageError: The file holds the place in the answer to another request, or nobody could
                go on with this one.
        """
        if body.get("store") is False:
            raise UsageError("--cursor needs an interaction that is stored: leave out --no-store")
        kept, self._request = self._kept, request_hash(body)
        if kept is None or not kept.interaction_id or kept.finished:
            return None
        if kept.request and kept.request != self._request:
            raise self._other("the unfinished answer to another request")
        return kept

    def of_interaction(self, interaction_id: str, last_event_id: str) -> Cursor | None:
        """Where an interaction was left; None if this file does not know.

        Args:
            interaction_id: Its id; empty for the one that the file names.
            last_event_id: Where else to begin; empty for the place in the file.

        Raises:
            NoInputError: There is no such file where one is needed.
            UsageError: The file holds another place, or none where one is needed.
        """
        kept = self._kept
        if kept is None or not kept.interaction_id:
            if not interaction_id:
                if not os.path.exists(self.path):
                    raise NoInputError(f"--cursor {self.path}: {os.strerror(errno.ENOENT)}")
                raise UsageError(f"{self.path}: there is no interaction in it yet")
            return None
        if interaction_id in {"", kept.interaction_id} and not last_event_id:
            return kept
        if not kept.finished:
            raise self._other(f"a place in the unfinished {kept.interaction_id}")
        self._request = ""
        return None

    def save(self, ledger: Ledger, *, finished: bool = False) -> None:
        """Keep where the run is now.

        Raises:
            CannotCreateError: It cannot be written.
        """
        progress = self._run.session.progress
        if progress.interaction_id:
            kept = Cursor(
                progress.interaction_id,
                ledger.last_event_id,
                self._run.view,
                progress.status,
                finished,
                ledger.as_json(),
                self._run.session.view_state,
                self._request,
                self.hops,
                self.token,
                self._run.session.flawed,
            )
            self._file.save(kept)

    def close(self) -> None:
        """Let other runs use the file."""
        self._file.close()

    def _other(self, what: str) -> UsageError:
        return UsageError(
            f"--cursor {self.path}: it holds {what}",
            hint=f"go on with it: gstream resume --cursor {shlex.quote(self.path)}; "
            "or name another file",
        )


def kept_view(path: str, interaction_id: str) -> str | None:
    """The view in which an interaction was written so far; None if the file does not know.

    Args:
        path: The name of the file.
        interaction_id: The id; empty for the interaction that the file names.

    Raises:
        CannotCreateError: Another run uses it, or it is no file.
        BadDataError: It is no cursor.
    """
    file = CursorFile(path, new=False)
    try:
        kept = file.load()
        return kept.view if kept and interaction_id in {"", kept.interaction_id} else None
    finally:
        file.close()


def request_hash(body: Body) -> str:
    """What equal requests have in common, and others have not."""
    return hashlib.sha256(canonical(body)).hexdigest()
