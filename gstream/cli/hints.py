"""Commands for people to paste: how to go on, how to stop a run, the request as one of curl.

They work as they stand, so the options of the run that matter are named again. Ids are the
server's words: each is quoted, and what cannot be shown as it is makes no command. A secret is
never shown; the variable or the file that it comes from stands in its place.
"""

import shlex
from collections.abc import Iterator
from typing import Any

from gstream.api import API_REVISION, Body
from gstream.events import dumps

from .network import given_headers, key_variable, request_url

_KEPT = frozenset(
    {"flush", "thoughts", "save_media", "base_url", "api_version", "api_key_file", "header"}
)
_WHOLE_VIEWS = frozenset({"steps", "json"})
_KEYS = frozenset({"authorization", "x-goog-api-key"})


def resume_command(
    options: dict[str, Any], view: str, interaction_id: str, last_event_id: str = ""
) -> str:
    """The command that goes on with an interaction; empty if it cannot be shown.

    Args:
        options: Those of the run; its cursor file, if it has one, knows the ids.
        view: The name of its view.
        interaction_id: Empty where a cursor file holds it.
        last_event_id: Empty to begin at the start.
    """
    words = ["--cursor", shlex.quote(options["cursor"])] if options["cursor"] else []
    if last_event_id and not words:
        words += ["--last-event-id", shlex.quote(last_event_id)]
    words += [f"--{view}"] if view != "text" else []
    words += kept_options(options)
    if not options["cursor"]:
        one = shlex.quote(interaction_id)
        words = [*words, "--", one] if interaction_id.startswith("-") else [one, *words]
    command = " ".join(["gstream resume", *words])
    return command if command.isprintable() else ""


def resume_hint(
    options: dict[str, Any],
    view: str,
    interaction_id: str,
    last_event_id: str,
    *,
    hop: bool = False,
) -> str:
    """How to go on with an interaction; empty if that cannot be shown.

    Args:
        options: Those of the run.
        view: The name of its view.
        interaction_id: As the server gave it.
        last_event_id: What this event and those before it bring has been seen; empty if more has
            been seen, or if that is not known.
        hop: Whether it continues another interaction: from its start it is half an answer.
    """
    if not interaction_id:
        return ""
    lines = options["flush"] == "line" and view == "text"  # the last one was ended, half as it was
    by_event = view not in _WHOLE_VIEWS and options["flush"] != "end" and not lines
    after = last_event_id if by_event else ""
    command = resume_command(options, view, interaction_id, after)
    begin = "" if after or options["cursor"] else " from the start"
    if hop and begin:
        return ""
    return f"resume{begin} with: {command}" if command else ""


def cancel_command(options: dict[str, Any], url: str) -> str:
    """The command that asks the server to stop a run; empty if it cannot be shown."""
    headers = (f"-H {header}" for header in _secret_free_headers(options))
    command = " ".join(["curl -g -X POST -d '{}'", *headers, shlex.quote(url)])
    return command if command.isprintable() else ""


def curl_command(options: dict[str, Any], path: str, body: Body) -> bytes:
    """The command that sends the same request.

    Raises:
        ConfigurationError: The base URL is not usable.
    """
    from gstream.transport import check_base_url

    check_base_url(options["base_url"])
    fixed = {
        "Content-Type": "application/json",
        "Accept": "text/event-stream",
        "Api-Revision": API_REVISION,
    }
    replaced = {name.lower() for name, _ in given_headers(options)}
    headers = [
        shlex.quote(f"{name}: {value}")
        for name, value in fixed.items()
        if name.lower() not in replaced
    ]
    lines = [f"curl -gsN -X POST {shlex.quote(request_url(options, path))}"]
    lines += [f"-H {header}" for header in (*headers, *_secret_free_headers(options))]
    lines.append(f"--data @- <<'JSON'\n{dumps(body).decode()}\nJSON")
    return (" \\\n  ".join(lines) + "\n").encode()


def key_hint(options: dict[str, Any]) -> str:
    """Where the key comes from that a server does not accept."""
    names = [name for name, _ in given_headers(options) if name.lower() in _KEYS]
    place = f"-H {names[0]}" if names else options["api_key_file"] or key_variable()
    return f"the key comes from {place}"


def kept_options(options: dict[str, Any]) -> Iterator[str]:
    """The options of the run that `resume` has, too, as far as they are not what they always are.

    Those from the environment are among them: it may have been set for one command only.
    """
    from .resume import command

    for parameter in command.params:
        name = parameter.name or ""
        value = options.get(name)
        if name not in _KEPT or value in {None, False, (), parameter.default}:
            continue
        if name == "header":
            yield from (f"-H {header}" for header in _given_headers(options))
        else:
            yield parameter.opts[-1]
            yield from [] if value is True else [shlex.quote(value)]


def _secret_free_headers(options: dict[str, Any]) -> Iterator[str]:
    """The headers of a request that the user has chosen, quoted; the key among them."""
    if not {name.lower() for name, _ in given_headers(options)} & _KEYS:
        yield f'"x-goog-api-key: {_key_in_shell(options)}"'
    yield from _given_headers(options, empty=";")  # curl takes `NAME:` for a header to leave out


def _given_headers(options: dict[str, Any], empty: str = ":") -> Iterator[str]:
    from gstream.transport import is_secret

    for name, value in given_headers(options):
        if is_secret(name):
            variable = "".join(c if c.isalnum() else "_" for c in name.upper())
            yield f'{shlex.quote(f"{name}: ")}"${variable}"'
        else:
            yield shlex.quote(f"{name}: {value}" if value else f"{name}{empty}")


def _key_in_shell(options: dict[str, Any]) -> str:
    """What the shell makes the key of, within double quotes."""
    if file := options["api_key_file"]:
        return f"$(cat -- {shlex.quote(file)})"
    return f"${key_variable() or 'GEMINI_API_KEY'}"
