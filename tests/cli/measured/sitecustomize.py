"""Let a process that ends itself by a signal keep what coverage has measured in it.

Python loads this at its start, where its folder is in PYTHONPATH: in the processes of the tests,
if they are measured. `patch` in the settings of coverage does the same for `os._exit`.
"""

import os
import sys
from collections.abc import Callable


def _save_before(kill: Callable[[int, int], None]) -> Callable[[int, int], None]:
    def save_and_kill(pid: int, signum: int) -> None:
        from coverage import Coverage

        if pid == os.getpid() and (measuring := Coverage.current()):
            measuring.stop()
            measuring.save()
        kill(pid, signum)

    return save_and_kill


if "coverage" in sys.modules:
    os.kill = _save_before(os.kill)
