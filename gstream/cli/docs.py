"""`python -m gstream.cli.docs`: the man pages and completions of this very program.

Prose and the frames of the scripts stand in `man/src` and `completions/src`; what the code knows
better, options and exit codes, comes from there. `--check` writes nothing and fails if a file
is stale.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from gstream.errors import EXIT_CODES, GstreamError, NoInputError

from . import cli, completions, roff, tree
from .failures import say

ROOT = Path(__file__).parents[2]

COMPLETIONS: dict[str, Callable[[tree.Command, list[tree.Command]], dict[str, str]]] = {
    "gstream.bash": completions.bash,
    "_gstream": completions.zsh,
    "gstream.fish": completions.fish,
}


def files(root: Path) -> Iterator[tuple[Path, str]]:
    """Every generated file and its text.

    Raises:
        NoInputError: The sources are not there, as in an installed package.
    """
    program, commands = tree.program(cli), list(tree.commands(cli))
    for source in _sources(root / "man" / "src", "*.md"):
        name, _, section = source.stem.rpartition(".")
        text = filled(source.read_text(), manual_parts(program, commands))
        yield root / "man" / source.stem, roff.page(name, int(section), text)
    for source in _sources(root / "completions" / "src", "*gstream*"):
        parts = COMPLETIONS[source.name](program, commands)
        yield root / "completions" / source.name, filled(source.read_text(), parts)


def _sources(directory: Path, pattern: str) -> list[Path]:
    found = sorted(directory.glob(pattern))
    if not found:
        raise NoInputError(f"{directory}: no sources of documents here")
    return found


def filled(template: str, parts: Mapping[str, str]) -> str:
    """The template with every `{{name}}` replaced.

    Raises:
        KeyError: There is no such part.
    """
    return re.sub(r"\{\{([a-z -]+)\}\}", lambda found: parts[found[1]], template)


def manual_parts(program: tree.Command, commands: Sequence[tree.Command]) -> dict[str, str]:
    """What man pages do not say in words of their own."""
    parts = {f"options {one.name}": _options(one) for one in (program, *commands)}
    parts["exit-codes"] = "\n\n".join(
        f"`{row.code}` ({row.name})\n: {_sentence(row.when)}" for row in EXIT_CODES
    )
    parts["commands"] = "\n\n".join(f"`gstream-{one.name}`(1)\n: {one.help}" for one in commands)
    return parts


def _options(command: tree.Command) -> str:
    return "\n\n".join(f"{_term(option)}\n: {_meaning(option)}" for option in command.options)


def _term(option: tree.Option) -> str:
    value = f" *{option.metavar}*" if option.metavar else ""
    return ", ".join(f"`{name}`" for name in option.names) + value


def _meaning(option: tree.Option) -> str:
    sentences = [option.help]
    if option.default:
        sentences.append(f"The default is `{option.default}`.")
    if option.envvar:
        sentences.append(f"The environment variable `{option.envvar}` sets it, too.")
    return "\n".join(sentences)


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def stale(root: Path) -> list[str]:
    """The generated files that are not what they should be, as paths from the root."""
    return [
        str(path.relative_to(root))
        for path, text in files(root)
        if not path.is_file() or path.read_text() != text
    ]


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Write all files, or with `--check` say which are stale; returns the exit code."""
    try:
        if list(arguments) == ["--check"]:
            old = stale(root)
            for name in old:
                say(f"gstream: {name} is stale; run: python -m gstream.cli.docs")
            return 1 if old else 0
        for path, text in files(root):
            path.write_text(text)
    except GstreamError as exc:
        say(f"gstream: documents: {exc}")
        return exc.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
