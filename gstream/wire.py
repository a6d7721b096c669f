"""What goes over the connections of a client, which httpx does not tell: whether a byte came back.

It says the same where a connection is closed before an answer and within its header.
"""

from typing import Any


class Wire:
    """The connections of one client, one at a time.

    Attributes:
        heard: Whether a byte of the newest answer has come.
    """

    def __init__(self) -> None:
        self.heard = False

    def begin(self) -> None:
        """Say that a request follows."""
        self.heard = False

    def trace(self, _name: str, info: dict[str, Any]) -> None:
        """Take a step of the client, as `trace` extension: listen to each new connection."""
        stream = info.get("return_value")
        read = getattr(stream, "read", None)
        if read is None:
            return

        def read_and_note(max_bytes: int, timeout: float | None = None) -> bytes:
            data: bytes = read(max_bytes, timeout=timeout)
            self.heard = self.heard or bool(data)
            return data

        self.begin()  # what a proxy said before is no answer
        info["return_value"].read = read_and_note
