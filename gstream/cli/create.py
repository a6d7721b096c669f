"""`gstream create`: send a request, stream the answer."""

import os
import re
import shlex
from collections.abc import Callable
from typing import Any

import click

from gstream import api
from gstream.errors import BadDataError, NoInputError, UsageError, input_name
from gstream.events import shorten
from gstream.views import dump_line

from .calls import declare, exec_options
from .failures import check_stdout, say, write_stdout
from .given import check_stdin_once, is_json, json_value, loose_json, read_text, text_of
from .hints import curl_command
from .options import Command, network_options, order_given, view_options
from .run import new_run, speed_up

# Not the docstring of the command: `python -OO` has none.
_HELP = """Send a request and stream the answer.

Without a prompt, it is read from standard input.
The key is taken from GOOGLE_API_KEY or GEMINI_API_KEY.

\b
gstream create -p "Explain SSE in one line."
gstream create -f notes.txt -p "Sum this up." -o temperature=0.2 | tee sum.txt
gstream create --offline -p "Count from 1 to 25."  # needs no key
"""


@click.command(help=_HELP, cls=Command, context_settings={"allow_extra_args": True})
@click.option(
    "-p", "--prompt", multiple=True, metavar="TEXT", help="A text, taken literally. Repeatable."
)
@click.option(
    "-f",
    "--file",
    multiple=True,
    metavar="FILE",
    help="A text from a UTF-8 file (- is stdin). Repeatable.",
)
@click.option(
    "-a",
    "--attach",
    multiple=True,
    metavar="FILE|URL[;type=MIME]",
    help="An image, audio, video or document (- is stdin); a URL is sent as it is. Repeatable.",
)
@click.option(
    "-m",
    "--model",
    metavar="NAME",
    help=f"Model; default $GSTREAM_MODEL, else {api.DEFAULT_MODEL}.",
)
@click.option(
    "--agent",
    metavar="NAME",
    help="Agent instead of a model; Deep Research runs in the background.",
)
@click.option("-s", "--system", metavar="TEXT", help="System instruction.")
@click.option("--system-file", metavar="FILE", help="System instruction from a file.")
@click.option(
    "-o",
    "--option",
    multiple=True,
    metavar="KEY=VALUE",
    help="Any field of the request by its dotted path: temperature=0.2, service_tier=flex. "
    "VALUE is JSON if it parses, @FILE a file of JSON, else a string. Repeatable.",
)
@click.option(
    "-T",
    "--tool",
    multiple=True,
    metavar="NAME|JSON|@FILE",
    help="A tool by name, as JSON, or from a file of one or a list. Repeatable.",
)
@click.option("--schema", metavar="JSON|@FILE", help="Ask for an answer in JSON of this schema.")
@click.option("--previous", metavar="ID", help="Interaction to go on from.")
@click.option(
    "--function-result",
    multiple=True,
    metavar="CALL_ID=JSON|@FILE",
    help="Answer a function call; needs --previous. Repeatable.",
)
@click.option(
    "--background/--no-background",
    default=None,
    help="Run on after the connection ends, or not.",
)
@click.option(
    "--store/--no-store", default=None, help="Keep the interaction at the server, or not."
)
@click.option(
    "-d", "--data", metavar="JSON|@FILE|-", help="The request body; other options are laid over it."
)
@click.option(
    "--api",
    type=click.Choice(["interactions", "generate-content"]),
    default="interactions",
    help="The wire API; answers of generate-content cannot be resumed.",
)
@click.option("-n", "--dry-run", is_flag=True, help="Print the request body that would be sent.")
@click.option(
    "--curl", is_flag=True, help="Print a curl command that sends it; never shows the key."
)
@exec_options
@network_options
@view_options
@click.pass_context
def command(ctx: click.Context, /, **_options: object) -> None:
    """Send the request that the options describe."""
    if ctx.args:
        raise click.UsageError(_without_option(ctx.args[0]))
    try:
        body = request_body(ctx)
        to_wire = wire(ctx.params)
        path, sent = to_wire(body)
    except UsageError as exc:
        raise click.UsageError(str(exc)) from exc
    options = ctx.params
    if options["dry_run"] or options["curl"]:
        check_stdout()
        text = dump_line(sent, indent=os.isatty(1))
        write_stdout(curl_command(options, path, sent) if options["curl"] else text)
        return
    speed_up()
    _warn_of_unused_stdin(ctx)
    run = new_run(ctx)
    from .following import Following

    run.drive(lambda: Following(options, run).create(body, to_wire))


def _without_option(word: str) -> str:
    """What is said of an operand: there is none."""
    if word == "-":
        return "standard input is read with -f -, or where no prompt is given at all"
    return f"a prompt needs -p: gstream create -p {shlex.quote(word)}"


def wire(options: dict[str, Any]) -> api.ToWire:
    """The way to the wire API that was asked for.

    Raises:
        UsageError: That API cannot do what else was asked for.
    """
    default_model = text_of("GSTREAM_MODEL", os.environ.get("GSTREAM_MODEL") or api.DEFAULT_MODEL)
    if options["api"] == "interactions":
        return lambda body: (api.INTERACTIONS, api.finish_body(body, default_model))
    if options["cursor"] or options["cancel_on_interrupt"]:
        raise UsageError("--cursor and --cancel-on-interrupt need the Interactions API")
    from gstream.generate_content_request import request_of

    return lambda body: request_of(body, default_model)


def request_body(ctx: click.Context) -> api.Body:
    """The body that the options describe, as one of the Interactions API.

    Raises:
        UsageError: They do not go together.
        BadDataError: JSON or text in them is broken.
        NoInputError: A file cannot be read.
    """
    options = ctx.params
    stdin_uses = _stdin_uses(options)
    check_stdin_once(stdin_uses)
    body = _data(options["data"])
    parts = _parts(ctx)
    results = [_function_result(text) for text in options["function_result"]]
    if not (parts or results or _has_input(body, options["option"])):
        check_stdin_once(stdin_uses + 1)
        parts = [_prompt_on_stdin()]
    api.add_input(body, parts, results)
    body |= _plain_fields(options)
    if options["tool"]:
        body["tools"] = [tool for given in options["tool"] for tool in _tools(given)]
    if options["schema"]:
        schema = json_value("--schema", options["schema"])
        body["response_format"] = {
            "type": "text",
            "mime_type": "application/json",
            "schema": schema,
        }
    fields = list(map(_field, options["option"]))
    for key, value in fields:
        if key == "agent":  # what thoughts are asked for depends on it
            api.set_option(body, key, value)
    if options["thoughts"]:
        api.ask_for_thoughts(body)
    for key, value in fields:
        api.set_option(body, key, value)
    declare(body, options["commands"])
    if results and "previous_interaction_id" not in body:
        raise UsageError("--function-result needs --previous, the interaction that made the call")
    return body


def _field(given: str) -> tuple[str, Any]:
    """The path and the value of an option; a value on standard input can be read only once."""
    key, value = _key_value("-o", given)
    return text_of("-o", key), loose_json(f"-o {key}", value)


def _has_input(body: api.Body, options: tuple[str, ...]) -> bool:
    """Whether `-d` or `-o` brings what is to be sent."""
    fields = set(body).union(re.split(r"[.=]", option, maxsplit=1)[0] for option in options)
    return bool(fields & {"input", "contents", "continuation_token"})


def _plain_fields(options: dict[str, Any]) -> api.Body:
    """The fields that are options of their own, as far as they were given."""
    fields = {
        "agent": text_of("--agent", options["agent"] or ""),
        "model": text_of("-m", options["model"] or ""),
        "background": options["background"],
        "store": options["store"],
        "previous_interaction_id": text_of("--previous", options["previous"] or ""),
        "system_instruction": _system(options),
    }
    return {key: value for key, value in fields.items() if value not in {None, ""}}


def _stdin_uses(options: dict[str, Any]) -> int:
    """How many options name standard input."""
    pairs = (*options["option"], *options["function_result"])
    values = [pair.partition("=")[2] for pair in pairs]
    values += [*options["tool"], options["schema"], options["data"]]
    attached = [given.partition(";type=")[0] for given in options["attach"]]
    files = [*options["file"], *attached, options["system_file"], options["data"]]
    return values.count("@-") + files.count("-")


def _data(given: str | None) -> api.Body:
    if not given:
        return {}
    body = json_value("-d", "@-" if given == "-" else given)
    if not isinstance(body, dict):
        raise BadDataError("-d: the request body is not a JSON object")
    return body


def _parts(ctx: click.Context) -> list[api.Body]:
    """The parts of the input, in the order of the command line."""
    readers: dict[str, Callable[[str], api.Body]] = {
        "prompt": lambda text: api.text_part(text_of("-p", text)),
        "file": _file_part,
        "attach": _attachment,
    }
    given = {name: iter(ctx.params[name]) for name in readers}
    parts = [readers[name](next(given[name])) for name in order_given(ctx) if name in readers]
    if ctx.params["attach"]:
        from gstream.attachments import check_size

        check_size(parts)
    return parts


def _attachment(given: str) -> api.Body:
    from gstream.attachments import attachment

    return attachment(given)


def _file_part(name: str) -> api.Body:
    """The text of a file, which says something: an empty one is a step before that has failed."""
    text = _text_file(name)
    if not text.strip():
        raise UsageError(f"-f {name}: it is empty")
    return api.text_part(text)


def _text_file(name: str) -> str:
    raw = read_text(name)
    try:
        return raw.decode()
    except UnicodeDecodeError as exc:
        raise BadDataError(f"{input_name(name)}: not UTF-8 at byte {exc.start}") from exc


def _prompt_on_stdin() -> api.Body:
    if os.isatty(0):
        raise UsageError("nothing to send: give a prompt with -p, -f, -d or on standard input")
    try:
        text = _text_file("-")
    except NoInputError as exc:
        raise UsageError(f"nothing to send: no prompt was given and {exc}") from exc
    if not text.strip():
        raise UsageError("nothing to send: no prompt was given and standard input is empty")
    return api.text_part(text)


def _function_result(given: str) -> api.Body:
    call_id, value = _call_and_result(given)
    call_id = text_of("--function-result", call_id)
    return api.function_result(call_id, json_value(f"--function-result {call_id}", value))


def _call_and_result(given: str) -> tuple[str, str]:
    """The id of a call, which may hold `=` itself, and the result: JSON or @FILE."""
    call_id, value = _key_value("--function-result", given)
    for found in re.finditer("=", given):
        before, behind = given[: found.start()], given[found.end() :]
        if before and (behind.startswith("@") or is_json(behind)):
            return before, behind
    return call_id, value


def _system(options: dict[str, Any]) -> str:
    if options["system"] and options["system_file"]:
        raise UsageError("only one of --system and --system-file can be used")
    if options["system_file"]:
        text = _text_file(options["system_file"])
        if not text.strip():
            raise UsageError(f"--system-file {options['system_file']}: it is empty")
        return text
    return text_of("-s", options["system"] or "")


def _tools(given: str) -> list[api.Body]:
    read = json_value if given.startswith(("{", "[", "@")) else loose_json
    value = read("-T", given)
    if value and isinstance(value, str):
        if os.path.isfile(value):
            raise UsageError(f"-T {value}: a file is written @{value}")
        return [{"type": value}]
    try:
        return api.tools_of(value)
    except BadDataError as exc:
        where = given if given.startswith("@") else shorten(os.fsencode(given))
        raise BadDataError(f"-T {where}: {exc}") from exc


def _key_value(option: str, given: str) -> tuple[str, str]:
    key, equals, value = given.partition("=")
    if not (key and equals):
        raise UsageError(f"{option} {given!r}: this is not KEY=VALUE")
    return key, value


def _warn_of_unused_stdin(ctx: click.Context) -> None:
    """A pipe that nothing reads is often a forgotten `-f -`."""
    import stat

    options = ctx.params
    if options["quiet"] or not os.isatty(2) or _stdin_uses(options):
        return
    sources = ("prompt", "file", "attach", "data", "function_result")
    if any(options[source] for source in sources) and stat.S_ISFIFO(os.fstat(0).st_mode):
        say('gstream: note: standard input is not used; add "-f -"')
