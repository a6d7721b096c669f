"""Any generateContent stream, in any of its forms, cut anywhere, gives the same events."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gstream import Stream
from gstream.errors import GstreamError, TruncatedError
from tests.support import chunked

Chunks = list[dict[str, Any]]

LETTERS = st.sampled_from('ab "\\[]{},:\n\r\u2028é東😀') | st.characters(exclude_categories=["Cs"])
WORDS = st.text(LETTERS, max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**80), 2**80) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=4,
)
SIGNATURES = st.sampled_from([{}, {"thoughtSignature": "c2ln"}])
PARTS = st.builds(
    dict.__or__,
    st.one_of(
        st.builds(lambda text: {"text": text}, WORDS),
        st.builds(lambda text: {"text": text, "thought": True}, WORDS),
        st.builds(
            lambda name, args: {"functionCall": {"name": name, "args": args}},
            WORDS,
            st.dictionaries(WORDS, VALUES, max_size=2),
        ),
        st.builds(lambda code: {"executableCode": {"language": "PYTHON", "code": code}}, WORDS),
        st.builds(lambda out: {"codeExecutionResult": {"output": out}}, WORDS),
        st.just({"inlineData": {"mimeType": "image/png", "data": "AAEC"}}),
    ),
    SIGNATURES,
)


def answer_of(groups: list[list[dict[str, Any]]], reason: str) -> Chunks:
    """An answer in chunks with these parts, the last one with a reason."""
    chunks: Chunks = [
        {"candidates": [{"content": {"parts": parts}}], "responseId": "r"} for parts in groups
    ]
    chunks[-1]["candidates"][0]["finishReason"] = reason
    return chunks


ANSWERS = st.builds(
    answer_of,
    st.lists(st.lists(PARTS, max_size=3), min_size=1, max_size=4),
    st.sampled_from(["STOP", "MAX_TOKENS", "NEW"]),
)


def written(value: object, **how: Any) -> bytes:
    return json.dumps(value, **how).encode()


def sse(chunks: Chunks, end: bytes = b"\r\n") -> bytes:
    return b"".join(b"data: " + written(one, ensure_ascii=False) + end * 2 for one in chunks)


FORMS: dict[str, Callable[[Chunks], bytes]] = {
    "sse": sse,
    "sse-with-lf-and-done": lambda chunks: sse(chunks, b"\n") + b"data: [DONE]\n\n",
    "sse-with-cr-and-bom": lambda chunks: b"\xef\xbb\xbf" + sse(chunks, b"\r"),
    "array": lambda chunks: written(chunks, ensure_ascii=False),
    "array-in-lines": lambda chunks: written(chunks, indent=2),
    "array-as-served": lambda chunks: (
        b"[" + b"\n,\r\n".join(written(one, indent=2) for one in chunks) + b"\n]\n"
    ),
}


def events_of(pieces: list[bytes]) -> tuple[list[Any], str]:
    """The events of a body, and the failure that it ended with."""
    events: list[Any] = []
    try:
        events.extend(Stream(pieces))
    except GstreamError as exc:
        return events, type(exc).__name__
    return events, ""


@pytest.mark.parametrize("form", FORMS)
@given(data=st.data())
def test_any_form_in_any_chunks_gives_the_same_events(form: str, data: st.DataObject) -> None:
    answer = data.draw(ANSWERS)
    body = FORMS[form](answer)

    pieces = data.draw(chunked(st.just(body)))

    assert events_of(pieces) == events_of([sse(answer)])


@pytest.mark.parametrize("form", [form for form in FORMS if form.startswith("array")])
@given(data=st.data())
def test_an_array_cut_anywhere_is_truncated(form: str, data: st.DataObject) -> None:
    body = FORMS[form](data.draw(ANSWERS)).rstrip()
    end = data.draw(st.integers(0, len(body) - 1))

    with pytest.raises(TruncatedError):
        Stream([body[:end]]).collect()


@given(st.dictionaries(WORDS, VALUES, max_size=3))
def test_arguments_of_calls_arrive_as_they_are(args: dict[str, Any]) -> None:
    call = {"functionCall": {"name": "f", "args": args}}

    [step] = Stream([sse(answer_of([[call]], "STOP"))]).collect()["steps"]

    assert step["arguments"] == args  # type: ignore[typeddict-item]  # of a function call
