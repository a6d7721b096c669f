"""Answer the function calls of an interaction with a next turn (DESIGN 9, PROTOCOL b.2).

Pure: what runs a command is an argument.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from .api import Body, function_result, is_content
from .errors import IncompleteError, RequiresActionError
from .events import Batch, Event, dumps
from .outcome import answer_hint
from .running import Call, Outcome
from .steps import Accumulator, Step

Run = Callable[[Sequence[Call]], list[Outcome]]

_CALLS = frozenset({"function_call", "function_result"})
_SHOWN = 200


class CallSteps:
    """The steps that a next turn needs: the function calls, or all where nothing is stored."""

    def __init__(self, *, stored: bool) -> None:
        self._stored = stored
        self.begin()

    def begin(self) -> None:
        """Forget all: the next turn begins."""
        self._accumulator = Accumulator()
        self._whole = not self._stored
        self._calls: set[int] = set()

    @property
    def steps(self) -> list[Step]:
        """The steps so far."""
        return self._accumulator.steps

    def feed(self, batch: Batch) -> None:
        """Take the next events."""
        if self._whole:
            self._accumulator.feed_batch(batch)
        elif batch.notable or self._calls:
            for event in batch.events:
                self._see(event)

    def _see(self, event: Event) -> None:
        if self._whole:  # since an event of the same batch
            self._accumulator.feed(event)
            return
        match event:
            case {"event_type": "interaction.created", "interaction": {"id": ""}}:
                self._whole = True  # it is not stored, although that was asked for
            case {"event_type": "step.start", "index": int(index), "step": {"type": str(kind)}}:
                if kind not in _CALLS:
                    return
                self._calls.add(index)
            case {"event_type": str(kind)} if kind.startswith("step."):
                place = event.get("index")
                if not (isinstance(place, int) and place in self._calls):
                    return
        self._accumulator.feed(event)


class Turns:
    """Turns calls into the request that answers them, turn after turn."""

    def __init__(self, body: Body, run: Run, names: Collection[str], max_turns: int) -> None:
        """Begin with the first request.

        Args:
            body: The first request.
            run: Runs the commands of some calls.
            names: The functions that have a command.
            max_turns: Most turns of calling functions.
        """
        self._body = {key: value for key, value in body.items() if key not in _ONCE}
        self._history = as_steps(body.get("input"))
        self._before = body.get("previous_interaction_id")
        self._run = run
        self._names = names
        self._left = self._most = max_turns

    def calls(self, interaction_id: str, steps: Sequence[Step]) -> list[Call]:
        """The calls that wait for results.

        Raises:
            RequiresActionError: One of them has no command, or nothing calls.
            IncompleteError: There were enough turns.
        """
        calls = [
            Call(_text(step, "name"), _text(step, "id"), step.get("arguments"), interaction_id)
            for step in waiting_calls(steps)
        ]
        hint = answer_hint(interaction_id, [call.call_id for call in calls if call.call_id])
        if not calls or not all(call.call_id and call.name in self._names for call in calls):
            raise RequiresActionError(waits_for(calls), hint=hint)
        if not self._left:
            most = f"--max-turns {self._most} reached"
            raise IncompleteError(f"{most}: {waits_for(calls)}", hint=hint)
        return calls

    def answer(self, calls: Sequence[Call], steps: Sequence[Step]) -> Body:
        """Run the commands of some calls, and build the request with their results.

        Args:
            calls: What `calls` returned.
            steps: All steps of the interaction, where it is not stored.
        """
        self._left -= 1
        outcomes = self._run(calls)
        results = [_result(call, one) for call, one in zip(calls, outcomes, strict=True)]
        interaction_id = calls[0].interaction_id
        if self._body.get("store") is not False and interaction_id:
            self._before, self._history = interaction_id, results
            return {**self._body, "previous_interaction_id": interaction_id, "input": results}
        self._history = [*self._history, *map(_sendable, steps), *results]
        before = {"previous_interaction_id": self._before} if self._before else {}
        return {**self._body, **before, "input": self._history}


_ONCE = frozenset({"input", "previous_interaction_id", "continuation_token"})


def waiting_calls(steps: Sequence[Step]) -> list[Step]:
    """The function calls that nothing among the steps answers."""
    results = (step for step in steps if step.get("type") == "function_result")
    answered = {_text(step, "call_id") for step in results} - {""}
    return [
        step
        for step in steps
        if step.get("type") == "function_call" and _text(step, "id") not in answered
    ]


def waits_for(calls: Sequence[Call]) -> str:
    """What an interaction waits for, for people."""
    if not calls:
        return "the interaction waits for something else than the results of function calls"
    shown = ", ".join(f"{call.name}({_shorten(call.arguments)})" for call in calls)
    return f"the interaction waits for the results of function calls: {shown}"


def as_steps(given: Any) -> list[Step]:
    """Any input of a request (PROTOCOL b.2) as steps, so that more steps can follow."""
    steps: list[Step] = []
    contents: list[Any] | None = None
    for part in given if isinstance(given, list) else [given]:
        content = {"type": "text", "text": part} if isinstance(part, str) else part
        if not isinstance(content, dict):
            continue
        if not is_content({"type": "text", **content}):
            steps.append(content)
            contents = None
        elif contents is None:
            contents = [content]
            steps.append({"type": "user_input", "content": contents})
        else:
            contents.append(content)
    return steps


def _result(call: Call, outcome: Outcome) -> Step:
    """The step that answers a call."""
    step = function_result(call.call_id, outcome.value)
    error = {"is_error": True} if outcome.is_error else {}
    return {"type": step["type"], "name": call.name, **step, **error}


def _sendable(step: Step) -> Step:
    """A step as the server takes it back: arguments that are no JSON it would refuse (F3)."""
    if step.get("type") == "function_call" and not isinstance(step.get("arguments"), dict):
        return {**step, "arguments": {}}
    return step


def _text(step: Step, key: str) -> str:
    value = step.get(key)
    return value if isinstance(value, str) else ""


def _shorten(arguments: Any) -> str:
    text = arguments if isinstance(arguments, str) else dumps(arguments).decode()
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
