"""The hops of a long answer over several runs with a cursor file (DESIGN 7.4, 7.5)."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support_cli import Ran, run
from tests.servers import (
    RawServer,
    Script,
    answering,
    created,
    cut,
    ending,
    raw,
    refusing,
    step_start,
    step_stop,
    text_delta,
)

GONE = refusing(404, {"code": "not_found", "message": "gone"})
WORDS = {1: "one ", 2: "two ", 3: "three"}


def begun(number: int, text: str = "") -> bytes:
    return created(f"v1_{number}") + step_start() + (text_delta(text) if text else b"")


def hop(number: int) -> bytes:
    """A whole hop; the last one is the third."""
    fields: dict[str, Any] = {"id": f"v1_{number}", "usage": {"total_tokens": number}}
    end = ending(**fields)
    if number < 3:
        end = ending("requires_continuation", **fields, continuation_token=f"t{number}")
    return begun(number, WORDS[number]) + step_stop() + end


HOPS = [answering(hop(number)) for number in (1, 2, 3)]


def broken_in(number: int, text: str = "") -> list[Script]:
    """The scripts of a run that ends in a hop, which cannot be resumed then."""
    return [*HOPS[: number - 1], cut(begun(number, text)), GONE]


def create(server: RawServer, path: Path, view: str = "text") -> Ran:
    args = ("-p", "x", "-m", "m", f"--{view}", "--cursor", str(path))
    return run("create", *args, "-q", "--base-url", server.url)


def resume(server: RawServer, path: Path, view: str = "text") -> Ran:
    args = (f"--{view}", "--cursor", str(path))
    return run("resume", *args, "-q", "--base-url", server.url)


def asked(server: RawServer) -> list[str]:
    return [f"{each.method} {each.path.rpartition('/')[2]}" for each in server.requests]


def whole(view: str, folder: Path) -> bytes:
    with RawServer(*HOPS) as server:
        return create(server, folder / "whole", view).stdout


def test_a_server_that_never_ends_is_not_paid_for_ever() -> None:
    goes_on = "requires_continuation"
    hops = [
        answering(
            begun(number, "x") + step_stop() + ending(goes_on, continuation_token=f"t{number}")
        )
        for number in range(102)
    ]
    with RawServer(*hops) as server:
        got = run("create", "-p", "x", "-m", "m", "--base-url", server.url)

    assert (got.code, got.text, len(server.requests)) == (11, "x" * 101, 101)


@pytest.mark.parametrize("view", ["text", "ndjson", "sse"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_create_goes_on_in_any_hop_and_then_with_the_others(
    number: int, view: str, tmp_path: Path
) -> None:
    with RawServer(*broken_in(number, WORDS[number]), *HOPS[number - 1 :]) as server:
        first = create(server, tmp_path / "c", view)
        second = create(server, tmp_path / "c", view)

    shown = first.stdout.split(b'{"event_type":"gstream.exit"')[0]
    assert (first.code, second.code) == (76, 0)
    assert shown + second.stdout == whole(view, tmp_path)
    assert asked(server).count("POST interactions") == 3


@pytest.mark.parametrize("number", [1, 2, 3])
def test_steps_that_were_shown_in_other_hops_are_not_shown_again(
    number: int, tmp_path: Path
) -> None:
    scripts = [*HOPS[: number - 1], cut(created(f"v1_{number}")), GONE]
    with RawServer(*scripts, *HOPS[number - 1 :]) as server:
        first = create(server, tmp_path / "c", "steps")
        second = create(server, tmp_path / "c", "steps")

    assert first.stdout + second.stdout == whole("steps", tmp_path)


@pytest.mark.parametrize("again", [create, resume])
def test_json_has_the_hops_before_asked_for_again(again: object, tmp_path: Path) -> None:
    assert callable(again)
    with RawServer(*broken_in(3, "th"), *HOPS) as server:
        create(server, tmp_path / "c", "json")
        got = again(server, tmp_path / "c", "json")

    assert (got.code, got.stdout) == (0, whole("json", tmp_path))
    assert asked(server)[4:] == [f"GET v1_{number}?stream=true" for number in (1, 2, 3)]


def test_json_is_not_whole_without_a_hop_that_is_gone(tmp_path: Path) -> None:
    with RawServer(*broken_in(3, "th"), cut(), GONE) as server:
        create(server, tmp_path / "c", "json")
        kept = (tmp_path / "c").read_bytes()
        got = resume(server, tmp_path / "c", "json")

    assert got.code == 76
    assert (tmp_path / "c").read_bytes() == kept


@pytest.mark.parametrize("view", ["text", "ndjson", "steps"])
def test_resume_completes_a_hop_and_create_asks_for_the_others(view: str, tmp_path: Path) -> None:
    scripts = [*HOPS[:1], cut(created("v1_2")), GONE]
    with RawServer(*scripts, HOPS[1], *HOPS[1:]) as server:
        outputs = [
            create(server, tmp_path / "c", view),
            resume(server, tmp_path / "c", view),
            create(server, tmp_path / "c", view),
        ]

    shown = [each.stdout.split(b'{"event_type":"gstream.exit"')[0] for each in outputs]
    assert [each.code for each in outputs] == [76, 11, 0]
    assert b"".join(shown) == whole(view, tmp_path)
    assert outputs[1].stderr == (
        "gstream: the answer goes on after v1_2\n"
        "gstream: go on with the same gstream create … --cursor FILE\n"
    )


def test_a_refused_hop_is_asked_for_again_by_the_next_run(tmp_path: Path) -> None:
    refused = refusing(400, {"code": "invalid_request", "message": "not now"})
    with RawServer(HOPS[0], refused, *HOPS) as server:
        first = create(server, tmp_path / "c")
        second = create(server, tmp_path / "c")

    assert (first.code, second.code) == (64, 0)
    assert first.stdout + second.stdout == whole("text", tmp_path)
    tokens = [
        json.loads(each.body).get("continuation_token") for each in server.requests[3:] if each.body
    ]
    assert tokens == ["t1", "t2"]


def test_the_token_of_a_hop_is_known_to_the_next_run(tmp_path: Path) -> None:
    again = ending("requires_continuation", id="v1_2", continuation_token="t1")
    own = answering(begun(2, WORDS[2]) + step_stop() + again)
    with RawServer(*broken_in(2), own) as server:
        create(server, tmp_path / "c")
        got = create(server, tmp_path / "c")

    assert got.code == 11
    assert asked(server).count("POST interactions") == 2


def test_a_new_answer_continues_no_other(tmp_path: Path) -> None:
    with RawServer(*HOPS) as server:
        create(server, tmp_path / "c")

    kept = json.loads((tmp_path / "c").read_bytes())
    assert (kept["finished"], kept["hops"], kept["token"]) == (True, ["v1_1", "v1_2"], "t2")
    with RawServer(HOPS[2]) as server:
        create(server, tmp_path / "c")
    kept = json.loads((tmp_path / "c").read_bytes())
    assert (kept["finished"], kept["hops"], kept["token"]) == (True, [], "")


@pytest.mark.parametrize("view", ["json", "steps", "text"])
def test_half_an_answer_is_not_advised_from_its_start(view: str) -> None:
    with RawServer(*HOPS[:2], cut(begun(3, "th")), raw(b"")) as server:
        args = ("-p", "x", "-m", "m", f"--{view}", "--retries", "0")
        got = run("create", *args, "-q", "--base-url", server.url)

    assert got.code == 76
    assert "from the start" not in got.stderr


# --- a hop that fails


ERROR = b'{"error":{"code":"invalid_request","message":"token expired"}}'
EVENT = b'event: error\ndata: {"event_type":"error",' + ERROR[1:] + b"\n\n"
PAGE = b"HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n<html>no</html>"


@pytest.mark.parametrize("view", ["text", "json"])
@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        pytest.param(answering(ERROR), 14, "token expired", id="json"),
        pytest.param(answering(EVENT), 14, "token expired", id="error-event"),
        pytest.param(cut(), 68, "before the first event", id="broken"),
        pytest.param(answering(b""), 76, "before the first event", id="empty"),
        pytest.param(answering(b"data: [DONE]\n\n"), 76, "before the first event", id="done"),
        pytest.param(raw(PAGE), 65, "HTML", id="page"),
        pytest.param(refusing(400, ERROR), 64, "token expired", id="refused"),
    ],
)
def test_what_became_of_a_hop_is_told(script: Script, code: int, words: str, view: str) -> None:
    with RawServer(HOPS[0], script, HOPS[1]) as server:
        got = run("create", "-p", "x", f"--{view}", "-q", "--base-url", server.url)

    assert (got.code, asked(server)) == (code, ["POST interactions"] * 2)
    assert words in got.stderr
    assert "one " in got.text
