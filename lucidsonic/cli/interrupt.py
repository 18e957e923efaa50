"""Ctrl-C as one sentence and exit code 130."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lucidsonic.cli.say import say
from lucidsonic.errors import InterruptedRenderError

if TYPE_CHECKING:
    from lucidsonic.pipeline.stop import Stop


def stop_at_once(*_signal: Any) -> None:
    """What Ctrl-C does by default."""
    raise InterruptedRenderError("Stopped.")


@contextmanager
def two_presses() -> Iterator["Stop"]:
    """While the block runs, the first Ctrl-C lets the part in flight finish."""
    from lucidsonic.pipeline.stop import Stop

    stop = Stop()

    def pressed(*_signal: Any) -> None:
        stop.ask()
        say("Finishing the part in flight; press Ctrl-C again to stop at once.", err=True)

    before = signal.signal(signal.SIGINT, pressed)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
