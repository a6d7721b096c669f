"""The layers of DESIGN 13: imports point downwards only, and each module has its test file."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "gstream"
LAYERS = [
    "errors event_types hosts inline mime outputs partial_args plain_words sendable sink strays",
    "terminal",
    "events folder regions wire",
    "sse",
    "arguments attachments blocks documents elements file_names finished hops json_array merges",
    "retry running",
    "head raw_json stages steps track usable",
    "catch_up flaws functions grounding ledger media transport usage_metadata views",
    "api cursor parts replay",
    "contents generate_content",
    "generate_content_request",
    "values",
    "parser",
    "json_input sse_input",
    "reader",
    "outcome",
    "display opening polling raw_output recording rereading stats turns verdict",
    "cursor_file matching session stream_core",
    "answering delivery recording_writer stream",
    "cassette resume serve",
    "__init__",
    "cli",
]
RANK = {module: rank for rank, layer in enumerate(LAYERS) for module in layer.split()}
MODULES = sorted(path.stem for path in PACKAGE.glob("*.py") if path.stem != "__main__")
WHOLES = [
    "bench",
    "docs",
    "fuzz",
    "golden",
    "layout",
    "library",
    "package",
    "readme",
    "security",
    "support",
]
"""What is tested without being a module."""

COMMAND_LINE = sorted(path.stem for path in (PACKAGE / "cli").glob("*.py"))


def imported(path: Path) -> set[str]:
    """The modules of the package that a module imports anywhere."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            names = [alias.name for alias in node.names]
            found.update([node.module.partition(".")[0]] if node.module else names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gstream."):
            found.add(str(node.module).split(".")[1])
    return found & RANK.keys()


def loaded_by(code: str) -> set[str]:
    """The modules that are loaded after some code."""
    script = f"{code}\nimport sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, cwd=ROOT)
    return set(run.stdout.decode().split())


def test_each_module_has_its_layer() -> None:
    assert set(MODULES) | {"cli"} == set(RANK)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_below(module: str) -> None:
    upwards = {other for other in imported(PACKAGE / f"{module}.py") if RANK[other] >= RANK[module]}

    assert upwards == set()


@pytest.mark.parametrize("module", [name for name in MODULES if name != "__init__"])
def test_each_module_has_its_test_file(module: str) -> None:
    own = {"event_types": "library", "stages": "session"}.get(module, module)

    assert (ROOT / "tests" / f"test_{own}.py").is_file()


@pytest.mark.parametrize("module", [name for name in COMMAND_LINE if name != "__init__"])
def test_each_module_of_the_command_line_has_its_test_file(module: str) -> None:
    assert (ROOT / "tests" / "cli" / f"test_{module}.py").is_file()


@pytest.mark.parametrize("folder", ["tests", "tests/cli"])
def test_each_test_file_is_named_for_a_module_or_for_a_whole(folder: str) -> None:
    subjects = [*MODULES, *(COMMAND_LINE if folder == "tests/cli" else []), *WHOLES]
    files = [path.stem.removeprefix("test_") for path in (ROOT / folder).glob("test_*.py")]

    assert len(files) > 20
    assert [name for name in files if not _is_named_for(name, subjects)] == []


def _is_named_for(name: str, subjects: list[str]) -> bool:
    """Whether a name is a subject, or one with what of it is tested behind."""
    return any(name == subject or name.startswith(f"{subject}_") for subject in subjects)


def test_the_command_line_and_decode_load_no_http_client() -> None:
    loaded = loaded_by("import gstream.cli, gstream.cli.decode, gstream.cli.run")

    assert "gstream.cli.decode" in loaded
    assert not loaded & {"httpx", "httpcore", "tqdm", "asyncio"}


def test_the_library_loads_neither_click_nor_httpx() -> None:
    loaded = loaded_by("from gstream import Accumulator, AsyncStream, SSEDecoder, Stream")

    assert "gstream.sse" in loaded
    assert not loaded & {"httpx", "click"}
