"""Ctrl-C as one sentence and exit code 130."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from lucidsonic.errors import InterruptedRenderError

if TYPE_CHECKING:
    from lucidsonic.pipeline.stop import Stop


STDERR = 2
FINISHING = b"Finishing the part in flight; press Ctrl-C again to stop at once.\n"


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
        with suppress(OSError):
            os.write(STDERR, FINISHING)  # the stream itself may be in the middle of a line

    before = signal.signal(signal.SIGINT, pressed)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
