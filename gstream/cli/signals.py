"""Signals and the time limit: they end a run between two events, not within one.

What a run has begun to write it writes, or the cursor and the exit line would tell a lie; it is
disturbed only while it waits. A reader of stdout that does not read is not waited for.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import FrameType
from typing import TypeVar

T = TypeVar("T")

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_GRACE = 0.5


class Interrupted(BaseException):
    """A signal asks the run to end.

    Attributes:
        signum: Which one; the process ends by it once all files are closed.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


class _State:
    """Of the process.

    Attributes:
        at_work: Whether nothing may be raised right now.
        pending: What is to be raised once the run waits.
    """

    at_work = False
    pending: BaseException | None = None


class undisturbed:  # noqa: N801 - reads as a statement
    """In here only `waiting` is interrupted; what comes else is raised at the end at the latest."""

    def __enter__(self) -> None:
        _State.at_work = True

    def __exit__(self, *_exc: object) -> None:
        _State.at_work = False
        _raise_pending()


class waiting:  # noqa: N801 - reads as a statement
    """In here an interruption is raised at once."""

    def __enter__(self) -> None:
        self._was = _State.at_work
        _State.at_work = False
        _raise_pending()

    def __exit__(self, *_exc: object) -> None:
        _State.at_work = self._was


def while_waiting(items: Iterator[T]) -> Iterator[T]:
    """The items of an iterator, for each of which we wait."""
    while True:
        was, _State.at_work = _State.at_work, False  # as `waiting`, but for each chunk
        try:
            if _State.pending is not None:
                _raise_pending()
            item = next(items)
        except StopIteration:
            return
        finally:
            _State.at_work = was
        yield item


def sleep(seconds: float) -> None:
    """As `time.sleep`."""
    with waiting():
        time.sleep(seconds)


def interrupt(exc: BaseException) -> None:
    """Raise something now, or once the run waits.

    Raises:
        BaseException: What was given.
    """
    if not _State.at_work:
        raise exc
    _State.pending = exc
    alarm(_GRACE, _raise_pending)


def alarm(seconds: float, action: Callable[[], object]) -> None:
    """Do something after some seconds, instead of what was to be done before."""
    signal.signal(signal.SIGALRM, lambda _signum, _frame: action())
    signal.setitimer(signal.ITIMER_REAL, seconds)


def stop_alarm() -> None:
    """Do nothing."""
    signal.setitimer(signal.ITIMER_REAL, 0)


def last_words(action: Callable[[], object]) -> None:
    """Do something if the process is still there after a moment: it cannot write."""
    alarm(_GRACE, action)


def catch_signals() -> None:
    """Turn those signals that are not ignored into `Interrupted`."""
    for signum in _SIGNALS:
        if signal.getsignal(signum) != signal.SIG_IGN:
            signal.signal(signum, _interrupt)


def release_signals() -> None:
    """Let a signal end the process at once: nothing is open that has to be closed."""
    for signum in _SIGNALS:
        if signal.getsignal(signum) in {_interrupt, signal.default_int_handler}:
            signal.signal(signum, signal.SIG_DFL)


def die_by(signum: int) -> None:
    """End by a signal, so that the shell sees how; 128 + signal where it is blocked."""
    with suppress(OSError):  # SIGKILL needs none
        signal.signal(signum, signal.SIG_DFL)
    os.kill(os.getpid(), signum)
    os._exit(128 + signum)


def _interrupt(signum: int, _frame: FrameType | None) -> None:
    release_signals()  # a second one ends the process at once
    interrupt(Interrupted(signum))


def _raise_pending() -> None:
    if _State.pending is not None:
        exc, _State.pending = _State.pending, None
        stop_alarm()
        raise exc
