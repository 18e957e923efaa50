"""The commands, and how an error looks to a person."""

import os
import signal

import typer

from lucidsonic.cli import analyze, doctor, render
from lucidsonic.cli.interrupt import stop_at_once
from lucidsonic.errors import LucidsonicError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Turn a song into a film that dances to it.",
)
for group in (render, analyze, doctor):
    group.register(app)


def main() -> None:
    """Run the CLI; a known error ends in two lines and an exit code, not a traceback."""
    signal.signal(signal.SIGINT, stop_at_once)
    try:
        app()
    except LucidsonicError as error:
        if os.environ.get("LUCIDSONIC_DEBUG"):
            raise
        typer.echo(f"error: {error}", err=True)
        if error.hint:
            typer.echo(f"hint:  {error.hint}", err=True)
        raise SystemExit(error.exit_code) from error
