"""What is built: the wheel, alone in a fresh environment, and the source distribution."""

import hashlib
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import gstream

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BUILD = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
SHARED = BUILD["targets"]["wheel"]["shared-data"]

# One moment for all builds; each file in a wheel bears it.
EPOCH = "1700000000"


def build(kind: str, source: Path, place: Path) -> Path:
    """Build a distribution with what is installed here, without the network."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(place)]
    env = {**os.environ, "SOURCE_DATE_EPOCH": EPOCH}
    subprocess.run(command, cwd=source, env=env, check=True, capture_output=True)
    [built] = place.iterdir()
    return built


def unpack(archive: Path, place: Path) -> Path:
    """The sources in a source distribution."""
    subprocess.run(["tar", "-xf", archive, "-C", place], check=True)
    [sources] = place.iterdir()
    return sources


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    sources = unpack(sdist, tmp_path_factory.mktemp("sources"))
    return build("wheel", sources, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a user who has the wheel and what it needs, and nothing else."""
    place = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    pip = str(place / "bin" / "pip")
    subprocess.run([pip, "--disable-pip-version-check", "-q", "install", wheel], check=True)
    return {"PATH": f"{place}/bin:/usr/bin:/bin", "HOME": str(place), "LC_ALL": "C.UTF-8"}


def output(command: str, env: dict[str, str]) -> str:
    """What a line of shell prints, away from the checkout."""
    ran = subprocess.run(
        ["bash", "-c", command], cwd=env["HOME"], env=env, capture_output=True, check=False
    )
    return (ran.stdout + ran.stderr).decode()


def test_two_builds_in_different_places_are_the_same_to_the_byte(
    sdist: Path, wheel: Path, tmp_path: Path
) -> None:
    for name in ("elsewhere", "dist"):
        (tmp_path / name).mkdir()

    again = build("wheel", unpack(sdist, tmp_path / "elsewhere"), tmp_path / "dist")

    assert digest(again) == digest(wheel)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_wheel_holds_the_package_and_what_is_shared(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    data = f"gstream-{gstream.__version__}.data/data/"
    package = {str(path.relative_to(ROOT)) for path in (ROOT / "gstream").rglob("*.[ps][ys]*")}

    assert {name.removeprefix(data) for name in names if name.startswith(data)} == {
        *SHARED.values()
    }
    assert {name for name in package if "__pycache__" not in name} <= names


def test_every_page_and_completion_is_shared() -> None:
    files = [*(ROOT / "man").iterdir(), *(ROOT / "completions").iterdir()]

    assert {str(file.relative_to(ROOT)) for file in files if file.is_file()} == set(SHARED)


def test_the_source_distribution_holds_the_sources_of_documents(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    files = [path for name in ("man", "completions") for path in (ROOT / name).rglob("*.*")]
    assert {str(path.relative_to(ROOT)) for path in files} <= names


def test_the_installed_program_says_its_version(installed: dict[str, str]) -> None:
    assert output("gstream --version", installed) == f"gstream {gstream.__version__}\n"


@pytest.mark.parametrize("target", SHARED.values())
def test_an_installed_file_is_where_its_reader_looks(
    target: str, installed: dict[str, str]
) -> None:
    assert (Path(installed["HOME"]) / target).is_file()


@pytest.mark.parametrize(
    "page",
    [Path(target) for target in SHARED.values() if "/man/" in target],
    ids=lambda page: page.name,
)
def test_man_finds_an_installed_page(page: Path, installed: dict[str, str]) -> None:
    found = output(f"man -w {page.suffix[1:]} {page.stem}", installed)

    assert found == f"{installed['HOME']}/{page}\n"


def test_the_first_command_of_the_readme_prints_what_it_says(installed: dict[str, str]) -> None:
    first = re.search(r"^```console\n\$ (gstream .*)\n((?:[^$`].*\n)*)", README, re.MULTILINE)

    assert first is not None
    assert output(first[1], installed) == first[2]


def test_bash_completes_after_the_lines_of_the_readme(installed: dict[str, str]) -> None:
    lines = re.search(r"^share=.*\n\. .*\n", README, re.MULTILINE)

    assert lines is not None
    assert output(f"{lines[0]}complete -p gstream", installed) == "complete -F _gstream gstream\n"


def test_the_files_that_the_readme_tells_shells_about_are_installed() -> None:
    named = re.findall(r'"\$share/([^"]+)"', README)
    there = {f"share/{name}" for name in named} - {"share/man"}

    assert len(there) == 3
    assert [
        name for name in there if not any(each.startswith(name) for each in SHARED.values())
    ] == []


def test_the_installed_package_needs_no_more_than_it_says(installed: dict[str, str]) -> None:
    assert output("pip check", installed) == "No broken requirements found.\n"


def test_where_the_sources_are_not_installed_documents_are_not_written(
    installed: dict[str, str],
) -> None:
    said = output("python -m gstream.cli.docs --check; echo $?", installed)

    assert said.startswith("66\n")
    assert "no sources of documents here" in said
