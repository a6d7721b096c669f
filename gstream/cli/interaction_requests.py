"""The requests about an interaction that is there already."""

from typing import Any
from urllib.parse import quote

from gstream.transport import Request

from .network import request_url


class InteractionRequests:
    """The requests about one interaction at one server."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._url = request_url(options)

    def stream(self, interaction_id: str, last_event_id: str) -> Request:
        """Its events after an id; all of them if that is empty."""
        after = f"&last_event_id={quote(last_event_id, safe='')}" if last_event_id else ""
        return Request("GET", f"{self._one(interaction_id)}?stream=true{after}")

    def get(self, interaction_id: str) -> Request:
        """The interaction as it is now."""
        return Request("GET", self._one(interaction_id))

    def cancel(self, interaction_id: str) -> Request:
        """Ask a background run to stop."""
        return Request("POST", f"{self._one(interaction_id)}/cancel", b"{}")

    def _one(self, interaction_id: str) -> str:
        if interaction_id in {".", ".."}:  # a step of the path, had it not another spelling
            return f"{self._url}/{interaction_id.replace('.', '%2E')}"
        return f"{self._url}/{quote(interaction_id, safe='')}"
