"""`gstream decode`: views, live pipes, and what it takes as input."""

import os
import subprocess
import threading
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from tests import servers
from tests.cli.support_cli import (
    GSTREAM,
    Terminal,
    read_until,
    run,
    run_bash,
    run_command,
    started,
)

WORDS = ("Grüße, ", "東京 ", "🚀")
STREAM = servers.stream(*WORDS)
TEXT = "Grüße, 東京 🚀\n"
STEP = {"type": "model_output", "content": [{"type": "text", "text": "Grüße, 東京 🚀"}]}


def _data_lines(stream: bytes) -> bytes:
    lines = [line.removeprefix(b"data: ") for line in stream.splitlines() if b"data: {" in line]
    return b"".join(line + b"\n" for line in lines)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "answer.sse"
    path.write_bytes(STREAM)
    return str(path)


# --- views


def test_shows_the_text_by_default() -> None:
    got = run("decode", stdin=STREAM)

    assert (got.code, got.text, got.stderr) == (0, TEXT, "")


@pytest.mark.parametrize("option", ["--text", "--ndjson", "--steps", "--json", "--sse"])
def test_each_view_ends_with_success_and_a_silent_stderr(option: str, file: str) -> None:
    got = run("decode", option, file)

    assert (got.code, got.stderr) == (0, "")
    assert got.stdout


def test_ndjson_is_the_bytes_that_came(file: str) -> None:
    assert run("decode", "--ndjson", file).stdout == _data_lines(STREAM)


def test_steps_is_one_line_for_each_step(file: str) -> None:
    assert run("decode", "--steps", file).events == [STEP]


def test_json_is_one_line_with_all_steps(file: str) -> None:
    [interaction] = run("decode", "--json", file).events

    assert interaction["steps"] == [STEP]
    assert interaction["status"] == "completed"


def test_sse_is_the_bytes_that_came(file: str) -> None:
    assert run("decode", "--sse", file).stdout == STREAM


def test_two_views_are_a_usage_error(file: str) -> None:
    got = run("decode", "--json", "--steps", file)

    assert got.code == 2
    assert "only one of --text, --ndjson, --steps, --json and --sse" in got.stderr


# --- the first event is out before the second one is sent


@pytest.mark.needs("curl")
@pytest.mark.parametrize(
    ("option", "first"),
    [
        pytest.param("--text", b"one ", id="text"),
        pytest.param("--ndjson", b'"text":"one "', id="ndjson"),
        pytest.param("--sse", b'"text":"one "', id="sse"),
        pytest.param("--steps", b'"text":"one "', id="steps"),
    ],
)
def test_curl_piped_in_is_shown_while_the_server_waits(
    option: str, first: bytes, httpserver: HTTPServer
) -> None:
    gate = threading.Event()
    head = servers.opening("one ") + (servers.step_stop() if option == "--steps" else b"")
    tail = servers.step_start(index=1) + servers.text_delta("two", 1) + servers.ending()

    def parts(_request: object) -> Response:
        def generate() -> object:
            yield head
            assert gate.wait(servers.DEADLINE)
            yield tail

        return Response(generate(), content_type="text/event-stream")  # type: ignore[arg-type]

    httpserver.expect_request("/stream").respond_with_handler(parts)
    curl = ["curl", "-sN", httpserver.url_for("/stream")]
    with (
        subprocess.Popen(curl, stdout=subprocess.PIPE) as source,
        started("decode", option, stdin=source.stdout) as process,
    ):
        got = read_until(process.stdout, first)
        gate.set()
        rest, _ = process.communicate(timeout=servers.DEADLINE)

    assert first in got
    assert b"two" in rest
    assert process.returncode == 0


def test_text_comes_out_before_stdin_ends() -> None:
    with started("decode", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(servers.opening("now"))
        process.stdin.flush()

        assert read_until(process.stdout, b"now") == b"now"


def test_a_non_blocking_stdin_is_waited_for() -> None:
    ours, theirs = os.pipe()
    os.set_blocking(ours, False)
    with os.fdopen(theirs, "wb") as feed, started("decode", stdin=ours) as process:
        os.close(ours)
        feed.write(servers.opening("one "))
        feed.flush()
        read_until(process.stdout, b"one ")
        feed.write(servers.text_delta("two") + servers.step_stop() + servers.ending())
        feed.close()

        assert read_until(process.stdout, b"\n") == b"two\n"


@pytest.mark.needs("curl", "jq")
def test_ndjson_feeds_jq(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/stream").respond_with_data(STREAM, content_type="text/event-stream")

    got = run_bash(
        'set -o pipefail; curl -sN "$1" | gstream decode --ndjson'
        """ | jq -r 'select(.event_type == "step.delta") | .delta.text'""",
        httpserver.url_for("/stream"),
    )

    assert (got.code, got.text) == (0, "Grüße, \n東京 \n🚀\n")


# --- input


@pytest.mark.needs("curl")
def test_header_lines_of_curl_are_skipped(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/stream").respond_with_data(STREAM, content_type="text/event-stream")

    got = run_bash('curl -siN "$1" | gstream decode', httpserver.url_for("/stream"))

    assert got.text == TEXT


def test_ndjson_can_be_decoded_again(file: str) -> None:
    got = run_bash('gstream decode --ndjson "$1" | gstream decode', file)

    assert (got.code, got.text) == (0, TEXT)


def test_an_exit_line_gives_the_exit_code_of_the_run_that_wrote_it() -> None:
    cut = run("decode", "--ndjson", stdin=servers.opening("half"))

    got = run("decode", stdin=cut.stdout)

    assert (got.code, got.text) == (76, "half")


def test_files_are_decoded_one_after_the_other(file: str, tmp_path: Path) -> None:
    other = tmp_path / "other.sse"
    other.write_bytes(servers.stream("more"))

    got = run("decode", file, str(other))

    assert (got.code, got.text) == (0, TEXT + "more\n")


def test_the_framing_of_a_file_ends_with_it(file: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.sse"
    created = servers.created("v1_other")
    broken.write_bytes(created + servers.step_start() + servers.text_delta("half") + b"data: {")

    got = run("decode", str(broken), file)

    assert got.code == 76
    assert got.text == "half" + TEXT


def test_stdin_can_be_one_of_the_files(file: str) -> None:
    got = run("decode", file, "-", stdin=servers.stream("from stdin"))

    assert got.text == TEXT + "from stdin\n"


def test_stdin_named_twice_is_a_usage_error() -> None:
    got = run("decode", "-", "-", stdin=STREAM)

    assert got.code == 2
    assert "standard input (-) can be read only once" in got.stderr


def test_an_unreadable_file_is_told_once_and_the_others_are_shown(file: str) -> None:
    got = run("decode", "nowhere.sse", file)

    assert (got.code, got.text) == (66, TEXT)
    assert got.stderr == "gstream: nowhere.sse: No such file or directory\n"


def test_every_unreadable_file_is_told(tmp_path: Path) -> None:
    got = run("decode", "nowhere.sse", str(tmp_path))

    assert got.code == 66
    assert "gstream: nowhere.sse: No such file or directory\n" in got.stderr
    assert f"gstream: {tmp_path}: Is a directory\n" in got.stderr


def test_nothing_to_read_on_a_terminal_is_a_usage_error() -> None:
    with Terminal() as terminal, started("decode", stdin=terminal.end) as process:
        _, stderr = process.communicate(timeout=servers.DEADLINE)

    assert process.returncode == 2
    assert b"Usage: gstream decode" in stderr
    assert b"nothing to read" in stderr


def test_decode_does_not_import_what_only_the_network_needs() -> None:
    script = (
        "import sys; from gstream.cli import decode, run; from gstream.cli.run import Run;"
        "print(sorted({'httpx', 'tqdm', 'asyncio', 'subprocess', 'json.tool'} & set(sys.modules)))"
    )

    assert run_command([GSTREAM[0], "-c", script]).text == "[]\n"
