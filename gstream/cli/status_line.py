"""The live line on a terminal's stderr: elapsed time, step, characters. Vanishes before the end."""

import threading
from collections.abc import Callable

from tqdm import tqdm

from gstream.stats import Meter
from gstream.terminal import visible

_INTERVAL = 0.2


class StatusLine:
    """Redraws itself five times a second until it is closed."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._bar = tqdm(bar_format="{desc}", leave=False, dynamic_ncols=True)
        self._thread = threading.Thread(target=self._redraw, daemon=True)
        self._thread.start()

    def make_way(self, say: Callable[[], None]) -> None:
        """Let another line be written in place of this one, which comes again below it."""
        with self._lock:
            self._bar.clear()
            say()

    def close(self) -> None:
        """Vanish."""
        self._stop.set()
        self._thread.join()
        self._bar.close()

    def _redraw(self) -> None:
        while not self._stop.wait(_INTERVAL):
            meter = self._meter
            seconds = meter.seconds
            rate = meter.chars / seconds if seconds else 0.0
            kind = visible(meter.kind).replace("\n", " ")[:40] or "waiting"
            text = f"{seconds:5.1f} s  {kind}  {meter.chars:,} characters  {rate:,.0f}/s"
            with self._lock:
                self._bar.set_description_str(text)
