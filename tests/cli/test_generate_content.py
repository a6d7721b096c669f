"""The older wire at the command line: `decode` of its streams, `create --api generate-content`."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.cli.support_cli import GSTREAM, Ran, read_until, run, run_bash, run_command, started

DATA = Path(__file__).parent.parent / "data" / "streams" / "generate_content"
STREAMS = sorted(DATA.glob("*.sse"))
CODES = {"blocked_prompt": 12, "parallel_function_calls": 10, "text_thought": 0}
API = ("--api", "generate-content")
HI = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def chunk(*parts: dict[str, Any], reason: str = "") -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}}
    if reason:
        candidate["finishReason"] = reason
    return {"candidates": [candidate], "responseId": "r1", "modelVersion": "m1"}


def sse(*chunks: dict[str, Any]) -> bytes:
    return b"".join(b"data: %b\r\n\r\n" % json.dumps(one).encode() for one in chunks)


def array(*chunks: dict[str, Any]) -> bytes:
    return b"[%b\n]\n" % b"\n,\r\n".join(json.dumps(one, indent=1).encode() for one in chunks)


def chunks_in(path: Path) -> list[dict[str, Any]]:
    lines = path.read_bytes().splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith(b"data: ")]


def create(server: servers.RawServer, *args: str) -> Ran:
    return run("create", "-p", "hi", *args, env={"GOOGLE_GEMINI_BASE_URL": server.url})


# --- decode


def test_there_are_streams() -> None:
    assert {path.stem for path in STREAMS} == CODES.keys()


@pytest.mark.needs("curl")
@pytest.mark.parametrize("form", ["sse", "array"])
@pytest.mark.parametrize("view", ["--text", "--ndjson", "--steps", "--json", "--sse"])
@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_curl_pipes_both_forms_into_every_view(path: Path, view: str, form: str) -> None:
    body = path.read_bytes() if form == "sse" else array(*chunks_in(path))
    expected = run("decode", view, str(path))
    pieces = [body[at : at + 99] for at in range(0, len(body), 99)]
    with servers.RawServer(servers.answering(*pieces)) as server:
        got = run_bash(f'curl -sN "$1" | gstream decode {view}', server.url)

    assert got.code == expected.code == CODES[path.stem]
    assert got.stdout == (body if view == "--sse" else expected.stdout)


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_the_text_view_shows_the_text(path: Path) -> None:
    words = path.with_suffix(".txt").read_text()
    newline = "\n" if CODES[path.stem] == 0 else ""

    assert run("decode", str(path)).text == words + newline


def test_curl_shows_the_head_of_both_forms() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n"
    body = array(chunk({"text": "a"}, reason="STOP"))

    assert run("decode", stdin=head + body).text == "a\n"


def test_ndjson_of_chunks_is_read() -> None:
    lines = [json.dumps(chunk({"text": word})) for word in "ab"]
    end = json.dumps(chunk(reason="STOP"))

    assert run("decode", stdin="\n".join([*lines, end]).encode()).text == "ab\n"


def test_one_answer_that_was_not_streamed_is_read() -> None:
    body = json.dumps(chunk({"text": "a"}, reason="STOP"), indent=2).encode()

    assert run("decode", stdin=body).text == "a\n"


def test_its_own_events_are_read_again() -> None:
    events = run("decode", "--ndjson", str(DATA / "text_thought.sse")).stdout

    again = run("decode", "--json", stdin=events)

    assert again.stdout == run("decode", "--json", str(DATA / "text_thought.sse")).stdout


def test_several_answers_in_a_row_are_several_results() -> None:
    both = sse(chunk({"text": "a"}, reason="STOP"))
    both += sse({**chunk({"text": "b"}, reason="STOP"), "responseId": "r2"})

    got = run("decode", "--json", stdin=both).events

    assert [one["response_id"] for one in got] == ["r1", "r2"]


def test_an_answer_that_broke_off_is_not_made_good_by_the_next_one() -> None:
    both = sse(chunk({"text": "a"}))
    both += sse({**chunk({"text": "b"}, reason="STOP"), "responseId": "r2"})

    got = run("decode", "--json", stdin=both)

    assert got.code == 76
    assert [one["status"] for one in got.events] == ["in_progress", "completed"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(sse(chunk({"text": "a"})), 76, id="truncated"),
        pytest.param(array(chunk({"text": "a"})), 76, id="truncated-array"),
        pytest.param(array(chunk({"text": "a"}))[:-2] + b',{"cand', 76, id="cut-array"),
        pytest.param(sse(chunk({"text": "a"}, reason="MAX_TOKENS")), 11, id="max-tokens"),
        pytest.param(sse(chunk({"text": "a"}, reason="SAFETY")), 12, id="safety"),
        pytest.param(sse(chunk({"text": "a"}, reason="STOP")) + b"data: [DONE]\n\n", 0, id="done"),
        pytest.param(
            sse(chunk({"text": "a"})) + b'{\r\n "error": {\r\n  "code": 503 } }\r\n',
            76,
            id="error-tail",
        ),
        pytest.param(
            sse(chunk({"text": "a"})) + b'data: {"error": {"code": 500}}\r\n\r\n',
            14,
            id="error-in-the-stream",
        ),
        pytest.param(array(chunk({"text": "a"}), {"error": {"code": 503}}), 76, id="error-element"),
        pytest.param(array({"error": {"code": 429}}), 75, id="error-array"),
        pytest.param(array(chunk({"text": "a"}, reason="STOP"), {"x": 1}), 65, id="odd-element"),
        pytest.param(array(chunk({"text": "a"}, reason="STOP")) + b"x", 65, id="garbage"),
        pytest.param(b"[]", 65, id="empty-array"),
    ],
)
def test_each_end_has_its_exit_code(body: bytes, code: int) -> None:
    assert run("decode", stdin=body).code == code


def test_other_candidates_are_told_on_stderr() -> None:
    answer = chunk({"text": "a"}, reason="STOP")
    answer["candidates"].append({"index": 1, "content": {"parts": [{"text": "b"}]}})

    got = run("decode", stdin=sse(answer))

    assert (got.code, got.text) == (0, "a\n")
    assert got.stderr == "gstream: the answer has several candidates: only the first is shown\n"


@pytest.mark.parametrize("form", [sse, array])
def test_text_is_shown_before_the_next_chunk_comes(form: Any) -> None:
    body = form(chunk({"text": "first"}), chunk({"text": "second"}, reason="STOP"))
    cut = body.index(b"second") - 60

    with started("decode", stdin=-1) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(body[:cut])
        process.stdin.flush()
        assert read_until(process.stdout, b"first") == b"first"
        process.stdin.write(body[cut:])
        process.stdin.close()
        assert read_until(process.stdout, b"\n") == b"second\n"


# --- create


def test_both_apis_show_the_same_text_and_the_same_kinds_of_steps() -> None:
    newer = [
        servers.created(),
        servers.step_start("thought"),
        servers.thought_delta("Hm\n"),
        servers.step_stop(),
        servers.step_start(index=1),
        servers.text_delta("Grüße", 1),
        servers.step_stop(1),
        servers.ending(),
    ]
    older = sse(chunk({"text": "Hm\n", "thought": True}), chunk({"text": "Grüße"}, reason="STOP"))
    got = []
    for args, script in (((), servers.answering(*newer)), (API, servers.answering(older))):
        with servers.RawServer(script) as server:
            got.append((create(server, *args).text, create(server, *args, "--steps").events))

    assert got[0] == got[1]
    assert got[0][0] == "Grüße\n"


def test_the_same_options_become_that_apis_request() -> None:
    with servers.RawServer(servers.answering(sse(chunk({"text": "a"}, reason="STOP")))) as server:
        args = ("-m", "m1", "-s", "Be brief.", "-o", "temperature=0.2", "-T", "google_search")
        got = create(server, *API, *args, "--schema", '{"type":"string"}')

    assert (got.code, got.text, got.stderr) == (0, "a\n", "")
    [request] = server.requests
    assert request.method == "POST"
    assert request.path == "/v1beta/models/m1:streamGenerateContent?alt=sse"
    assert json.loads(request.body) == {
        **HI,
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "tools": [{"googleSearch": {}}],
        "generationConfig": {
            "temperature": 0.2,
            "responseMimeType": "application/json",
            "responseSchema": {"type": "string"},
        },
    }


def test_a_body_in_its_own_spelling_is_sent_as_it_is() -> None:
    body = {**HI, "generationConfig": {"topK": 5}}

    got = run("create", *API, "-d", json.dumps(body), "-o", "temperature=1", "--dry-run")

    assert json.loads(got.stdout) == {**HI, "generationConfig": {"topK": 5, "temperature": 1}}


def test_dry_run_needs_no_server_and_shows_the_body() -> None:
    got = run("create", *API, "-p", "hi", "--dry-run", env={"GEMINI_API_KEY": None})

    assert (got.code, json.loads(got.stdout)) == (0, HI)


@pytest.mark.needs("curl")
def test_the_curl_command_runs() -> None:
    with servers.RawServer(servers.answering(sse(chunk({"text": "a"}, reason="STOP")))) as server:
        env = {"GOOGLE_GEMINI_BASE_URL": server.url}
        command = run("create", *API, "-m", "m1", "-p", "hi", "--curl", env=env).text
        got = run_command(["bash", "-c", command])

    assert got.stdout == sse(chunk({"text": "a"}, reason="STOP"))
    assert server.requests[0].path == "/v1beta/models/m1:streamGenerateContent?alt=sse"
    assert json.loads(server.requests[0].body) == HI


def test_refusals_are_retried() -> None:
    busy = servers.refusing(503, {"code": 503, "message": "busy"}, retry_after="0")
    answer = servers.answering(sse(chunk({"text": "a"}, reason="STOP")))
    with servers.RawServer(busy, answer) as server:
        got = create(server, *API)

    assert (got.code, got.text, len(server.requests)) == (0, "a\n", 2)


def test_the_sse_view_is_the_bytes_that_came() -> None:
    body = sse(chunk({"text": "a"}), chunk(reason="STOP")) + b": the end"
    with servers.RawServer(servers.answering(body)) as server:
        assert create(server, *API, "--sse").stdout == body


def test_text_is_shown_while_the_server_thinks() -> None:
    gate = threading.Event()
    rest = sse(chunk({"text": "b"}, reason="STOP"))
    script = servers.waiting(sse(chunk({"text": "a"})), gate=gate, rest=rest)
    with servers.RawServer(script) as server:
        env = {"GOOGLE_GEMINI_BASE_URL": server.url}
        with started("create", *API, "-p", "hi", env=env) as process:
            assert read_until(process.stdout, b"a") == b"a"
            gate.set()
            assert read_until(process.stdout, b"\n") == b"b\n"


@pytest.mark.parametrize(
    "args",
    [
        ("--previous", "v1_x"),
        ("--agent", "deep-research"),
        ("--background",),
        ("--cursor", "c.json"),
        ("--cancel-on-interrupt",),
    ],
    ids=lambda args: args[0],
)
def test_what_that_api_cannot_do_is_refused_before_it_is_sent(args: tuple[str, ...]) -> None:
    got = run("create", *API, "-p", "hi", *args)

    assert got.code == 2
    assert got.stdout == b""


# --- recordings


def test_recordings_answer_it_offline_and_over_http(tmp_path: Path) -> None:
    body = (DATA / "text_thought.sse").read_bytes()
    cassette = str(tmp_path / "cassette")
    with servers.RawServer(servers.answering(body)) as server:
        live = create(server, *API, "--cassette", cassette)

    offline = run("create", *API, "-p", "hi", "--cassette", cassette, "--offline")
    again = [*GSTREAM, "create", *API, "-p", "hi"]
    served = run("replay", "--speed", "0", "--serve", cassette, "--", *again)
    decoded = run("decode", *map(str, (tmp_path / "cassette").iterdir()))

    assert live.text == "One, two, zwölf.\n"
    assert live.stdout == offline.stdout == served.stdout == decoded.stdout
    assert len(server.requests) == 1


# --- function calls


def calls(*parts: dict[str, Any]) -> bytes:
    return sse({**chunk(*parts, reason="STOP"), "responseId": "r-calls"})


@pytest.mark.needs("jq")
def test_function_calls_are_answered_with_the_history_and_its_signatures() -> None:
    think = {"text": "Hm.", "thought": True}
    call = {"functionCall": {"name": "weather", "args": {"city": "Paris"}}}
    signed = {**call, "thoughtSignature": "c2ln"}
    other = {"functionCall": {"id": "c2", "name": "weather", "args": {"city": "Rome"}}}
    first = servers.answering(calls(think, {"text": "Looking. "}, signed, other))
    second = servers.answering(calls({"functionCall": {"name": "weather", "args": {}}}))
    last = servers.answering(sse(chunk({"text": "Fine."}, reason="STOP")))

    with servers.RawServer(first, second, last) as server:
        got = create(server, *API, "--exec", "weather=jq .city")

    assert (got.code, got.text, got.stderr) == (0, "Looking. Fine.\n", "")
    turns = [json.loads(request.body)["contents"] for request in server.requests]
    assert turns[0] == HI["contents"]
    assert turns[1] == [
        *HI["contents"],
        {"role": "model", "parts": [think, {"text": "Looking. "}, signed, other]},
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "weather", "response": {"result": "Paris"}}},
                {
                    "functionResponse": {
                        "id": "c2",
                        "name": "weather",
                        "response": {"result": "Rome"},
                    }
                },
            ],
        },
    ]
    assert turns[2][:3] == turns[1]
    assert turns[2][3] == {
        "role": "model",
        "parts": [{"functionCall": {"name": "weather", "args": {}}}],
    }
    assert all(
        request.path.endswith(":streamGenerateContent?alt=sse") for request in server.requests
    )


def test_functions_with_a_command_are_declared() -> None:
    got = run("create", *API, "-p", "hi", "--exec", "weather=cat", "--dry-run")

    assert json.loads(got.stdout)["tools"] == [
        {
            "functionDeclarations": [
                {"name": "weather", "parametersJsonSchema": {"type": "object"}},
            ]
        }
    ]


def test_a_body_of_its_own_is_continued_by_function_turns() -> None:
    call = {"functionCall": {"name": "weather", "args": {}}}
    last = servers.answering(sse(chunk({"text": "Fine."}, reason="STOP")))
    with servers.RawServer(servers.answering(calls(call)), last) as server:
        env = {"GOOGLE_GEMINI_BASE_URL": server.url}
        args = ("-d", json.dumps(HI), "--exec", "weather=echo 1")
        assert run("create", *API, *args, env=env).text == "Fine.\n"

    assert [one["role"] for one in json.loads(server.requests[1].body)["contents"]] == [
        "user",
        "model",
        "user",
    ]


def test_a_call_without_a_command_waits() -> None:
    call = {"functionCall": {"name": "weather", "args": {}}}
    with servers.RawServer(servers.answering(calls(call))) as server:
        got = create(server, *API)

    assert (got.code, len(server.requests)) == (10, 1)
    assert "--previous" not in got.stderr
