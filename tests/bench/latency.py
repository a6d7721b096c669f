"""From the arrival of an event's last byte on stdin to its print, and the writes that it took."""

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from .report import Row
from .running import Usage, gstream
from .streams import small
from .whole import VIEWS

_WAIT = 10.0


def rows(_directory: Path, rounds: int) -> Iterator[Row]:
    """The rows: for each view that prints as it goes the median."""
    for view in ("text", "ndjson", "sse"):
        latencies, writes = measure(view, 150 * rounds)
        note = f"{writes / len(latencies):.2f} writes an event"
        yield Row(
            "latency", f"gstream decode --{view}", "one event", Usage(median(latencies)), note=note
        )


def measure(view: str, events: int) -> tuple[list[float], int]:
    """How long each event took, and the number of writes; the two ends are packets.

    A pair of sockets keeps the borders of what was written: each `recv` is one `write`.
    """
    assert view in VIEWS
    _head, *deltas, _tail = small(events).pieces()
    stdin, to_child = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    from_child, stdout = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with stdin, to_child, from_child, stdout:
        from_child.settimeout(_WAIT)
        command = gstream("decode", f"--{view}")
        with subprocess.Popen(command, stdin=stdin.fileno(), stdout=stdout.fileno()) as process:
            stdin.close()
            stdout.close()
            to_child.send(_head)
            found = _ping_pong(to_child, from_child, deltas, shows_head=view != "text")
            process.kill()
    return found


def _ping_pong(
    to_child: socket.socket, from_child: socket.socket, deltas: list[bytes], *, shows_head: bool
) -> tuple[list[float], int]:
    while shows_head and not from_child.recv(65536):
        pass  # gstream tries whether it can write by writing nothing
    latencies, writes = [], 0
    for delta in deltas:
        start = time.perf_counter()
        to_child.send(delta)
        while not from_child.recv(65536):
            pass
        latencies.append(time.perf_counter() - start)
        writes += 1 + _waiting_writes(from_child)
    return latencies[1:], writes - 1


def _waiting_writes(from_child: socket.socket) -> int:
    count = 0
    from_child.setblocking(False)
    try:
        while from_child.recv(65536):
            count += 1
    except BlockingIOError:
        pass
    finally:
        from_child.settimeout(_WAIT)
    return count
