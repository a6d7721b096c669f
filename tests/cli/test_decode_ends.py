"""How `gstream decode` ends: exit codes, and an outside world that does not play along."""

import gzip
import json
import random
import subprocess
from pathlib import Path

import pytest

from tests import servers
from tests.cli.support_cli import (
    GSTREAM,
    LATIN1,
    environment,
    run,
    run_bash,
    run_command,
    started,
)
from tests.support import block

WORDS = ("Grüße, ", "東京 ", "🚀")
STREAM = servers.stream(*WORDS)
LOCALE_C = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "answer.sse"
    path.write_bytes(STREAM)
    return str(path)


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


def test_a_compressed_stream_is_bad_data_and_told_to_be_one() -> None:
    got = run("decode", stdin=gzip.compress(STREAM))

    assert (got.code, got.stdout) == (65, b"")
    assert got.stderr.endswith("gstream: it looks like gzip: decompress it first\n")


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


def test_a_closed_stdin_cannot_be_read() -> None:
    got = run_bash("gstream decode <&-")

    assert (got.code, got.text) == (66, "")
    assert got.stderr == "gstream: standard input is closed\n"


def test_python_m_gstream_is_the_installed_program() -> None:
    script = Path(GSTREAM[0]).parent / "gstream"

    got = run_command([str(script), "decode", "--json"], stdin=STREAM)

    assert got == run_command([*GSTREAM, "decode", "--json"], stdin=STREAM)
    assert environment()["GEMINI_API_KEY"].encode() not in got.stdout
