"""Options that several commands share, each declared once."""

from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from .parameters import Count, Number, Size, Text, Version

F = TypeVar("F", bound=Callable[..., Any])


_HEADINGS = {
    "prompt": "Request",
    "commands": "Functions",
    "base_url": "Network",
    "no_resume": "Dropped connections",
    "cassette": "Recordings",
    "view": "Output",
    "quiet": "Other",
}
"""What stands above an option and those after it in the help."""


class Command(click.Command):
    """A command that remembers the order in which its options were given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta["gstream.args"] = list(args)
        try:
            rest = super().parse_args(ctx, args)
            if not ctx.resilient_parsing:  # completion
                _refuse_empty(ctx)
        except click.NoSuchOption as exc:
            raise self._better_known(exc, ctx) from exc
        except click.UsageError as exc:
            exc.ctx = exc.ctx or ctx  # for the line of usage
            raise
        return rest

    def _better_known(self, exc: click.NoSuchOption, ctx: click.Context) -> click.UsageError:
        """The same failure, with what stands in the place of an option of other tools."""
        from .other_tools import in_place_of

        sets_fields = any(parameter.name == "option" for parameter in self.params)
        hint = in_place_of(exc.option_name, sets_fields=sets_fields)
        hint = hint or _where_it_is(exc.option_name, ctx)
        exc.ctx = exc.ctx or ctx
        return click.UsageError(f"No such option {exc.option_name!r}: {hint}", ctx) if hint else exc

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options under headings: there are too many for one list."""
        heading = "Options"
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            heading = _HEADINGS.get(parameter.name or "", heading)
            record = parameter.get_help_record(ctx)
            if record and isinstance(parameter, click.Option):
                sections.setdefault(heading, []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


def _where_it_is(name: str, ctx: click.Context) -> str:
    """Which other commands have an option; empty if none has."""
    group = ctx.parent.command if ctx.parent else None
    if not isinstance(group, click.Group):
        return ""
    commands = {one: group.get_command(ctx, one) for one in group.list_commands(ctx)}
    found = [
        f"gstream {one}"
        for one, command in commands.items()
        if command and any(name in parameter.opts for parameter in command.params)
    ]
    return f"it belongs to {' and '.join(found)}" if found else ""


def _refuse_empty(ctx: click.Context) -> None:
    """Refuse empty values: they come from a variable that is not set, and would be dropped.

    Raises:
        click.BadParameter: A value on the command line is empty.
    """
    for parameter in ctx.command.params:
        name = parameter.name or ""
        value = ctx.params.get(name)
        source = ctx.get_parameter_source(name)
        if source is ParameterSource.COMMANDLINE and "" in (
            value if isinstance(value, tuple) else (value,)
        ):
            raise click.BadParameter("it is empty", ctx, parameter)


def order_given(ctx: click.Context) -> list[str]:
    """The names of the parameters in the order of their occurrence, repeats included."""
    parser = ctx.command.make_parser(ctx)
    _, _, order = parser.parse_args(list(ctx.meta["gstream.args"]))
    return [parameter.name or "" for parameter in order]


def view_options(function: F) -> F:
    """The options of every command about what is shown, and where (DESIGN 2.5)."""
    return apply_options(
        function,
        click.option("--text", "view", flag_value="text", help="Text as it arrives (default)."),
        click.option(
            "--ndjson", "view", flag_value="ndjson", help="Every event, one JSON line each."
        ),
        click.option(
            "--steps", "view", flag_value="steps", help="Each finished step, one JSON line."
        ),
        click.option(
            "--json",
            "view",
            flag_value="json",
            help="The whole interaction at its end, in one line; indented on a terminal.",
        ),
        click.option("--sse", "view", flag_value="sse", help="The raw bytes as they came."),
        click.option(
            "--flush",
            type=click.Choice(["event", "line", "end"]),
            default="event",
            show_default=True,
            help="Write each event, whole lines only, or nothing until the answer is whole.",
        ),
        click.option("--thoughts", is_flag=True, help="Show thought summaries on stderr."),
        click.option(
            "--save-media",
            metavar="DIR",
            help="Save images, audio, video and documents as files in this folder.",
        ),
        click.option(
            "-u", "--usage", is_flag=True, help="Show tokens and times on stderr at the end."
        ),
        click.option(
            "--stats",
            metavar="FILE",
            help="Write counts and times as JSON at the end (- is stderr).",
        ),
        click.option(
            "--record", metavar="FILE", help="Record what comes, beside the view (not with -)."
        ),
        click.option(
            "--force",
            is_flag=True,
            help="Let --record overwrite its file, once there is something to record.",
        ),
        click.option("-q", "--quiet", is_flag=True, help="Show nothing but errors on stderr."),
        click.option(
            "-v", "--verbose", count=True, help="Show what happens; -vv what goes over the wire."
        ),
        click.option(
            "--max-event-size",
            type=Size(),
            default="256MiB",
            show_default=True,
            metavar="SIZE",
            help="Refuse an event larger than this.",
        ),
    )


def network_options(function: F) -> F:
    """The options of the commands that talk to a server (DESIGN 2.6)."""
    return apply_options(
        function,
        click.option(
            "--base-url",
            type=Text(),
            envvar="GOOGLE_GEMINI_BASE_URL",
            default="https://generativelanguage.googleapis.com",
            show_envvar=True,
            metavar="URL",
            help="Where the API is.",
        ),
        click.option(
            "--api-version",
            type=Version(),
            envvar="GOOGLE_GENAI_API_VERSION",
            default="v1beta",
            show_default=True,
            show_envvar=True,
            metavar="V",
            help="Version of the API in the path.",
        ),
        click.option(
            "-H",
            "--header",
            type=Text(),
            multiple=True,
            metavar="NAME:VALUE",
            help="Send a header; Authorization replaces the key. Repeatable.",
        ),
        click.option(
            "--api-key-file",
            metavar="FILE",
            help="Read the key from a file that only you can read.",
        ),
        click.option(
            "--connect-timeout",
            type=Number(),
            default=10.0,
            show_default=True,
            metavar="SECONDS",
            help="Longest wait for a connection.",
        ),
        click.option(
            "--idle-timeout",
            type=Number(),
            default=300.0,
            show_default=True,
            metavar="SECONDS",
            help="Longest silence on a connection; any byte counts.",
        ),
        click.option(
            "--max-time",
            type=Number(),
            metavar="SECONDS",
            help="Longest time for the whole run; exit 124 after it.",
        ),
        click.option(
            "--retries",
            type=Count(),
            default=4,
            show_default=True,
            metavar="N",
            help="Most tries after the first.",
        ),
        click.option("--no-resume", is_flag=True, help="Do not go on after a dropped connection."),
        click.option(
            "--cursor",
            metavar="FILE",
            help="Keep the place in the stream here; another run can go on from it.",
        ),
        click.option(
            "--cancel-on-interrupt",
            is_flag=True,
            help="On Ctrl-C, ask the server to stop the run, too.",
        ),
        click.option(
            "--cassette",
            metavar="DIR",
            envvar="GSTREAM_CASSETTE",
            show_envvar=True,
            help="Answer what is recorded in DIR from there; record there what is not.",
        ),
        click.option(
            "--offline",
            is_flag=True,
            envvar="GSTREAM_OFFLINE",
            show_envvar=True,
            help="Answer from recordings, never from the network.",
        ),
    )


def apply_options(function: F, *decorators: Callable[[F], F]) -> F:
    """Decorate a command with options, listed in the order of its help."""
    for decorator in reversed(decorators):
        function = decorator(function)
    return function


def one_view(ctx: click.Context) -> str:
    """The view that was asked for.

    Raises:
        click.UsageError: More than one was.
    """
    args = ctx.meta["gstream.args"]
    names = {"--text", "--ndjson", "--steps", "--json", "--sse"}
    given = order_given(ctx).count("view")
    if given > 1 and len(names.intersection(args)) > 1:
        raise click.UsageError(
            "only one of --text, --ndjson, --steps, --json and --sse can be used"
        )
    view: str | None = ctx.params["view"]
    return view or "text"
