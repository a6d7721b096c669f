"""What the tests of `create --exec` share: turns of a server, and what it was sent."""

import json
from pathlib import Path
from typing import Any

from tests import servers
from tests.cli.support_cli import Ran, run
from tests.servers import RawServer, Script
from tests.support import completed, created, delta, start, stop, stream

Event = dict[str, Any]

WEATHER = """#!/bin/sh
cat > "$0.seen"
env > "$0.env"
echo '{"temperature":22}'
"""
TOOL = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"location": {"type": "string"}}},
}


def function_call(
    index: int = 1, *, name: str = "get_weather", call_id: str = "c1", arguments: str = ""
) -> list[Event]:
    """The events of a function call; its arguments come in two pieces."""
    text = arguments or '{"location":"Paris"}'
    half = len(text) // 2
    pieces = [
        delta("arguments_delta", index=index, arguments=part) for part in (text[:half], text[half:])
    ]
    begun = start("function_call", index=index, id=call_id, name=name, arguments={}, signature="")
    return [begun, *pieces, stop(index)]


def thought(signature: str) -> list[Event]:
    return [start("thought"), delta("thought_signature", signature=signature), stop()]


def ending(status: str, interaction_id: str, usage: int) -> Event:
    fields = {"usage": {"total_tokens": usage}} if usage else {}
    return completed(status, **{"id": interaction_id, **fields})


def calling(
    *calls: list[Event], interaction_id: str = "v1_one", text: str = "", usage: int = 0
) -> Script:
    """A turn that says something and calls functions."""
    said = [start(index=9), delta(index=9, text=text), stop(9)] if text else []
    called = [event for call in calls or (function_call(),) for event in call]
    return answer(
        created(interaction_id),
        *thought(f"signature of {interaction_id}"),
        *said,
        *called,
        ending("requires_action", interaction_id, usage),
    )


def saying(text: str, interaction_id: str = "v1_last", usage: int = 0) -> Script:
    """A last turn."""
    said = [start(), delta(text=text), stop()]
    return answer(created(interaction_id), *said, ending("completed", interaction_id, usage))


def answer(*events: Event) -> Script:
    return servers.answering(stream(*events))


def create(server: RawServer, *args: str, **given: Any) -> Ran:
    prompt = [] if "-f" in args else ["-p", "Weather in Paris?"]
    return run("create", "--base-url", server.url, *prompt, *args, **given, cwd=Path.cwd())


def bodies(server: RawServer) -> list[Event]:
    return [json.loads(request.body) for request in server.requests if request.body]


def results(server: RawServer) -> list[Event]:
    found: list[Event] = bodies(server)[-1]["input"]
    return found
