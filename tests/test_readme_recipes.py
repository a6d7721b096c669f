"""The recipes of the README run as they stand, against recordings."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.support import answer, stream

ROOT = Path(__file__).parent.parent
STREAMS = ROOT / "tests" / "data" / "streams"
SECTION = (ROOT / "README.md").read_text().partition("## Recipes\n")[2].partition("\n## ")[0]
RECIPES: list[str] = re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL)
LINES = [f"{number:03} {'abcdefghij' * 12}\n" for number in range(200)]

pytestmark = pytest.mark.needs("jq", "parallel")


def recipe(words: str) -> str:
    """The one recipe that has these words."""
    [found] = [one for one in RECIPES if words in one]
    return found


def play(recording: bytes, command: str, place: Path, *options: str) -> None:
    """Run a recipe in a directory, with a server that answers every request from a recording."""
    (place / "recording.sse").write_bytes(recording)
    serve = ["gstream", "replay", "--speed", "0", *options, "--serve", "recording.sse"]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        [*serve, "--", "bash", "-e", "-o", "pipefail", "-c", command],
        cwd=place,
        env={"PATH": path, "HOME": str(place), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def poem() -> bytes:
    """A long answer, its text cut without regard to its lines."""
    text = "".join(LINES)
    return stream(*answer(*[text[at : at + 77] for at in range(0, len(text), 77)]))


def write_prompts(count: int, place: Path) -> None:
    """A file of prompts that a shell would trip over."""
    (place / "prompts.txt").write_text("".join(f"Say {n}; don't `x`.\n" for n in range(count)))


def test_many_prompts_share_an_output_without_mixed_lines(tmp_path: Path) -> None:
    write_prompts(10, tmp_path)
    play(poem(), recipe("xargs"), tmp_path)

    with (tmp_path / "answers.txt").open() as answers:
        assert Counter(answers) == dict.fromkeys(LINES, 10)


def test_many_prompts_share_a_pipe_without_mixed_lines(tmp_path: Path) -> None:
    write_prompts(40, tmp_path)
    command = "parallel -u -j 8 gstream create -q --flush line -p {} :::: prompts.txt | cat > all"
    play(poem(), command, tmp_path)

    with (tmp_path / "all").open() as answers:
        assert Counter(answers) == dict.fromkeys(LINES, 40)


def test_each_prompt_has_an_answer_of_its_own(tmp_path: Path) -> None:
    write_prompts(5, tmp_path)
    play(stream(*answer("Hello")), recipe("parallel"), tmp_path)

    answers = {path.name: path.read_text() for path in (tmp_path / "answers").iterdir()}
    assert answers == {f"{number}.txt": "Hello\n" for number in range(1, 6)}
    assert len((tmp_path / "jobs.log").read_text().splitlines()) == 1 + 5


@pytest.mark.parametrize("options", [(), ("--drop-after", "4")])
def test_a_report_is_whole_over_any_number_of_connections(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "question.txt").write_text("Why?")
    recording = (STREAMS / "deep_research_event_ids.sse").read_bytes()
    play(recording, recipe("deep-research"), tmp_path, *options)

    expected = (STREAMS / "deep_research_event_ids.txt").read_bytes()
    assert (tmp_path / "report.md").read_bytes().rstrip(b"\n") == expected.rstrip(b"\n")


def test_the_sources_of_an_answer_are_listed_once(tmp_path: Path) -> None:
    recording = (ROOT / "gstream" / "demo" / "search.sse").read_bytes()
    play(recording, recipe("google_search").rstrip() + " > sources", tmp_path)

    sources = (tmp_path / "sources").read_text().splitlines()
    assert sources
    assert [line for line in sources if not line.startswith("https://")] == []


JSON = '[{"name":"Ganymede","radius":2634},{"name":"Titan","radius":2575}]'


def test_json_of_a_schema_becomes_a_table(tmp_path: Path) -> None:
    (tmp_path / "moons.json").write_text('{"type":"array"}')
    play(stream(*answer(JSON[:20], JSON[20:])), recipe("moons.json"), tmp_path)

    assert (tmp_path / "moons.csv").read_text() == '"Ganymede",2634\n"Titan",2575\n'


def test_the_speed_of_a_run_is_a_line_for_a_log(tmp_path: Path) -> None:
    play(stream(*answer("one", "two")), recipe("stats.json"), tmp_path)

    first, _, code = (tmp_path / "speed.tsv").read_text().rstrip("\n").split("\t")
    assert float(first) > 0
    assert code == "0"
