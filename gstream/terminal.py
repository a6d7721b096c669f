"""Text of a server for people: its control characters are shown, never obeyed.

Those that turn the direction of writing are among them: they make text read as what it is not
(Unicode Technical Report 36, section 2.5).
"""

import re

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_MAYBE_CONTROL = re.compile(rb"[^\t\n\x20-\x7e]")


def visible(text: str) -> str:
    r"""The text with C0, DEL, C1 and bidi characters as `\u001b` and the like; LF and tab stay.

    The escapes are those of JSON, so that a line of JSON stays one.
    """
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def visible_bytes(data: bytes) -> bytes:
    """The same for UTF-8 bytes; what is no UTF-8 becomes U+FFFD."""
    if not _MAYBE_CONTROL.search(data):
        return data
    return visible(data.decode("utf-8", "replace")).encode()
