"""A signal while modules are loaded ends the program silently, as it ends cat."""

import signal
import subprocess
import sys

import pytest

from tests.cli.support_cli import environment

AT_IMPORT = """
import os, sys
signum, module, *sys.argv = sys.argv[1:]
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            os.kill(os.getpid(), int(signum))
sys.meta_path.insert(0, Finder())
import gstream.cli
gstream.cli.cli()
"""
COMMANDS = {
    "create": ["create", "-p", "x"],
    "resume": ["resume", "v1_a"],
    "decode": ["decode"],
    "replay": ["replay", "-"],
}


def interrupted_at_import(signum: int, module: str, program: str, *args: str) -> tuple[int, bytes]:
    """The code and the stderr of a run that gets a signal when it imports a module."""
    done = subprocess.run(
        [sys.executable, "-c", AT_IMPORT, str(int(signum)), module, program, *args],
        env=environment(GOOGLE_GEMINI_BASE_URL="http://127.0.0.1:9"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(
    ("command", "module"),
    [
        *((command, "click") for command in COMMANDS),
        *((command, f"gstream.cli.{command}") for command in COMMANDS),
        *((command, "gstream.session") for command in COMMANDS),
        ("create", "gstream.cli.following"),
        ("create", "httpx"),
        ("resume", "httpx"),
    ],
)
def test_a_signal_while_modules_are_loaded_ends_the_program_silently(
    command: str, module: str, signum: signal.Signals
) -> None:
    ended = interrupted_at_import(signum, module, "/usr/bin/gstream", *COMMANDS[command])

    assert ended == (-signum, b"")


def test_whoever_imports_the_command_line_keeps_their_interrupts() -> None:
    code, stderr = interrupted_at_import(signal.SIGINT, "click", "/usr/bin/sphinx-build")

    assert code == -signal.SIGINT
    assert stderr.endswith(b"KeyboardInterrupt\n")
