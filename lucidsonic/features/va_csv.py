"""CSV -> a path of valence and arousal that a person drew."""

import csv
import math
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np

from lucidsonic.errors import ConfigError
from lucidsonic.features.arrays import Numbers
from lucidsonic.features.emotion import Emotion

COLUMNS = ("time", "valence", "arousal")
Scale = Literal["auto", "-1..1", "1..9"]
_RANGES = {"-1..1": (-1.0, 1.0), "1..9": (1.0, 9.0)}
HINT = "The columns are time,valence,arousal: seconds, and -1 to 1 (or 1 to 9)."


def read_va_csv(
    path: Path | str, *, frames: int, fps: Fraction, scale: Scale = "auto"
) -> Emotion:
    """A path of feelings from a table, read between its rows along straight lines.

    Args:
        path: CSV with the columns `time` (seconds, ascending), `valence` and `arousal`, in any
            order; other columns are ignored.
        frames: the film's length.
        fps: the film's rate.
        scale: "-1..1", "1..9" (5 is neutral), or "auto": 1..9 when no number is under 1 and
            some are over it.

    Returns:
        valence and arousal in [-1, 1]; before the first row and after the last they hold.

    Raises:
        ConfigError: no such file, a column missing, no rows, or a row that is not three finite
            numbers, goes back in time, or leaves the scale; it names the row.
    """
    path = Path(path)
    rows = _rows(path)
    table = np.array([numbers for _, numbers in rows])
    low, high = _RANGES[_scale_of(table[:, 1:]) if scale == "auto" else scale]
    for number, (_, valence, arousal) in rows:
        for name, value in (("valence", valence), ("arousal", arousal)):
            if not low <= value <= high:
                raise ConfigError(
                    f"{path}, row {number}: {name} {value:g} is outside {low:g} to {high:g}.",
                    hint=HINT,
                )
    times = np.arange(frames) / float(fps)
    curves = [
        _between(times, table[:, 0], (c - low) / (high - low) * 2 - 1) for c in table[:, 1:].T
    ]
    return Emotion(valence=curves[0], arousal=curves[1])


def _rows(path: Path) -> list[tuple[int, tuple[float, float, float]]]:
    """Row numbers, as a spreadsheet counts them, and their three numbers."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"'{path}' cannot be read.", hint="Check the path.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"'{path}' is not a text file.", hint=HINT) from error
    reader = csv.DictReader(text.splitlines())
    reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or []]
    missing = [name for name in COLUMNS if name not in reader.fieldnames]
    if missing:
        raise ConfigError(f"'{path}' has no column '{missing[0]}'.", hint=HINT)
    rows: list[tuple[int, tuple[float, float, float]]] = []
    for row in reader:
        numbers = _numbers(path, reader.line_num, row)
        if rows and numbers[0] <= rows[-1][1][0]:
            raise ConfigError(
                f"{path}, row {reader.line_num}: time {numbers[0]:g} does not come after"
                f" {rows[-1][1][0]:g}.",
                hint="Sort the rows by time, one row a time.",
            )
        rows.append((reader.line_num, numbers))
    if not rows:
        raise ConfigError(f"'{path}' has no rows.", hint=HINT)
    return rows


def _numbers(path: Path, number: int, row: dict[str, str | None]) -> tuple[float, float, float]:
    values = []
    for name in COLUMNS:
        try:
            value = float(row[name] or "")
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise ConfigError(
                f"{path}, row {number}: {name} '{row[name] or ''}' is not a number.", hint=HINT
            )
        values.append(value)
    return values[0], values[1], values[2]


def _scale_of(values: Numbers) -> Scale:
    return "1..9" if values.min() >= 1 and values.max() > 1 else "-1..1"


def _between(times: Numbers, known: Numbers, values: Numbers) -> Numbers:
    return np.interp(times, known, values).astype(np.float32)
