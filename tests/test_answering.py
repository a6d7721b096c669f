import json
from typing import Any
from urllib.parse import quote

import orjson
import pytest

from gstream.answering import Library, Reply, find_in_one, first_events, refusal
from gstream.matching import find_demo
from gstream.outcome import refused_request
from gstream.recording import Part, Recording, read
from tests.support import STREAMS, answer, completed, created, delta, start, stop, stream

COUNT = {"input": "Count.", "model": "m", "stream": True}
RESEARCH = (STREAMS / "deep_research_event_ids.sse").read_bytes()
RESEARCH_ID = json.loads((STREAMS / "deep_research_event_ids.json").read_bytes())["id"]


def recording(
    data: bytes = stream(*answer("1, 2")), body: dict[str, Any] | None = None, **request: Any
) -> Recording:
    header = {"request": {"body": body, **request}} if body is not None else {}
    return Recording("x.sse", header, [Part(0.5, data)], {})


def post(library: Library, body: dict[str, Any], path: str = "/v1beta/interactions") -> Reply:
    return library.reply("POST", path, orjson.dumps(body))


def body_of(reply: Reply) -> bytes:
    return b"".join(part.data for part in reply.parts)


def json_of(reply: Reply) -> Any:
    return json.loads(body_of(reply))


def test_a_recording_that_cannot_be_read_is_one_without_events() -> None:
    library = Library([recording(b'{\\ "v1_built"')])

    assert library.reply("GET", "/interactions/v1_built").status == 404


# --- POST


def test_answers_a_request_with_its_recording() -> None:
    other = recording(b"data: 1\n\n", {"input": "Sing."})
    library = Library([other, recording(body=COUNT)])

    assert post(library, COUNT) == Reply(
        200, [Part(0.5, stream(*answer("1, 2")))], streamed=True, told="x.sse"
    )


@pytest.mark.parametrize(
    "path",
    [
        "/v1/interactions",
        "/interactions",
        "/v1beta1/projects/p/locations/l/interactions",
        "/a/proxy/v1beta/interactions",
        "/v1beta/interactions?alt=sse",
        "/v1beta/interactions/",
    ],
)
def test_any_version_and_place_of_the_api_will_do(path: str) -> None:
    assert post(Library([recording(body=COUNT)]), COUNT, path).status == 200


@pytest.mark.parametrize("stream_field", [{}, {"stream": False}])
def test_a_request_without_streaming_is_answered_with_the_interaction(
    stream_field: dict[str, bool],
) -> None:
    asked = {key: value for key, value in COUNT.items() if key != "stream"}

    reply = post(Library([recording(body=COUNT)]), {**asked, **stream_field})

    assert not reply.streamed
    assert json_of(reply)["steps"] == [
        {"type": "model_output", "content": [{"type": "text", "text": "1, 2"}]}
    ]


def test_another_request_is_not_found_and_the_nearest_is_named() -> None:
    reply = post(Library([recording(body=COUNT)]), {**COUNT, "input": "Sing."})

    assert (reply.status, reply.streamed) == (404, False)
    assert json_of(reply) == {
        "error": {
            "code": "not_found",
            "message": "no recording answers this request: x.sse comes nearest; it has "
            'input "Count." instead of "Sing."',
        }
    }


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1"])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    reply = Library([recording(body=COUNT)]).reply("POST", "/v1beta/interactions", body)

    assert reply.status == 400
    assert json_of(reply)["error"]["code"] == "invalid_request"


@pytest.mark.parametrize("levels", [201, 900, 5000])
def test_a_body_that_is_nested_too_deeply_is_refused(levels: int) -> None:
    body = b'{"input":' + b"[" * levels + b"]" * levels + b"}"
    reply = Library([recording(body=COUNT)]).reply("POST", "/v1beta/interactions", body)

    assert reply.status == 400
    assert json_of(reply)["error"]["code"] == "invalid_request"


def test_a_recording_without_a_request_answers_none_by_its_body() -> None:
    assert post(Library([recording()]), {}).status == 404


def test_a_recording_without_bytes_answers_nothing() -> None:
    refused = Recording("x.sse", {"request": {"body": COUNT}}, [], {"status": 75})

    assert post(Library([refused]), COUNT).status == 404


@pytest.mark.parametrize(
    "error",
    [
        pytest.param({"code": 429, "message": "Slow (now).", "status": "EXHAUSTED"}, id="number"),
        pytest.param({"code": "rate_limit_exceeded", "message": "Slow."}, id="word"),
        pytest.param({"message": "Slow."}, id="message-alone"),
    ],
)
def test_a_request_that_was_refused_is_refused_again(error: dict[str, Any]) -> None:
    told = f"POST http://a/b: {refused_request(error, 429)}"
    refused = Recording("x.sse", {"request": {"body": COUNT}}, [], {"status": 75, "message": told})

    reply = post(Library([refused]), COUNT)

    assert (reply.status, reply.streamed) == (429, False)
    assert json_of(reply) == {"error": error}


def test_a_refusal_that_was_recorded_with_its_body_is_refused_again() -> None:
    parts = [Part(0.0, b'{"error":{"message":"Slow."}}\n')]
    header = {"request": {"body": COUNT}}
    told = {"status": 75, "message": "HTTP 429: Slow."}

    assert post(Library([Recording("x.sse", header, parts, told)]), COUNT).status == 429


def test_an_answer_that_was_refused_later_is_no_refusal() -> None:
    header = {"request": {"body": COUNT}}
    told = {"status": 76, "message": "could not be resumed: HTTP 404: gone"}
    parts = [Part(0.0, stream(created(), done=False))]

    assert post(Library([Recording("x.sse", header, parts, told)]), COUNT).status == 200


def test_a_request_is_found_in_the_way_that_the_library_is_told() -> None:
    library = Library([recording(body=COUNT)], find=find_demo)

    assert post(library, {"input": "Count.", "model": "another", "stream": True}).status == 200


def test_chunks_of_generate_content_answer_their_own_route_alone() -> None:
    path = "/v1beta/models/m:streamGenerateContent"
    library = Library([recording(b"data: {}\n\n", {"contents": []}, path=f"{path}?alt=sse")])

    assert body_of(post(library, {"contents": []}, path)) == b"data: {}\n\n"
    assert post(library, {"contents": []}, "/v1/models/n:streamGenerateContent").status == 404
    assert post(library, {"contents": [], "stream": True}).status == 404


def test_a_miss_of_another_model_says_so() -> None:
    path = "/v1beta/models/{}:streamGenerateContent"
    library = Library([recording(b"data: {}\n\n", {"contents": []}, path=path.format("m"))])

    reply = post(library, {"contents": []}, path.format("n"))

    assert reply.told.endswith('x.sse comes nearest; it has model "m" instead of "n"')


# --- turns of one run


def turn(name: str, **body: Any) -> Recording:
    return recording(stream(*answer(name)), {"input": name, **body})._replace(name=name)


def test_the_only_recording_answers_any_request() -> None:
    only = turn("first")

    assert find_in_one([only], {"input": "something else"}) is only


def test_a_turn_is_found_by_the_interaction_before_it() -> None:
    turns = [turn("first"), turn("second", previous_interaction_id="i1")]

    assert find_in_one(turns, {"input": "else"}) is turns[0]
    assert find_in_one(turns, {"input": "else", "previous_interaction_id": "i1"}) is turns[1]
    assert find_in_one(turns, {"input": "else", "previous_interaction_id": "i2"}) is None


def test_of_several_turns_the_same_request_wins() -> None:
    turns = [turn("first"), turn("second")]

    assert find_in_one(turns, {"input": "second"}) is turns[1]
    assert find_in_one(turns, {"input": "third"}) is None


# --- GET


def get(library: Library, path: str) -> Reply:
    return library.reply("GET", f"/v1beta/interactions/{path}")


def test_streams_an_interaction_from_its_beginning() -> None:
    reply = get(Library([recording(RESEARCH)]), f"{RESEARCH_ID}?stream=true")

    assert reply.streamed
    assert body_of(reply) == RESEARCH
    assert reply.parts[0].seconds == 0.5


def test_streams_what_follows_any_event() -> None:
    library = Library([recording(RESEARCH)])
    blocks = RESEARCH.split(b"\n\n")
    for number, one in enumerate(blocks):
        if b'"event_id"' in one:
            event_id = json.loads(one.partition(b"data: ")[2])["event_id"]

            reply = get(library, f"{RESEARCH_ID}?stream=true&last_event_id={quote(event_id)}")

            assert body_of(reply) == b"\n\n".join(blocks[number + 1 :])


def test_an_event_id_is_unquoted() -> None:
    data = stream({**created(), "event_id": "e/1=="}, delta(text="a"))

    reply = get(Library([recording(data)]), "v1_built?last_event_id=e%2F1%3D%3D&stream=true")

    assert body_of(reply) == stream(delta(text="a"))


NAMELESS = {"event_type": "interaction.created", "interaction": {}}


@pytest.mark.parametrize(
    ("events", "request_path"),
    [
        pytest.param([NAMELESS, *answer("a")[1:]], "/interactions", id="named-at-the-end"),
        pytest.param(
            [NAMELESS, {"event_type": "interaction.status_update", "interaction_id": "v1_built"}],
            "/interactions",
            id="named-by-an-update",
        ),
        pytest.param(answer("a")[1:4], "/interactions/v1_built?stream=true", id="by-the-request"),
    ],
)
def test_an_interaction_is_known_wherever_it_is_named(
    events: list[dict[str, Any]], request_path: str
) -> None:
    library = Library([recording(stream(*events), {}, path=request_path)])

    assert library.reply("GET", "/interactions/v1_built?stream=true").status == 200


def test_what_followed_an_event_follows_it_again() -> None:
    path = "/v1beta/interactions/v1_built?stream=true&last_event_id=e3"
    library = Library([recording(stream(*answer("a")[2:]), {}, path=path)])

    assert body_of(library.reply("GET", path)) == stream(*answer("a")[2:])


def test_a_recorded_request_of_no_address_asked_for_nothing() -> None:
    library = Library([recording(body={}, path="//[")])

    assert library.reply("GET", "/interactions/v1_built?stream=true").status == 200


def test_an_event_that_is_not_there_is_refused() -> None:
    reply = get(Library([recording()]), "v1_built?stream=true&last_event_id=e1")

    assert reply.status == 400
    assert json_of(reply)["error"]["message"] == "interaction v1_built has no event e1"


def test_an_event_is_looked_for_in_each_recording_of_its_interaction() -> None:
    tail = stream({**created(), "event_id": "e1"}, completed())

    reply = get(Library([recording(), recording(tail)]), "v1_built?stream=true&last_event_id=e1")

    assert body_of(reply) == stream(completed())


def test_gives_the_interaction_as_the_api_would() -> None:
    reply = get(Library([recording(RESEARCH)]), RESEARCH_ID)

    assert not reply.streamed
    assert json_of(reply) == json.loads((STREAMS / "deep_research_event_ids.json").read_bytes())


def test_an_interaction_that_its_recording_does_not_end_is_not_found() -> None:
    cut = stream(created(), start(), delta(text="1"), done=False)

    reply = get(Library([recording(cut)]), "v1_built")

    assert reply.status == 404
    assert json_of(reply)["error"]["message"] == (
        "the recording x.sse ends before its interaction does"
    )


@pytest.mark.parametrize("query", ["", "?stream=true", "?stream=false"])
def test_an_unknown_interaction_is_not_found(query: str) -> None:
    reply = get(Library([recording()]), f"v1_other{query}")

    assert reply.status == 404
    assert json_of(reply)["error"] == {
        "code": "not_found",
        "message": "no recording holds interaction v1_other",
    }


def test_an_interaction_is_one_of_several_in_a_recording() -> None:
    first = stream(created("v1_a"), start(), delta(text="a"), stop(), completed(), done=False)
    second = stream(created("v1_b"), start(), delta(text="b"), stop(), completed())
    library = Library([recording(first + second)])

    assert body_of(get(library, "v1_a?stream=true")) == first
    assert json_of(get(library, "v1_b"))["steps"][0]["content"][0]["text"] == "b"


def test_a_last_block_without_its_blank_line_counts() -> None:
    whole = stream(*answer("1"), done=False)

    assert get(Library([recording(whole[:-2])]), "v1_built").status == 200


def test_an_id_may_hold_a_slash() -> None:
    library = Library([recording(stream(created("a/b"), completed(id="a/b")))])

    assert get(library, "a%2Fb").status == 200


# --- all else


def test_cancelling_gives_the_interaction_with_its_new_status() -> None:
    reply = Library([recording()]).reply("POST", "/v1beta/interactions/v1_built/cancel", b"{}")

    assert json_of(reply)["status"] == "cancelled"
    assert json_of(reply)["id"] == "v1_built"


def test_cancelling_an_unknown_interaction_is_not_found() -> None:
    reply = Library([recording()]).reply("POST", "/v1beta/interactions/v1_other/cancel")

    assert reply.status == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/v1beta/interactions"),
        ("GET", "/v1beta/models"),
        ("POST", "/v1beta/interactions/v1_built"),
        ("GET", "/v1beta/interactions/v1_built/cancel"),
        ("DELETE", "/v1beta/interactions/v1_built"),
        ("GET", "/v1beta/interactions/v1_built/steps"),
        ("POST", "/v1beta/models/m:countTokens"),
        ("GET", "/v1beta/notinteractions/v1_built"),
    ],
)
def test_all_else_is_not_found(method: str, path: str) -> None:
    reply = Library([recording(body=COUNT)]).reply(method, path, b"{}")

    assert reply.status == 404
    assert json_of(reply)["error"]["code"] == "not_found"


@pytest.mark.parametrize("target", ["http://[::1/interactions", "//\u2100/interactions"])
def test_an_address_that_is_none_is_refused(target: str) -> None:
    assert Library([recording()]).reply("GET", target).status == 400


def test_a_refusal_has_the_shape_of_the_api() -> None:
    assert json_of(refusal(413, "invalid_request", "too large")) == {
        "error": {"code": "invalid_request", "message": "too large"}
    }


# --- cutting


@pytest.mark.parametrize(
    ("count", "kept", "cut"),
    [
        pytest.param(0, [], True, id="none"),
        pytest.param(1, [b"data: 1\n\n"], True, id="one"),
        pytest.param(
            2,
            [b"data: 1\n\n", b": ping\n\n", b"data: 2\n\n"],
            True,
            id="comments-are-no-events",
        ),
        pytest.param(
            3, [b"data: 1\n\n", b": ping\n\n", b"data: 2\n\n", b"data: 3\n\n"], False, id="all"
        ),
        pytest.param(
            9, [b"data: 1\n\n", b": ping\n\n", b"data: 2\n\n", b"data: 3\n\n"], False, id="more"
        ),
    ],
)
def test_keeps_the_first_events(count: int, kept: list[bytes], cut: bool) -> None:
    (timed,) = read("x", b": +1\ndata: 1\n\n: +2\n: ping\n\n: +3\ndata: 2\n\ndata: 3\n\n")

    parts, cut_here = first_events(timed.parts, count)

    assert [part.data for part in parts] == kept
    assert cut_here == cut


def test_cutting_keeps_the_times() -> None:
    parts = [Part(1.0, b"data: 1\n\ndata: "), Part(2.0, b"2\n\ndata: 3"), Part(4.0, b"\n\n")]

    kept, _ = first_events(parts, 9)

    assert [part.seconds for part in kept] == [1.0, 2.0, 4.0]
