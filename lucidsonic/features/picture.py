"""Features -> one picture: what was heard, from the waveform's envelope to the feelings."""

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from lucidsonic.errors import UnknownNameError
from lucidsonic.features.arrays import Numbers
from lucidsonic.features.names import PITCHES, key_name
from lucidsonic.files import write_file
from lucidsonic.timebase import format_time
from lucidsonic.types import Features, Section

INK, DIM, FAINT, PAPER, PANEL = "#e8e6f0", "#8d88a6", "#2c2840", "#0f0d18", "#151221"
SECTIONS = (
    "#7aa2f7",
    "#f7768e",
    "#9ece6a",
    "#e0af68",
    "#bb9af7",
    "#7dcfff",
    "#ff9e64",
    "#73daca",
)
BANDS = {
    "onset_low": ("kick", "#ff6b6b"),
    "onset_mid": ("snare", "#ffd166"),
    "onset_high": ("hat", "#6be5ff"),
}
NIGHT = LinearSegmentedColormap.from_list(
    "night", [PANEL, "#3d2b6b", "#b04a9a", "#ffb86b", "#fff6d8"]
)
COLUMNS = 1600  # as many as there are pixels; an hour-long song has more frames
DPI = 110
FORMATS = (".png", ".svg", ".pdf")
UNDRAWN = "Glyph |Matplotlib currently does not support"  # what the font lacks


def draw_analysis(features: Features, path: Path | str, *, title: str = "") -> Path:
    """A picture with envelope, hits, beats, sections, chroma, curves, and the path of feelings.

    Args:
        features: from `extract_features`.
        path: where to, .png, .svg or .pdf; appears whole or not at all, and replaces what
            was there.
        title: the song's name.

    Returns:
        The path.

    Raises:
        UnknownNameError: a suffix that is none of the three.
        ConfigError: the file cannot be written there.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise UnknownNameError("picture format", suffix or path.name, FORMATS)
    figure = Figure(figsize=(16, 11.5), dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(figure)
    _draw(figure, _Scaled(features), title)
    return write_file(path, _encode(figure, suffix))


@dataclass(frozen=True, slots=True)
class _Scaled:
    """Features, reduced to as many columns as the picture has."""

    features: Features

    @property
    def duration_s(self) -> float:
        return len(self.features) / float(self.features.fps)

    def peaks(self, curve: Numbers) -> Numbers:
        """The greatest value of each column."""
        return np.maximum.reduceat(curve, self._firsts())

    def means(self, curve: Numbers) -> Numbers:
        """The mean of each column."""
        firsts = self._firsts()
        counts = np.diff(np.append(firsts, len(curve)))
        sums = np.add.reduceat(curve, firsts, axis=0)
        return (sums.T / counts).T

    @property
    def times(self) -> Numbers:
        return self._firsts() / float(self.features.fps)

    def _firsts(self) -> Numbers:
        frames = len(self.features)
        return np.unique(
            np.linspace(0, frames, min(frames, COLUMNS), endpoint=False).astype(int)
        )


def _draw(figure: Figure, scaled: _Scaled, title: str) -> None:
    grid = figure.add_gridspec(
        5, 2, width_ratios=[3.4, 1], height_ratios=[2.0, 1.25, 1.25, 1.25, 1.5],
        left=0.055, right=0.975, top=0.905, bottom=0.055, hspace=0.13, wspace=0.13,
    )  # fmt: skip
    rows = [figure.add_subplot(grid[i, 0]) for i in range(5)]
    plane = figure.add_subplot(grid[0:2, 1])
    circle = figure.add_subplot(grid[2:4, 1])
    painters = (_envelope, _hits, _chroma, _colours, _feelings)
    for axes, paint in zip(rows, painters, strict=True):
        _style(axes)
        paint(axes, scaled)
        axes.set_xlim(0, scaled.duration_s)
        _mark_sections(axes, scaled.features.sections)
    _time_axis(rows, scaled.duration_s)
    _plane(plane, scaled)
    _keys(circle, scaled.features)
    _legend(figure.add_subplot(grid[4, 1]), scaled.features)
    _headline(figure, scaled, title)


def _style(axes: Axes) -> None:
    axes.set_facecolor(PANEL)
    axes.tick_params(colors=DIM, labelsize=8, length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _name(axes: Axes, text: str) -> None:
    axes.set_ylabel(text, color=DIM, fontsize=9, labelpad=8)


def _mark_sections(axes: Axes, sections: Sequence[Section]) -> None:
    for section in sections[1:]:
        axes.axvline(section.start_s, color=INK, alpha=0.28, linewidth=0.8, zorder=3)


def _time_axis(rows: Sequence[Axes], duration_s: float) -> None:
    steps = (0.1, 0.25, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800)
    step = next((s for s in steps if duration_s / s <= 14), 3600)
    ticks = np.arange(0, duration_s + 1e-9, step)
    for axes in rows:
        axes.set_xticks(ticks, [])
    labels = [format_time(t) if step >= 1 else f"{t:g} s" for t in ticks]
    rows[-1].set_xticks(ticks, labels)


def _colour_of(section: Section, sections: Sequence[Section]) -> str:
    labels = sorted({s.label for s in sections}, key=lambda label: (len(label), label))
    return SECTIONS[labels.index(section.label) % len(SECTIONS)]


def _envelope(axes: Axes, scaled: _Scaled) -> None:
    """Loudness as a waveform, in the sections' colours, with the drops."""
    features = scaled.features
    times = scaled.times
    outer, inner = (
        scaled.peaks(features.curves["loudness"]),
        scaled.means(features.curves["loudness"]),
    )
    for section in features.sections:
        colour = _colour_of(section, features.sections)
        inside = (times >= section.start_s - 0.1) & (times <= section.end_s)
        for level, alpha in ((outer, 0.4), (inner, 0.95)):
            axes.fill_between(
                times, -level, level, where=inside, color=colour, alpha=alpha, linewidth=0
            )
        axes.axvspan(
            section.start_s,
            section.end_s,
            ymin=0.93,
            ymax=1,
            color=colour,
            alpha=0.9,
            linewidth=0,
        )
        if section.end_s - section.start_s > 0.012 * scaled.duration_s:
            middle = (section.start_s + section.end_s) / 2
            axes.text(
                middle, 1.2, section.label, color=PAPER, fontsize=10, fontweight="bold",
                ha="center", va="center",
            )  # fmt: skip
    for drop in features.drops:
        axes.plot(
            [drop.build_start_s, drop.time_s, drop.time_s], [-1.1, 1.0, -1.1],
            color="#ffffff", linewidth=1.4,
        )  # fmt: skip
        axes.text(drop.time_s, -1.22, "drop", color=INK, fontsize=8, ha="left", va="center")
    axes.set_ylim(-1.3, 1.3)
    axes.set_yticks([])
    _name(axes, "loudness")


def _hits(axes: Axes, scaled: _Scaled) -> None:
    """Kick, snare and hat on their own lines, above a ruler of beats and bars."""
    features = scaled.features
    for row, (curve, (name, colour)) in enumerate(BANDS.items()):
        level = scaled.peaks(features.curves[curve])
        axes.fill_between(scaled.times, row, row + 0.9 * level, color=colour, linewidth=0)
        axes.text(0.004, row + 0.82, name, color=DIM, fontsize=8, va="top",
                  transform=axes.get_yaxis_transform())  # fmt: skip
    if len(features.beats_s) <= COLUMNS / 4:
        axes.vlines(features.beats_s, -0.42, -0.12, color=DIM, linewidth=0.6)
    axes.vlines(features.downbeats_s, -0.55, -0.05, color=INK, linewidth=0.8)
    axes.set_ylim(-0.6, 3)
    axes.set_yticks([])
    _name(axes, "hits and beats")


def _chroma(axes: Axes, scaled: _Scaled) -> None:
    notes = scaled.means(scaled.features.chroma)
    axes.imshow(
        notes.T, aspect="auto", origin="lower", cmap=NIGHT, vmin=0, vmax=1,
        interpolation="nearest", extent=(0, scaled.duration_s, -0.5, 11.5),
    )  # fmt: skip
    axes.set_yticks(range(12), PITCHES)
    axes.tick_params(axis="y", labelsize=6.5)
    _name(axes, "chroma")


def _colours(axes: Axes, scaled: _Scaled) -> None:
    lines = {
        "harmonic": "#bb9af7", "percussive": "#ff9e64", "energy_low": "#ff6b6b",
        "centroid": "#7dcfff", "novelty": INK, "build": "#9ece6a",
    }  # fmt: skip
    window = max(1, len(scaled.times) // 200)
    for name, colour in lines.items():
        curve = scaled.means(scaled.features.curves[name])
        calm = np.convolve(
            np.pad(curve, window // 2, mode="edge"), np.ones(window) / window, "valid"
        )
        axes.plot(scaled.times, calm[: len(curve)], color=colour, linewidth=1.2, label=name)
    axes.set_ylim(0, 1.2)
    axes.set_yticks([0, 1])
    axes.legend(
        loc="upper left", ncols=6, fontsize=7.5, frameon=False, labelcolor=DIM,
        handlelength=1.2, columnspacing=1.2, borderaxespad=0.2,
    )  # fmt: skip
    _name(axes, "curves")


def _feelings(axes: Axes, scaled: _Scaled) -> None:
    valence = scaled.means(scaled.features.valence)
    arousal = scaled.means(scaled.features.arousal)
    axes.axhline(0, color=FAINT, linewidth=1)
    axes.plot(
        scaled.times, valence, color="#ffd166", linewidth=1.8, label="valence (dark to bright)"
    )
    axes.plot(
        scaled.times, arousal, color="#f7768e", linewidth=1.8, label="arousal (calm to tense)"
    )
    axes.set_ylim(-1.05, 1.4)
    axes.set_yticks([-1, 0, 1])
    axes.legend(loc="upper left", ncols=2, fontsize=7.5, frameon=False, labelcolor=DIM)
    _name(axes, "feeling")


def _plane(axes: Axes, scaled: _Scaled) -> None:
    """The path on the plane of valence and arousal, from dark violet to light."""
    _style(axes)
    valence = scaled.means(scaled.features.valence)
    arousal = scaled.means(scaled.features.arousal)
    circle = np.linspace(0, 2 * np.pi, 200)
    for radius in (0.5, 1.0):
        axes.plot(radius * np.cos(circle), radius * np.sin(circle), color=FAINT, linewidth=1)
    axes.axhline(0, color=FAINT, linewidth=1)
    axes.axvline(0, color=FAINT, linewidth=1)
    points = np.stack([valence, arousal], axis=1)
    segments = np.stack([points[:-1], points[1:]], axis=1)
    lines = LineCollection(list(segments), cmap=NIGHT, linewidths=2.2, capstyle="round")
    lines.set_array(np.linspace(0.25, 1, len(segments)))
    lines.set_clim(0, 1)
    axes.add_collection(lines)
    axes.scatter(*points[0], s=46, facecolor=PANEL, edgecolor=INK, zorder=4)
    axes.scatter(*points[-1], s=46, color=INK, zorder=4)
    corners = {(-1, 1): "tense", (1, 1): "joyful", (-1, -1): "sad", (1, -1): "calm"}
    for (x, y), word in corners.items():
        axes.text(
            0.98 * x, 0.93 * y, word, color=DIM, fontsize=9, ha="left" if x < 0 else "right"
        )
    axes.set_xlim(-1.05, 1.05)
    axes.set_ylim(-1.05, 1.05)
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title("valence  →", color=DIM, fontsize=9, y=-0.07)
    _name(axes, "arousal  →")


def _keys(axes: Axes, features: Features) -> None:
    """How much each note sounds, around the circle of fifths; the tonic stands out."""
    axes.set_aspect("equal")
    axes.axis("off")
    share = features.chroma.mean(axis=0)
    share = share / max(float(share.max()), 1e-9)
    for place in range(12):
        note = place * 7 % 12
        angle = np.pi / 2 - 2 * np.pi * place / 12
        x, y = np.cos(angle), np.sin(angle)
        tonic = note == features.key.tonic and features.key.confidence > 0
        reach = 0.22 + 0.55 * share[note]
        axes.plot(
            [0.2 * x, reach * x], [0.2 * y, reach * y], linewidth=15, solid_capstyle="butt",
            color="#ffb86b" if tonic else NIGHT(0.18 + 0.5 * share[note]),
        )  # fmt: skip
        axes.text(
            0.93 * x, 0.93 * y, PITCHES[note], color=INK if tonic else DIM,
            fontsize=11 if tonic else 9, fontweight="bold" if tonic else "normal",
            ha="center", va="center",
        )  # fmt: skip
    axes.set_xlim(-1.1, 1.1)
    axes.set_ylim(-1.1, 1.1)


def _legend(axes: Axes, features: Features) -> None:
    """How long each section is, and how loud."""
    _style(axes)
    for place, section in enumerate(features.sections):
        colour = _colour_of(section, features.sections)
        axes.bar(place, section.energy, color=colour, width=0.82)
        if len(features.sections) <= 16:
            axes.text(
                place, section.energy + 0.03, section.label, color=DIM, fontsize=8, ha="center"
            )
    axes.set_ylim(0, 1.15)
    axes.set_yticks([])
    axes.set_xticks([])
    axes.set_title("energy of the sections", color=DIM, fontsize=9, y=-0.14)


def _headline(figure: Figure, scaled: _Scaled, title: str) -> None:
    features = scaled.features
    beat = f"{features.tempo_bpm:.1f} BPM" if features.tempo_bpm else "no beat"
    sure = features.key.confidence > 0.15
    key = key_name(features.key) if sure else "no clear key"
    form = " ".join(section.label for section in features.sections[:40])
    facts = [format_time(scaled.duration_s), beat, key, f"form {form}"]
    figure.text(
        0.055, 0.952, _one_line(title) or "Analysis", color=INK, fontsize=20,
        fontweight="bold", parse_math=False,
    )  # fmt: skip
    figure.text(0.055, 0.925, "   ·   ".join(facts), color=DIM, fontsize=11.5)


def _one_line(title: str) -> str:
    """A name that can be drawn: a file's may hold control characters and bytes of no text."""
    text = title.encode("utf-8", "replace").decode()
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _encode(figure: Figure, suffix: str) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", UNDRAWN, UserWarning)
        figure.savefig(buffer, format=suffix[1:], facecolor=PAPER)
    return buffer.getvalue()
