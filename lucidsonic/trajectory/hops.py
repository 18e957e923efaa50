"""Walks that stand still and leap on the beat, for models sure of their anchors only."""

import numpy as np

from lucidsonic.trajectory.course import Course
from lucidsonic.trajectory.easing import ease_out
from lucidsonic.trajectory.score import BEATS_PER_BAR, Indices, Score, to_frames
from lucidsonic.trajectory.spline import closed_spline
from lucidsonic.trajectory.walk import MOST_KEYS, Walk
from lucidsonic.types import Features

CAST_BARS = 4  # bars that share their figures
CASTS = 4  # casts of a section before the first returns
FIGURES = 3  # keyframes of a cast: home and two companions
DANCE = (0, 1, 0, 2)  # figure on each beat of a bar: the bar holds its home, beats leave it
MOST_LABELS = MOST_KEYS // (CASTS * FIGURES)


def by_hops(course: Course, marks: Indices) -> Walk:
    """Exactly still between marks; at each a short leap that begins in its own frame.

    Every four bars have three figures: the downbeat brings home, the other beats visit the
    companions. A section that returns brings its figures back. The person's own `latents`
    come in their order instead.

    Args:
        course: what the walk is made of.
        marks: ascending frames.
    """
    score, options = course.score, course.options
    own = course.own is not None
    figures = in_order(marks) if own else danced(course.features, score, marks)
    ring = course.ring(int(figures.max(initial=0)) + 1)
    figures = figures % len(ring)
    spline = closed_spline([ring], spherical=course.capabilities.spherical)
    marks = np.concatenate([[-1], marks])  # figures[0] stands before the first mark
    if options.loop:
        figures[0] = figures[-1]
    here = np.searchsorted(marks, np.arange(score.frames), side="right") - 1
    hop = max(1, round(options.hop_ms / 1000.0 * score.fps))
    share = ease_out((np.arange(score.frames) - marks[here] + 1) / hop)
    leaving = figures[np.maximum(here - 1, 0)]
    arrived = (share >= 1.0) | (here == 0)
    return Walk(
        spline=spline,
        segment=np.where(arrived, figures[here], leaving),
        local=np.zeros(score.frames),
        target=figures[here],
        blend=np.where(arrived, 0.0, share),
    )


def in_order(marks: Indices) -> Indices:
    """A new figure at each mark, and one before the first."""
    return np.arange(len(marks) + 1)


def danced(features: Features, score: Score, marks: Indices) -> Indices:
    """The figure at each mark, and one before the first: `(marks + 1,)`."""
    bars = bar_frames(features, score)
    starts = np.array([first for first, _, _ in score.sections])
    labels = list(dict.fromkeys(label for _, label, _ in score.sections))
    label = np.array([labels.index(name) % MOST_LABELS for _, name, _ in score.sections])
    section = np.maximum(np.searchsorted(starts, marks, side="right") - 1, 0)
    bar = np.searchsorted(bars, marks, side="right")
    first_bar = np.searchsorted(bars, starts, side="right")[section]
    cast = np.maximum(bar - first_bar, 0) // CAST_BARS % CASTS
    figure = np.array(DANCE)[place_in_bar(marks, bar) % len(DANCE)]
    chosen = (label[section] * CASTS + cast) * FIGURES + figure
    return np.concatenate([[FIGURES - 1], chosen]).astype(np.int64)


def bar_frames(features: Features, score: Score) -> Indices:
    """Frames at which bars start; every fourth beat where no downbeats are known."""
    downbeats = features.downbeats_s
    found = downbeats if len(downbeats) else features.beats_s[::BEATS_PER_BAR]
    return to_frames(found, score.fps)


def place_in_bar(marks: Indices, bar: Indices) -> Indices:
    """How manieth mark of its bar each is; where every bar has one mark, the bar's number."""
    if len(marks) == 0:
        return marks
    same = np.concatenate([[False], bar[1:] == bar[:-1]])
    if not same.any():
        return bar
    first = np.maximum.accumulate(np.where(same, 0, np.arange(len(marks))))
    return np.arange(len(marks)) - first
