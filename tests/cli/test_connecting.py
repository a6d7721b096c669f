"""An answer over many connections, each cut somewhere, on real sockets."""

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.faulty import VIEWS, create, uncut
from tests.cli.support_cli import GSTREAM, environment, run
from tests.drawn_faults import LIVE_ENDINGS, faults, stream
from tests.faults import Fault, FaultModel, FaultServer

SCHEDULES = 2000 if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 80


def differing(seed: int) -> str:
    """How a schedule of faults differs from the uncut run; empty if it does not."""
    view = VIEWS[seed % len(VIEWS)]
    ids = ("none", "some", "all")[seed // len(VIEWS) % 3]
    cut_anew = view in {"text", "steps", "json"}
    first, *others = faults(seed, endings=list(LIVE_ENDINGS), cut_anew=cut_anew)
    if first.ending == "reset":  # it can take away what had arrived, and the id with it
        first = replace(first, ending="unfinished")
    model = FaultModel(stream(ids, seed), [first, *others])
    with FaultServer(model) as server:
        done = subprocess.run(
            [*GSTREAM, *create(server.url, f"--{view}")],
            env=environment(COVERAGE_PROCESS_CONFIG=None),  # measuring takes longer
            capture_output=True,
            timeout=60,
            check=False,
        )
    polled = any("stream" not in request for request in model.requests[1:])
    same = done.stdout == uncut(view, ids, seed) or (polled and not cut_anew)
    if same and done.returncode == 0 and model.posts == 1:
        return ""
    return f"seed {seed}: {view}, exit {done.returncode}, {model.posts} posts: {done.stderr!r}"


def test_any_schedule_of_faults_prints_what_the_uncut_run_prints() -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(differing, range(SCHEDULES)))

    assert [each for each in found if each] == []


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("ids", ["some", "all"])
def test_a_server_that_cuts_every_connection_changes_nothing(ids: str, view: str) -> None:
    schedule = [Fault(events=1 + number % 3, ending="reset") for number in range(40)]
    model = FaultModel(stream("all" if ids == "all" else "some", 3), schedule)
    with FaultServer(model) as server:
        got = run(*create(server.url, f"--{view}", "--retries", "40"))

    polled = any("stream" not in request for request in model.requests[1:])
    if not (polled and view in {"ndjson", "sse"}):
        assert got.stdout == uncut(view, ids, 3)
    assert (got.code, model.posts) == (0, 1)


def test_connections_are_counted(tmp_path: Path) -> None:
    model = FaultModel(stream("all"), [Fault(events=12, ending="reset"), Fault(events=3)])
    with FaultServer(model) as server:
        got = run(*create(server.url, "--stats", str(tmp_path / "stats")))

    assert got.code == 0
    assert json.loads((tmp_path / "stats").read_text())["reconnects"] == 2


def test_silence_is_a_break_after_the_idle_timeout() -> None:
    model = FaultModel(stream("all"), [Fault(events=12, ending="silent")])
    with FaultServer(model) as server:
        got = run("create", "-p", "x", "--base-url", server.url, "--idle-timeout", "0.5")

    assert (got.code, got.stdout) == (0, uncut("text", "all"))
    assert "no byte came for 0.5 s (after event e11); connecting again" in got.stderr
