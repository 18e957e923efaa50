"""Walks that glide: along one curve by the clock, from mark to mark, or section by section."""

import math

import numpy as np

from lucidsonic.trajectory.course import Course
from lucidsonic.trajectory.easing import ease_in, smoothstep
from lucidsonic.trajectory.score import NEAR_S, Indices, Score, running_total
from lucidsonic.trajectory.spline import arc_table, closed_spline
from lucidsonic.trajectory.walk import MOST_KEYS, Walk, standing
from lucidsonic.types import Features

FEWEST_KEYS = 4  # fewer make a line rather than a tour
SECTION_KEYS = 4  # keyframes of a section's own place
LEAD_BEATS, LEAD_S = 8, (0.8, 4.0)  # the way into the next section: two bars, within limits
BUILD_S = 16.0  # the longest way into a drop
EASING = 0.6  # share of the easing in the speed between two marks


def by_seconds(course: Course) -> Walk:
    """One tour of constant speed at constant loudness; a loop ends where it began."""
    way = running_total(course.rate(), course.score.fps)  # keyframes passed
    laps = max(1, math.ceil(way[-1] / MOST_KEYS))
    keys = int(np.clip(round(way[-1] / laps), FEWEST_KEYS, MOST_KEYS))
    spline = closed_spline([course.ring(keys)], spherical=course.capabilities.spherical)
    table = arc_table(spline, first=0, keys=len(spline))
    stride = table.total / len(spline)
    if course.options.loop and way[-1] > 0:
        stride = table.total * max(1, round(way[-1] / len(spline))) / way[-1]
    segment, local = table.locate(way[:-1] * stride)
    return Walk(spline, segment, local, segment, np.zeros(len(local)))


def by_marks(course: Course, marks: Indices) -> Walk:
    """A keyframe at each mark, exactly; the music sets the pace between them.

    Args:
        course: what the walk is made of.
        marks: ascending frames.
    """
    score = course.score
    way = running_total(course.rate() + 1e-3 * score.gate, score.fps)
    bounds = np.unique(np.concatenate([[0], marks, [score.frames]]))
    bounds = bounds[np.concatenate([[True], np.diff(way[bounds]) > 0])]  # silence passes no key
    steps = len(bounds) - 1
    if steps < 1:
        return standing(
            closed_spline([course.ring(1)], spherical=course.capabilities.spherical),
            score.frames,
        )
    laps = -(-steps // MOST_KEYS)
    spline = closed_spline(
        [course.ring(max(2, -(-steps // laps)))], spherical=course.capabilities.spherical
    )
    table = arc_table(spline, first=0, keys=len(spline))
    number = np.arange(steps + 1)
    if course.options.loop:  # the last stretch ends at the first key
        number[-1] = -(-steps // len(spline)) * len(spline)
    arcs = number // len(spline) * table.total + table.at_keys[number % len(spline)]
    here = np.searchsorted(bounds, np.arange(score.frames), side="right") - 1
    here = np.minimum(here, steps - 1)
    begin, end = way[bounds[here]], way[bounds[here + 1]]
    x = np.clip((way[:-1] - begin) / (end - begin), 0.0, 1.0)
    x = (1.0 - EASING) * x + EASING * smoothstep(x)
    segment, local = table.locate(arcs[here] + x * (arcs[here + 1] - arcs[here]))
    return Walk(spline, segment, local, segment, np.zeros(score.frames))


def by_sections(course: Course) -> Walk:
    """Each label has a place of its own, toured from its first key whenever it returns."""
    score = course.score
    labels = list(dict.fromkeys(label for _, label, _ in score.sections))
    rings = [course.ring(SECTION_KEYS, part=part) for part in range(len(labels))]
    spline = closed_spline(rings, spherical=course.capabilities.spherical)
    sizes = [len(ring) for ring in rings]
    firsts = np.concatenate([[0], np.cumsum(sizes)])
    tables = [arc_table(spline, first=int(firsts[i]), keys=n) for i, n in enumerate(sizes)]
    walk = standing(spline, score.frames)
    way = running_total(course.rate(), score.fps)
    starts = [first for first, _, _ in score.sections]
    for number, (begin, label, _) in enumerate(score.sections):
        end = starts[number + 1] if number + 1 < len(starts) else score.frames
        table = tables[labels.index(label)]
        arc = (way[begin:end] - way[begin]) * (table.total / table.keys)
        walk.segment[begin:end], walk.local[begin:end] = table.locate(arc)
    for begin, end in zip(starts, [*starts[1:], score.frames], strict=True):
        goes_on = end < score.frames or course.options.loop
        if goes_on:
            key = int(firsts[labels.index(label_at(score, end))])
            lead_into(walk, course, begin=begin, end=end, key=key)
    return walk


def label_at(score: Score, frame: int) -> str:
    """Label of the section that starts at a frame; the first one's at the film's end."""
    named = {first: label for first, label, _ in score.sections}
    return named.get(frame, score.sections[0][1])


def lead_into(walk: Walk, course: Course, *, begin: int, end: int, key: int) -> None:
    """Leave a section's place early, so as to be at the next one's first key when it starts.

    Where the music is silent on the way the picture waits.
    """
    score = course.score
    drop = drop_at(course.features, end / score.fps)
    lead = lead_frames(course.features, score, build_s=drop)
    first = max(begin, end - lead, end - (end - begin) // 2 if drop is None else begin)
    heard = running_total(score.gate[first:end], score.fps)
    if heard[-1] > 0:
        x = heard[:-1] / heard[-1]
        walk.blend[first:end] = ease_in(x) if drop is not None else smoothstep(x)
        walk.target[first:end] = key


def drop_at(features: Features, time_s: float) -> float | None:
    """How long the build before `time_s` is, seconds, if a drop comes there."""
    builds = [
        d.time_s - d.build_start_s for d in features.drops if abs(d.time_s - time_s) < NEAR_S
    ]
    return max(builds, default=None)


def lead_frames(features: Features, score: Score, *, build_s: float | None) -> int:
    """How many frames the way into the next section takes."""
    if build_s is not None:
        return max(1, round(min(build_s, BUILD_S) * score.fps))
    beat_s = 60.0 / features.tempo_bpm if features.tempo_bpm > 0 else 0.5
    return max(1, round(float(np.clip(LEAD_BEATS * beat_s, *LEAD_S)) * score.fps))
