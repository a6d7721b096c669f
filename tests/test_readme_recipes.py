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
README = (ROOT / "README.md").read_text()
SECTION = README.partition("## Recipes\n")[2].partition("\n## ")[0]
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
RECIPES: list[str] = BLOCK.findall(SECTION)
LOOPS: list[str] = [block for block in BLOCK.findall(README) if "--cursor" in block]
LINES = [f"{number:03} {'abcdefghij' * 12}\n" for number in range(200)]

pytestmark = pytest.mark.needs("jq", "parallel", "zsh")


def recipe(words: str) -> str:
    """The one recipe that has these words."""
    [found] = [one for one in RECIPES if words in one]
    return found


def play(recording: bytes, command: str, place: Path, *options: str) -> None:
    """Run a recipe in a directory, with a server that answers every request from a recording."""
    done = run(serve(recording, place, *options) + shell(command), place)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def serve(recording: bytes, place: Path, *options: str) -> list[str]:
    """The words that run a command with such a server."""
    (place / "recording.sse").write_bytes(recording)
    return ["gstream", "replay", "--speed", "0", *options, "--serve", "recording.sse", "--"]


def shell(command: str) -> list[str]:
    """The words that run a recipe."""
    return ["bash", "-e", "-o", "pipefail", "-c", command]


def run(words: list[str], place: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a directory; programs in its `bin` go first."""
    path = f"{place / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        words,
        cwd=place,
        env={"PATH": path, "HOME": str(place), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


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


# --- loops that go on after dropped connections


FIRST_RUN_IS_CUT = f"""#!/bin/sh
if [ "$1" = create ]; then
  [ -e runs ] || set -- "$@" --no-resume
  echo create >> runs
fi
exec {Path(sys.executable).parent}/gstream "$@"
"""


@pytest.fixture
def at_loop(tmp_path: Path) -> Path:
    """A directory for the loops: they do not sleep, and their first run stays broken off."""
    (tmp_path / "question.txt").write_text("Why?")
    programs = {"sleep": "#!/bin/sh\n", "gstream": FIRST_RUN_IS_CUT}
    (tmp_path / "bin").mkdir()
    for name, text in programs.items():
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    return tmp_path


def runs(place: Path) -> int:
    """How often `create` was run."""
    return len((place / "runs").read_text().splitlines())


def output(place: Path) -> bytes:
    """What the loop has written."""
    [file] = [*place.glob("out.txt"), *place.glob("report.md")]
    return file.read_bytes()


both_loops = pytest.mark.parametrize("loop", LOOPS, ids=["any answer", "deep research"])
every_shell = pytest.mark.parametrize("with_shell", ["bash", "sh", "zsh"])


@both_loops
@pytest.mark.parametrize("first", ["whole", "cut"])
def test_a_loop_ends_when_the_answer_is_whole(loop: str, first: str, at_loop: Path) -> None:
    options = ("--drop-after", "4") if first == "cut" else ()
    recording = (STREAMS / "deep_research_event_ids.sse").read_bytes()

    done = run(serve(recording, at_loop, *options) + shell(loop), at_loop)

    expected = (STREAMS / "deep_research_event_ids.txt").read_bytes()
    assert (done.returncode, runs(at_loop)) == (0, 2 if first == "cut" else 1)
    assert output(at_loop).rstrip(b"\n") == expected.rstrip(b"\n")


@both_loops
@pytest.mark.parametrize(
    ("status", "code"), [pytest.param("failed", 12), pytest.param("incomplete", 11)]
)
def test_a_loop_ends_with_the_code_of_an_answer_that_no_retry_mends(
    loop: str, status: str, code: int, at_loop: Path
) -> None:
    recording = stream(*answer("Alas", status=status))

    done = run(serve(recording, at_loop) + shell(loop), at_loop)

    assert (done.returncode, runs(at_loop), output(at_loop)) == (code, 1, b"Alas")


@both_loops
def test_a_loop_gives_up_what_cannot_be_had(loop: str, at_loop: Path) -> None:
    recording = stream(*answer("Alas")[:3], done=False)

    done = run(serve(recording, at_loop) + shell(loop), at_loop)

    assert (done.returncode, runs(at_loop), output(at_loop)) == (76, 5, b"Alas")


@both_loops
@every_shell
def test_a_loop_ends_where_there_is_no_key(loop: str, with_shell: str, at_loop: Path) -> None:
    done = run([with_shell, "-c", loop], at_loop)

    assert (done.returncode, runs(at_loop)) == (78, 1)
