"""How far a step has come: its length and its checksum, never its text.

Pure. A step is a few independent sequences; each has a position.
"""

from collections.abc import Iterable
from dataclasses import astuple, dataclass, field, replace
from typing import Any
from zlib import crc32

from .elements import Element
from .events import delta_type


@dataclass(slots=True)
class Position:
    """How far a sequence of tokens and runs has come.

    A run is text that the server may cut into deltas as it likes; a token is never cut. A run
    without any text counts only while it stands at the end.

    Attributes:
        tokens: Tokens and finished runs so far.
        crc: Checksum of them.
        key: The kind of the run at the end; empty if the end is no run.
        length: Its length, in characters or bytes.
        run_crc: Its checksum.
        zeros: Empty pieces at its very end.
        loose_crc: As `crc`, but of a token only its kind counts.
    """

    tokens: int = 0
    crc: int = 0
    key: str = ""
    length: int = 0
    run_crc: int = 0
    zeros: int = 0
    loose_crc: int = 0

    @classmethod
    def from_json(cls, value: list[Any]) -> "Position":
        """The position whose fields these are."""
        naturals([*value[:2], *value[3:]])
        position = cls(*value)
        if not isinstance(position.key, str):
            raise TypeError(position.key)
        return position

    def add(self, element: Element) -> None:
        """Go on by one element."""
        if element.key != self.key:
            self.finish_run()
        if not element.key:
            self.tokens += 1
            self.crc = crc32(element.raw, self.crc)
            self.loose_crc = crc32(delta_type(element.delta).encode(), self.loose_crc)
            return
        self.key = element.key
        if element.length:
            self.length += element.length
            self.run_crc = crc32(element.raw, self.run_crc)
            self.zeros = 0
        else:
            self.zeros += 1

    def finish_run(self) -> None:
        """Make the run at the end, if there is one, a finished one."""
        if self.length:
            run = f"{self.key} {self.length} {self.run_crc}".encode()
            self.crc = crc32(run, self.crc)
            self.loose_crc = crc32(run, self.loose_crc)
            self.tokens += 1
        self.key = ""
        self.length = self.run_crc = self.zeros = 0


@dataclass(slots=True)
class Track:
    """How far a step has come.

    Attributes:
        kind: The type of the step; empty while no `step.start` told it.
        stopped: Whether its `step.stop` was handed on.
        late: Whether something was even after that.
        sequences: The position in each of its sequences.
    """

    kind: str = ""
    stopped: bool = False
    late: bool = False
    sequences: dict[str, Position] = field(default_factory=dict)

    def position(self, name: str) -> Position:
        """The position in a sequence, at its beginning if nothing of it has come."""
        return self.sequences.setdefault(name, Position())

    def add(self, elements: Iterable[Element]) -> None:
        """Go on by some elements."""
        self.late = self.stopped
        for element in elements:
            self.position(element.sequence).add(element)

    def as_json(self) -> list[object]:
        """The track for a file."""
        sequences = {name: list(astuple(position)) for name, position in self.sequences.items()}
        return [self.kind, self.stopped, self.late, sequences]

    @classmethod
    def from_json(cls, value: list[Any]) -> "Track":
        """The track that `as_json` was made of."""
        kind, stopped, late, sequences = value
        positions = {name: Position.from_json(each) for name, each in sequences.items()}
        return cls(str(kind), bool(stopped), bool(late), positions)

    def copy(self) -> "Track":
        """A track that does not change with this one."""
        sequences = {name: replace(position) for name, position in self.sequences.items()}
        return Track(self.kind, self.stopped, self.late, sequences)


def naturals(values: list[Any]) -> list[int]:
    """The values, if they are whole numbers from 0 on.

    Raises:
        TypeError: One of them is not.
    """
    for value in values:
        if value.__class__ is not int or value < 0:
            raise TypeError(value)
    return values
