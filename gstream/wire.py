"""What goes over the connections of a client: whether a byte came back, how long one is waited for.

httpx says the same where a connection is closed before an answer and within its header, and it
waits for each byte of an answer as long as for the others.
"""

import time
from typing import Any

_INSTANT = 0.001  # no wait at all would be an error of another kind


class Wire:
    """The connections of one client, one at a time.

    Attributes:
        heard: Whether a byte of the newest answer has come.
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Say that a request follows."""
        self.heard = False
        self._deadline: float | None = None

    def hurry(self, seconds: float) -> None:
        """Wait so long for the rest of the newest answer, and not longer."""
        if self._deadline is None:
            self._deadline = time.monotonic() + seconds

    def trace(self, _name: str, info: dict[str, Any]) -> None:
        """Take a step of the client, as `trace` extension: listen to each new connection."""
        stream = info.get("return_value")
        read = getattr(stream, "read", None)
        if read is None:
            return

        def read_and_note(max_bytes: int, timeout: float | None = None) -> bytes:
            if self._deadline is not None:
                timeout = max(_INSTANT, self._deadline - time.monotonic())
            data: bytes = read(max_bytes, timeout=timeout)
            self.heard = self.heard or bool(data)
            return data

        self.begin()  # what a proxy said before is no answer
        info["return_value"].read = read_and_note
