"""Parts of generateContent as the events of steps."""

from typing import Any

import pytest

from gstream.parts import Parts, shows
from gstream.steps import Accumulator


def events(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    converter = Parts()
    return [event for part in parts for event in converter.feed(part)] + list(converter.end())


def steps(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    accumulator = Accumulator()
    accumulator.feed_all(events(*parts))
    assert accumulator.unapplied == 0
    return accumulator.steps


def output(*content: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": "model_output", "content": list(content), **fields}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def thought(*lines: str, **fields: Any) -> dict[str, Any]:
    return {"type": "thought", "summary": [text(line) for line in lines], **fields}


CALL = {"type": "function_call", "id": "c1", "name": "f", "arguments": {"a": 1}}
CODE = {"executableCode": {"language": "PYTHON", "code": "print(1)"}}


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param([{"text": "a"}, {"text": "b"}], [output(text("ab"))], id="text"),
        pytest.param([{"text": ""}], [], id="empty-text"),
        pytest.param(
            [{"text": "a", "thought": True}, {"text": "b"}],
            [thought("a"), output(text("b"))],
            id="thought-and-text",
        ),
        pytest.param(
            [{"text": "a"}, {"text": "", "thoughtSignature": "s"}],
            [output(text("a")), {"type": "thought", "signature": "s"}],
            id="empty-last-part-with-a-signature",
        ),
        pytest.param(
            [{"thoughtSignature": "s"}],
            [{"type": "thought", "signature": "s"}],
            id="nothing-but-a-signature",
        ),
        pytest.param(
            [{"text": "a"}, {"text": "b", "thoughtSignature": "s"}, {"text": "c"}],
            [output(text("a")), output(text("b"), signature="s"), output(text("c"))],
            id="signed-text-is-not-joined",
        ),
        pytest.param(
            [{"text": "a", "thought": True, "thoughtSignature": "s"}],
            [thought("a", signature="s")],
            id="signed-thought",
        ),
        pytest.param(
            [{"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}}],
            [CALL],
            id="function-call",
        ),
        pytest.param(
            [
                {
                    "functionCall": {"id": "c1", "name": "f", "args": {"a": 1}},
                    "thoughtSignature": "s",
                }
            ],
            [{**CALL, "signature": "s"}],
            id="signed-function-call",
        ),
        pytest.param(
            [{"text": "a"}, {"functionCall": {"name": "f"}}],
            [
                output(text("a")),
                {"type": "function_call", "id": "gstream-call-1", "name": "f", "arguments": {}},
            ],
            id="function-call-without-id",
        ),
        pytest.param(
            [
                {"functionCall": {"name": "f", "id": "c1", "willContinue": True}},
                {
                    "functionCall": {
                        "partialArgs": [{"jsonPath": "$.city", "stringValue": "Par"}],
                        "willContinue": True,
                    }
                },
                {
                    "functionCall": {
                        "partialArgs": [{"jsonPath": "$.city", "stringValue": "is"}],
                    }
                },
                {"text": "a"},
            ],
            [{**CALL, "arguments": {"city": "Paris"}}, output(text("a"))],
            id="function-call-in-pieces",
        ),
        pytest.param(
            [{"functionCall": {"name": "f", "id": "c1", "willContinue": True, "args": {"a": 1}}}],
            [CALL],
            id="function-call-whose-last-piece-is-missing",
        ),
        pytest.param(
            [
                {"functionCall": {"name": "g", "id": "c0", "willContinue": True}},
                {"functionCall": {"name": "f", "id": "c1", "args": {"a": 1}}},
            ],
            [{**CALL, "name": "g", "id": "c0", "arguments": {}}, CALL],
            id="function-call-before-the-last-one-is-over",
        ),
        pytest.param(
            [CODE, {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1\n"}}],
            [
                {
                    "type": "code_execution_call",
                    "id": "gstream-call-0",
                    "arguments": {"language": "python", "code": "print(1)"},
                },
                {
                    "type": "code_execution_result",
                    "call_id": "gstream-call-0",
                    "result": "1\n",
                    "is_error": False,
                },
            ],
            id="code",
        ),
        pytest.param(
            [
                {"executableCode": {"id": "e1", "code": "1/0"}},
                {"codeExecutionResult": {"id": "e1", "outcome": "OUTCOME_FAILED"}},
            ],
            [
                {
                    "type": "code_execution_call",
                    "id": "e1",
                    "arguments": {"language": "", "code": "1/0"},
                },
                {
                    "type": "code_execution_result",
                    "call_id": "e1",
                    "result": "",
                    "is_error": True,
                },
            ],
            id="code-that-fails",
        ),
        pytest.param(
            [{"functionResponse": {"id": "c1", "name": "f", "response": {"a": 1}}}],
            [{"type": "function_result", "call_id": "c1", "name": "f", "result": {"a": 1}}],
            id="function-response",
        ),
        pytest.param(
            [{"toolCall": {"toolType": "GOOGLE_SEARCH_WEB", "id": "t1"}, "thoughtSignature": "s"}],
            [
                {
                    "toolType": "GOOGLE_SEARCH_WEB",
                    "id": "t1",
                    "type": "tool_call",
                    "signature": "s",
                }
            ],
            id="unknown-object",
        ),
        pytest.param([{"newThing": 7}], [{"newThing": 7, "type": "new_thing"}], id="unknown-value"),
        pytest.param([{"text": 7}], [{"text": 7, "type": "text"}], id="text-that-is-none"),
        pytest.param([{}, {"partMetadata": {}}], [], id="nothing"),
    ],
)
def test_parts_become_steps(parts: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    assert steps(*parts) == expected


@pytest.mark.parametrize(
    ("part", "item"),
    [
        pytest.param(
            {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
            {"type": "image", "mime_type": "image/png", "data": "AA=="},
            id="image",
        ),
        pytest.param(
            {"inlineData": {"mimeType": "video/mp4", "data": "AA=="}},
            {"type": "video", "mime_type": "video/mp4", "data": "AA=="},
            id="video",
        ),
        pytest.param(
            {"inlineData": {"mimeType": "application/pdf", "data": "AA=="}},
            {"type": "document", "mime_type": "application/pdf", "data": "AA=="},
            id="document",
        ),
        pytest.param(
            {"inlineData": {"data": "AA=="}}, {"type": "document", "data": "AA=="}, id="no-type"
        ),
        pytest.param(
            {"fileData": {"mimeType": "image/png", "fileUri": "gs://a", "displayName": "a"}},
            {"type": "image", "mime_type": "image/png", "uri": "gs://a", "name": "a"},
            id="file",
        ),
        pytest.param(
            {"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": "AA=="}},
            {"type": "audio", "mime_type": "audio/l16", "sample_rate": 24000, "data": "AA=="},
            id="pcm",
        ),
        pytest.param(
            {"inlineData": {"mimeType": "audio/L16; rate=8000; channels=2", "data": "AA=="}},
            {
                "type": "audio",
                "mime_type": "audio/l16",
                "sample_rate": 8000,
                "channels": 2,
                "data": "AA==",
            },
            id="pcm-in-stereo",
        ),
        pytest.param(
            {"inlineData": {"mimeType": "audio/L16;rate=x;rate=٣", "data": "AA=="}},
            {"type": "audio", "mime_type": "audio/l16", "data": "AA=="},
            id="pcm-without-a-usable-rate",
        ),
    ],
)
def test_media_become_content(part: dict[str, Any], item: dict[str, Any]) -> None:
    assert steps({"text": "a"}, part) == [output(text("a"), item)]


def test_pieces_of_audio_are_joined() -> None:
    piece = {"inlineData": {"mimeType": "audio/L16;rate=24000", "data": "AAECAw=="}}
    rest = {"inlineData": {"mimeType": "audio/L16;rate=24000", "data": "BAU="}}

    [step] = steps(piece, rest)

    assert step["content"][0]["data"] == "AAECAwQF"


def test_an_image_that_is_a_thought_is_part_of_the_summary() -> None:
    image = {"inlineData": {"mimeType": "image/png", "data": "AA=="}, "thought": True}

    [step] = steps({"text": "a\nb", "thought": True}, image)

    assert step["summary"] == [
        text("a\n"),
        text("b"),
        {"type": "image", "mime_type": "image/png", "data": "AA=="},
    ]


def test_text_is_handed_on_at_once() -> None:
    converter = Parts()

    [start, delta] = converter.feed({"text": "a"})

    assert start == {"event_type": "step.start", "index": 0, "step": {"type": "model_output"}}
    assert delta == {"event_type": "step.delta", "index": 0, "delta": text("a")}


def test_thoughts_are_handed_on_by_whole_lines() -> None:
    assert steps(
        {"text": "**Pl", "thought": True},
        {"text": "an**\n\nCount ", "thought": True},
        {"text": "up.\nThen", "thought": True},
        {"text": " rest.\n", "thought": True},
        {"text": "a"},
    ) == [thought("**Plan**\n\n", "Count up.\n", "Then rest.\n"), output(text("a"))]


def test_a_thought_that_breaks_off_is_not_lost() -> None:
    converter = Parts()
    list(converter.feed({"text": "Count", "thought": True}))

    assert [event["delta"]["content"] for event in converter.rest()] == [text("Count")]
    assert list(converter.rest()) == []


def test_annotations_come_before_their_step_stops() -> None:
    converter = Parts()
    list(converter.feed({"text": "a"}))
    converter.annotate({"type": "url_citation"})

    got = list(converter.feed({"text": "", "thoughtSignature": "s"}))

    assert [event["event_type"] for event in got][:2] == ["step.delta", "step.stop"]
    assert got[0] == {
        "event_type": "step.delta",
        "index": 0,
        "delta": {"type": "text_annotation_delta", "annotations": [{"type": "url_citation"}]},
    }


def test_late_annotations_go_to_the_newest_text() -> None:
    converter = Parts()
    for part in ({"text": "a"}, CODE, {"text": "b"}, {"functionCall": {"name": "f"}}):
        list(converter.feed(part))
    converter.annotate({"type": "url_citation"})

    assert [event["index"] for event in converter.end()] == [2]


def test_annotations_without_a_text_are_dropped() -> None:
    converter = Parts()
    converter.annotate({"type": "url_citation"})

    assert list(converter.end()) == []


def test_a_tool_is_a_call_and_a_result_with_one_id() -> None:
    got = list(Parts().tool({"type": "x_call", "arguments": {}}, {"type": "x_result"}))

    assert [event["step"] for event in got if "step" in event] == [
        {"type": "x_call", "id": "gstream-call-0", "arguments": {}},
        {"type": "x_result", "call_id": "gstream-call-0"},
    ]


def test_counts_the_function_calls() -> None:
    converter = Parts()
    for name in "fg":
        list(converter.feed({"functionCall": {"name": name}}))

    assert converter.calls == 2


@pytest.mark.parametrize(
    ("part", "shown"),
    [
        ({"text": "a"}, True),
        ({"text": ""}, False),
        ({"text": "", "thoughtSignature": "s"}, False),
        ({"functionCall": {}}, True),
        ({}, False),
    ],
)
def test_an_empty_text_shows_nothing(part: dict[str, Any], shown: bool) -> None:
    assert shows(part) is shown


def test_steps_start_and_stop_one_after_another() -> None:
    got = events({"text": "a"}, CODE, {"text": "b", "thought": True}, {"text": "c"})

    order = [
        (event["event_type"], event["index"])
        for event in got
        if event["event_type"] != "step.delta"
    ]
    assert order == [(f"step.{word}", at) for at in range(4) for word in ("start", "stop")]
