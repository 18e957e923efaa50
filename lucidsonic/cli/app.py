"""The commands, and how an error looks to a person."""

import os
import re
import signal
import sys

import typer

from lucidsonic.cli import (
    analyze,
    bench,
    cache,
    data,
    doctor,
    evaluate,
    latents,
    models,
    render,
    train,
)
from lucidsonic.cli.interrupt import stop_at_once
from lucidsonic.cli.say import say
from lucidsonic.errors import LucidsonicError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Turn a song into a film that dances to it.",
)
for group in (
    *(render, analyze, evaluate, doctor),
    *(models, latents, train, data, bench, cache),
):
    group.register(app)


def main() -> None:
    """Run the CLI; a known error ends in two lines and an exit code, not a traceback."""
    signal.signal(signal.SIGINT, stop_at_once)
    try:
        app(args=[with_dashes(word) for word in sys.argv[1:]])
    except LucidsonicError as error:
        if os.environ.get("LUCIDSONIC_DEBUG"):
            raise
        say(f"error: {error}", err=True)
        if error.hint:
            say(f"hint:  {error.hint}", err=True)
        raise SystemExit(error.exit_code) from error
    except OSError as error:
        # What no part of ours expected: a name of 300 letters, a dead disk.
        if os.environ.get("LUCIDSONIC_DEBUG"):
            raise
        where = f": '{str(error.filename)[:80]}'" if error.filename else ""
        say(f"error: {error.strerror or error}{where}.", err=True)
        raise SystemExit(1) from error


def with_dashes(word: str) -> str:
    """A flag as we spell it: the field's `--speed_fpm=3` is our `--speed-fpm=3`.

    >>> with_dashes("--class_smooth_seconds=2_0")
    '--class-smooth-seconds=2_0'
    """
    flag = re.match(r"--[a-z0-9_-]+(?==|$)", word)
    return word if flag is None else flag[0].replace("_", "-") + word[flag.end() :]
