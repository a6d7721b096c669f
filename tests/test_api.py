"""Request bodies (PROTOCOL b)."""

from typing import Any

import pytest

from gstream.api import (
    TOP_LEVEL,
    Body,
    add_input,
    ask_for_thoughts,
    finish_body,
    function_result,
    is_content,
    next_hop,
    set_option,
    text_part,
    tools_of,
)
from gstream.errors import BadDataError, UsageError

IMAGE: Body = {"type": "image", "mime_type": "image/png", "data": "AA=="}


def with_option(key: str, value: Any, body: Body | None = None) -> Body:
    body = {} if body is None else body
    set_option(body, key, value)
    return body


# --- options


@pytest.mark.parametrize(
    ("key", "body"),
    [
        pytest.param("temperature", {"generation_config": {"temperature": 1}}, id="generation"),
        pytest.param(
            "image_config.aspect_ratio",
            {"generation_config": {"image_config": {"aspect_ratio": 1}}},
            id="nested-generation",
        ),
        pytest.param("service_tier", {"service_tier": 1}, id="top-level"),
        pytest.param("response_format.type", {"response_format": {"type": 1}}, id="nested"),
        pytest.param("generation_config.seed", {"generation_config": {"seed": 1}}, id="in-full"),
        pytest.param("later_field", {"generation_config": {"later_field": 1}}, id="unknown"),
    ],
)
def test_an_option_goes_where_its_path_leads(key: str, body: Body) -> None:
    assert with_option(key, 1) == body


@pytest.mark.parametrize("key", sorted(TOP_LEVEL))
def test_every_field_of_a_request_can_be_set(key: str) -> None:
    assert with_option(key, {"x": 1}) == {key: {"x": 1}}


def test_options_are_laid_over_what_is_there() -> None:
    body: Body = {"generation_config": {"seed": 1, "top_p": 0.5}}

    assert with_option("seed", 2, body) == {"generation_config": {"seed": 2, "top_p": 0.5}}


@pytest.mark.parametrize("key", ["", ".", "a.", ".a", "a..b"])
def test_an_empty_part_of_a_path_is_refused(key: str) -> None:
    with pytest.raises(UsageError, match=r"option '.*': a part of the path is empty"):
        with_option(key, 1)


def test_a_path_through_something_that_is_no_object_is_refused() -> None:
    with pytest.raises(UsageError, match=r"option 'model\.x': 'model' is not an object"):
        with_option("model.x", 1, {"model": "m"})


# --- tools and results


def test_a_declaration_without_a_type_is_a_function() -> None:
    assert tools_of({"name": "f", "parameters": {}}) == [
        {"type": "function", "name": "f", "parameters": {}}
    ]


def test_a_path_is_no_deeper_than_anything_that_is_sent() -> None:
    with pytest.raises(UsageError, match="an option of 51 parts: 50 are enough"):
        set_option({}, ".".join("a" * 51), 1)


def test_tools_may_come_in_a_list() -> None:
    search, server = {"type": "google_search"}, {"type": "mcp_server", "name": "m", "url": "u"}

    assert tools_of([search, server]) == [search, server]
    assert tools_of([]) == []


@pytest.mark.parametrize("value", ["google_search", 1, None, [{}, "x"], [[]]])
def test_a_tool_that_is_no_object_is_refused(value: Any) -> None:
    with pytest.raises(BadDataError, match="a tool is"):
        tools_of(value)


@pytest.mark.parametrize(
    ("result", "sent"),
    [
        ("text", "text"),
        ({"a": 1}, {"a": 1}),
        ({}, {}),
        ([text_part("a"), IMAGE], [text_part("a"), IMAGE]),
        ([], "[]"),
        ([1, "a"], '[1,"a"]'),
        ([{"type": "later"}], '[{"type":"later"}]'),
        (22.5, "22.5"),
        (True, "true"),
        (None, "null"),
    ],
)
def test_a_result_is_something_that_the_api_takes(result: Any, sent: Any) -> None:
    assert function_result("c1", result) == {
        "type": "function_result",
        "call_id": "c1",
        "result": sent,
    }


@pytest.mark.parametrize("value", [{"type": "text"}, IMAGE, {"type": "document", "uri": "u"}])
def test_a_content_has_the_type_of_one(value: Any) -> None:
    assert is_content(value)


@pytest.mark.parametrize("value", [{}, {"type": "function"}, {"type": ["text"]}, [], "text", None])
def test_anything_else_is_no_content(value: Any) -> None:
    assert not is_content(value)


# --- input


@pytest.mark.parametrize(
    ("parts", "results", "body"),
    [
        pytest.param([text_part("a")], [], {"input": "a"}, id="one-text"),
        pytest.param([IMAGE], [], {"input": [IMAGE]}, id="one-image"),
        pytest.param(
            [IMAGE, text_part("a")], [], {"input": [IMAGE, text_part("a")]}, id="in-their-order"
        ),
        pytest.param([], [], {}, id="nothing"),
        pytest.param([], [{"call_id": "c"}], {"input": [{"call_id": "c"}]}, id="results"),
        pytest.param(
            [text_part("a")],
            [{"call_id": "c"}],
            {"input": [{"call_id": "c"}, {"type": "user_input", "content": [text_part("a")]}]},
            id="results-and-a-prompt",
        ),
    ],
)
def test_the_input_has_the_shape_that_its_parts_need(
    parts: list[Body], results: list[Body], body: Body
) -> None:
    made: Body = {}
    add_input(made, parts, results)

    assert made == body


def test_no_parts_leave_the_input_that_is_there() -> None:
    body: Body = {"input": "a"}
    add_input(body, [], [])

    assert body == {"input": "a"}


# --- the whole body


def test_a_model_is_filled_in() -> None:
    assert finish_body({"input": "a"}, "m") == {"input": "a", "model": "m", "stream": True}


def test_what_is_given_stays() -> None:
    body = {"input": "a", "model": "mine", "stream": False, "store": False}

    assert finish_body(body, "m") == body


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        pytest.param({}, {"generation_config": {"thinking_summaries": "auto"}}, id="model"),
        pytest.param(
            {"agent": "deep-research-x"},
            {"agent_config": {"type": "deep-research", "thinking_summaries": "auto"}},
            id="deep-research",
        ),
        pytest.param(
            {"agent": "deep-research-x", "agent_config": {"thinking_summaries": "none", "n": 1}},
            {"agent_config": {"type": "deep-research", "thinking_summaries": "none", "n": 1}},
            id="what-is-set-stays",
        ),
        pytest.param({"agent": "deep-research-x", "agent_config": 5}, {}, id="no-object"),
        pytest.param({"agent": "antigravity-preview"}, {}, id="another-agent"),
    ],
)
def test_thoughts_are_asked_for_where_they_can_be(body: Body, asked: Body) -> None:
    given = dict(body)

    ask_for_thoughts(given)

    assert given == {**body, **asked}


@pytest.mark.parametrize(
    ("body", "added"),
    [
        ({"agent": "deep-research-preview"}, {"background": True}),
        ({"agent": "deep-research-preview", "background": False}, {}),
        ({"agent": "antigravity-preview"}, {}),
    ],
)
def test_deep_research_runs_in_the_background(body: Body, added: Body) -> None:
    body = {**body, "input": "a"}

    assert finish_body(dict(body), "m") == {**body, **added, "stream": True}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(
            {"model": "m", "agent": "a"},
            "a request is for a model or for an agent, not both",
            id="model-and-agent",
        ),
        pytest.param(
            {"agent": "a", "generation_config": {}},
            "an agent takes no generation_config: use -o agent_config.KEY=VALUE",
            id="agent-and-generation-config",
        ),
        pytest.param(
            {"background": True, "store": False},
            "a background run must be stored: leave out --no-store",
            id="background-and-not-stored",
        ),
        pytest.param(
            {"agent": "deep-research-x", "store": False},
            "a background run must be stored: leave out --no-store",
            id="implied-background-and-not-stored",
        ),
    ],
)
def test_what_no_server_takes_is_refused(body: Body, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        finish_body({**body, "input": "a"}, "m")

    assert str(caught.value) == message


def test_a_request_without_input_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing to send"):
        finish_body({}, "m")


def test_a_token_is_enough_to_go_on() -> None:
    assert finish_body({"continuation_token": "t"}, "m")["continuation_token"] == "t"


# --- the next hop (PROTOCOL d.5)


def test_a_stored_hop_goes_on_from_the_interaction_that_issued_the_token() -> None:
    body = {"model": "m", "input": "a", "previous_interaction_id": "i0", "stream": True}

    assert next_hop(body, "i1", "t1") == {
        "model": "m",
        "previous_interaction_id": "i1",
        "continuation_token": "t1",
        "stream": True,
    }
    assert body["input"] == "a"


def test_a_hop_that_is_not_stored_sends_the_input_again() -> None:
    body = {"model": "m", "input": "a", "store": False}

    assert next_hop(body, "", "t1") == {**body, "continuation_token": "t1"}
