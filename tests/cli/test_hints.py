"""Commands that are shown to be pasted: they do what they say, and they hold no secret."""

import shlex
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gstream.cli.hints import cancel_command, resume_command, resume_hint
from tests.cli.support_cli import KEY, Ran, environment, run, run_bash
from tests.cli.support_cli import create as create_x
from tests.drawn_faults import stream
from tests.faults import Fault, FaultModel, FaultServer
from tests.servers import RawServer, answering, created, cut, refusing, step_start, text_delta
from tests.support import block

DEFAULTS: dict[str, Any] = {
    "cursor": None,
    "flush": "event",
    "thoughts": False,
    "save_media": None,
    "base_url": "https://generativelanguage.googleapis.com",
    "api_version": "v1beta",
    "api_key_file": None,
    "header": (),
}
OTHERS: dict[str, Any] = {
    "flush": "line",
    "thoughts": True,
    "save_media": "my media",
    "base_url": "http://127.0.0.1:9",
    "api_version": "v1",
    "api_key_file": "key file",
    "header": ("X-Team: a b", "Authorization: Bearer s3cret"),
}


def words_of(
    interaction_id: str = "v1_a", event_id: str = "", view: str = "text", **given: Any
) -> list[str]:
    """The words that a shell makes of the command to resume."""
    command = resume_command({**DEFAULTS, **given}, view, interaction_id, event_id)
    script = f'gstream() {{ printf "%s\\n" gstream "$@"; }}; {command}'
    env = environment(AUTHORIZATION="it")
    done = subprocess.run(["bash", "-c", script], env=env, capture_output=True, check=True)
    return done.stdout.decode().splitlines()


# --- the words of the commands


def test_a_plain_run_is_resumed_by_its_id() -> None:
    command = resume_command(DEFAULTS, "text", "v1_a", "e7")

    assert command == "gstream resume v1_a --last-event-id e7"


@pytest.mark.parametrize(
    "interaction_id", ["v1_x; touch PWN #", "$(touch PWN)", "a b", "it's", "-v1", "--json"]
)
def test_the_ids_are_words_whatever_is_in_them(interaction_id: str) -> None:
    words = words_of(interaction_id, "e'; true")

    assert interaction_id in words
    assert words[words.index("--last-event-id") + 1] == "e'; true"
    assert words[-2:] == ["--", interaction_id] or not interaction_id.startswith("-")


@pytest.mark.parametrize("interaction_id", ["v1\x1b[2J", "v1\nrm", "v1\u202e"])
def test_an_id_that_cannot_be_shown_makes_no_command(interaction_id: str) -> None:
    assert resume_command(DEFAULTS, "text", interaction_id) == ""
    assert resume_hint(DEFAULTS, "text", interaction_id, "") == ""


def test_without_an_id_there_is_nothing_to_resume() -> None:
    assert resume_hint(DEFAULTS, "text", "", "e7") == ""


def test_options_that_are_not_as_always_are_named_again() -> None:
    words = words_of(**OTHERS)

    pairs = set(pairwise(words))
    assert pairs >= {
        ("--flush", "line"),
        ("--save-media", "my media"),
        ("--base-url", "http://127.0.0.1:9"),
        ("--api-version", "v1"),
        ("--api-key-file", "key file"),
        ("-H", "X-Team: a b"),
        ("-H", "Authorization: it"),
    }
    assert "--thoughts" in words


@pytest.mark.parametrize("view", ["ndjson", "steps", "json", "sse"])
def test_the_view_is_named_again(view: str) -> None:
    assert f"--{view}" in words_of(view=view)


def test_a_cursor_file_knows_the_ids_but_not_the_view() -> None:
    words = words_of("v1_a", "e7", view="ndjson", cursor="my cursor")

    assert words == ["gstream", "resume", "--cursor", "my cursor", "--ndjson"]


def test_no_command_holds_a_secret() -> None:
    given = {**DEFAULTS, **OTHERS}

    for command in (resume_command(given, "text", "v1_a"), cancel_command(given, "http://h/v1")):
        assert "s3cret" not in command
        assert '"$AUTHORIZATION"' in command


def test_an_event_is_named_only_where_all_up_to_it_was_shown() -> None:
    ends = {**DEFAULTS, "flush": "end"}
    shown = "resume with: gstream resume v1_a --last-event-id e7"
    again = "resume from the start with: gstream resume v1_a"

    assert resume_hint(DEFAULTS, "text", "v1_a", "e7") == shown
    assert resume_hint(DEFAULTS, "ndjson", "v1_a", "e7") == f"{shown} --ndjson"
    assert resume_hint(DEFAULTS, "json", "v1_a", "e7") == f"{again} --json"
    assert resume_hint(DEFAULTS, "steps", "v1_a", "e7") == f"{again} --steps"
    assert resume_hint(ends, "text", "v1_a", "e7") == f"{again} --flush end"
    assert resume_hint(DEFAULTS, "text", "v1_a", "") == again


def test_no_answer_begins_with_a_hop() -> None:
    kept = {**DEFAULTS, "cursor": "c"}

    assert resume_hint(DEFAULTS, "json", "v1_a", "e7", hop=True) == ""
    assert resume_hint(DEFAULTS, "text", "v1_a", "", hop=True) == ""
    assert resume_hint(DEFAULTS, "text", "v1_a", "e7", hop=True).startswith("resume with: ")
    assert resume_hint(kept, "json", "v1_a", "", hop=True).startswith("resume with: ")


@pytest.mark.parametrize(
    ("env", "file", "key"),
    [
        pytest.param({"GEMINI_API_KEY": None}, None, "$GEMINI_API_KEY", id="none"),
        pytest.param({}, None, "$GEMINI_API_KEY", id="gemini"),
        pytest.param({"GOOGLE_API_KEY": KEY}, None, "$GOOGLE_API_KEY", id="both"),
        pytest.param({"GOOGLE_API_KEY": " "}, None, "$GEMINI_API_KEY", id="empty"),
        pytest.param({}, "a 'key'", "$(cat -- 'a '\"'\"'key'\"'\"'')", id="file"),
    ],
)
def test_the_key_comes_from_where_the_run_has_it_from(
    env: dict[str, str | None], file: str | None, key: str
) -> None:
    args = ["--api-key-file", file] if file else []
    got = run("create", "--curl", "-p", "x", *args, env=env)

    assert f'-H "x-goog-api-key: {key}"' in got.text


@pytest.mark.needs("curl")
def test_the_key_in_a_file_is_sent_by_curl(tmp_path: Path) -> None:
    file = tmp_path / "the key's file"
    file.write_text(f"{KEY}\n")
    file.chmod(0o600)
    with RawServer(answering(created())) as server:
        env = {"GOOGLE_GEMINI_BASE_URL": server.url, "GEMINI_API_KEY": None}
        run_bash('gstream create --curl -p x --api-key-file "$1" | bash', str(file), env=env)

    assert server.requests[0].headers["x-goog-api-key"] == KEY


@pytest.mark.needs("curl")
def test_the_command_to_cancel_is_answered() -> None:
    with RawServer(answering(b"{}")) as server:
        options = {**DEFAULTS, "header": ("X-Team: a b",)}
        got = run_bash(cancel_command(options, f"{server.url}/v1/interactions/a;b/cancel"))

    [request] = server.requests
    assert (got.code, request.method, request.body) == (0, "POST", b"{}")
    assert request.path == "/v1/interactions/a;b/cancel"
    assert (request.headers["x-team"], request.headers["x-goog-api-key"]) == ("a b", KEY)


# --- hints of real runs, pasted


def hint_of(got: Ran) -> str:
    """The command of the hint; empty if there is none."""
    lines = [line for line in got.stderr.splitlines() if " with: gstream resume" in line]
    return lines[-1].partition(" with: ")[2] if lines else ""


def cut_and_pasted(*args: str, events: int, ids: str = "all") -> tuple[Ran, Ran, bytes]:
    """A run that is cut, the run of its hint in a plain environment, and what was whole."""
    model = FaultModel(stream(ids, 3), [Fault(events=events, ending="reset")])
    with FaultServer(model) as server:
        first = run("create", "-p", "x", "--no-resume", "--base-url", server.url, *args)
        second = run_bash(hint_of(first))
        seen = args[: args.index("--cursor")] if "--cursor" in args else args
        whole = run("resume", model.interaction_id, "--base-url", server.url, *seen).stdout
    return first, second, whole


def test_what_the_hint_brings_completes_what_was_shown() -> None:
    first, second, whole = cut_and_pasted(events=12)

    assert (first.code, second.code) == (76, 0)
    assert first.stdout != b""
    assert first.stdout + second.stdout == whole


@pytest.mark.parametrize("args", [["--json"], ["--steps"], ["--flush", "end"], ["--flush", "line"]])
def test_where_nothing_can_be_completed_the_hint_brings_all_of_it(args: list[str]) -> None:
    first, second, whole = cut_and_pasted(*args, events=12)

    assert (first.code, second.code) == (76, 0)
    assert "resume from the start with: " in first.stderr
    assert second.stdout == whole


def test_text_after_the_last_id_is_not_brought_twice() -> None:
    events = stream("none")
    events[9]["event_id"] = "e9"
    model = FaultModel(events, [Fault(events=12, ending="reset")])
    with FaultServer(model) as server:
        first = run("create", "-p", "x", "--no-resume", "--base-url", server.url)

    assert hint_of(first) == f"gstream resume v1_fault --base-url {server.url}"


def test_the_hint_of_a_cursor_names_the_view(tmp_path: Path) -> None:
    cursor = str(tmp_path / "a cursor")
    first, second, whole = cut_and_pasted("--ndjson", "--cursor", cursor, events=12)

    shown = first.stdout[: first.stdout.rindex(b'{"event_type":"gstream.exit"')]
    assert shlex.split(hint_of(first))[:4] == ["gstream", "resume", "--cursor", cursor]
    assert (second.code, shown + second.stdout) == (0, whole)


@pytest.mark.parametrize(
    ("args", "env", "place"),
    [
        ([], {}, "GEMINI_API_KEY"),
        ([], {"GOOGLE_API_KEY": KEY}, "GOOGLE_API_KEY"),
        (["-H", "authorization: Bearer x"], {}, "-H authorization"),
    ],
)
def test_where_a_refused_key_comes_from_is_told(
    args: list[str], env: dict[str, str | None], place: str
) -> None:
    with RawServer(refusing(401, {"message": "API key not valid."})) as server:
        got = create_x(server, *args, env=env)

    assert (got.code, got.stderr.splitlines()[1:]) == (77, [f"gstream: the key comes from {place}"])


PART = created() + step_start() + text_delta("half", event_id="e2")


def test_what_the_server_does_not_know_any_more_is_not_resumed() -> None:
    with RawServer(cut(PART), refusing(404, {"message": "gone"})) as server:
        got = create_x(server, "-q")

    assert (got.code, hint_of(got)) == (76, "")


def test_a_resume_that_never_began_says_nothing_new() -> None:
    with RawServer(refusing(404, {"message": "no such interaction"})) as server:
        got = run("resume", "v1_a", "--base-url", server.url)

    assert (got.code, got.stderr.count("\n"), hint_of(got)) == (64, 1, "")


def test_what_is_not_stored_cannot_be_resumed() -> None:
    with RawServer(cut(PART)) as server:
        assert hint_of(create_x(server, "-q", "--no-store")) == ""


def test_what_the_older_api_sends_cannot_be_resumed() -> None:
    chunk = b'data: {"responseId":"r1","candidates":[{"content":{"parts":[{"text":"half"}]}}]}\n\n'
    with RawServer(cut(chunk)) as server:
        got = create_x(server, "-q", "--api", "generate-content")

    assert (got.code, got.stdout, hint_of(got)) == (76, b"half", "")


def test_with_functions_to_answer_a_broken_turn_is_resumed() -> None:
    with RawServer(cut(PART)) as server:
        got = create_x(server, "-q", "--no-resume", "--exec", "f=cat")

    assert hint_of(got).startswith("gstream resume ")


def test_broken_events_are_asked_for_again() -> None:
    broken = (
        PART
        + b"event: step.delta\ndata: {\n\n"
        + block({"event_type": "interaction.heartbeat", "event_id": "e3"})
    )
    with RawServer(cut(broken)) as server:
        got = create_x(server, "-q", "--no-resume")

    assert "--last-event-id" not in hint_of(got)
