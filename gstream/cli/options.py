"""Options that several commands share, each declared once."""

import os
import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

from gstream.errors import BadDataError, NoInputError
from gstream.events import loads

F = TypeVar("F", bound=Callable[..., Any])

_SIZES = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_SIZE = re.compile(r"([0-9]{1,15})\s*([kmg]?)(?:i?b)?", re.IGNORECASE)


class Size(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4 only
    """A number of bytes, with K, M or G as powers of 1024."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        found = _SIZE.fullmatch(str(value).strip())
        if found is None or int(found[1]) == 0:
            self.fail(f"{value!r} is not a size like 1000, 64K or 256MiB", param, ctx)
        return int(found[1]) * _SIZES[found[2].lower()]


class Command(click.Command):
    """A command that remembers the order in which its options were given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta["gstream.args"] = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as exc:
            exc.ctx = exc.ctx or ctx  # for the line of usage
            raise


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
        click.option("--json", "view", flag_value="json", help="The whole interaction at its end."),
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
        click.option("--force", is_flag=True, help="Let --record overwrite its file."),
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
            envvar="GOOGLE_GEMINI_BASE_URL",
            default="https://generativelanguage.googleapis.com",
            show_envvar=True,
            metavar="URL",
            help="Where the API is.",
        ),
        click.option(
            "--api-version",
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
            type=click.FloatRange(min=0, min_open=True),
            default=10.0,
            show_default=True,
            metavar="SECONDS",
            help="Longest wait for a connection.",
        ),
        click.option(
            "--idle-timeout",
            type=click.FloatRange(min=0, min_open=True),
            default=300.0,
            show_default=True,
            metavar="SECONDS",
            help="Longest silence on a connection; any byte counts.",
        ),
        click.option(
            "--max-time",
            type=click.FloatRange(min=0, min_open=True),
            metavar="SECONDS",
            help="Longest time for the whole run; exit 124 after it.",
        ),
        click.option(
            "--retries",
            type=click.IntRange(min=0),
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


def read_file(name: str) -> bytes:
    """A whole file, or standard input for `-`.

    Raises:
        NoInputError: It cannot be read.
    """
    try:
        with open(0 if name == "-" else name, "rb", closefd=name != "-") as file:
            return file.read()
    except OSError as exc:
        raise NoInputError(f"{name}: {exc.strerror}") from exc


def json_value(option: str, value: str) -> Any:
    """The JSON of an option's value: itself, the content of `@FILE`, or stdin's for `@-`.

    Raises:
        BadDataError: It is not JSON.
        NoInputError: The file cannot be read.
    """
    raw = read_file(value[1:]) if value.startswith("@") else os.fsencode(value)
    try:
        return loads(raw)
    except BadDataError as exc:
        raise BadDataError(f"{option}: {exc}") from exc


def text_of(option: str, value: str) -> str:
    """The text of an option's value: its bytes as UTF-8, whatever the locale.

    Raises:
        BadDataError: They are not UTF-8.
    """
    try:
        return os.fsencode(value).decode()
    except UnicodeDecodeError as exc:
        raise BadDataError(f"{option}: not UTF-8 at byte {exc.start}") from exc


def check_stdin_once(uses: int) -> None:
    """Refuse to read standard input twice.

    Raises:
        click.UsageError: It is named more than once.
    """
    if uses > 1:
        raise click.UsageError("standard input (-) can be read only once")
