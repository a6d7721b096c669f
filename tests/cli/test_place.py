"""The file of `--cursor` as runs share it: one at a time, and for one request."""

import json
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gstream.api import Body
from gstream.cli.place import request_hash
from tests import servers
from tests.cli.support_cli import Ran, create, read_until, run, started, wait_for
from tests.drawn_faults import stream
from tests.faults import Fault, FaultModel, FaultServer
from tests.servers import RawServer
from tests.support import INTERACTION_ID

OK = servers.answering(servers.stream("ok"))
GO_ON = "gstream: go on with it: gstream resume --cursor {}; or name another file\n"


@pytest.fixture
def cut_server() -> Iterator[FaultServer]:
    """A server that cuts the first connection of its answer."""
    with FaultServer(FaultModel(stream("all"), [Fault(events=11)])) as server:
        yield server


def cut(server: FaultServer, path: Path, *args: str) -> Ran:
    return started_with(server, "first", path, "--no-resume", *args)


def started_with(server: FaultServer, prompt: str, path: Path, *args: str) -> Ran:
    url = ("--base-url", server.url)
    return run("create", "-p", prompt, "--cursor", str(path), "-q", *url, *args)


def resumed(server: FaultServer, *args: str) -> Ran:
    return run("resume", "-q", "--base-url", server.url, *args)


def uncut(view: str = "text") -> bytes:
    with FaultServer(FaultModel(stream("all"))) as server:
        return run("create", "-p", "x", f"--{view}", "-q", "--base-url", server.url).stdout


# --- one request


def test_the_same_request_goes_on(cut_server: FaultServer, tmp_path: Path) -> None:
    first = cut(cut_server, tmp_path / "c")
    second = started_with(cut_server, "first", tmp_path / "c")

    assert (first.code, second.code, cut_server.model.posts) == (76, 0, 1)
    assert first.stdout + second.stdout == uncut()


def test_another_request_is_refused_and_told_how_to_go_on(
    cut_server: FaultServer, tmp_path: Path
) -> None:
    path = tmp_path / "c"
    cut(cut_server, path)
    before = path.read_bytes()

    got = started_with(cut_server, "second", path)

    assert (got.code, got.stdout, len(cut_server.model.requests)) == (2, b"", 1)
    assert got.stderr == (
        f"gstream: --cursor {path}: it holds the unfinished answer to another request\n"
        + GO_ON.format(path)
    )
    assert path.read_bytes() == before


@pytest.mark.parametrize("args", [["--no-store"], ["-d", '{"store":false}']])
def test_nobody_can_go_on_with_what_is_not_stored(args: list[str], tmp_path: Path) -> None:
    with RawServer(OK) as server:
        got = create(server, *args, "--cursor", str(tmp_path / "c"))

    assert (got.code, server.requests, os.listdir(tmp_path)) == (2, [], [])
    assert "--cursor needs an interaction that is stored" in got.stderr


def test_an_answer_without_an_id_leaves_no_file(tmp_path: Path) -> None:
    answer = servers.stream("ok").replace(INTERACTION_ID.encode(), b"")
    with RawServer(servers.answering(answer)) as server:
        got = create(server, "--cursor", str(tmp_path / "c"))

    assert (got.code, got.text, os.listdir(tmp_path)) == (0, "ok\n", [])


def test_a_file_that_names_no_interaction_is_none_to_resume(tmp_path: Path) -> None:
    (tmp_path / "c").touch()

    got = run("resume", "--cursor", str(tmp_path / "c"))

    assert got.code == 2
    assert got.stderr == f"gstream: {tmp_path}/c: there is no interaction in it yet\n"


def test_another_request_may_follow_a_finished_one(tmp_path: Path) -> None:
    with RawServer(OK, OK) as server:
        first = create(server, "--cursor", str(tmp_path / "c"))
        second = create(server, "-p", "more", "--cursor", str(tmp_path / "c"))

    assert (first.code, second.code, second.text) == (0, 0, "ok\n")


def test_a_file_without_the_hash_of_its_request_goes_on_with_any(
    cut_server: FaultServer, tmp_path: Path
) -> None:
    first = cut(cut_server, tmp_path / "c")
    old = json.loads((tmp_path / "c").read_bytes())
    del old["request"]
    (tmp_path / "c").write_text(json.dumps(old))

    second = started_with(cut_server, "second", tmp_path / "c")

    assert second.code == 0
    assert first.stdout + second.stdout == uncut()


def test_a_resumed_run_keeps_the_hash(tmp_path: Path) -> None:
    faults = [Fault(events=11), Fault(events=3)]
    with FaultServer(FaultModel(stream("all"), faults)) as server:
        cut(server, tmp_path / "c")
        resumed(server, "--cursor", str(tmp_path / "c"), "--no-resume")
        got = started_with(server, "second", tmp_path / "c")

    assert got.code == 2


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ({"input": "a", "model": "m"}, {"model": "m", "input": "a"}, True),
        ({"input": "a", "stream": True}, {"input": "a"}, True),
        ({"input": "a"}, {"input": "b"}, False),
        ({"input": "a"}, {"input": "a", "store": True}, False),
    ],
)
def test_the_order_of_fields_makes_no_other_request(first: Body, second: Body, same: bool) -> None:
    assert (request_hash(first) == request_hash(second)) == same


# --- one interaction


def test_resume_takes_the_view_from_the_file(cut_server: FaultServer, tmp_path: Path) -> None:
    first = cut(cut_server, tmp_path / "c", "--ndjson")

    second = resumed(cut_server, "--cursor", str(tmp_path / "c"))

    assert second.code == 0
    *events, exit_line = first.events
    assert exit_line["event_type"] == "gstream.exit"
    uncut_events = [json.loads(line) for line in uncut("ndjson").splitlines()]
    assert [*events, *second.events] == uncut_events


def test_another_interaction_is_not_shown_in_the_view_of_the_one_before(tmp_path: Path) -> None:
    with FaultServer(FaultModel(stream("all"))) as server:
        started_with(server, "first", tmp_path / "c", "--json")
        kept = (tmp_path / "c").read_text().replace("v1_fault", "v1_before")
        (tmp_path / "c").write_text(kept)
        got = resumed(server, "v1_fault", "--cursor", str(tmp_path / "c"))

    assert (got.code, got.stdout) == (0, uncut())


def test_another_view_is_refused(cut_server: FaultServer, tmp_path: Path) -> None:
    path = tmp_path / "c"
    cut(cut_server, path)

    got = resumed(cut_server, "--json", "--cursor", str(path))

    assert (got.code, got.stdout, len(cut_server.model.requests)) == (2, b"", 1)
    assert f"{path} was written with --text: go on with that view" in got.stderr


@pytest.mark.parametrize("args", [["v1_other"], ["v1_fault", "--last-event-id", "e1"]])
def test_another_place_than_the_unfinished_one_is_refused(
    args: list[str], cut_server: FaultServer, tmp_path: Path
) -> None:
    path = tmp_path / "c"
    cut(cut_server, path)
    before = path.read_bytes()

    got = resumed(cut_server, *args, "--cursor", str(path))

    assert (got.code, len(cut_server.model.requests)) == (2, 1)
    assert f"{path}: it holds a place in the unfinished v1_fault\n" in got.stderr
    assert path.read_bytes() == before


def test_a_new_file_keeps_the_place_of_the_interaction_that_is_named(tmp_path: Path) -> None:
    with FaultServer(FaultModel(stream("all"), [Fault(events=11)])) as server:
        first = resumed(server, "v1_fault", "--cursor", str(tmp_path / "c"), "--no-resume")
        second = resumed(server, "v1_fault", "--cursor", str(tmp_path / "c"))

    assert (first.code, second.code) == (76, 0)
    assert first.stdout + second.stdout == uncut()


# --- one run at a time


def test_a_file_in_use_by_a_live_run_is_refused_before_any_request(tmp_path: Path) -> None:
    path = tmp_path / "c"
    gate = threading.Event()
    script = servers.waiting(servers.opening("one "), gate=gate, rest=servers.ending())
    with RawServer(script, OK) as server:
        env = {"GOOGLE_GEMINI_BASE_URL": server.url}
        with started("create", "-p", "x", "--cursor", str(path), env=env) as process:
            read_until(process.stdout, b"one ")
            same = create(server, "--cursor", str(path))
            going_on = run("resume", "--cursor", str(path), env=env)
            gate.set()
            process.communicate(timeout=servers.DEADLINE)

    told = f"gstream: --cursor {path}: another run is using it\n"
    assert (same.code, same.stdout, same.stderr) == (73, b"", told)
    assert (going_on.code, going_on.stdout, going_on.stderr) == (73, b"", told)
    assert (process.returncode, len(server.requests)) == (0, 1)


def test_a_killed_run_leaves_the_file_to_the_next(tmp_path: Path) -> None:
    path = tmp_path / "c"
    model = FaultModel(stream("all"), [Fault(events=12, ending="silent")])
    with FaultServer(model) as server:
        args = ("create", "-p", "x", "--cursor", str(path), "--base-url", server.url)
        with started(*args) as process:
            first = read_until(process.stdout, b"the the ")
            wait_for(lambda: b"v1_fault" in path.read_bytes(), "the cursor")
            process.kill()
            first += process.communicate()[0]
        second = resumed(server, "--cursor", str(path))

    assert second.code == 0
    assert uncut().endswith(second.stdout)
    assert len(first) + len(second.stdout) >= len(uncut())


# --- what is no cursor file


def _null(path: Path) -> None:
    path.symlink_to("/dev/null")


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, _null], ids=["fifo", "directory", "device"])
@pytest.mark.parametrize("command", [["create", "-p", "x"], ["resume"], ["resume", "i1"]])
def test_what_is_no_regular_file_is_refused_before_any_request(
    command: list[str], make: object, tmp_path: Path
) -> None:
    path = tmp_path / "c"
    assert callable(make)
    make(path)
    with RawServer(OK) as server:
        got = run(*command, "--cursor", str(path), env={"GOOGLE_GEMINI_BASE_URL": server.url})

    assert (got.code, got.stdout, server.requests) == (73, b"", [])
    assert got.stderr == f"gstream: --cursor {path}: it is no regular file\n"


def test_a_place_that_cannot_be_written_is_found_before_any_request(tmp_path: Path) -> None:
    with RawServer(OK) as server:
        got = create(server, "--cursor", str(tmp_path / "no" / "c"))

    assert (got.code, server.requests) == (73, [])


def test_a_place_that_cannot_be_kept_any_more_is_73(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    gate = threading.Event()
    script = servers.waiting(servers.opening("a"), gate=gate, rest=servers.ending())
    with RawServer(script) as server:
        env = {"GOOGLE_GEMINI_BASE_URL": server.url}
        cursor = str(folder / "cursor")
        with started("create", "-p", "x", "--cursor", cursor, env=env) as process:
            read_until(process.stdout, b"a")
            wait_for(lambda: (folder / "cursor").stat().st_size, "the cursor")
            shutil.rmtree(folder)
            gate.set()
            _, stderr = process.communicate(timeout=servers.DEADLINE)

    assert process.returncode == 73
    assert b"cursor: No such file or directory" in stderr


def test_a_run_that_fails_before_its_first_event_leaves_no_file(tmp_path: Path) -> None:
    with RawServer(servers.refusing(400, {"message": "no"})) as server:
        got = create(server, "--cursor", str(tmp_path / "c"))

    assert (got.code, os.listdir(tmp_path)) == (64, [])


def test_standard_output_is_no_cursor_file() -> None:
    got = run("create", "-p", "x", "--cursor", "-")

    assert got.code == 2
    assert got.stderr.endswith("Error: --cursor needs a file\n")


@pytest.mark.parametrize("content", ['{"gstream_cursor":1,"interaction_id":5}', "my notes"])
@pytest.mark.parametrize("command", [["create", "-p", "x"], ["resume"], ["resume", "--text"]])
def test_another_content_is_bad_data_and_stays(
    command: list[str], content: str, tmp_path: Path
) -> None:
    path = tmp_path / "c"
    path.write_text(content)

    got = run(*command, "--cursor", str(path))

    assert (got.code, got.stdout) == (65, b"")
    assert got.stderr == f"gstream: --cursor {path}: this is no cursor of gstream\n"
    assert path.read_text() == content
