"""The examples of README's library section run, and print what stands there."""

import asyncio
import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import websockets

from tests import servers

README = (Path(__file__).parent.parent / "README.md").read_text()
SECTION = README.partition("## As a library\n")[2].partition("\n## ")[0]
BLOCK = re.compile(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", re.DOTALL)
EXAMPLES = BLOCK.findall(SECTION)

COUNTED = servers.stream("1, ", "2, ", "3").replace(
    b'"completed"}', b'"completed","usage":{"total_tokens":42}}'
)
TOO_MUCH = {"code": "rate_limit_exceeded", "message": "Quota exceeded."}


@contextmanager
def api(monkeypatch: pytest.MonkeyPatch, *scripts: servers.Script) -> Iterator[servers.RawServer]:
    """A server that answers the requests of the examples, each by its input."""

    def script(connection: socket.socket, stop: threading.Event) -> None:
        wanted = json.loads(server.requests[-1].body)["input"]
        answers = {
            "Too much.": servers.refusing(429, TOO_MUCH),
            "Count to a million.": servers.hanging(servers.opening("1, ", "2, ", "3")),
        }
        answers.get(wanted, servers.answering(COUNTED))(connection, stop)

    with servers.RawServer(*(scripts or (script,))) as server:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
        monkeypatch.setenv("GEMINI_API_KEY", "k")
        yield server


def run(code: str, namespace: dict[str, Any]) -> None:
    exec(compile(code, "README.md", "exec"), namespace)  # the examples are ours


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 9
    assert SECTION.count("```python") == len(EXAMPLES)


def test_each_example_prints_what_stands_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    namespace: dict[str, Any] = {}
    with api(monkeypatch):
        for code, output in EXAMPLES:
            run(code.replace("at_most(1,", "at_most(0.2,"), namespace)
            assert capsys.readouterr().out == output, code
        namespace["client"].close()


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The relay of the README, before a server whose answers never end."""
    [code] = [code for code, _output in EXAMPLES if "websockets" in code]
    with api(monkeypatch):
        namespace: dict[str, Any] = {}
        for shared in (EXAMPLES[0][0], "from gstream import AsyncStream", code):
            run(shared, namespace)
        yield namespace["relay"]
        namespace["client"].close()


def test_the_relay_sends_every_event_to_a_real_client(relay: Any) -> None:
    turn = [
        "interaction.created",
        "step.start",
        *["step.delta"] * 3,
        "step.stop",
        "interaction.completed",
    ]

    async def work() -> list[str]:
        async with websockets.serve(relay, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with websockets.connect(f"ws://127.0.0.1:{port}", proxy=None) as client:
                kinds: list[str] = []
                for _turn in range(2):
                    await client.send("Count to 3.")
                    received = [json.loads(await client.recv()) for _event in turn]
                    kinds += [event["event_type"] for event in received]
                return kinds

    assert asyncio.run(asyncio.wait_for(work(), servers.DEADLINE)) == turn * 2


def test_a_client_that_leaves_the_relay_stops_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = threading.Event()

    def endless(connection: socket.socket, stop: threading.Event) -> None:
        connection.sendall(servers.HEAD + servers.http_chunk(servers.opening()))
        try:
            while not stop.wait(0.01):
                connection.sendall(servers.http_chunk(servers.text_delta("and on ")))
        except OSError:
            gone.set()

    [code] = [code for code, _output in EXAMPLES if "websockets" in code]
    namespace: dict[str, Any] = {}

    async def work() -> None:
        async with websockets.serve(namespace["relay"], "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with websockets.connect(f"ws://127.0.0.1:{port}", proxy=None) as client:
                await client.send("Count to a million.")
                await client.recv()
            while not gone.is_set():
                await asyncio.sleep(0.005)

    with api(monkeypatch, endless):
        for shared in (EXAMPLES[0][0], "from gstream import AsyncStream", code):
            run(shared, namespace)
        asyncio.run(asyncio.wait_for(work(), servers.DEADLINE))
        namespace["client"].close()
