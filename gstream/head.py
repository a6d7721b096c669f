"""The first bytes of a body, until they tell what kind of input it is (DESIGN 2.4). Pure."""

import re

from .sse import BOM

_BLANKS = re.compile(rb"[ \t\r\n]*+")
_HEADERS_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_STATUS = re.compile(rb"(?:\xef\xbb\xbf)?\s*HTTP/[0-9.]*[ \t]+([0-9]{3})(?![0-9])")
_HTTP = b"HTTP/"
_GZIP = 0x1F  # no text begins with it


class Head:
    """The bytes that came and tell nothing yet; header lines of `curl -i` are taken off.

    Attributes:
        pending: They themselves.
        begin: Where in them the body begins, blanks aside.
        http_status: The status in the newest header lines; 0 without them.
        size: How many bytes the header lines had, all together; who skips them takes them off.
        newest_size: How many the newest ones had.
        is_packed: Whether the body looks like gzip.
    """

    def __init__(self) -> None:
        self.pending = bytearray()
        self.begin = 0
        self.http_status = 0
        self.size = 0
        self.newest_size = 0
        self.is_packed = False
        self._in_headers = False

    def feed(self, chunk: bytes) -> bytes:
        """Take the next bytes; returns the first byte of the body, blanks aside, once it is known.

        The end of header lines ends a call, too: feed nothing to go on behind them.
        """
        self.pending += chunk
        self.newest_size = 0
        if self._in_headers:
            self._skip_headers()
            return b""
        if not self.begin:
            start = bytes(self.pending[: len(BOM)])
            if start != BOM and BOM.startswith(start):
                return b""
            self.begin = len(BOM) if start == BOM else 0
        self.begin = _BLANKS.match(self.pending, self.begin).end()  # type: ignore[union-attr]
        words = bytes(self.pending[self.begin : self.begin + len(_HTTP)])
        if words and _HTTP.startswith(words):
            self._in_headers = words == _HTTP
            return self.feed(b"") if self._in_headers else b""
        self.is_packed = words[:1] == bytes([_GZIP])
        return words[:1]

    def _skip_headers(self) -> None:
        end = _HEADERS_END.search(self.pending, self.begin)
        if end is None:
            self.begin = max(self.begin, len(self.pending) - 3)  # the end may have begun there
            return
        status = _STATUS.match(self.pending, 0, end.start())
        self.http_status = int(status[1]) if status else 0
        self.newest_size = end.end()
        self.size += end.end()
        del end, status
        del self.pending[: self.newest_size]
        self.begin = 0
        self._in_headers = False
