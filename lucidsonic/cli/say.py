"""Words for the terminal: files of strangers may fill them, but never command it."""

import re

import typer

# C0 and C1 controls but tab and line feed, and the marks that turn the direction of writing.
COMMANDS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def plain(text: object) -> str:
    r"""Text in which what would command the terminal is shown instead.

    >>> plain("a\x1b[31mred title")
    'a\\x1b[31mred title'
    """
    return COMMANDS.sub(lambda found: found[0].encode("unicode_escape").decode(), str(text))


def say(text: object = "", *, err: bool = False) -> None:
    """Print a line, on standard error if `err`."""
    typer.echo(plain(text), err=err)
