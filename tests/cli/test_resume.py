"""`gstream resume` as a user runs it, against a server on a real socket."""

import json
from pathlib import Path

import pytest

from tests import servers
from tests.cli.support_cli import Ran, run
from tests.drawn_faults import stream
from tests.faults import Fault, FaultModel, FaultServer
from tests.servers import RawServer, refusing


def resume(server: FaultServer | RawServer, *args: str) -> Ran:
    return run("resume", *args, env={"GOOGLE_GEMINI_BASE_URL": server.url})


def uncut(view: str = "text", ids: str = "all") -> bytes:
    with FaultServer(FaultModel(stream(ids))) as server:
        return run("create", "-p", "x", f"--{view}", "-q", "--base-url", server.url).stdout


@pytest.mark.parametrize("view", ["text", "ndjson", "steps", "json", "sse"])
def test_a_finished_interaction_streams_like_a_new_one(view: str) -> None:
    with FaultServer(FaultModel(stream("all"))) as server:
        got = resume(server, "v1_fault", f"--{view}", "-q")

    assert (got.code, got.stdout) == (0, uncut(view))
    assert server.model.posts == 0


def test_a_running_one_is_followed_over_its_own_breaks() -> None:
    faults = [Fault(events=3, ending="reset"), Fault(events=4, extra=20, ending="unfinished")]
    with FaultServer(FaultModel(stream("none"), faults)) as server:
        got = resume(server, "v1_fault", "-q")

    assert (got.code, got.stdout) == (0, uncut())


@pytest.mark.parametrize("ending", ["reset", "unfinished", "clean"])
def test_a_connection_that_brings_nothing_is_followed_by_another(
    ending: str, tmp_path: Path
) -> None:
    cursor = ["--cursor", str(tmp_path / "cursor"), "-q"]
    nothing = Fault(events=0, ending=ending)
    with FaultServer(FaultModel(stream("all"), [nothing, Fault(events=11), nothing])) as server:
        by_id = resume(server, "v1_fault", "--no-resume", *cursor)
        cut = resume(server, "v1_fault", "--no-resume", *cursor)
        rest = resume(server, *cursor)

    assert (by_id.code, by_id.stdout) == (76, b"")
    assert (cut.code, rest.code, cut.stdout + rest.stdout) == (76, 0, uncut())


def test_an_unknown_one_is_refused_with_the_servers_words() -> None:
    error = {"code": "not_found", "message": "No such interaction."}
    with RawServer(refusing(404, error)) as server:
        got = resume(server, "v1_other")

    assert (got.code, got.stdout) == (64, b"")
    assert "HTTP 404: No such interaction. (not_found)" in got.stderr
    assert "this is a bug" not in got.stderr


def test_starts_after_the_event_that_is_named() -> None:
    with FaultServer(FaultModel(stream("all"))) as server:
        got = resume(server, "v1_fault", "--last-event-id", "e10", "--ndjson")

    assert json.loads(got.stdout.splitlines()[0])["event_id"] == "e11"
    assert server.model.requests == [
        "GET /v1beta/interactions/v1_fault?stream=true&last_event_id=e10"
    ]


def test_after_a_break_it_never_shows_what_was_before_the_event_that_was_named() -> None:
    faults = [Fault(events=2, ending="reset")]
    with FaultServer(FaultModel(stream("all"), faults)) as server:
        got = resume(server, "v1_fault", "--last-event-id", "e10", "--ndjson")

    ids = [event["event_id"] for event in got.events]
    assert ids == [f"e{number}" for number in range(11, 29)]


@pytest.mark.parametrize("view", ["steps", "json"])
def test_a_view_of_whole_steps_begins_at_the_start_wherever_it_is_to_begin(view: str) -> None:
    with FaultServer(FaultModel(stream("all"))) as server:
        got = resume(server, "v1_fault", "--last-event-id", "e10", f"--{view}")

    assert (got.code, got.stdout) == (0, uncut(view))
    assert got.stderr == f"gstream: --{view} needs all events: it begins at the start\n"


def test_the_id_is_escaped_in_the_address() -> None:
    with FaultServer(FaultModel(stream("all"))) as server:
        resume(server, "a/b?c=d")

    assert server.model.requests[0] == "GET /v1beta/interactions/a%2Fb%3Fc%3Dd?stream=true"


@pytest.mark.parametrize("args", [[], ["--last-event-id", "e1"]], ids=["nothing", "only-an-event"])
def test_without_an_id_and_a_cursor_there_is_nothing_to_do(args: list[str]) -> None:
    assert run("resume", *args).code == 2


def test_an_event_is_one_of_an_interaction_that_is_named(tmp_path: Path) -> None:
    got = run("resume", "--cursor", str(tmp_path / "c"), "--last-event-id", "e1")

    assert got.code == 2
    assert "--last-event-id needs the ID of the interaction" in got.stderr


@pytest.mark.parametrize("view", ["text", "ndjson", "steps", "json", "sse"])
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(servers.stream("not yours"), id="stream"),
        pytest.param(b'{"id":"v1_built","status":"completed","steps":[]}', id="json"),
        pytest.param(servers.step_start() + servers.ending(id="v1_built"), id="with-its-end-alone"),
    ],
)
def test_another_interaction_is_no_answer(body: bytes, view: str) -> None:
    with RawServer(servers.answering(body)) as server:
        got = run("resume", "v1_x", f"--{view}", "--base-url", server.url)

    assert got.code == 76
    assert b"not yours" not in got.stdout
    assert "the server answers with another interaction, v1_built\n" in got.stderr


def test_a_cursor_file_that_is_not_there_holds_no_interaction(tmp_path: Path) -> None:
    got = run("resume", "--cursor", str(tmp_path / "none"))

    assert got.code == 66
    assert got.stderr == f"gstream: --cursor {tmp_path}/none: No such file or directory\n"
