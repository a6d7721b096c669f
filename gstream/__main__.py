"""`python -m gstream`."""

from gstream.cli import cli

cli(prog_name="gstream")
