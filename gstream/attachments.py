"""Files and addresses as parts of the input: `-a FILE|URL[;type=MIME]` (DESIGN 2.1).

The type comes from the extension, then from the content; puremagic, which knows contents, is loaded
only for a file whose extension says nothing.
"""

import binascii
import codecs
import errno
import os
import re
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from .errors import BadDataError, NoInputError, UsageError, input_name
from .mime import MEDIA, api_name, bare, type_of_name

Part = dict[str, Any]

MAX_REQUEST = 100 * 1024 * 1024
"""Most bytes of a request with inline data, base64 included.

<https://ai.google.dev/gemini-api/docs/file-input-methods>, since January 2026; 20 MiB before.
"""

_URL_SCHEMES = frozenset({"http", "https", "gs"})
_CHUNK = 3 * 65536  # base64 of whole triples can be joined

_PDF = "application/pdf"

# A ZIP is a document where its first entry is one that such packages have, and another one says of
# what kind. Each entry has its name before its content, so that a pipe need not be read to its end.
_ENTRY = rb"PK\x03\x04.{26}"
_PACKAGE = re.compile(
    _ENTRY + rb"(?:\[Content_Types\]|_rels/|docProps/|customXml/|word/|xl/|ppt/)", re.DOTALL
)
_PART = re.compile(_ENTRY + rb"(word|xl|ppt)/", re.DOTALL)
_PART_NAMES = {b"word": "a.docx", b"xl": "a.xlsx", b"ppt": "a.pptx"}
_OPEN_DOCUMENT = re.compile(
    _ENTRY + rb"mimetype(application/vnd\.oasis\.opendocument\.[a-z-]+)", re.DOTALL
)
_NOT_TEXT = frozenset(range(32)) - frozenset(b"\t\n\f\r\x1b")


def attachment(given: str) -> Part:
    """The part of the input that an attachment is.

    Args:
        given: A file, `-` for standard input, or an address; `;type=MIME` may follow.

    Raises:
        NoInputError: The file cannot be read, or nothing says what it is.
        BadDataError: It is empty, or too large.
        UsageError: The address is none.
    """
    place, mime_type = split(given)
    if _scheme(place) in _URL_SCHEMES:
        place = _text(place)
        path = _path(place)
        return _part(_known(place, mime_type or type_of_name(path)), uri=place)
    try:
        with open(0 if place == "-" else place, "rb", closefd=place != "-") as file:
            return _inline(place, mime_type, file)
    except OSError as exc:
        closed = place == "-" and exc.errno == errno.EBADF
        why = "standard input is closed" if closed else f"{input_name(place)}: {exc.strerror}"
        raise NoInputError(why) from exc


def split(given: str) -> tuple[str, str]:
    """The place and the type of an attachment; the type is empty if it is not given."""
    place, _, mime_type = given.rpartition(";type=")
    return (place, mime_type.strip().lower()) if place else (given, "")


def type_by_content(head: bytes) -> str:
    """The MIME type of what begins with these bytes; empty if that is unknown."""
    if _is_text(head):
        return "text/plain"
    if head.startswith(b"PK"):
        return _type_of_package(head)
    import puremagic

    try:
        matches = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return ""
    for match in matches:
        mime_type: str = api_name(match.mime_type)
        if mime_type.partition("/")[0] in MEDIA or mime_type == _PDF:
            return mime_type
    return ""


def _type_of_package(head: bytes) -> str:
    """The MIME type of a ZIP that is an office document; empty for any other."""
    if found := _OPEN_DOCUMENT.match(head):
        return found[1].decode()
    part = _PART.search(head) if _PACKAGE.match(head) else None
    return type_of_name(_PART_NAMES[part[1]]) if part else ""


def check_size(parts: list[Part]) -> None:
    """Find out before anything is sent whether a request is too large.

    Raises:
        BadDataError: It is.
    """
    size = sum(len(part.get("data") or part.get("text") or "") for part in parts)
    if size > MAX_REQUEST:
        raise _too_large("the attachments are too large together")


def _scheme(place: str) -> str:
    """Of an address, in lower case; empty for a file."""
    scheme, separator, _ = place.partition("://")
    return scheme.lower() if separator else ""


def _text(place: str) -> str:
    try:
        return os.fsencode(place).decode()  # whatever the locale
    except UnicodeDecodeError as exc:
        raise BadDataError(f"{place}: not UTF-8 at byte {exc.start}") from exc


def _path(address: str) -> str:
    try:
        return urlsplit(address).path
    except ValueError as exc:
        raise UsageError(f"-a {address}: this is no address: {exc}") from exc


def _inline(place: str, mime_type: str, file: BinaryIO) -> Part:
    size = os.fstat(file.fileno()).st_size
    if size > MAX_REQUEST * 3 // 4:
        raise _too_large(f"{input_name(place)}: {size:,} bytes are too many")
    head = file.read(_CHUNK)
    if not head:
        raise BadDataError(f"{input_name(place)}: it is empty")
    mime_type = _known(place, mime_type or type_of_name(place) or type_by_content(head))
    return _part(mime_type, data=_encode(place, head, file))


def _encode(place: str, head: bytes, file: BinaryIO) -> str:
    """The base64 of a file, without holding the file."""
    encoded = bytearray()
    while head:
        encoded += binascii.b2a_base64(head, newline=False)
        if len(encoded) > MAX_REQUEST:
            raise _too_large(f"{input_name(place)}: it is too large")
        head = file.read(_CHUNK)
    return encoded.decode("ascii")


def _known(place: str, mime_type: str) -> str:
    if not (bare(mime_type) and mime_type.isascii() and mime_type.isprintable()):
        hint = f"say it: -a '{place};type=image/png'"
        raise NoInputError(f"{input_name(place)}: its type is unknown", hint=hint)
    return mime_type


def _part(mime_type: str, **source: str) -> Part:
    major = mime_type.partition("/")[0]
    return {"type": major if major in MEDIA else "document", **source, "mime_type": mime_type}


def _too_large(what: str) -> BadDataError:
    return BadDataError(
        f"{what}: a request holds {MAX_REQUEST // 1024**2} MiB, base64 included",
        hint="upload the file with the Files API, and attach its URI",
    )


def _is_text(head: bytes) -> bool:
    if head.startswith(b"%PDF-") or not _NOT_TEXT.isdisjoint(head):
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True
