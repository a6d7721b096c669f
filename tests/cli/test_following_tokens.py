"""Continuation tokens in the middle of a stream and over broken connections (PROTOCOL d.5)."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from tests.cli.support_cli import Ran, run
from tests.servers import (
    RawServer,
    Received,
    Script,
    answering,
    created,
    cut,
    ending,
    refusing,
    step_start,
    step_stop,
    text_delta,
)
from tests.support import block, event

GONE = refusing(404, {"code": "not_found", "message": "gone"})
UPDATE = block(event("interaction.status_update", interaction_id="v1_1", status="in_progress"))
HEARTBEAT = block(event("interaction.heartbeat"))
SECOND = created("v1_2") + step_start() + text_delta("two") + step_stop() + ending(id="v1_2")


def token(name: str, interaction_id: str = "v1_1") -> bytes:
    return block(
        event(
            "interaction.status_update",
            interaction_id=interaction_id,
            status="in_progress",
            continuation_token=name,
        )
    )


def begun(interaction_id: str = "v1_1", text: str = "one ") -> bytes:
    return created(interaction_id) + step_start() + text_delta(text)


@dataclass(frozen=True, slots=True)
class Done:
    """A run and what the server has received."""

    ran: Ran
    requests: list[Received]

    @property
    def asked(self) -> list[str]:
        """The method of each request, and of which interaction it asks."""
        return [f"{each.method} {each.path.rpartition('/')[2]}" for each in self.requests]

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(each.body) for each in self.requests if each.method == "POST"]


def done(*scripts: Script, args: tuple[str, ...] = ()) -> Done:
    with RawServer(*scripts) as server:
        got = run("create", "-p", "x", "-m", "m", "--base-url", server.url, *args)
    return Done(got, server.requests)


def test_a_token_that_came_last_continues_what_cannot_be_streamed_again() -> None:
    got = done(cut(begun() + token("t1")), GONE, answering(SECOND))

    assert (got.ran.code, got.ran.text) == (0, "one two\n")
    assert got.asked == ["POST interactions", "GET v1_1?stream=true", "POST interactions"]
    assert got.bodies[1] == {
        "model": "m",
        "stream": True,
        "previous_interaction_id": "v1_1",
        "continuation_token": "t1",
    }


def test_the_newest_token_counts() -> None:
    first = begun() + token("t1") + text_delta("more ") + token("t2")
    got = done(cut(first), GONE, answering(SECOND))

    assert (got.ran.code, got.ran.text) == (0, "one more two\n")
    assert got.bodies[1]["continuation_token"] == "t2"


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param((token("t1") + UPDATE,), id="update"),
        pytest.param((token("t1") + HEARTBEAT,), id="unknown"),
        pytest.param((token("t1"), HEARTBEAT), id="in-chunks"),
    ],
)
def test_what_is_no_output_may_follow_the_token(parts: tuple[bytes, ...]) -> None:
    got = done(cut(begun(), *parts), GONE, answering(SECOND))

    assert (got.ran.code, got.ran.text) == (0, "one two\n")


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param((begun() + token("t1") + text_delta("more"),), id="in-one-chunk"),
        pytest.param((begun(), token("t1"), text_delta("more")), id="in-chunks"),
        pytest.param((begun() + token("t1") + step_stop(),), id="the-end-of-a-step"),
    ],
)
def test_a_token_before_more_output_would_give_it_twice(parts: tuple[bytes, ...]) -> None:
    got = done(cut(*parts), GONE, answering(SECOND))

    assert got.ran.code == 76
    assert got.ran.text in {"one more", "one "}
    assert got.asked == ["POST interactions", "GET v1_1?stream=true"]


def test_a_token_is_not_needed_where_the_stream_goes_on() -> None:
    rest = text_delta("two") + step_stop() + ending()
    got = done(cut(begun() + token("t1")), answering(begun() + token("t1") + rest))

    assert (got.ran.code, got.ran.text) == (0, "one two\n")
    assert got.asked == ["POST interactions", "GET v1_1?stream=true"]


def test_an_error_after_the_token_ends_it() -> None:
    error = block(event("error", error={"code": "safety", "message": "no"}))
    got = done(answering(begun() + token("t1") + error), answering(SECOND))

    assert (got.ran.code, got.ran.text) == (12, "one ")
    assert len(got.requests) == 1


def test_an_unstored_answer_is_continued_at_once_with_its_input() -> None:
    first = created("") + step_start() + text_delta("one ") + token("t1", "")
    second = created("") + step_start() + text_delta("two") + step_stop() + ending(id="")
    got = done(cut(first), answering(second), args=("--no-store", "--json"))

    merged = json.loads(got.ran.stdout)
    assert got.ran.code == 0
    assert got.asked == ["POST interactions"] * 2
    assert (got.bodies[1]["input"], got.bodies[1]["continuation_token"]) == ("x", "t1")
    assert [step["content"][0]["text"] for step in merged["steps"]] == ["one ", "two"]


@pytest.mark.parametrize(
    "args",
    [("--no-resume",), ("--background",), ("--agent", "a", "-d", "{}")],
    ids=["no-resume", "background", "agent"],
)
def test_is_not_continued_where_it_is_not_wanted_or_goes_on_by_itself(
    args: tuple[str, ...],
) -> None:
    with RawServer(cut(begun() + token("t1")), GONE, answering(SECOND)) as server:
        model = [] if "--agent" in args else ["-m", "m"]
        got = run("create", "-p", "x", *model, "--base-url", server.url, *args)

    assert (got.code, got.text) == (76, "one ")
    assert [each.method for each in server.requests].count("POST") == 1


def test_a_hop_that_was_begun_with_its_only_token_is_the_last() -> None:
    again = begun("v1_2", "two ") + token("t1", "v1_2")
    got = done(cut(begun() + token("t1")), GONE, cut(again), GONE)

    assert (got.ran.code, got.ran.text) == (76, "one two ")
    assert got.asked.count("POST interactions") == 2


def test_a_hop_may_end_with_a_token_of_its_own() -> None:
    second = begun("v1_2", "two ") + token("t2", "v1_2")
    third = created("v1_3") + step_start() + text_delta("three") + step_stop() + ending(id="v1_3")
    got = done(cut(begun() + token("t1")), GONE, cut(second), GONE, answering(third))

    assert (got.ran.code, got.ran.text) == (0, "one two three\n")
    assert [body.get("continuation_token") for body in got.bodies] == [None, "t1", "t2"]
    assert got.bodies[2]["previous_interaction_id"] == "v1_2"


FIRST_HOP = (
    begun() + step_stop() + ending("requires_continuation", id="v1_1", continuation_token="t1")
)


@pytest.mark.parametrize("view", ["text", "ndjson", "steps", "json", "sse"])
def test_a_break_inside_the_second_hop_is_resumed_in_that_hop(view: str) -> None:
    whole = done(answering(FIRST_HOP), answering(SECOND), args=(f"--{view}",))
    part = created("v1_2") + step_start() + text_delta("t")
    if view in {"ndjson", "sse"}:
        part = created("v1_2") + step_start() + text_delta("two")
    got = done(answering(FIRST_HOP), cut(part), answering(SECOND), args=(f"--{view}",))

    assert (got.ran.code, got.ran.stdout) == (0, whole.ran.stdout)
    assert got.asked == ["POST interactions", "POST interactions", "GET v1_2?stream=true"]


def test_a_second_hop_that_never_begins_ends_it_without_repeating_the_first() -> None:
    got = done(answering(FIRST_HOP), cut(), answering(SECOND))

    assert (got.ran.code, got.ran.text) == (68, "one ")
    assert got.asked == ["POST interactions"] * 2


def test_a_whole_stream_forgets_its_checkpoint() -> None:
    first = begun() + token("t1") + step_stop() + ending("requires_continuation", id="v1_1")
    got = done(answering(first), answering(SECOND))

    assert (got.ran.code, len(got.requests)) == (11, 1)


def test_one_whole_answer_after_a_token_is_all() -> None:
    got = done(answering(begun() + token("t1") + text_delta("two") + step_stop() + ending()))

    assert (got.ran.code, got.ran.text, len(got.requests)) == (0, "one two\n", 1)
