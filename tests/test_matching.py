import base64
import hashlib
from typing import Any

import pytest

from gstream.matching import canonical, describe_miss, find, find_demo, recordable
from gstream.recording import Recording

PICTURE = bytes(range(256))
PICTURE_BASE64 = base64.b64encode(PICTURE).decode()
DIGEST = {"size": 256, "sha256": hashlib.sha256(PICTURE).hexdigest()}


def recording(name: str, body: dict[str, Any]) -> Recording:
    return Recording(name, {"request": {"body": body}}, [], {})


@pytest.mark.parametrize(
    "content",
    [
        pytest.param({"type": "image", "mime_type": "image/png"}, id="image"),
        pytest.param({"type": "document"}, id="without-a-mime-type"),
        pytest.param({"mimeType": "audio/wav"}, id="generate-content"),
    ],
)
def test_inline_base64_is_recorded_by_size_and_hash(content: dict[str, str]) -> None:
    body = {"input": [{"content": [{**content, "data": PICTURE_BASE64}]}]}

    assert recordable(body) == {"input": [{"content": [{**content, "data": DIGEST}]}]}


def test_base64_of_other_line_lengths_is_the_same_file() -> None:
    wrapped = {"type": "image", "data": base64.encodebytes(PICTURE).decode()}

    assert recordable(wrapped)["data"] == DIGEST


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("__4_Pg==", id="url-safe"),
        pytest.param("//4/Pg", id="without-padding"),
        pytest.param("__4_Pg", id="both"),
    ],
)
def test_any_spelling_of_base64_is_the_same_file(text: str) -> None:
    raw = b"\xff\xfe?>"

    digest = recordable({"type": "image", "data": text})["data"]

    assert digest == {"size": 4, "sha256": hashlib.sha256(raw).hexdigest()}


def test_a_data_uri_is_recorded_by_size_and_hash() -> None:
    result = {"result": {"plot": f"data:image/png;base64,{PICTURE_BASE64}"}}

    assert recordable(result) == {"result": {"plot": {"uri": "data:image/png;base64,", **DIGEST}}}


@pytest.mark.parametrize("size", [3 * 65536 - 1, 3 * 65536, 3 * 65536 + 1, 700_000])
def test_data_of_any_length_have_the_digest_of_their_file(size: int) -> None:
    raw = bytes(range(256)) * (size // 256) + bytes(size % 256)

    digest = recordable({"type": "image", "data": base64.b64encode(raw).decode()})["data"]

    assert digest == {"size": size, "sha256": hashlib.sha256(raw).hexdigest()}


def test_data_that_are_no_ascii_have_a_digest() -> None:
    digest = recordable({"type": "image", "data": "é"})["data"]

    assert digest == {"size": 2, "sha256": hashlib.sha256("é".encode()).hexdigest()}


def test_broken_base64_is_recorded_by_the_hash_of_its_text() -> None:
    digest = recordable({"type": "image", "data": "a"})["data"]

    assert digest == {"size": 1, "sha256": hashlib.sha256(b"a").hexdigest()}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"data": "aGVsbG8="}, id="data-that-is-no-media"),
        pytest.param({"type": "thought", "signature": "aGVsbG8="}, id="signature"),
        pytest.param({"type": "image", "uri": "gs://a/b"}, id="uri"),
        pytest.param({"type": "image", "data": DIGEST}, id="recorded-already"),
        pytest.param({"input": "x", "tools": [1, 2.5, None, True]}, id="plain-values"),
    ],
)
def test_all_else_is_recorded_as_it_is(body: dict[str, Any]) -> None:
    assert recordable(body) == body


def test_secrets_for_others_are_not_recorded() -> None:
    server = {"type": "mcp_server", "url": "https://a", "headers": {"Authorization": "Bearer s3"}}
    body = {"tools": [server], "environment": {"env": {"TOKEN": "s3"}}}

    text = str(recordable(body))

    assert "s3" not in text
    assert "Authorization" in text


def test_the_order_of_keys_does_not_count() -> None:
    assert canonical({"a": 1, "b": {"c": 2, "d": 3}}) == canonical({"b": {"d": 3, "c": 2}, "a": 1})


def test_long_integers_differ_by_their_last_digit() -> None:
    one, two = ({"b": 1, "a": 10**23 + n} for n in (1, 2))

    assert canonical(one) == b'{"a":100000000000000000000001,"b":1}'
    assert canonical(one) != canonical(two)


def test_how_the_answer_comes_does_not_count() -> None:
    assert canonical({"input": "a", "stream": True}) == canonical({"input": "a"})


def test_finds_the_first_recording_of_a_request() -> None:
    recordings = [recording("a", {"input": "x"}), recording("b", {"input": "y"})]

    assert find([*recordings, recording("c", {"input": "y"})], {"input": "y"}) is recordings[1]


def test_finds_a_picture_by_its_hash() -> None:
    asked = {"input": [{"type": "image", "data": PICTURE_BASE64}]}

    assert find([recording("a", recordable(asked))], asked) is not None


def test_finds_nothing_for_another_request() -> None:
    assert find([recording("a", {"input": "x"}), recording("b", {})], {}) is None


def test_a_demo_of_an_answer_to_calls_is_found_whatever_their_results_are() -> None:
    call = {"type": "function_call", "id": "c1", "name": "f", "arguments": {}}
    result = {"type": "function_result", "call_id": "c1", "result": "recorded"}
    other = {"type": "function_result", "call_id": "c2", "result": "recorded"}
    demo = recording("a", {"input": [result], "previous_interaction_id": "v1_a"})

    assert find_demo([demo], {"input": [{**result, "result": {"t": 1}}]}) is demo
    assert find_demo([demo], {"input": [call, {**result, "name": "f"}], "store": False}) is demo
    assert find_demo([demo], {"input": [other]}) is None


def test_a_demo_is_found_by_its_input_alone() -> None:
    demo = recording("a", {"input": "Count.", "model": "m"})

    assert find_demo([demo], {"input": " Count.\n", "model": "other", "store": False}) is demo


def test_a_demo_of_several_contents_is_found_by_all_of_them() -> None:
    contents = [{"type": "text", "text": "a"}, {"type": "image", "uri": "gs://a"}]
    demo = recording("a", {"input": contents})

    assert find_demo([demo], {"input": contents, "model": "m"}) is demo
    assert find_demo([demo], {"input": contents[:1]}) is None


def test_a_miss_names_the_nearest_recording_and_what_differs() -> None:
    recordings = [
        recording("weather.sse", {"input": "Weather?", "model": "b", "tools": []}),
        recording("count.sse", {"input": "Count to 25.", "model": "a"}),
    ]

    told = describe_miss(recordings, {"input": "Count to 26.", "model": "a"})

    assert told == (
        'count.sse comes nearest; it has input "Count to 25." instead of "Count to 26."'
    )


def test_of_equally_many_differences_the_more_similar_text_is_nearer() -> None:
    recordings = [recording("a", {"input": "Sing a song."}), recording("b", {"input": "Count 1."})]

    assert describe_miss(recordings, {"input": "Count 2."}).startswith("b comes nearest")


def test_a_miss_names_fields_in_depth_and_those_that_are_missing() -> None:
    known = {"input": [{"text": "a"}], "generation_config": {"seed": 1}}

    told = describe_miss([recording("a", known)], {"input": [{"text": "b"}]})

    assert told == (
        'a comes nearest; it has generation_config {"seed":1} instead of nothing, '
        'input.0.text "a" instead of "b"'
    )


def test_a_miss_names_three_differences_and_counts_the_others() -> None:
    told = describe_miss([recording("a", dict.fromkeys("abcde", 1))], dict.fromkeys("abcde", 2))

    assert told.endswith("c 1 instead of 2 and 2 more")


def test_a_miss_shows_only_the_start_of_a_long_value() -> None:
    told = describe_miss([recording("a", {"input": "x" * 10_000})], {"input": "y"})

    assert len(told) < 200


def test_a_miss_names_a_model_that_is_in_the_path() -> None:
    path = "/v1beta/models/{}:streamGenerateContent?alt=sse"
    known = Recording(
        "a", {"request": {"path": path.format("m"), "body": {"contents": []}}}, [], {}
    )

    told = describe_miss([known], {"contents": []}, path.format("n"))

    assert told == 'a comes nearest; it has model "m" instead of "n"'


def test_a_miss_among_no_recordings_has_nothing_to_tell() -> None:
    assert describe_miss([recording("a", {})], {"input": "y"}) == ""
