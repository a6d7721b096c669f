"""`create -a`: what an attachment is in the request."""

import base64
import json
import os
import subprocess
from pathlib import Path

import pytest

from tests import servers
from tests.cli.support_cli import (
    GSTREAM,
    dry_body,
    environment,
    run,
)
from tests.servers import RawServer


def test_attachments_stand_among_the_texts_in_the_order_given(files: Path) -> None:
    args = ["-a", "gs://b/one.png", "-p", "two", "-a", "gs://b/three.mp4", "-f", "notes.txt"]

    parts = dry_body(*args, cwd=files)["input"]

    assert [part.get("uri") or part["text"] for part in parts] == [
        "gs://b/one.png",
        "two",
        "gs://b/three.mp4",
        "Notizen: Grüße\n",
    ]


@pytest.mark.parametrize(
    ("given", "mime_type"),
    [
        pytest.param("-", "text/plain", id="by-content"),
        pytest.param("-;type=image/png", "image/png", id="by-its-type"),
    ],
)
def test_standard_input_can_be_attached(given: str, mime_type: str) -> None:
    [part] = dry_body("-a", given, stdin=b"hello")["input"]

    assert (part["data"], part["mime_type"]) == ("aGVsbG8=", mime_type)


@pytest.mark.parametrize(
    ("args", "code", "why"),
    [
        pytest.param(["-a", "absent.png"], 66, "absent.png: No such file", id="absent"),
        pytest.param(["-a", "noise"], 66, "noise: its type is unknown", id="unknown-type"),
        pytest.param(["-a", "-"], 65, "standard input: it is empty", id="empty"),
        pytest.param(["-a", "large.png"], 65, "200,000,000 bytes are too many", id="too-large"),
        pytest.param(["-a", "-", "-f", "-"], 2, "can be read only once", id="stdin-twice"),
        pytest.param(["-a", "-", "-a", "-;type=a/b"], 2, "only once", id="stdin-attached-twice"),
    ],
)
def test_an_attachment_that_cannot_be_sent_sends_nothing(
    args: list[str], code: int, why: str, files: Path
) -> None:
    (files / "noise").write_bytes(bytes(range(1, 200)))
    (files / "large.png").touch()
    os.truncate(files / "large.png", 200_000_000)
    with RawServer(servers.answering(servers.stream("ok"))) as server:
        got = run("create", "--base-url", server.url, "-p", "x", *args, cwd=files)

    assert (got.code, got.stdout, server.requests) == (code, b"", [])
    assert why in got.stderr


def test_an_attachment_arrives_as_it_is(files: Path) -> None:
    content = os.urandom(300_000)
    (files / "a.png").write_bytes(content)
    with RawServer(servers.answering(servers.stream("ok"))) as server:
        got = run("create", "--base-url", server.url, "-a", "a.png", cwd=files)

    [request] = server.requests
    [part] = json.loads(request.body)["input"]
    assert (got.code, base64.b64decode(part["data"])) == (0, content)
    assert request.headers["content-length"] == str(len(request.body))


def test_an_attachment_is_not_held_more_than_twice(files: Path) -> None:
    size = 48_000_000
    (files / "a.png").touch()
    os.truncate(files / "a.png", size)
    with RawServer(servers.answering(servers.stream("ok"))) as server:
        args = [*GSTREAM, "create", "--base-url", server.url, "-p", "x"]
        small = _most_memory(args, files)
        large = _most_memory([*args, "-a", "a.png"], files)

    assert large - small < 2.3 * size * 4 / 3


def _most_memory(command: list[str], place: Path) -> int:
    """Run a command; the most bytes of memory that it had."""
    with subprocess.Popen(
        command, env=environment(), cwd=place, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss * 1024
