"""Every figure of a film: formula, source, range, bar, and which films it can tell apart.

`tells` names pairs of films of which the figure always prefers the first: "reacting > late" (by
100 ms), "reacting > ignoring", "late > ignoring". A pair that is not named, it cannot tell.
"""

import math
from dataclasses import dataclass

from lucidsonic.evaluation.film import FilmScores

ORDER = ("reacting > late", "reacting > ignoring", "late > ignoring")
FOLLOWS = ORDER[:2]  # whether it follows in time; a late film may score below chance
BT1359 = "ITU-R BT.1359-1: viewers notice sound 45 ms early or 125 ms late"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """What a figure means.

    Attributes:
        group: the part of `FilmScores` that holds it.
        formula: how it is computed.
        source: where it comes from.
        span: which values are possible.
        unit: "" for a plain number.
        low: the least that passes; None: no least.
        high: the most that passes; None: no most. `frame_ms` is added on both sides.
        frames: how many frames the bar is widened by.
        tells: pairs of films that it tells apart.
        checked: whether `--check` fails on it.
    """

    group: str
    formula: str
    source: str
    span: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    frames: float = 0.0
    tells: tuple[str, ...] = ()
    checked: bool = False


def _sync(formula: str, source: str, span: str, **more: object) -> Metric:
    return Metric(group="sync", formula=formula, source=source, span=span, **more)  # pyright: ignore[reportArgumentType]


def _holds(formula: str, source: str, span: str, **more: object) -> Metric:
    return Metric(group="coherence", formula=formula, source=source, span=span, **more)  # pyright: ignore[reportArgumentType]


_LAG = (
    "arg max of corr(o(t), sqrt D(t + lag)) in +-400 ms; of peaks >= .65 max the nearest to 0"
)
_F = "harmonic mean of recall of {} and precision of motion peaks against beats and onsets"

METRICS: dict[str, Metric] = {
    "lag_ms": _sync(_LAG, BT1359, "-400 to 400", unit="ms", low=-45, high=60, frames=0.5,
                    tells=ORDER[:1], checked=True),
    "sparse_lag_ms": _sync("lag_ms of onsets without a stronger one within 300 ms", BT1359,
                           "-400 to 400", unit="ms", tells=ORDER[:1]),
    "peak_corr": _sync("Pearson's r of o and sqrt D at lag_ms", "cross-correlation",
                       "-1 to 1", low=0.3, tells=ORDER[1:], checked=True),
    "corr_zero": _sync("Pearson's r of o and sqrt D at lag 0", "cross-correlation",
                       "-1 to 1", tells=FOLLOWS),
    "flow_lag_ms": _sync("lag_ms with the optical flow's length as D", BT1359,
                         "-400 to 400", unit="ms", tells=ORDER[:1]),
    "flow_peak_corr": _sync("peak_corr with the optical flow's length as D",
                            "Lucas & Kanade 1981", "-1 to 1", tells=ORDER[1:]),
    "flow_corr_zero": _sync("corr_zero with the optical flow's length as D",
                            "Lucas & Kanade 1981", "-1 to 1", tells=FOLLOWS),
    "beat_f": _sync(_F.format("beats") + ", within max(1 frame, 50 ms)", "MIREX beat F-measure",
                    "0 to 1", tells=FOLLOWS),
    "beat_f_excess": _sync("(F - F of films that ignore) / (1 - that)", "Cohen 1960",
                           "below 0 to 1", low=0.25, tells=FOLLOWS, checked=True),
    "beat_hit_f": _sync(_F.format("beats") + ", within 1 frame", "MIREX beat F-measure",
                        "0 to 1", tells=FOLLOWS),
    "onset_f": _sync(_F.format("onsets") + ", within max(1 frame, 50 ms)",
                     "MIREX onset F-measure", "0 to 1", tells=FOLLOWS),
    "onset_f_excess": _sync("(F - F of films that ignore) / (1 - that)", "Cohen 1960",
                            "below 0 to 1", tells=FOLLOWS),
    "bas": _sync("harmonic mean of mean exp(-d^2 / 2 s^2), beats to peaks and back, s = 50 ms",
                 "AIST++ (Li 2021), Bailando (Siyao 2022), s in seconds", "0 to 1, chance .25",
                 low=0.5, tells=FOLLOWS),
    "av_align": _sync("matched onset and motion peaks over all, within 1 frame",
                      "TempoTokens (Yariv 2023)", "0 to 1", tells=FOLLOWS),
    "reactive_range_db": _sync("20 log10 of median D on beats over that far from all events",
                               "ours", "any", unit="dB", low=4, tells=FOLLOWS),
    "dance": _sync("(peak_corr above chance) * exp(-lag^2 / 2 (100 ms)^2)", "ours", "0 to 1",
                   tells=ORDER),
    "flicker_index": _holds("median ||I_k - (I_k-1 + I_k+1) / 2|| / (||I_k+1 - I_k-1|| / 2)",
                            "ours", "0 and up; 1.7 is noise", high=0.9),
    "jerk": _holds("median ||third difference|| / median ||first|| / sqrt 10", "ours",
                   "0 smooth, 1 noise"),
    "coherence": _holds("median Pearson's r of neighbouring pictures", "ours", "-1 to 1",
                        low=0.9),
    "warp_error": _holds("median of mean |I_k moved back by the flow - I_k-1| / mean |change|",
                         "after Lai 2018, as a share", "0 to about 1"),
    "change_p05": _holds("5th percentile of D", "ours", "0 to 255"),
    "change_p50": _holds("median of D", "ours", "0 to 255"),
    "change_p95": _holds("95th percentile of D", "ours", "0 to 255"),
    "change_max": _holds("greatest D", "ours", "0 to 255"),
    "frozen_s": _holds("longest stretch with D < .04 while there is sound", "ours", "0 and up",
                       unit="s", high=1.0, checked=True),
    "black_s": _holds("time with mean luma < 6 while there is sound", "ours", "0 and up",
                      unit="s", high=0.0, frames=0, checked=True),
    "loop_seam": _holds("D from last to first picture / median D", "ours", "0 and up"),
    "general_flashes": Metric(
        group="safety", formula="pairs of >= 10 % luminance changes a second over a quarter",
        source="WCAG 2.3.1, ITU-R BT.1702", span="0 to fps / 2", high=3.0, checked=True),
    "red_flashes": Metric(
        group="safety", formula="pairs of changes to and from saturated red, likewise",
        source="WCAG 2.3.1", span="0 to fps / 2", high=3.0, checked=True),
    "duration_gap_ms": Metric(
        group="facts", formula="end of the pictures - end of the sound", source="container",
        span="any", unit="ms", low=-5, high=5, frames=1.0, checked=True),
    "missing_s": Metric(
        group="facts", formula="announced length - what can be read", source="container",
        span="0 and up", unit="s", high=0.5, checked=True),
    "offset_ms": Metric(
        group="facts", formula="lag between the film's own sound and the song", source="ours",
        span="-2000 to 2000", unit="ms", low=-25, high=25, checked=True),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """A figure, judged.

    Attributes:
        name: in METRICS.
        value: NaN where it cannot be told.
        control: of films that ignore the music; NaN where there is none.
        low: the bar.
        high: the bar.
        passed: None where there is no bar or nothing to hold against it.
    """

    name: str
    value: float
    control: float
    low: float | None
    high: float | None
    passed: bool | None

    @property
    def metric(self) -> Metric:
        """What it means."""
        return METRICS[self.name]

    @property
    def bar(self) -> str:
        """The bar as people write it."""
        if self.low is not None and self.high is not None:
            return f"{self.low:.3g} to {self.high:.3g}"
        if self.low is not None:
            return f">= {self.low:.3g}"
        return "" if self.high is None else f"<= {self.high:.3g}"


def judge(scores: FilmScores) -> tuple[Row, ...]:
    """Every figure of a film beside its control and its bar."""
    rows = []
    for name, metric in METRICS.items():
        part = getattr(scores, metric.group)
        if part is None:
            continue
        control = scores.control if metric.group == "sync" else None
        rows.append(
            judged(name, getattr(part, name), getattr(control, name, math.nan), scores.frame_ms)
        )
    return tuple(rows)


def judged(name: str, value: float, control: float, frame_ms: float) -> Row:
    """One figure against its bar."""
    metric = METRICS[name]
    wider = metric.frames * frame_ms
    low = None if metric.low is None else metric.low - wider
    high = None if metric.high is None else metric.high + wider
    passed = None
    if (low is not None or high is not None) and math.isfinite(value):
        passed = (low is None or value >= low) and (high is None or value <= high)
    return Row(name, value, control, low, high, passed)


def misses(scores: FilmScores) -> tuple[Row, ...]:
    """The figures that `--check` fails on."""
    return tuple(r for r in judge(scores) if r.passed is False and r.metric.checked)
