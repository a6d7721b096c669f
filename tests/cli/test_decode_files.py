"""Several files: each is judged by itself, unless what one begins another goes on with."""

from pathlib import Path

import pytest
from orjson import loads

from tests.cli.support_cli import run, run_bash
from tests.support import Event, completed, created, delta, event, line, ndjson, start, stop, stream

HELLO = [created(), start(), delta(text="Hel"), delta(text="lo"), stop(), completed()]
TOKEN = {"continuation_token": "t1"}
QUOTA = line({"error": {"code": 429, "message": "quota gone"}})
UPDATE = event("interaction.status_update", interaction_id="v1_built", status="completed")

FILES = {
    "whole": stream(*HELLO),
    "other": stream(created("v1_other"), *HELLO[1:]),
    "cut": stream(*HELLO[:3], done=False),
    "rest": stream(*HELLO[3:]),
    "middle": stream(*HELLO[1:3], done=False),
    "again": stream(*HELLO),
    "differs": stream(*HELLO[:2], delta(text="Hi"), *HELLO[4:]),
    "hop": stream(created("v1_hop"), *HELLO[1:5], completed("requires_continuation", **TOKEN)),
    "failed": stream(*HELLO[:5], completed("failed")),
    "quota": QUOTA,
    "head": b"HTTP/2 401 \r\ndate: x\r\n\r\n",
    "error": stream(event("error", error={"message": "gone"}), done=False),
    "empty": b"",
    "done": b"data: [DONE]\n\n",
    "words": b"some words\n",
    "lines": ndjson(*HELLO),
    "flaws": stream(*HELLO[:2], done=False)
    + b"data: {x\n\n"
    + stream({**delta(), "index": "x"}, *HELLO[2:]),
    "call": stream(
        created(),
        start(),
        delta(text="a"),
        start("function_call", name="f"),
        delta("arguments_delta", arguments="{"),
        stop(),
        completed(),
    ),
    "no": b"no stream\n",
}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.mark.parametrize(
    ("names", "out", "code", "told"),
    [
        pytest.param("whole other", "Hello\nHello\n", 0, "", id="two"),
        pytest.param("whole lines", "Hello\nHello\n", 0, "", id="the-same-twice"),
        pytest.param("cut rest", "Hello\n", 0, "", id="pieces"),
        pytest.param("cut again", "Hello\n", 0, "", id="the-whole-behind-its-beginning"),
        pytest.param("hop other", "HelloHello\n", 0, "", id="hops"),
        pytest.param("whole quota", "Hello\n", 75, "quota: HTTP 429: quota gone", id="refusal"),
        pytest.param("quota whole", "Hello\n", 75, "quota: HTTP 429: quota gone", id="refused"),
        pytest.param("whole head", "Hello\n", 77, "head: HTTP 401: the answer is empty", id="head"),
        pytest.param("error whole", "Hello\n", 14, "error: the stream ended with", id="error"),
        pytest.param("whole rest", "Hello\nlo\n", 0, "", id="rest"),
        pytest.param("whole middle", "Hello\nHel", 76, "middle: the stream ended", id="middle"),
        pytest.param("whole empty", "Hello\n", 76, "empty: the stream ended, and no", id="empty"),
        pytest.param("empty whole", "Hello\n", 76, "empty: the stream ended, and no", id="nothing"),
        pytest.param("done whole", "Hello\n", 76, "done: the stream ended, and no", id="done"),
        pytest.param("cut other", "HelHello\n", 76, "cut: the stream ended before", id="cut"),
        pytest.param("other cut", "Hello\nHel", 76, "cut: the stream ended before", id="cut-last"),
        pytest.param("words whole", "Hello\n", 65, "words: the input is not", id="no-stream"),
        pytest.param("no whole", "Hello\n", 65, "no: the input is not", id="name-in-the-words"),
        pytest.param("none whole", "Hello\n", 66, "none: No such file", id="no-file"),
        pytest.param("failed other", "HelloHello\n", 12, "failed: the interaction", id="failed"),
        pytest.param("cut none whole", "Hello\n", 66, "none: No such file", id="no-file-between"),
        pytest.param("cut words whole", "Hello\n", 65, "words: the input", id="no-stream-between"),
        pytest.param("cut none cut", "Hel", 66, "cut: the stream ended", id="cut-on-both-sides"),
        pytest.param("cut differs", "Hel", 76, "contradicts what was shown", id="contradiction"),
    ],
)
def test_each_file_is_judged_by_itself(
    files: Path, names: str, out: str, code: int, told: str
) -> None:
    for view in ("--text", "--json"):
        got = run("decode", view, *names.split(), cwd=files)

        assert got.code == code
        assert told in got.stderr
    assert run("decode", *names.split(), cwd=files).stdout.decode() == out


def test_of_several_failures_each_is_told_and_the_one_that_weighs_most_is_the_end(
    files: Path,
) -> None:
    got = run("decode", "-q", "empty", "quota", "words", "cut", cwd=files)

    assert got.code == 75
    assert [told.split(": ")[1] for told in got.stderr.splitlines()] == [
        "empty",
        "words",
        "cut",
        "quota",
    ]


def test_the_exit_line_is_that_of_the_interaction_that_failed(files: Path) -> None:
    got = run("decode", "--ndjson", "cut", "other", cwd=files)

    last = got.stdout.splitlines()[-1]
    assert b'"interaction_id":"v1_built"' in last


def test_the_exit_line_of_a_refusal_names_no_other_interaction(files: Path) -> None:
    got = run("decode", "--ndjson", "--stats", "stats", "whole", "quota", cwd=files)

    exit_line = loads(got.stdout.splitlines()[-1])
    stats = loads((files / "stats").read_bytes())
    assert (exit_line["status"], exit_line["interaction_id"]) == (75, None)
    assert (stats["exit_code"], stats["interaction_id"], stats["status"]) == (75, None, None)


def test_what_is_told_of_events_names_their_file(files: Path) -> None:
    got = run("decode", "whole", "flaws", "call", cwd=files)

    assert got.code == 65
    assert [words.split(" ")[1:5] for words in got.stderr.splitlines()] == [
        ["flaws:", "event", "3", "at"],
        ["flaws:", "an", "event", "cannot"],
        ["call:", "the", "arguments", "of"],
        ["flaws:", "1", "event", "could"],
    ]


def test_an_end_that_only_a_status_told_is_told_in_ndjson(tmp_path: Path) -> None:
    told: list[Event] = [*HELLO[:5], UPDATE]
    lines = run("decode", "--ndjson", stdin=stream(*told))
    again = run("decode", stdin=lines.stdout)

    assert (again.stdout, again.code) == (b"Hello\n", 0)
    assert lines.stdout.splitlines()[-1].endswith(b'"synthesized":true}')


def test_what_a_file_has_begun_ends_with_it_where_it_cannot_be_read_on(tmp_path: Path) -> None:
    large = stream(*HELLO[:3], delta(text="x" * 2000), done=False)
    (tmp_path / "large").write_bytes(large)
    (tmp_path / "whole").write_bytes(FILES["other"])

    got = run("decode", "--max-event-size", "1000", "large", "whole", cwd=tmp_path)

    assert (got.code, got.text) == (65, "HelHello\n")
    assert got.stderr.startswith("gstream: large: ")


def test_an_output_that_cannot_be_written_ends_it_at_once(files: Path) -> None:
    got = run_bash('cd "$1" && gstream decode whole none > /dev/full', str(files))

    assert (got.code, got.stderr) == (74, "gstream: standard output: No space left on device\n")
