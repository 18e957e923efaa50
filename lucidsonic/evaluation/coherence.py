"""Rows of pictures -> does it hold: flicker, jerk, warping error, black, frozen."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lucidsonic.evaluation.pictures import Numbers, PictureRows

FROZEN = 0.04  # mean change of 0 to 255; decoded films that stand still have less
BLACK = 6.0  # mean luma of 0 to 255
NOISE_THIRD = 10**0.5  # third over first difference of white noise: sqrt(20 / 2)


@dataclass(frozen=True, slots=True)
class CoherenceScores:
    """How a film holds together. NaN where there is too little to judge.

    Attributes:
        flicker_index: see FORMULAS.
        jerk: see FORMULAS.
        coherence: correlation of neighbours.
        warp_error: share of the change that motion does not explain.
        change_p05: change from picture to picture that 5 % of them stay below.
        change_p50: the median change.
        change_p95: the change that 5 % of them exceed.
        change_max: the greatest change.
        frozen_s: longest stretch that stands still while there is sound.
        black_s: black while there is sound, in all.
        loop_seam: last to first picture, against the median change.
    """

    flicker_index: float
    jerk: float
    coherence: float
    warp_error: float
    change_p05: float
    change_p50: float
    change_p95: float
    change_max: float
    frozen_s: float
    black_s: float
    loop_seam: float


def coherence_scores(
    rows: PictureRows, audible: npt.NDArray[np.bool_] | None = None
) -> CoherenceScores:
    """How a film holds together.

    Args:
        rows: from a `Watcher`.
        audible: `(pictures,)`, whether there is sound; None: always.
    """
    heard = np.ones(len(rows), dtype=bool) if audible is None else audible
    change = rows["change"]
    moving = np.nan_to_num(change) >= FROZEN
    low, middle, high, most = percentiles(change, (5, 50, 95, 100))
    return CoherenceScores(
        flicker_index=median(rows["bend"] / np.maximum(rows["span"], 1e-6), moving),
        jerk=median(rows["third"], moving) / max(median(rows["first"], moving), 1e-6)
        / NOISE_THIRD,
        coherence=median(rows["alike"]),
        warp_error=median(rows["unexplained"] / np.maximum(rows["grey_change"], 1e-6), moving),
        change_p05=low,
        change_p50=middle,
        change_p95=high,
        change_max=most,
        frozen_s=longest_s(rows["time_s"], (change < FROZEN) & heard),
        black_s=total_s(rows["time_s"], (rows["luma"] < BLACK) & heard),
        loop_seam=rows.seam / max(middle, FROZEN),
    )  # fmt: skip


def median(values: Numbers, where: npt.NDArray[np.bool_] | None = None) -> float:
    """The median of the finite values; NaN where there is none."""
    chosen = values if where is None else values[where]
    finite = chosen[np.isfinite(chosen)]
    return float(np.median(finite)) if len(finite) else float("nan")


def percentiles(values: Numbers, places: tuple[int, ...]) -> list[float]:
    """Percentiles of the finite values; NaN where there is none."""
    finite = values[np.isfinite(values)]
    return [float(p) for p in np.percentile(finite, places)] if len(finite) else [
        float("nan")
    ] * len(places)  # fmt: skip


def longest_s(times_s: Numbers, where: npt.NDArray[np.bool_]) -> float:
    """How long the longest unbroken stretch lasts, seconds."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], where.astype(np.int8), [0]])))
    ends = np.append(times_s, times_s[-1] + step_s(times_s)) if len(times_s) else times_s
    spans = ends[edges[1::2]] - ends[edges[::2]]
    return float(spans.max()) if len(spans) else 0.0


def total_s(times_s: Numbers, where: npt.NDArray[np.bool_]) -> float:
    """How long in all, seconds."""
    if not len(times_s):
        return 0.0
    lengths = np.diff(np.append(times_s, times_s[-1] + step_s(times_s)))
    return float(lengths[where].sum())


def step_s(times_s: Numbers) -> float:
    """From one picture to the next, usually."""
    return float(np.median(np.diff(times_s))) if len(times_s) > 1 else 0.0
