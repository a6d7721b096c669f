"""Fixtures of the tests of the command line."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from tests.cli.calling import TOOL, WEATHER

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)


@pytest.fixture(scope="session", autouse=True)
def measured() -> None:
    """Measure processes that end by a signal, too, if any are measured."""
    if "COVERAGE_PROCESS_CONFIG" in os.environ:
        folders = [str(Path(__file__).parent / "measured"), os.environ.get("PYTHONPATH", "")]
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, folders))


@pytest.fixture(scope="session")
def make_httpserver() -> Iterator[HTTPServer]:
    """A server that speaks HTTP/1.1; unthreaded it would speak HTTP/1.0, without chunks."""
    with HTTPServer(host="127.0.0.1", port=0, threaded=True) as server:
        yield server


@pytest.fixture(autouse=True)
def own_signals() -> Iterator[None]:
    """Give pytest its signals back after code that takes them."""
    before = [(signum, signal.getsignal(signum)) for signum in SIGNALS]
    yield
    for signum, handler in before:
        signal.signal(signum, handler)


@pytest.fixture(scope="session")
def latin1(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a user whose locale is Latin-1."""
    place: Path = tmp_path_factory.mktemp("locales")
    subprocess.run(
        ["localedef", "-i", "de_DE", "-f", "ISO-8859-1", str(place / "de_DE")],
        check=True,
        capture_output=True,
    )
    return {"LOCPATH": str(place), "LC_ALL": "de_DE", "PYTHONUTF8": "0"}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A directory with some files for requests."""
    weather = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}}
    (tmp_path / "notes.txt").write_text("Notizen: Grüße\n")
    (tmp_path / "schema.json").write_text('{"type":"object"}')
    (tmp_path / "tools.json").write_text(json.dumps([weather, {"type": "google_search"}]))
    (tmp_path / "latin1.txt").write_bytes("Grüße".encode("latin-1"))
    return tmp_path


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with the script and the declaration of a function."""
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "weather.sh"
    script.write_text(WEATHER)
    script.chmod(0o755)
    (tmp_path / "weather.json").write_text(json.dumps(TOOL))
    return tmp_path
