"""The command line. Commands are imported when they are called: start-up time is a feature."""

from . import early  # noqa: F401 - it works by being imported

# isort: split
import importlib
import os
import re
from typing import TYPE_CHECKING, Any

import click

from gstream import __version__
from gstream.errors import ConfigurationError

from .failures import exit_codes

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS = {
    "create": "Send a request and stream the answer.",
    "resume": "Pick up a stored interaction.",
    "replay": "Play recordings as they were recorded, or serve them.",
    "decode": "Decode server-sent events from files or standard input.",
}


_COMPLETE = "_GSTREAM_COMPLETE"
_ASKS = re.compile("(?:bash|zsh|fish)_(?:source|complete)")
_NUMBER = re.compile("[0-9]{1,9}")
_WORD = {"bash": _NUMBER, "zsh": _NUMBER, "fish": re.compile(r"(?:\S.*)?")}
"""What COMP_CWORD holds: a word, or the number of one."""


class Commands(click.Group):
    """The group of commands, each in a module of its own name."""

    def main(self, *args: Any, **given: Any) -> Any:
        with exit_codes():  # completions are written before anything is parsed
            _check_completion()
            return super().main(*args, **given)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f".{cmd_name}", __name__)
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not (ctx.resilient_parsing or name in COMMANDS or name.startswith("-")):
            from difflib import get_close_matches

            near = get_close_matches(name, COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            if not near and " " in name.strip():
                hint = " A prompt belongs to create: gstream create -p …"
            raise click.UsageError(f"No such command {name!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as exc:
            name = exc.option_name
            if not self._has_create(name, ctx):
                raise
            hint = f"options follow a command: gstream create {name} …"
            raise click.UsageError(f"No such option {name!r} here: {hint}", ctx) from exc

    def _has_create(self, name: str, ctx: click.Context) -> bool:
        create = self.get_command(ctx, "create")
        params = create.params if create else []
        return any(name in (*param.opts, *param.secondary_opts) for param in params)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """The commands that a word begins; none of them is imported for it."""
        from click.shell_completion import CompletionItem

        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        found = [CompletionItem(name, help=COMMANDS[name]) for name in names]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        with exit_codes():  # --help and --version are written while options are parsed
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> object:
        with exit_codes():
            return super().invoke(ctx)


def _check_completion() -> None:
    """Find out whether it is a shell that asks for completions.

    Raises:
        ConfigurationError: Something does, and has not said for what.
    """
    asked = os.environ.get(_COMPLETE)
    if not asked:
        return
    if not _ASKS.fullmatch(asked):
        raise ConfigurationError(f"{_COMPLETE}={asked!r} is not like bash_complete or bash_source")
    shell, _, what = asked.partition("_")
    words, word = os.environ.get("COMP_WORDS"), os.environ.get("COMP_CWORD")
    if what == "complete" and (words is None or word is None or not _WORD[shell].fullmatch(word)):
        raise ConfigurationError(
            f"{_COMPLETE}={asked} needs a command line in COMP_WORDS and COMP_CWORD",
            hint=f"shells set them; unset {_COMPLETE} to run gstream",
        )


# Not the docstring of the command: `python -OO` has none.
_HELP = """Stream the Gemini Interactions API through Unix pipes.

\b
gstream create -p "Explain SSE in one line." | tee answer.txt
curl -sN … | gstream decode --ndjson | jq -c 'select(.event_type=="step.delta")'
"""


@click.group(
    cls=Commands,
    help=_HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, message="gstream %(version)s")
def cli() -> None:
    """Run the command line."""
