"""`gstream resume`: pick up a stored interaction."""

import click

from .options import Command, network_options, view_options
from .parameters import InteractionId, Text
from .run import new_run, speed_up

# Not the docstring of the command: `python -OO` has none.
_HELP = """Pick up a stored interaction.

A finished interaction streams its events, and the exit code is the one that
`gstream create` would have given.

\b
gstream resume v1_… --last-event-id e7
gstream resume --cursor run.cursor >> answer.txt
"""


@click.command(help=_HELP, cls=Command)
@click.argument("interaction_id", type=InteractionId(), metavar="[ID]", default="")
@click.option(
    "--last-event-id",
    type=Text(),
    default="",
    metavar="ID",
    help="Start after this event; --steps and --json always begin at the start.",
)
@network_options
@view_options
@click.pass_context
def command(ctx: click.Context, /, **_options: object) -> None:
    """Pick up the interaction."""
    options = ctx.params
    if not (options["interaction_id"] or options["cursor"]):
        raise click.UsageError("which interaction? name its ID, or a --cursor FILE")
    if options["last_event_id"] and not options["interaction_id"]:
        raise click.UsageError("--last-event-id needs the ID of the interaction")
    speed_up()
    if options["cursor"] and options["view"] is None:
        from .place import kept_view

        options["view"] = kept_view(options["cursor"], options["interaction_id"])
    run = new_run(ctx)
    from .following import Following

    given = (options["interaction_id"], options["last_event_id"])
    run.drive(lambda: Following(options, run).resume(*given))
