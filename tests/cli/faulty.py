"""Runs of `create` against a server with faults."""

from tests.cli.support_cli import run
from tests.drawn_faults import stream
from tests.faults import FaultModel, FaultServer

VIEWS = ("text", "ndjson", "steps", "json", "sse")


def create(url: str, *args: str) -> list[str]:
    return ["create", "-p", "x", "-q", "--base-url", url, *args]


def uncut(view: str, ids: str, seed: int = 0) -> bytes:
    with FaultServer(FaultModel(stream(ids, seed))) as server:
        return run(*create(server.url, f"--{view}")).stdout
