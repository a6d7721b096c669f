"""MIME types of files: by name, and the extension for a type. Pure; no file is looked at.

The tables are those of the standard library, without what this machine has added, and the names
that the API uses instead (the enumerations of the official SDK).
"""

import os
import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mimetypes import MimeTypes

MEDIA = frozenset({"image", "audio", "video"})
"""The types that are kinds of content by themselves; all else is a document."""

_WELL_FORMED = re.compile(r"[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*", re.ASCII)

# What says nothing of the content, or that the API has no type of document for what it is: the
# tables of newer versions of Python know more than those of older ones.
_SAY_NOTHING = frozenset(
    {"application/gzip", "application/octet-stream", "text/markdown", "text/x-rst"}
)

_API_NAMES = {
    "application/ogg": "audio/ogg",
    "audio/3gpp": "video/3gpp",
    "audio/mp4": "audio/m4a",
    "audio/vnd.wave": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/x-aiff": "audio/aiff",
    "audio/x-flac": "audio/flac",
    "audio/x-m4a": "audio/m4a",
    "audio/x-wav": "audio/wav",
    "image/x-ms-bmp": "image/bmp",
    "video/quicktime": "video/mov",
    "video/vnd.avi": "video/avi",
    "video/x-ms-wmv": "video/wmv",
    "video/x-msvideo": "video/avi",
}

_OFFICE = "application/vnd.openxmlformats-officedocument"
_OPEN = "application/vnd.oasis.opendocument"

# What the standard library does not know, or not in every version of Python.
_EXTENSIONS = {
    f"{_OFFICE}.presentationml.presentation": ".pptx",
    f"{_OFFICE}.spreadsheetml.sheet": ".xlsx",
    f"{_OFFICE}.wordprocessingml.document": ".docx",
    f"{_OFFICE}.wordprocessingml.template": ".dotx",
    f"{_OPEN}.presentation": ".odp",
    f"{_OPEN}.spreadsheet": ".ods",
    f"{_OPEN}.text": ".odt",
    "audio/aiff": ".aiff",
    "audio/alaw": ".alaw",
    "audio/flac": ".flac",
    "audio/m4a": ".m4a",
    "audio/mp3": ".mp3",
    "audio/mulaw": ".ulaw",
    "audio/ogg": ".ogg",
    "audio/opus": ".opus",
    "audio/wav": ".wav",
    "audio/webm": ".weba",
    "image/jpg": ".jpg",
    "image/webp": ".webp",
    "text/markdown": ".md",
    "video/3gpp": ".3gp",
    "video/avi": ".avi",
    "video/mov": ".mov",
    "video/mpg": ".mpg",
    "video/wmv": ".wmv",
    "video/x-flv": ".flv",
}
_NAMES = {extension: mime_type for mime_type, extension in _EXTENSIONS.items()}


def api_name(mime_type: str) -> str:
    """What the API calls a type."""
    return _API_NAMES.get(mime_type, mime_type)


def type_of_name(name: str) -> str:
    """The type that the extension of a file stands for; empty if that is unknown."""
    extension = os.path.splitext(name)[1].lower()
    common, standard = _table().types_map
    mime_type = standard.get(extension) or common.get(extension) or _NAMES.get(extension, "")
    return "" if mime_type in _SAY_NOTHING else api_name(mime_type)


def extension_of(mime_type: str, kind: str) -> str:
    """The extension for a type, with its dot; `.bin` if the tables have none.

    No character of it comes from the type itself.

    Args:
        mime_type: Any text.
        kind: Of the content: what a model calls an image gets no name of a script.
    """
    known = api_name(bare(mime_type))
    if kind in MEDIA and known.partition("/")[0] not in MEDIA:
        return ".bin"
    if found := _EXTENSIONS.get(known):
        return found
    return _table().guess_extension(known, strict=False) or ".bin"


def bare(mime_type: str) -> str:
    """A type in lower case without its parameters; empty if it is none."""
    found = mime_type.partition(";")[0].strip().lower()
    return found if _WELL_FORMED.fullmatch(found) else ""


def parameter(mime_type: str, name: str) -> str:
    """The value of a parameter of a type, such as the rate of `audio/l16;rate=24000`."""
    for part in mime_type.split(";")[1:]:
        key, _, value = part.partition("=")
        if key.strip().lower() == name:
            return value.strip().strip('"')
    return ""


@cache
def _table() -> "MimeTypes":
    from mimetypes import MimeTypes

    return MimeTypes()
