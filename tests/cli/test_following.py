"""`gstream create` over broken connections, with and without a cursor file, on real sockets."""

import base64
import json
import signal
import subprocess
import wave
from pathlib import Path

import pytest

from tests import servers, support
from tests.cli.faulty import create, uncut
from tests.cli.support_cli import GSTREAM, environment, read_until, run
from tests.drawn_faults import stream
from tests.faults import Fault, FaultModel, FaultServer
from tests.servers import RawServer, Received, answering, cut, refusing
from tests.support import STREAMS


def named(name: str) -> bytes:
    return (STREAMS / name).read_bytes()


@pytest.mark.parametrize("view", ["text", "json"])
def test_a_cut_after_ten_minutes_is_resumed_where_it_was(view: str) -> None:
    scripts = [cut(named("deep_research_cut.sse")), answering(named("deep_research_resume.sse"))]
    with RawServer(*scripts, refusing(404, {})) as server:
        got = run(*create(server.url, f"--{view}"))

    assert got.code == 0
    assert server.requests[1].path.endswith("&last_event_id=v1_MF90aG91Z2h0XzI")
    if view == "json":
        assert json.loads(got.stdout) == json.loads(named("deep_research_merged.json"))
    else:
        assert got.stdout == named("deep_research_merged.txt")


def continued(*args: str) -> tuple[bytes, int, list[Received]]:
    hops = [answering(named(f"requires_continuation_hop{number}.sse")) for number in (1, 2)]
    with RawServer(*hops) as server:
        got = run(*create(server.url, "-m", "gemini-4-argon", *args))
    return got.stdout, got.code, server.requests


def test_a_long_answer_is_continued_and_merged() -> None:
    text, code, requests = continued()
    merged, _, _ = continued("--json")

    manifest = json.loads(named("manifest.json"))
    expected = manifest["requires_continuation_hop1"]["next_request"]
    assert (text, code) == (named("requires_continuation_merged.txt"), 0)
    assert json.loads(merged) == json.loads(named("requires_continuation_merged.json"))
    assert json.loads(requests[1].body) == expected


def test_an_unstored_long_answer_is_continued_with_its_input() -> None:
    _, _, requests = continued("--no-store")

    body = json.loads(requests[1].body)
    assert (body["input"], body["continuation_token"]) == ("x", "tok_hop_1")
    assert "previous_interaction_id" not in body


def test_a_long_answer_is_not_continued_without_resuming() -> None:
    text, code, requests = continued("--no-resume")

    assert (text, code, len(requests)) == (named("requires_continuation_hop1.txt"), 11, 1)


def test_a_hop_that_gives_back_its_own_token_ends_it() -> None:
    hop = answering(named("requires_continuation_hop1.sse"))
    with RawServer(hop, hop, hop) as server:
        got = run(*create(server.url))

    assert (got.code, len(server.requests)) == (11, 2)


def test_a_turn_that_never_begins_is_not_taken_for_the_one_before() -> None:
    call = support.start("function_call", id="c1", name="f", arguments={})
    turn = [support.created(), call, support.stop()]
    first = answering(support.stream(*turn, support.completed("requires_action")))
    with RawServer(first, answering()) as server:
        got = run(*create(server.url, "--exec", "f=cat"))

    assert got.code == 76
    assert [request.method for request in server.requests] == ["POST", "POST"]


# --- the cursor file


def test_create_goes_on_with_an_unfinished_cursor_instead_of_paying_again(tmp_path: Path) -> None:
    cursor = str(tmp_path / "cursor")
    model = FaultModel(stream("all"), [Fault(events=11)])
    with FaultServer(model) as server:
        first = run(*create(server.url, "--cursor", cursor, "--no-resume"))
        second = run(*create(server.url, "--cursor", cursor))

    assert (first.code, second.code, model.posts) == (76, 0, 1)
    assert first.stdout + second.stdout == uncut("text", "all")


@pytest.mark.parametrize(
    ("view", "events", "asked"),
    [("steps", 8, "?stream=true"), ("text", 11, "&last_event_id=e10")],
    ids=["steps-that-are-put-together-anew", "text-after-the-last-event"],
)
def test_a_cursor_knows_what_was_shown(view: str, events: int, asked: str, tmp_path: Path) -> None:
    args = [f"--{view}", "--cursor", str(tmp_path / "cursor"), "-q"]
    model = FaultModel(stream("all"), [Fault(events=events, ending="reset")])
    with FaultServer(model) as server:
        first = run(*create(server.url, "--no-resume", *args))
        second = run("resume", "--base-url", server.url, *args)

    assert first.stdout
    assert first.stdout + second.stdout == uncut(view, "all")
    assert model.requests[1].endswith(asked)


@pytest.mark.parametrize("view", ["ndjson", "sse"])
@pytest.mark.parametrize("events", [1, 2], ids=["created", "created-and-updated"])
def test_a_cursor_before_the_first_step_repeats_nothing(
    events: int, view: str, tmp_path: Path
) -> None:
    args = [f"--{view}", "--cursor", str(tmp_path / "cursor"), "-q"]
    with FaultServer(FaultModel(stream("none"), [Fault(events=events, ending="reset")])) as server:
        first = run(*create(server.url, "--no-resume", *args))
        second = run("resume", "--base-url", server.url, *args)

    shown = first.stdout.split(b'{"event_type":"gstream.exit"')[0]
    assert shown + second.stdout == uncut(view, "none")


@pytest.mark.parametrize("ids", ["all", "none"])
@pytest.mark.parametrize(
    ("view", "again"),
    [("text", b""), ("ndjson", b""), ("sse", b"event: done\ndata: [DONE]\n\n")],
    ids=["text", "ndjson", "sse"],
)
def test_an_end_that_was_written_before_a_kill_is_known(
    view: str, again: bytes, ids: str, tmp_path: Path
) -> None:
    cursor = tmp_path / "cursor"
    args = [f"--{view}", "--cursor", str(cursor)]
    with FaultServer(FaultModel(stream(ids))) as server:
        run(*create(server.url, *args))
        kept = json.loads(cursor.read_bytes())
        cursor.write_text(json.dumps({**kept, "finished": False}))  # killed before it said so
        got = run("resume", "--base-url", server.url, *args)

    assert (got.code, got.stdout) == (0, again)


def test_a_finished_cursor_needs_no_request_and_ends_the_same(tmp_path: Path) -> None:
    cursor = str(tmp_path / "cursor")
    events = stream("all")
    events[-1]["interaction"]["status"] = "incomplete"
    model = FaultModel(events)
    with FaultServer(model) as server:
        first = run(*create(server.url, "--cursor", cursor))
        again = run("resume", "--cursor", cursor, "--base-url", server.url)

    assert (first.code, again.code, again.stdout) == (11, 11, b"")
    assert len(model.requests) == 1


def test_a_finished_cursor_of_calls_that_wait_says_how_to_answer_them(tmp_path: Path) -> None:
    cursor = str(tmp_path / "cursor")
    call = support.start("function_call", id="c1", name="f", arguments={})
    turn = [support.created("v1_a"), call, support.stop()]
    ended = support.completed("requires_action", id="v1_a")
    with RawServer(answering(support.stream(*turn, ended))) as server:
        run(*create(server.url, "--cursor", cursor))
        again = run("resume", "--cursor", cursor, "--base-url", server.url)

    assert again.code == 10
    assert again.stderr.endswith(
        "answer with: gstream create --previous v1_a --function-result CALL_ID=… "
        f"--base-url {server.url}\n"
    )


def test_a_cursor_within_the_arguments_of_a_call_goes_on_with_them(tmp_path: Path) -> None:
    cursor = str(tmp_path / "cursor")
    pieces = [each.get("delta", {}).get("type") == "arguments_delta" for each in stream("all")]
    faults = [Fault(events=pieces.index(True) + 2)]
    with FaultServer(FaultModel(stream("all"), faults)) as server:
        run(*create(server.url, "--cursor", cursor, "--no-resume"))
        got = run("resume", "--cursor", cursor, "--base-url", server.url)

    assert (got.code, got.stderr) == (0, "")


BLOCKED = b'{"error":{"code":"prohibited_content","message":"no"}}\n'


def test_an_answer_that_was_blocked_is_neither_gone_on_with_nor_hinted_at(tmp_path: Path) -> None:
    cursor = ["--cursor", str(tmp_path / "cursor")]
    blocked = answering(servers.opening("Half") + BLOCKED)
    with RawServer(blocked, answering(servers.stream("Whole"))) as server:
        first = run(*create(server.url, *cursor))
        second = run(*create(server.url, *cursor))

    assert (first.code, first.text, second.code, second.text) == (12, "Half", 0, "Whole\n")
    assert first.stderr == "gstream: the content was blocked: no (prohibited_content)\n"
    assert [request.method for request in server.requests] == ["POST", "POST"]


def test_the_cursor_of_an_answer_that_was_blocked_says_that_it_failed(tmp_path: Path) -> None:
    cursor = ["--cursor", str(tmp_path / "cursor")]
    with RawServer(answering(servers.opening("Half") + BLOCKED)) as server:
        first = run(*create(server.url, *cursor))
        again = run("resume", *cursor, "--base-url", server.url)

    assert (first.code, again.code, again.text, len(server.requests)) == (12, 12, "", 1)
    assert "was written to its end" in again.stderr
    assert again.stderr.endswith("gstream: the interaction ended with status failed\n")


@pytest.mark.parametrize("view", ["text", "json"])
@pytest.mark.parametrize("status", [404, 410])
def test_an_interaction_that_the_server_has_forgotten_cannot_be_gone_on_with(
    status: int, view: str, tmp_path: Path
) -> None:
    cursor = str(tmp_path / "a cursor")
    gone = refusing(status, {"message": "who?"})
    with RawServer(cut(servers.opening("Half")), gone) as server:
        run(*create(server.url, f"--{view}", "--cursor", cursor, "--no-resume"))
        got = run(*create(server.url, f"--{view}", "--cursor", cursor))

    assert got.code == 76
    assert "gstream: the answer cannot be resumed: GET http://" in got.stderr
    assert got.stderr.endswith(
        f"?stream=true: HTTP {status}: who?\ngstream: to ask anew, remove '{cursor}'\n"
    )


def test_an_interaction_that_cannot_be_had_now_can_be_gone_on_with_later(tmp_path: Path) -> None:
    cursor = ["--cursor", str(tmp_path / "cursor")]
    busy = refusing(503, {"message": "busy"})
    with RawServer(cut(servers.opening("Half")), busy) as server:
        run(*create(server.url, *cursor, "--no-resume"))
        got = run(*create(server.url, *cursor, "--retries", "0"))

    assert got.code == 69
    assert "HTTP 503: busy\n" in got.stderr
    assert f"gstream: resume with: gstream resume --cursor {tmp_path / 'cursor'}" in got.stderr


@pytest.mark.parametrize("view", ["text", "ndjson", "steps", "json"])
def test_media_that_was_saved_before_a_cut_is_not_saved_again(view: str, tmp_path: Path) -> None:
    image: support.Event = {"mime_type": "image/png", "data": "AAAA"}
    steps = [
        support.start(),
        support.delta(text="a"),
        support.delta("image", **image),
        support.stop(),
    ]
    body = support.stream(support.created("v1_a"), *steps, done=False)
    again = [support.start(index=1), support.delta("image", index=1, **image), support.stop(1)]
    rest = support.stream(*again, support.completed(id="v1_a"))
    whole = body + rest
    args = [f"--{view}", "--cursor", str(tmp_path / "c"), "--save-media", str(tmp_path / "media")]
    with RawServer(cut(body), answering(whole)) as server:
        first = run(*create(server.url, *args, "--no-resume"))
        second = run(*create(server.url, *args))

    assert (first.code, second.code) == (76, 0)
    assert sorted(path.name for path in (tmp_path / "media").iterdir()) == [
        "001-image.png",
        "002-image.png",
    ]
    if view == "steps":
        lines = [json.loads(one) for one in (first.stdout + second.stdout).splitlines()]
        assert [one["content"][-1]["path"][-13:] for one in lines] == [
            "001-image.png",
            "002-image.png",
        ]


def test_a_cursor_remembers_what_could_not_be_read(tmp_path: Path) -> None:
    body = support.stream(*stream("all")).replace(b'"text":"Hello "}', b'"text":"Hello "')
    cut_at = body.index(b'data: {"event_type":"step.delta","index":1,"delta":{"type":"image"')
    damaged, rest = body[:cut_at], body[cut_at:]
    cursor = ["--cursor", str(tmp_path / "c")]
    with RawServer(cut(damaged), answering(rest)) as server:
        runs = [run(*create(server.url, *cursor, "--no-resume"))]
        runs += [run("resume", *cursor, "--base-url", server.url) for _ in range(2)]

    assert [one.code for one in runs] == [65, 65, 65]
    assert all(one.stderr.endswith("1 event could not be read\n") for one in runs[1:])
    assert [request.method for request in server.requests] == ["POST", "GET"]


@pytest.mark.parametrize("view", ["text", "ndjson", "steps", "json"])
@pytest.mark.parametrize("pieces", [1, 2, 3])
def test_audio_that_a_cut_divides_is_one_file(view: str, pieces: int, tmp_path: Path) -> None:
    samples = [b"\1\0" * 50, b"\2\0" * 60, b"\3\0" * 70]
    audio = [
        support.delta("audio", mime_type="audio/l16", data=base64.b64encode(one).decode())
        for one in samples
    ]
    events = [support.created("v1_a"), support.start(), *audio, support.stop()]
    events.append(support.completed(id="v1_a"))
    body = [{**event, "event_id": f"e{at}"} for at, event in enumerate(events)]
    before, after = body[: 2 + pieces], body[2 + pieces :]
    rest = body if view in {"steps", "json"} else after
    args = [f"--{view}", "--cursor", str(tmp_path / "c"), "--save-media", str(tmp_path / "media")]
    with RawServer(
        cut(support.stream(*before, done=False)), answering(support.stream(*rest))
    ) as server:
        first = run(*create(server.url, *args, "--no-resume"))
        second = run(*create(server.url, *args))

    assert (first.code, second.code) == (76, 0)
    assert [path.name for path in (tmp_path / "media").iterdir()] == ["001-audio.wav"]
    with wave.open(str(tmp_path / "media" / "001-audio.wav")) as wav:
        assert wav.readframes(1000) == b"".join(samples)


def test_another_view_cannot_go_on(tmp_path: Path) -> None:
    cursor = str(tmp_path / "cursor")
    with FaultServer(FaultModel(stream("all"), [Fault(events=11)])) as server:
        run(*create(server.url, "--cursor", cursor, "--no-resume"))
        got = run("resume", "--json", "--cursor", cursor, "--base-url", server.url)

    assert got.code == 2
    assert "was written with --text" in got.stderr


def test_a_cursor_needs_what_is_written_at_once(tmp_path: Path) -> None:
    assert run(*create("http://127.0.0.1:9", "--cursor", "c", "--flush", "line")).code == 2


# --- interruptions


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interruption_says_how_to_go_on(number: signal.Signals) -> None:
    model = FaultModel(stream("all"), [Fault(events=12, ending="silent")])
    with FaultServer(model) as server:
        process = subprocess.Popen(
            [*GSTREAM, *create(server.url)],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        read_until(process.stdout, b"the the ")
        process.send_signal(number)
        words = process.stderr.read().decode()
        process.communicate()

    assert process.returncode == -number
    assert "resume with: gstream resume v1_fault --last-event-id e" in words


@pytest.mark.parametrize("asked", [True, False])
def test_a_background_run_is_stopped_only_if_that_was_asked_for(asked: bool) -> None:
    option = ["--cancel-on-interrupt"] if asked else []
    model = FaultModel(stream("all"), [Fault(events=12, ending="silent")])
    with FaultServer(model) as server:
        process = subprocess.Popen(
            [*GSTREAM, *create(server.url, "--background", *option)],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None
        read_until(process.stdout, b"the the ")
        process.send_signal(signal.SIGINT)
        _, words = process.communicate()

    cancelled = [request for request in model.requests if "/v1_fault/cancel" in request]
    assert len(cancelled) == asked
    assert (b"the run goes on at the server; stop it with: curl" in words) != asked


def test_an_interrupted_resume_says_what_a_background_run_does() -> None:
    model = FaultModel(stream("all"), [Fault(events=12, ending="silent")])
    with FaultServer(model) as server:
        process = subprocess.Popen(
            [*GSTREAM, "resume", "v1_fault", "--base-url", server.url],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None
        read_until(process.stdout, b"the the ")
        process.send_signal(signal.SIGINT)
        _, words = process.communicate()

    assert b"a background run goes on at the server; stop it with: curl" in words


# --- usage


@pytest.mark.parametrize(
    ("args", "fetched"), [(["--json"], 1), (["-u"], 1), ([], 0)], ids=["json", "usage", "text"]
)
def test_missing_token_counts_of_an_agent_are_fetched_where_they_are_shown(
    args: list[str], fetched: int
) -> None:
    events = stream("all")
    events[0]["interaction"] |= {"agent": "deep-research"}
    usage = events[-1]["interaction"].pop("usage")
    model = FaultModel(events)
    with FaultServer(model) as server:
        assert usage
        got = run("create", "-p", "x", "--base-url", server.url, *args)

    assert got.code == 0
    assert len(model.requests) == 1 + fetched


AGENT = support.stream(support.created("v1_a", agent="deep-research"), support.completed(id="v1_a"))


@pytest.mark.parametrize(
    ("args", "shown"), [(["--json"], '"usage":{"total_tokens":7}'), (["-u"], "tokens: 7 in all;")]
)
def test_token_counts_that_were_fetched_are_shown(args: list[str], shown: str) -> None:
    usage = b'{"id":"v1_a","status":"completed","usage":{"total_tokens":7}}'
    with RawServer(answering(AGENT), answering(usage)) as server:
        got = run(*create(server.url, *args))

    assert got.code == 0
    assert shown in got.text + got.stderr


def test_token_counts_that_cannot_be_fetched_are_no_failure() -> None:
    with RawServer(answering(AGENT), refusing(404, {"message": "who?"})) as server:
        got = run(*create(server.url, "-u", "-v"))

    assert got.code == 0
    assert "HTTP 404" in got.stderr
    assert "tokens: no token counts" in got.stderr
