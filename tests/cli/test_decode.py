"""`gstream decode` as a program among others: pipes, files, terminals, locales."""

import json
import os
import random
import subprocess
import threading
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from tests import servers
from tests.cli.support_cli import (
    GSTREAM,
    LATIN1,
    Terminal,
    environment,
    read_until,
    run,
    run_bash,
    run_command,
    started,
)
from tests.support import block

WORDS = ("Grüße, ", "東京 ", "🚀")
STREAM = servers.stream(*WORDS)
TEXT = "Grüße, 東京 🚀\n"
STEP = {"type": "model_output", "content": [{"type": "text", "text": "Grüße, 東京 🚀"}]}
LOCALE_C = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


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


# --- ends


ERRORS = [
    pytest.param({"code": 429, "status": "RESOURCE_EXHAUSTED"}, 75, id="429"),
    pytest.param({"code": 401, "status": "UNAUTHENTICATED"}, 77, id="401"),
    pytest.param({"code": 403, "status": "PERMISSION_DENIED"}, 77, id="403"),
    pytest.param({"code": 500, "status": "INTERNAL"}, 69, id="500"),
    pytest.param({"code": 400, "status": "INVALID_ARGUMENT"}, 64, id="400"),
    pytest.param({"code": "prohibited_content"}, 12, id="blocked"),
    pytest.param({"code": "rate_limit_exceeded"}, 75, id="429-by-name"),
    pytest.param({"code": "permission_denied"}, 77, id="403-by-name"),
]


@pytest.mark.parametrize(("error", "code"), ERRORS)
def test_an_error_body_gives_the_code_of_its_error(error: dict[str, object], code: int) -> None:
    body = json.dumps({"error": {**error, "message": "no such luck"}}).encode()

    got = run("decode", stdin=body)

    assert (got.code, got.stdout) == (code, b"")
    assert "no such luck" in got.stderr


def test_an_error_body_is_an_event_in_ndjson() -> None:
    got = run("decode", "--ndjson", stdin=b'{"error":{"code":429,"message":"slow down"}}')

    assert got.events == [
        {"event_type": "error", "error": {"code": 429, "message": "slow down"}},
        {
            "event_type": "gstream.exit",
            "status": 75,
            "reason": "rate_limited",
            "message": "HTTP 429: slow down (429)",
            "interaction_id": None,
            "last_event_id": None,
            "retryable": True,
        },
    ]


def test_a_cut_stream_is_truncated_with_its_text_shown() -> None:
    got = run("decode", stdin=servers.opening("as far as ", "it came"))

    assert (got.code, got.text) == (76, "as far as it came")
    assert got.stderr == (
        "gstream: the stream ended before the interaction did (interaction v1_built)\n"
    )


def test_the_exit_line_names_the_place_in_the_stream() -> None:
    got = run(
        "decode",
        "--ndjson",
        stdin=servers.opening() + servers.text_delta("half", event_id="e7"),
    )

    assert got.events[-1] == {
        "event_type": "gstream.exit",
        "status": 76,
        "reason": "truncated",
        "message": "the stream ended before the interaction did (after event e7)",
        "interaction_id": "v1_built",
        "last_event_id": "e7",
        "retryable": True,
    }


def test_a_whole_answer_has_no_exit_line() -> None:
    assert "gstream.exit" not in run("decode", "--ndjson", stdin=STREAM).text


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("completed", 0),
        ("requires_action", 10),
        ("incomplete", 11),
        ("budget_exceeded", 11),
        ("requires_continuation", 11),
        ("failed", 12),
        ("cancelled", 13),
        ("in_progress", 76),
    ],
)
def test_the_status_of_the_interaction_gives_the_exit_code(status: str, code: int) -> None:
    stream = servers.opening("text") + servers.step_stop() + servers.ending(status)

    assert run("decode", stdin=stream).code == code


def test_an_error_event_ends_with_14() -> None:
    error = {"code": "gateway_timeout", "message": "too late"}
    stream = servers.opening("half") + block({"error": error, "event_type": "error"})

    got = run("decode", stdin=stream)

    assert (got.code, got.text) == (14, "half")
    assert "too late" in got.stderr


def test_html_is_bad_data_and_its_first_words_are_told() -> None:
    got = run("decode", stdin=b"<!doctype html><title>502 Bad Gateway</title>")

    assert got.code == 65
    assert "the input is HTML" in got.stderr
    assert "502 Bad Gateway" in got.stderr


def test_no_input_at_all_is_truncated() -> None:
    assert run("decode").code == 76


def test_a_broken_event_is_told_and_the_rest_goes_on() -> None:
    stream = servers.opening("one ") + b"data: {oops\n\n" + servers.text_delta("two")

    got = run("decode", stdin=stream + servers.ending())

    assert (got.code, got.text) == (65, "one two\n")
    assert "event 4 at byte" in got.stderr


@pytest.mark.parametrize("seed", range(4))
def test_random_bytes_never_give_a_traceback(seed: int) -> None:
    data = random.Random(seed).randbytes(10_000)

    got = run("decode", stdin=data)

    assert got.code in {65, 76}
    assert got.stderr.startswith("gstream: ")
    assert "Traceback" not in got.stderr and "bug" not in got.stderr


def test_an_event_above_the_bound_is_refused() -> None:
    got = run("decode", "--max-event-size", "1K", stdin=servers.opening("x" * 2000))

    assert got.code == 65
    assert "--max-event-size" in got.stderr


# --- the outside world


VIEWS = ["--text", "--ndjson", "--steps", "--json", "--sse"]


@pytest.mark.parametrize("option", VIEWS)
def test_the_c_locale_changes_nothing(option: str, file: str) -> None:
    assert run("decode", option, file, env=LOCALE_C) == run("decode", option, file)


@pytest.mark.needs(*LATIN1)
@pytest.mark.parametrize("option", VIEWS)
def test_latin1_changes_nothing(option: str, file: str, latin1: dict[str, str]) -> None:
    assert run("decode", option, file, env=latin1) == run("decode", option, file)


def test_the_reader_of_a_pipe_may_leave(tmp_path: Path) -> None:
    path = tmp_path / "long.sse"
    path.write_bytes(servers.stream(*["0123456789abcdef" * 64] * 1000))

    got = run_bash('gstream decode "$1" | head -c 3; echo " ${PIPESTATUS[0]}"', str(path))

    assert (got.text, got.stderr) == ("012 141\n", "")


def test_a_full_device_is_found_before_anything_is_read() -> None:
    got = run_bash("gstream decode > /dev/full")

    assert got.code == 74
    assert got.stderr == "gstream: standard output: No space left on device\n"


def test_a_closed_stdout_is_found_before_anything_is_read(file: str) -> None:
    got = run_bash('gstream decode "$1" >&-', file)

    assert got.code == 74
    assert got.stderr == "gstream: standard output is closed\n"


def test_a_closed_stderr_changes_nothing_on_stdout() -> None:
    cut = servers.opening("half")

    with started("decode", stdin=subprocess.PIPE) as process:
        usual, _ = process.communicate(cut, timeout=servers.DEADLINE)
    got = run_command(["bash", "-c", '"$@" 2>&-', "bash", *GSTREAM, "decode"], stdin=cut)

    assert (got.code, got.stdout) == (76, usual)


def test_a_closed_stdin_is_an_empty_one() -> None:
    got = run_bash("gstream decode <&-")

    assert (got.code, got.text) == (76, "")
    assert "no interaction had begun" in got.stderr


def test_python_m_gstream_is_the_installed_program() -> None:
    script = Path(GSTREAM[0]).parent / "gstream"

    got = run_command([str(script), "decode", "--json"], stdin=STREAM)

    assert got == run_command([*GSTREAM, "decode", "--json"], stdin=STREAM)
    assert environment()["GEMINI_API_KEY"].encode() not in got.stdout
