import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from gstream.cassette import CassetteTape, file_name, library
from gstream.errors import CannotCreateError, NoInputError
from gstream.recording import Recording, read
from gstream.recording_writer import Recorder, RecordingFile
from tests.support import answer, completed, created, delta, start, stream

PATH = "/v1beta/interactions"
MODEL_PATH = "/v1beta/models/{}:streamGenerateContent"
BODY = {"input": "Count from 1 to 25.", "model": "m", "stream": True}
ANSWER = stream(*answer("1, 2"))


def new_recorder(file: RecordingFile) -> Recorder:
    return Recorder(file, begun=lambda: None, clock=lambda: 0.0, now=lambda: "now", version="0")


def tape_in(directory: Path) -> CassetteTape:
    return CassetteTape(str(directory), new_recorder)


def record(directory: Path, *blocks: bytes, body: dict[str, Any] = BODY) -> None:
    tape = tape_in(directory)
    tape.request("POST", PATH, body)
    for part in blocks:
        tape.feed(part)
    tape.exit({"status": 0})
    assert tape.close() is None


def recorded(directory: Path) -> list[Recording]:
    return [
        one for path in sorted(directory.iterdir()) for one in read(path.name, path.read_bytes())
    ]


def test_records_a_request_and_its_answer(tmp_path: Path) -> None:
    record(tmp_path, ANSWER)

    (recording,) = recorded(tmp_path)
    assert recording.body == BODY
    assert recording.path == PATH
    assert b"".join(part.data for part in recording.parts) == ANSWER
    assert recording.exit == {"status": 0}


def test_what_was_recorded_answers_the_same_request(tmp_path: Path) -> None:
    record(tmp_path, ANSWER)

    found = library(str(tmp_path)).recording_of(BODY)

    assert found is not None
    assert found.name == file_name(BODY)


def test_makes_the_directory(tmp_path: Path) -> None:
    record(tmp_path / "a" / "b", ANSWER)

    assert len(recorded(tmp_path / "a" / "b")) == 1


def test_only_the_owner_can_read_a_recording(tmp_path: Path) -> None:
    record(tmp_path, ANSWER)

    (path,) = tmp_path.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "blocks",
    [
        pytest.param([], id="nothing"),
        pytest.param([stream(created(), start(), delta(text="1"), done=False)], id="cut"),
        pytest.param([stream(created(), completed("in_progress"))], id="still-running"),
        pytest.param([ANSWER[:200]], id="half-a-block"),
        pytest.param([b'[{"error":{"code":503}}]\n'], id="raw-error"),
    ],
)
def test_an_answer_that_is_not_whole_is_not_kept(tmp_path: Path, blocks: list[bytes]) -> None:
    record(tmp_path, *blocks)

    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("status", ["completed", "requires_action", "incomplete", "failed"])
def test_any_end_of_the_interaction_is_kept(tmp_path: Path, status: str) -> None:
    record(tmp_path, stream(*answer("1", status=status)))

    assert len(recorded(tmp_path)) == 1


def test_nothing_is_there_before_the_interaction_has_ended(tmp_path: Path) -> None:
    tape = tape_in(tmp_path)
    tape.request("POST", PATH, BODY)
    tape.feed(ANSWER)

    assert library(str(tmp_path)).recording_of(BODY) is None

    tape.close()
    assert library(str(tmp_path)).recording_of(BODY) is not None


def test_the_turns_of_a_run_are_recordings_of_their_own(tmp_path: Path) -> None:
    tape = tape_in(tmp_path)
    for text in ("first", "second"):
        tape.request("POST", PATH, {**BODY, "input": text})
        tape.feed(stream(*answer(text)))
    tape.exit({"status": 0})
    tape.close()

    assert [one.body["input"] for one in recorded(tmp_path)] == ["first", "second"]
    assert [one.exit for one in recorded(tmp_path)] == [{}, {"status": 0}]


def test_the_same_request_to_two_models_is_two_recordings(tmp_path: Path) -> None:
    for model in ("one", "two"):
        tape = tape_in(tmp_path)
        tape.request("POST", MODEL_PATH.format(model), {"contents": []})
        tape.feed(ANSWER)
        assert tape.close() is None

    paths = {recording.path for recording in recorded(tmp_path)}
    assert paths == {MODEL_PATH.format("one"), MODEL_PATH.format("two")}


def test_a_request_that_is_tried_again_is_recorded_once(tmp_path: Path) -> None:
    tape = tape_in(tmp_path)
    for _ in range(3):
        tape.request("POST", PATH, BODY)
    tape.feed(ANSWER)
    tape.close()

    (path,) = tmp_path.iterdir()
    assert path.read_bytes().count(b"gstream-recording") == 1


def test_a_reconnect_is_recorded(tmp_path: Path) -> None:
    tape = tape_in(tmp_path)
    tape.request("POST", PATH, BODY)
    tape.reconnect({"path": "there"})
    tape.feed(ANSWER)
    tape.close()

    (path,) = tmp_path.iterdir()
    assert b': reconnect {"path":"there"}\n' in path.read_bytes()


def test_what_was_asked_for_by_get_is_not_recorded(tmp_path: Path) -> None:
    tape = tape_in(tmp_path)
    tape.request("GET", f"{PATH}/i1?stream=true", None)
    tape.reconnect({})
    tape.feed(ANSWER)
    tape.exit({})

    assert tape.close() is None
    assert os.listdir(tmp_path) == []


def test_recording_a_request_again_replaces_its_recording(tmp_path: Path) -> None:
    record(tmp_path, stream(*answer("old")))
    record(tmp_path, stream(*answer("new")))

    (recording,) = recorded(tmp_path)
    assert b"new" in b"".join(part.data for part in recording.parts)


def test_runs_at_the_same_time_do_not_disturb_each_other(tmp_path: Path) -> None:
    begin = threading.Barrier(8)

    def one_run() -> None:
        begin.wait()
        record(tmp_path, *(block + b"\n\n" for block in ANSWER.split(b"\n\n") if block))

    runs = [threading.Thread(target=one_run) for _ in range(8)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()

    (recording,) = recorded(tmp_path)
    assert b"".join(part.data for part in recording.parts) == ANSWER


def test_what_a_killed_run_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    left = tmp_path / ".gstream-killed.new"
    left.write_bytes(ANSWER)
    os.utime(left, (0, 0))

    record(tmp_path, ANSWER)

    assert os.listdir(tmp_path) == [file_name(BODY)]


def test_what_another_run_has_just_begun_is_left_alone(tmp_path: Path) -> None:
    begun = tmp_path / ".gstream-begun.new"  # and not locked yet
    begun.touch()

    record(tmp_path, ANSWER)

    assert begun.exists()


def test_a_hidden_file_of_others_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / ".notes.new"
    other.touch()
    os.utime(other, (0, 0))

    record(tmp_path, ANSWER)

    assert other.exists()


def test_what_another_run_is_writing_is_left_alone(tmp_path: Path) -> None:
    tape = tape_in(tmp_path)
    tape.request("POST", PATH, BODY)
    tape.feed(ANSWER)
    (aside,) = tmp_path.iterdir()
    os.utime(aside, (0, 0))

    record(tmp_path, ANSWER, body={"input": "Sing."})

    assert tape.close() is None
    assert sorted(os.listdir(tmp_path)) == sorted([file_name(BODY), file_name({"input": "Sing."})])


def test_a_directory_that_cannot_be_written_is_told_before_the_request_is_sent(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(CannotCreateError, match=r"--cassette .*file: "):
        tape_in(tmp_path / "file").request("POST", PATH, BODY)


def test_a_recording_that_cannot_be_put_in_its_place_is_told_at_the_end(tmp_path: Path) -> None:
    (tmp_path / file_name(BODY)).mkdir()
    tape = tape_in(tmp_path)
    tape.request("POST", PATH, BODY)
    tape.feed(ANSWER)

    assert "directory" in str(tape.close())
    assert os.listdir(tmp_path) == [file_name(BODY)]


# --- reading


def test_a_directory_that_is_not_there_holds_no_recordings(tmp_path: Path) -> None:
    assert library(str(tmp_path / "none")).recording_of(BODY) is None


def test_other_files_are_no_recordings(tmp_path: Path) -> None:
    record(tmp_path, ANSWER)
    (path,) = tmp_path.iterdir()
    path.rename(tmp_path / "notes.txt")
    (tmp_path / "directory.sse").mkdir()

    assert library(str(tmp_path)).recording_of(BODY) is None


def test_a_recording_is_found_whatever_its_name(tmp_path: Path) -> None:
    record(tmp_path, ANSWER)
    (path,) = tmp_path.iterdir()
    path.rename(tmp_path / "renamed.sse")

    assert library(str(tmp_path)).recording_of(BODY) is not None


def test_a_directory_with_an_impossible_name_is_no_input() -> None:
    with pytest.raises(NoInputError, match=r"^--cassette x+: File name too long$"):
        library("x" * 5000)


def test_a_recording_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.sse").symlink_to("/proc/self/mem")  # the start of which nobody can read

    with pytest.raises(NoInputError, match=r"--cassette .*x\.sse: Input/output error"):
        library(str(tmp_path))


@pytest.mark.parametrize(
    ("given", "slug"),
    [
        pytest.param("Count from 1 to 25.", "count-from-1-to-25", id="text"),
        pytest.param("../../etc/passwd", "etc-passwd", id="path"),
        pytest.param("x" * 300, "x" * 40, id="long"),
        pytest.param("ä☕", "request", id="no-ascii"),
        pytest.param([{"type": "text", "text": "a"}], "request", id="parts"),
        pytest.param(None, "request", id="none"),
    ],
)
def test_a_file_is_named_by_the_first_words_and_the_hash(given: object, slug: str) -> None:
    name = file_name({"input": given})

    assert name.removesuffix(".sse")[:-13] == slug
    assert len(name) == len(slug) + 13 + 4


def test_equal_requests_have_the_same_name() -> None:
    assert file_name({"a": 1, "input": "x"}) == file_name({"input": "x", "a": 1, "stream": True})
