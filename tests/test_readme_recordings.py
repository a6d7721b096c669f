"""The script of README's section on recordings runs against a recording, as it says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SECTION = (ROOT / "README.md").read_text().partition("## Recordings\n")[2].partition("\n## ")[0]
BLOCK = re.compile(r"```(bash|sh|text)\n(.*?)```", re.DOTALL)
BLOCKS: list[tuple[str, str]] = BLOCK.findall(SECTION)
SCRIPT = next(text for kind, text in BLOCKS if kind == "bash")
OUTPUT = next(text for kind, text in BLOCKS if kind == "text")
SERVED = [text for kind, text in BLOCKS if kind == "sh" and text.startswith("gstream replay")]
CASSETTE = [text for kind, text in BLOCKS if kind == "sh" and "GSTREAM_CASSETTE" in text]


pytestmark = pytest.mark.needs("jq")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with the script and the recording."""
    (tmp_path / "script.sh").write_text(SCRIPT)
    shutil.copy(ROOT / "gstream" / "demo" / "count.sse", tmp_path / "count.sse")
    return tmp_path


def bash(command: str, place: Path, **env: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", command],
        cwd=place,
        env={"PATH": path, "HOME": str(place), "LC_ALL": "C.UTF-8", **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("command", SERVED)
def test_the_script_runs_against_the_server(command: str, place: Path) -> None:
    ran = bash(command, place)

    assert (ran.returncode, ran.stdout) == (0, OUTPUT)
    assert (ran.stderr == "") == ("--drop-after" not in command)


def test_there_are_commands_to_run() -> None:
    assert len(SERVED) == 2
    assert len(CASSETTE) == 1


def test_a_failure_is_handled_and_its_status_handed_on(place: Path) -> None:
    (place / "count.sse").write_bytes((place / "count.sse").read_bytes()[:1000])

    ran = bash(SERVED[0], place)

    assert ran.returncode == 75
    assert ran.stderr.endswith("not now, try again later\n")


def test_a_cassette_makes_the_network_needless(place: Path) -> None:
    once, from_then_on = CASSETTE[0].splitlines()
    quoted = once.partition("  #")[0].replace("GSTREAM", "env GSTREAM", 1)
    recorded = bash(f"gstream replay --speed 0 --serve count.sse -- {quoted}", place)

    again = bash(from_then_on, place)

    assert (recorded.returncode, recorded.stdout) == (0, OUTPUT)
    assert (again.returncode, again.stdout, again.stderr) == (0, OUTPUT, "")
