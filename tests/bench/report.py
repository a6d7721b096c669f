"""The rows of the table, and the table."""

from collections.abc import Iterable
from dataclasses import dataclass

from .running import Unmeasurable, Usage

NOTHING = Usage(0.0)

_MB = 1e6
_HEADINGS = (
    "input", "what", "chunks", "time", "CPU", "events/s", "MB/s", "peak MB", "ratio", "CPU ratio"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        place: The input, or what the line belongs to.
        what: The program.
        chunks: How its input is cut; empty where nobody cuts it.
        result: What was measured, or why nothing was.
        events: How many events the input holds; 0 if they are not what counts.
        size: Bytes of the input; 0 if there is none.
        floor: What the floor takes for all of the input; the ratios are to it.
        note: Stands behind the line.
    """

    place: str
    what: str
    chunks: str
    result: Usage | Unmeasurable
    events: int = 0
    size: int = 0
    floor: Usage = NOTHING
    note: str = ""

    def cells(self) -> list[str]:
        """The texts of the line."""
        if isinstance(self.result, Unmeasurable):
            return [self.place, self.what, self.chunks, f"({self.result})"]
        seconds, size = self.result.seconds, self.result.size or self.size
        events = self.events * size / self.size if self.size else 0
        part = size / self.size if self.size else 1
        return [
            self.place,
            self.what,
            self.chunks,
            _time(seconds),
            _time(self.result.cpu),
            f"{events / seconds:,.0f}" if events else "",
            f"{size / seconds / _MB:,.1f}" if size else "",
            f"{self.result.peak / _MB:,.0f}" if self.result.peak else "",
            _ratio(seconds, self.floor.seconds * part),
            _ratio(self.result.cpu, self.floor.cpu * part),
            self.note,
        ]


def usage_of(result: Usage | Unmeasurable) -> Usage:
    """What ratios are to; zeros if nothing was measured."""
    return result if isinstance(result, Usage) else NOTHING


def table(rows: Iterable[Row]) -> str:
    """All rows under their headings, columns aligned."""
    cells = [row.cells() for row in rows]
    whole = [line for line in [[*_HEADINGS], *cells] if len(line) > 4]
    widths = [max(len(line[at]) for line in whole) for at in range(len(_HEADINGS))]
    for at in range(3):
        widths[at] = max(len(line[at]) for line in [[*_HEADINGS], *cells])
    rule = ["-" * width for width in widths]
    return "\n".join(_line(line, widths) for line in [[*_HEADINGS], rule, *cells])


def _line(cells: list[str], widths: list[int]) -> str:
    if len(cells) == 4:  # nothing was measured; the reason may be long
        widths = widths[:3]
    aligned = [
        cell.ljust(width) if at < 3 else cell.rjust(width)
        for at, (cell, width) in enumerate(zip(cells, widths, strict=False))
    ]
    return "  ".join([*aligned, *cells[len(widths) :]]).rstrip()


def _ratio(value: float, floor: float) -> str:
    return f"{value / floor:,.2f}" if value and floor else ""


def _time(seconds: float) -> str:
    if not seconds:
        return ""
    if seconds < 0.001:
        return f"{seconds * 1e6:,.0f} µs"
    return f"{seconds * 1e3:,.1f} ms" if seconds < 1 else f"{seconds:,.2f} s"
