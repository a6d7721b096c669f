"""Starts gstream in a few milliseconds: a process that has imported everything forks for each run.

Each run is a process of its own with its own files, environment and exit status, as if it had been
started by a shell; only the start of Python is saved. A fork of pytest itself would not do: it has
threads.
"""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

LONGEST_RUN = 60.0
_PRELOADED = ("create", "decode", "following", "network", "run", "status_line")


class Zygote:
    """The process, as pytest sees it."""

    def __init__(self) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.cli.zygote", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                cwd=Path(__file__).parents[2],
            )

    def close(self) -> None:
        """End it."""
        self._channel.close()
        self._process.wait(LONGEST_RUN)

    def run(
        self, args: list[str], stdin: bytes | None, env: Mapping[str, str], cwd: Path | None
    ) -> tuple[int, bytes, bytes]:
        """Run gstream; returns its code (negative for a signal) and what it wrote.

        Raises:
            TimeoutError: It does not end.
        """
        reading = os.open(os.devnull, os.O_RDONLY) if stdin is None else -1
        feed = -1
        if stdin is not None:
            reading, feed = os.pipe()
        ours_out, out = os.pipe()
        ours_err, err = os.pipe()
        pid = self.start(args, (reading, out, err), env, cwd)
        for fd in (reading, out, err):
            os.close(fd)
        got: dict[str, bytes] = {}
        threads = [
            threading.Thread(target=_collect, args=(ours_out, got, "out")),
            threading.Thread(target=_collect, args=(ours_err, got, "err")),
        ]
        if stdin is not None:
            threads.append(threading.Thread(target=_feed, args=(feed, stdin)))
        for thread in threads:
            thread.start()
        code = self.wait(pid)
        for thread in threads:
            thread.join(LONGEST_RUN)
        return code, got["out"], got["err"]

    def start(
        self,
        args: list[str],
        files: tuple[int, int, int],
        env: Mapping[str, str],
        cwd: Path | None = None,
    ) -> int:
        """Begin a run with these files as stdin, stdout and stderr; returns its process id."""
        order = {"args": args, "env": dict(env), "cwd": str(cwd or os.getcwd())}
        socket.send_fds(self._channel, [json.dumps(order).encode()], list(files))
        self._channel.settimeout(LONGEST_RUN)
        return int(self._channel.recv(64))

    def wait(self, pid: int) -> int:
        """The code of the run, once it has ended.

        Raises:
            TimeoutError: It does not end.
        """
        try:
            return int(self._channel.recv(64))
        except TimeoutError:
            os.kill(pid, 9)
            self._channel.recv(64)
            raise


def _collect(fd: int, got: dict[str, bytes], name: str) -> None:
    with os.fdopen(fd, "rb") as file:
        got[name] = file.read()


def _feed(fd: int, data: bytes) -> None:
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
    except BrokenPipeError:
        pass  # it did not want all of it


def _main(channel: socket.socket) -> None:
    from importlib import import_module

    for name in _PRELOADED:
        import_module(f"gstream.cli.{name}")
    import_module("gstream.transport")
    while True:
        order, files, _, _ = socket.recv_fds(channel, 1 << 20, 3)
        if not order:
            return
        pid = os.fork()
        if pid == 0:
            channel.close()
            _become(json.loads(order), files)
        for fd in files:
            os.close(fd)
        channel.send(str(pid).encode())
        _, status = os.waitpid(pid, 0)
        channel.send(str(os.waitstatus_to_exitcode(status)).encode())


def _become(order: dict[str, object], files: list[int]) -> None:
    """Be the run: its files, directory, environment and arguments."""
    from gstream.cli import cli

    for number, fd in enumerate(files):
        os.dup2(fd, number)
        os.close(fd)
    os.chdir(str(order["cwd"]))
    os.environ.clear()
    os.environ.update(order["env"])  # type: ignore[call-overload]
    sys.argv = ["gstream", *order["args"]]  # type: ignore[misc]
    cli(prog_name="gstream")


if __name__ == "__main__":
    _main(socket.socket(fileno=int(sys.argv[1])))
