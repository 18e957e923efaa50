"""How a long job tells how far it is: a live bar, a line now and then, JSON, or nothing."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING

from lucidsonic.cli.say import plain, say

if TYPE_CHECKING:  # types brings numpy, which --help does not need
    from lucidsonic.types import OnProgress, Progress

LINE_EVERY_S = 5.0  # how often a log file hears of a job


class Telling(StrEnum):
    """The ways to tell."""

    AUTO = "auto"
    BAR = "bar"
    LINES = "lines"
    JSON = "json"
    NONE = "none"


@contextmanager
def telling(how: Telling = Telling.AUTO, *, quiet: bool = False) -> Iterator["OnProgress"]:
    """A listener that shows progress on stderr while the block runs."""
    if how is Telling.AUTO:
        how = Telling.BAR if sys.stderr.isatty() else Telling.LINES
    if quiet or how is Telling.NONE:
        yield lambda _progress: None
    elif how is Telling.BAR:
        with live_bar() as listener:
            yield listener
    else:
        yield say_json if how is Telling.JSON else Lines().say


def say_json(progress: "Progress") -> None:
    """One JSON object a line."""
    told = {
        "stage": progress.stage,
        "done": progress.done,
        "total": progress.total,
        "unit": progress.unit,
        "note": progress.note,
        **progress.facts,
    }
    say(json.dumps(told), err=True)


class Lines:
    """A line at every change of stage, and one every few seconds."""

    def __init__(self) -> None:
        self._stage = ""
        self._next_s = 0.0

    def say(self, progress: "Progress") -> None:
        """Print what is new."""
        if progress.note:
            say(f"note: {progress.note}", err=True)
        finished = progress.total > 0 and progress.done == progress.total
        if progress.stage == self._stage and not finished and time.monotonic() < self._next_s:
            return
        self._stage, self._next_s = progress.stage, time.monotonic() + LINE_EVERY_S
        share = f" {progress.done}/{progress.total} {progress.unit}" if progress.total else ""
        say(f"{progress.stage}{share}{facts(progress)}", err=True)


def facts(progress: "Progress") -> str:
    """The figures beside the bar, for people."""
    words = {
        "fps": "{:.1f} fps",
        "realtime": "{:.2f} x real time",
        "eta_s": "{:.0f} s left",
        "memory_mb": "{:.0f} MB",
    }
    told = [words[name].format(v) for name, v in progress.facts.items() if name in words]
    told += [f"{n} {v:.1f} fps" for n, v in progress.facts.items() if n.startswith("worker ")]
    return " (" + ", ".join(told) + ")" if told else ""


@contextmanager
def live_bar() -> Iterator["OnProgress"]:
    """A bar for each stage."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn
    from rich.progress import Progress as Bars

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:8}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[facts]}"),
    )
    with Bars(*columns, console=Console(stderr=True), transient=False) as bars:
        tasks: dict[str, int] = {}

        def listen(progress: "Progress") -> None:
            if progress.note:
                bars.console.print(
                    f"[yellow]note:[/] {escape(plain(progress.note))}", highlight=False
                )
            if progress.stage not in tasks:
                tasks[progress.stage] = bars.add_task(progress.stage, total=None, facts="")
            bars.update(
                tasks[progress.stage],  # pyright: ignore[reportArgumentType]
                completed=progress.done,
                total=progress.total or None,
                facts=facts(progress),
            )

        yield listen
