"""Profiles of hypothesis, and what becomes of tests whose programs are not installed.

`HYPOTHESIS_PROFILE=thorough pytest` searches for long.
"""

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile("ci", max_examples=100, derandomize=True, deadline=None, print_blob=True)
settings.register_profile(
    "thorough", max_examples=20_000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if "CI" in os.environ else "dev"))

# What a shell starts in the background ignores Ctrl-C, what nohup starts a hangup; and so does all
# that is started by that in turn.
for ignored in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
    if signal.getsignal(ignored) is signal.SIG_IGN:
        signal.signal(ignored, signal.SIG_DFL)

LEFT_OUT = pytest.StashKey[tuple[int, list[str]]]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests of programs that this machine does not have; CI must have all of them."""
    missing = {item: _missing(item) for item in items}
    names = set().union(*missing.values())
    if names and "CI" in os.environ:
        if hasattr(config, "workeroutput"):
            return  # they fail, each by itself
        raise pytest.UsageError(f"these are not installed: {', '.join(sorted(names))}")
    left_out = [item for item in items if missing[item]]
    items[:] = [item for item in items if not missing[item]]
    config.hook.pytest_deselected(items=left_out)
    config.stash[LEFT_OUT] = len(left_out), sorted(names)
    if hasattr(config, "workeroutput"):
        config.workeroutput["left_out"] = config.stash[LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a process that shares the tests has left out; all of them know the same."""
    if left_out := getattr(node, "workeroutput", {}).get("left_out"):
        node.config.stash[LEFT_OUT] = left_out


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say what was left out."""
    count, names = config.stash.get(LEFT_OUT, (0, []))
    if count:
        terminalreporter.write_line(
            f"{count} tests were left out, since these are not installed: {', '.join(names)}"
        )


def _missing(item: pytest.Item) -> set[str]:
    needs = {name for mark in item.iter_markers("needs") for name in mark.args}
    return {name for name in needs if shutil.which(name) is None and not Path(name).exists()}
