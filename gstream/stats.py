"""What a run was: counts, times, tokens. Behind `-u`, `--stats`, `-v` and the status line."""

from collections.abc import Callable
from typing import Any

from .events import Batch, Event
from .hops import sum_usage
from .outcome import Progress
from .views import TextView

Clock = Callable[[], float]


class Meter:
    """Counts what passes.

    Attributes:
        kind: The type of the step that started last.
        chars: Characters of text so far.
    """

    def __init__(self, clock: Clock) -> None:
        self.kind = ""
        self.chars = 0
        self.reconnects = 0
        self._clock = clock
        self._start = clock()
        self._first_text: float | None = None
        self._events = 0
        self._deltas = 0
        self._bytes = 0
        self._text = TextView()
        self._interaction_id: Any = None
        self._usages: list[Event] = []
        self._begun = True

    def bytes(self, size: int) -> None:
        """Count bytes that came."""
        self._bytes += size

    def feed(self, batch: Batch) -> None:
        """Count the next events."""
        self._events += len(batch.events)
        self._deltas += len(batch.events) - len(batch.notable)
        for event in batch.notable if batch.run() else batch.events:
            self._see(event)
        if text := self._text.text(batch):
            self.chars += len(text)
            if self._first_text is None:
                self._first_text = self._clock()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._start

    @property
    def usage(self) -> Event | None:
        """The tokens as the server counted them; None if it did not.

        Of an interaction the newest usage counts (PROTOCOL S4), of several turns or hops their sum.
        """
        return sum_usage(self._usages) if len(self._usages) > 1 else next(iter(self._usages), None)

    def _see_usage(self, usage: Event) -> None:
        if self._begun:
            self._usages.append(usage)
            self._begun = False
        else:
            self._usages[-1] = usage

    def _see(self, event: Event) -> None:
        match event:
            case {"event_type": "interaction.created", "interaction": dict(interaction)}:
                known, self._interaction_id = self._interaction_id, interaction.get("id")
                # What is not stored has no id, and never begins again.
                again = bool(known) and known == self._interaction_id
                self._begun = self._begun or not again
        match event:
            case {"event_type": "step.start", "step": {"type": str(kind)}}:
                self.kind = kind
        match event:
            case {"interaction": {"usage": dict(usage)}} | {"usage": dict(usage)} if usage:
                self._see_usage(usage)
            case {"metadata": {"total_usage": dict(usage)}} if usage:
                self._see_usage(usage)

    def as_json(self, progress: Progress, exit_code: int) -> dict[str, Any]:
        """The object of `--stats`: seconds, counts, and the tokens as the server counted them."""
        total = self.seconds
        first = self._first_text
        usage = self.usage
        tokens = (usage or {}).get("total_output_tokens")
        writing = self._clock() - first if first is not None else 0.0
        rate = tokens / writing if isinstance(tokens, int) and writing > 0 else None
        return {
            "ttft_s": None if first is None else round(first - self._start, 6),
            "total_s": round(total, 6),
            "events": self._events,
            "deltas": self._deltas,
            "chars": self.chars,
            "bytes": self._bytes,
            "reconnects": self.reconnects,
            "tokens": usage,
            "tokens_per_s": None if rate is None else round(rate, 3),
            "status": progress.status or None,
            "interaction_id": progress.interaction_id or None,
            "exit_code": exit_code,
        }

    def line(self) -> str:
        """The line of `-u`: tokens and times for people."""
        usage = self.usage or {}
        parts = [
            f"{usage[key]:,} {word}"
            for key, word in _TOKENS
            if isinstance(usage.get(key), int) and usage[key]
        ]
        tokens = ", ".join(parts) or "no token counts"
        first = self._first_text
        ttft = "" if first is None else f", first text after {first - self._start:.2f} s"
        return f"tokens: {tokens}; {self.chars:,} characters in {self.seconds:.2f} s{ttft}"


_TOKENS = (
    ("total_input_tokens", "in"),
    ("total_cached_tokens", "cached"),
    ("total_thought_tokens", "thought"),
    ("total_tool_use_tokens", "tool use"),
    ("total_output_tokens", "out"),
    ("total_tokens", "in all"),
)
