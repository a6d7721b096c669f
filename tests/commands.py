"""Commands for function calls, run by themselves, and what they tell."""

import os
from contextlib import nullcontext
from typing import Any

from gstream.functions import run_all
from gstream.running import Call, Limits, Outcome, Surroundings

DEADLINE = 20.0


class Told:
    """What a run tells, and what its commands write to stderr."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.shown: list[bytes] = []
        self.verbose: list[str] = []

    def surroundings(self, **given: Any) -> Surroundings:
        fields: dict[str, Any] = {
            "environment": dict(os.environ),
            "waiting": nullcontext,
            "show": self.shown.append,
            "tell": self.notes.append,
            "verbose": self.verbose.append,
        }
        return Surroundings(**{**fields, **given})


def call(name: str = "f", arguments: Any = None, call_id: str = "c1") -> Call:
    return Call(name, call_id, {} if arguments is None else arguments, "v1_a")


def sh(script: str) -> list[str]:
    return ["sh", "-c", script]


def run_one(
    words: list[str], arguments: Any = None, *, told: Told | None = None, **limits: Any
) -> Outcome:
    told = told or Told()
    [outcome] = run_all(
        [call(arguments=arguments)], {"f": words}, Limits(**limits), told.surroundings()
    )
    return outcome
