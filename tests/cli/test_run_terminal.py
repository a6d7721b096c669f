"""A run on a terminal: model and server may write what they want, the terminal obeys none of it."""

import json
from pathlib import Path

import pytest

from tests import servers
from tests.cli.support_cli import Terminal, run, started
from tests.servers import RawServer, refusing

CONTROLS = "red \x1b[31m bell \x07 del \x7f c1 \x9b31m cr\r tab\t lf\n"
VISIBLE = "red \\u001b[31m bell \\u0007 del \\u007f c1 \\u009b31m cr\\u000d tab\t lf\n"


def _shown(*args: str, stdin: bytes) -> bytes:
    """What a terminal gets of stdout."""
    with Terminal() as terminal:
        with started("decode", *args, stdin=-1, stdout=terminal.end) as process:
            process.communicate(stdin, timeout=servers.DEADLINE)
        return terminal.shown()


def test_control_characters_of_the_text_are_visible_on_a_terminal() -> None:
    assert _shown(stdin=servers.stream(CONTROLS)).decode() == VISIBLE


def test_control_characters_of_the_text_stay_in_a_pipe() -> None:
    assert run("decode", stdin=servers.stream(CONTROLS)).text == CONTROLS


@pytest.mark.parametrize("view", ["--text", "--ndjson", "--steps", "--json", "--sse"])
def test_no_view_lets_a_terminal_obey(view: str) -> None:
    raw_c1 = servers.stream(CONTROLS).replace(b"c1", "c1 \x9b31m".encode()) + b"\x1b[31m\n\n"

    shown = _shown(view, stdin=raw_c1).decode()

    assert "red " in shown
    assert not [c for c in shown if (c < " " and c not in "\n\t") or "\x7f" <= c <= "\x9f"]


def test_json_on_a_terminal_is_indented() -> None:
    shown = _shown("--json", stdin=servers.stream("x"))

    assert shown.startswith(b'{\n  "id": "v1_built",\n')
    assert json.loads(shown)["status"] == "completed"


def test_words_of_the_server_are_harmless_on_a_terminal_in_verbose_mode() -> None:
    script = refusing(400, {"message": "evil \x1b]0;title\x07 \x9b31m"}, x_evil="\x1b[31mred")
    with Terminal() as terminal, RawServer(script) as server:
        env = {"GOOGLE_GEMINI_BASE_URL": server.url, "NO_COLOR": "1"}
        args = ["create", "-p", "x", "-vv", "--retries", "0"]
        with started(*args, stderr=terminal.end, env=env) as process:
            process.wait(servers.DEADLINE)
        shown = terminal.shown().decode()

    assert "evil \\u001b]0;title\\u0007 \\u009b31m" in shown
    assert not [c for c in shown if (c < " " and c not in "\n\t") or "\x7f" <= c <= "\x9f"]


def test_a_failure_begins_a_line_of_its_own_on_a_shared_terminal() -> None:
    with Terminal() as terminal:
        with started("decode", stdin=-1, stdout=terminal.end, stderr=terminal.end) as process:
            process.communicate(servers.opening("half a line"), timeout=servers.DEADLINE)
        assert terminal.shown().startswith(b"half a line\ngstream: the stream ended before ")


def test_each_of_several_failures_begins_a_line_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "cut").write_bytes(servers.opening("half a line"))
    with Terminal() as terminal:
        args = ["decode", str(tmp_path / "cut"), str(tmp_path / "none")]
        with started(*args, stdout=terminal.end, stderr=terminal.end) as process:
            process.wait(timeout=servers.DEADLINE)
        shown = terminal.shown().decode()

    assert shown.startswith(f"half a line\ngstream: {tmp_path}/cut: the stream ended before ")
    assert shown.endswith(f"\ngstream: {tmp_path}/none: No such file or directory\n")
    assert "\n\n" not in shown
