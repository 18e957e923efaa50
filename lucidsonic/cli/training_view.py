"""A training run on the terminal: bar, speed, time left, losses, what the monitors say."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lucidsonic.cli.telling import Telling, telling

if TYPE_CHECKING:
    from lucidsonic.types import OnProgress, Progress

NOTES = 5  # kept in view
REFRESH = 4  # times a second


@contextmanager
def watching(
    title: str, how: Telling = Telling.AUTO, *, quiet: bool = False
) -> Iterator["OnProgress"]:
    """A listener for a training run: a live table on a terminal, else as every command."""
    import sys

    if quiet or how not in {Telling.AUTO, Telling.BAR} or not sys.stderr.isatty():
        with telling(how, quiet=quiet) as listener:
            yield listener
        return
    from rich.console import Console
    from rich.live import Live

    view = TrainingView(title)
    with Live(console=Console(stderr=True), refresh_per_second=REFRESH) as live:

        def listen(progress: "Progress") -> None:
            view.take(progress)
            live.update(view.draw())

        yield listen


class TrainingView:
    """What is shown of a run.

    Args:
        title: the family.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self.notes: list[str] = []
        self.progress: Progress | None = None
        self.first: tuple[float, int] | None = None

    def take(self, progress: "Progress") -> None:
        """Remember the latest step and the last notes."""
        if self.first is None:
            self.first = (time.monotonic(), progress.done)
        if progress.note:
            self.notes = [*self.notes, progress.note][-NOTES:]
        self.progress = progress

    def left_s(self) -> float | None:
        """Seconds to go at the pace so far; None while nobody can know."""
        if self.progress is None or self.first is None:
            return None
        since, start = self.first
        steps = self.progress.done - start
        if steps < 1:
            return None
        return (time.monotonic() - since) / steps * (self.progress.total - self.progress.done)

    def draw(self) -> Any:
        """The table as rich prints it."""
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        progress = self.progress
        if progress is None:
            return Text(f"{self.title}: starting")
        left = self.left_s()
        eta = "" if left is None else f", {int(left // 3600)}:{int(left // 60 % 60):02d} h left"
        head = Text(f"{self.title}  step {progress.done} of {progress.total}{eta}")
        table = Table(box=None, show_header=False, padding=(0, 2))
        facts = [f"{name} {value:.4g}" for name, value in progress.facts.items()]
        for start in range(0, len(facts), 4):
            table.add_row(*facts[start : start + 4])
        notes = [Text(f"! {note}", style="yellow") for note in self.notes]
        bar = ProgressBar(total=max(progress.total, 1), completed=progress.done, width=60)
        return Group(head, bar, table, *notes)
