"""Evaluated -> pictures for the report: curves below the film, feelings, matrix."""

import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from lucidsonic.evaluation.film import Evaluated
from lucidsonic.evaluation.matrix import Matrix
from lucidsonic.evaluation.pictures import PictureRows
from lucidsonic.evaluation.sound import GRID_HZ, Sound
from lucidsonic.evaluation.sync import motion_of, xcorr
from lucidsonic.timebase import format_time

Numbers = npt.NDArray[np.floating]

INK, DIM, FAINT, PAPER, PANEL = "#e8e6f0", "#8d88a6", "#2c2840", "#0f0d18", "#151221"
HEARD, SEEN, MOVED, BAD = "#ffb86b", "#6be5ff", "#9ece6a", "#ff5c6c"
COLUMNS = 1400  # as many as there are pixels
DPI = 100
CLOSE_S = 8.0  # how much the close-up shows


def draw_charts(evaluated: Evaluated) -> dict[str, bytes]:
    """Title -> PNG, in the order of the report; those that need sound are left out without."""
    drawn = {"The film, and what moved when": film_chart(evaluated)}
    sound, matrix = evaluated.sound, evaluated.scores.matrix
    if sound is not None:
        drawn["Eight seconds, close"] = close_up(evaluated.rows, sound)
        drawn["Correlation by lag"] = lag_chart(evaluated.rows, sound)
    if sound is not None and sound.features is not None:
        drawn["The path of feelings"] = feelings_chart(sound)
    if matrix is not None:
        drawn["What moves with what: correlation, and in brackets by chance"] = matrix_chart(
            matrix
        )
    return drawn


def film_chart(evaluated: Evaluated) -> bytes:
    """Pictures of the film above the curves of sound and sight."""
    rows, sound = evaluated.rows, evaluated.sound
    figure = new_figure(14, 6.2)
    grid = figure.add_gridspec(
        4, 1, height_ratios=[1.1, 1, 1, 1], hspace=0.12, left=0.09, right=0.99, top=0.98
    )
    strip = figure.add_subplot(grid[0])
    if rows.strip:
        strip.imshow(np.concatenate(rows.strip, axis=1), aspect="auto")
    strip.axis("off")
    lanes = [style(figure.add_subplot(grid[i])) for i in (1, 2, 3)]
    end_s = float(rows["time_s"][-1])
    if sound is not None:
        times = np.arange(len(sound.onset)) / GRID_HZ
        area(lanes[0], times, sound.onset, HEARD)
        lanes[0].vlines(sound.beats_s, 0, 0.12, color=INK, linewidth=0.7)
    area(lanes[1], rows["time_s"], np.sqrt(np.nan_to_num(rows["change"])), SEEN)
    area(lanes[2], rows["time_s"], rows["luma"], MOVED)
    names = ("onsets\nand beats", "change", "brightness")
    for lane, name in zip(lanes, names, strict=True):
        lane.set_xlim(0, end_s)
        lane.set_ylim(bottom=0)
        lane.set_ylabel(name, color=DIM, rotation=0, ha="right", va="center", labelpad=12)
        for stretch in evaluated.scores.safety.violations:
            lane.axvspan(stretch.start_s - 1, stretch.end_s, color=BAD, alpha=0.35)
    for lane in lanes[:2]:
        lane.set_xticklabels([])
    lanes[2].xaxis.set_major_formatter(lambda seconds, _: format_time(max(0.0, seconds)))
    return png(figure)


def close_up(rows: PictureRows, sound: Sound) -> bytes:
    """Onsets and picture change over the busiest eight seconds."""
    figure = new_figure(14, 2.6)
    axes = style(figure.add_axes((0.09, 0.16, 0.9, 0.8)))
    start_s = busiest_s(rows, sound)
    times = np.arange(len(sound.onset)) / GRID_HZ
    axes.fill_between(times, unit(sound.onset), color=HEARD, alpha=0.5, linewidth=0)
    changes = unit(np.sqrt(np.nan_to_num(rows["change"])))
    axes.step(rows["time_s"], changes, color=SEEN, where="mid", linewidth=1.2)
    axes.vlines(sound.beats_s, 0, 0.08, color=INK, linewidth=1)
    axes.set_xlim(start_s, start_s + CLOSE_S)
    axes.set_ylim(0, 1.05)
    axes.text(0.005, 0.9, "sound", color=HEARD, transform=axes.transAxes)
    axes.text(0.05, 0.9, "picture", color=SEEN, transform=axes.transAxes)
    axes.xaxis.set_major_formatter(lambda seconds, _: f"{seconds:.0f} s")
    return png(figure)


def lag_chart(rows: PictureRows, sound: Sound) -> bytes:
    """Correlation of sound and sight, by how late the picture is."""
    figure = new_figure(7.2, 4.4)
    axes = style(figure.add_axes((0.11, 0.13, 0.86, 0.84)))
    for name, colour, label in (("change", SEEN, "difference"), ("motion", MOVED, "flow")):
        found = xcorr(sound.onset, motion_of(rows, name))
        axes.plot(1000 * found.lags_s, found.values, color=colour, label=label)
    axes.axvspan(-45, 60, color=INK, alpha=0.08)
    axes.axvline(0, color=DIM, linewidth=0.7)
    axes.axhline(0, color=DIM, linewidth=0.7)
    axes.set_xlabel("picture early   |   picture late, ms", color=DIM)
    axes.legend(facecolor=PANEL, edgecolor=FAINT, labelcolor=INK)
    return png(figure)


def matrix_chart(matrix: Matrix) -> bytes:
    """Features against visual quantities; the control is written beside each value."""
    figure = new_figure(12.0, 3.2)
    axes = figure.add_axes((0.09, 0.1, 0.9, 0.87))
    values, controls = np.array(matrix.values), np.array(matrix.controls)
    above = np.clip(np.abs(values) - controls, 0, 1)
    axes.imshow(above, cmap="magma", vmin=0, vmax=1, aspect="auto")
    for (y, x), value in np.ndenumerate(values):
        told = f"{value:+.2f}  ({controls[y, x]:.2f})"
        ink = "#000" if above[y, x] > 0.6 else INK
        axes.text(x, y, told, ha="center", va="center", color=ink, fontsize=8)
    axes.set_xticks(range(len(matrix.seen)), matrix.seen, color=INK)
    axes.set_yticks(range(len(matrix.heard)), matrix.heard, color=INK)
    return png(figure)


def feelings_chart(sound: Sound) -> bytes:
    """Valence against arousal, from the film's beginning (dark) to its end (bright)."""
    features = sound.features
    assert features is not None
    figure = new_figure(4.4, 4.4)
    axes = style(figure.add_axes((0.15, 0.13, 0.82, 0.84)))
    chosen = np.unique(
        np.linspace(0, len(features) - 1, min(len(features), COLUMNS)).astype(int)
    )
    points = np.stack([features.valence[chosen], features.arousal[chosen]], axis=1)
    lines = np.stack([points[:-1], points[1:]], axis=1)
    path = LineCollection([*lines], cmap="plasma", array=np.arange(len(lines)), linewidth=2)
    axes.add_collection(path)
    axes.set_xlim(-1, 1)
    axes.set_ylim(-1, 1)
    axes.axhline(0, color=FAINT)
    axes.axvline(0, color=FAINT)
    axes.set_xlabel("valence", color=DIM)
    axes.set_ylabel("arousal", color=DIM)
    return png(figure)


def busiest_s(rows: PictureRows, sound: Sound) -> float:
    """Where the eight seconds with the most onsets begin."""
    end_s = max(0.0, float(rows["time_s"][-1]) - CLOSE_S)
    starts = sound.onsets_s[sound.onsets_s <= end_s]
    if not len(starts):
        return 0.0
    counts = np.searchsorted(sound.onsets_s, starts + CLOSE_S) - np.arange(len(starts))
    return float(starts[int(np.argmax(counts))])


def unit(curve: Numbers) -> Numbers:
    """A curve from 0 to about 1."""
    return curve / max(float(np.percentile(curve, 99.8)), 1e-9)


def area(axes: Axes, times_s: Numbers, curve: Numbers, colour: str) -> None:
    """A filled curve, reduced to as many columns as there are pixels."""
    firsts = np.unique(np.linspace(0, len(curve), min(len(curve), COLUMNS), False).astype(int))
    peaks = np.maximum.reduceat(np.nan_to_num(curve), firsts)
    axes.fill_between(times_s[firsts], peaks, color=colour, alpha=0.8, linewidth=0)


def new_figure(width: float, height: float) -> Figure:
    """A dark sheet, inches."""
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(figure)
    return figure


def style(axes: Axes) -> Axes:
    """The look that all charts share."""
    axes.set_facecolor(PANEL)
    axes.tick_params(colors=DIM, labelsize=8)
    for side in axes.spines.values():
        side.set_color(FAINT)
    return axes


def png(figure: Figure) -> bytes:
    """The figure as a file."""
    buffer = io.BytesIO()
    save: Callable[..., None] = figure.savefig
    save(buffer, format="png", facecolor=PAPER)
    return buffer.getvalue()
