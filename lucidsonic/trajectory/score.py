"""Features -> what the steering reads of them: frames of events, loudness, tension, speed."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lucidsonic.trajectory.easing import fit, smooth, smoothstep
from lucidsonic.types import Drop, Features, Section

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

EARLY = 0.25  # frames; a hit in the last quarter of a frame belongs to the next one
SILENT, AUDIBLE = 0.01, 0.06  # loudness at which movement stops, and from which it is free
ENERGY_S = 1.0  # standard deviation of the two-second energy
RELEASE_S = 1.5  # how long a drop lets go
BEATS_PER_BAR = 4  # where no downbeats are known
NEAR_S = 0.6  # a drop this close to a section's start is that start


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """The song as the steering sees it; every array has the film's length.

    Attributes:
        frames: length of the film.
        fps: frames per second.
        energy: loudness over about two seconds, in [0, 1].
        gate: 0 in silence, 1 where there is sound; what moves is multiplied by it.
        tension: rises over a build to at most 1, and is 0 from the drop on.
        release: 1 at a drop, then fades.
        sections: (first frame, label, energy) of each audible section.
        wrap: the film is a loop.
    """

    frames: int
    fps: float
    energy: Floats
    gate: Floats
    tension: Floats
    release: Floats
    sections: tuple[tuple[int, str, float], ...]
    wrap: bool

    def smooth(self, curve: npt.NDArray[np.floating], seconds: float) -> Floats:
        """A curve without its fast changes; `seconds` is the standard deviation."""
        return smooth(curve, sigma=seconds * self.fps, wrap=self.wrap)

    def heard(self, frames: Indices) -> Indices:
        """Those of the frames that lie in the film and are not silent."""
        inside = frames[(frames >= 0) & (frames < self.frames)]
        near = np.clip(inside[:, None] + np.arange(-2, 3), 0, self.frames - 1)
        return inside[self.gate[near].max(axis=1) > 0]


def read_score(features: Features, *, wrap: bool) -> Score:
    """What the steering needs to know of a song.

    Args:
        features: the song.
        wrap: the film is a loop.
    """
    frames, fps = len(features), float(features.fps)
    loudness = curve(features, "loudness", frames)
    energy = smooth(loudness, sigma=ENERGY_S * fps, wrap=wrap)
    gate = smoothstep((loudness - SILENT) / (AUDIBLE - SILENT))
    tension, release = breath(features.drops, frames, fps)
    return Score(
        frames=frames,
        fps=fps,
        energy=np.clip(energy, 0.0, 1.0),
        gate=gate,
        tension=tension,
        release=release,
        sections=audible_sections(features.sections, gate, fps),
        wrap=wrap,
    )


def curve(features: Features, name: str, frames: int) -> Floats:
    """A curve by name at the film's length; zeros where the song has none of that name."""
    if name not in features.curves:
        return np.zeros(frames)
    return fit(features.curves[name], frames).astype(np.float64)


def to_frames(times_s: npt.NDArray[np.floating], fps: float) -> Indices:
    """The frame that each time belongs to: the one that holds it, never a late one.

    Detectors scatter by some milliseconds, so the last quarter of a frame counts as the next:
    a hit found just before a frame begins is that frame's.
    """
    return np.floor(times_s.astype(np.float64) * fps + EARLY).astype(np.int64)


def audible_sections(
    sections: Iterable[Section], gate: Floats, fps: float
) -> tuple[tuple[int, str, float], ...]:
    """First frame, label and energy of each section with any sound, the first from frame 0."""
    found: list[tuple[int, str, float]] = []
    heard = np.concatenate([[0.0], np.cumsum(gate)])
    for section in sections:
        first, last = np.clip(
            to_frames(np.array([section.start_s, section.end_s]), fps), 0, len(gate)
        )
        if last > first and heard[last] > heard[first]:
            found.append((int(first) if found else 0, section.label, section.energy))
    return tuple(found) or ((0, "A", 0.5),)


def breath(drops: Iterable[Drop], frames: int, fps: float) -> tuple[Floats, Floats]:
    """Tension and release of all drops: two curves `(frames,)` in [0, 1]."""
    tension, release = np.zeros(frames), np.zeros(frames)
    for drop in drops:
        begin, hit = to_frames(np.array([drop.build_start_s, drop.time_s]), fps)
        build = np.arange(max(begin, 0), min(hit, frames))
        rise = drop.strength * ((build - begin) / max(hit - begin, 1)) ** 2
        tension[build] = np.maximum(tension[build], rise)
        after = np.arange(max(hit, 0), min(hit + round(4 * RELEASE_S * fps), frames))
        age = (after - hit) / fps
        fall = np.exp(-age / RELEASE_S) * (1.0 - smoothstep(age / (4 * RELEASE_S)))
        release[after] = np.maximum(release[after], drop.strength * fall)
    return tension, release


def beat_marks(features: Features, score: Score, *, bars: bool, every: int) -> Indices:
    """Frames of every so manieth beat or bar, ascending; silent ones are left out."""
    beats = features.beats_s
    if bars:
        beats = features.downbeats_s if len(features.downbeats_s) else beats[::BEATS_PER_BAR]
    return np.unique(score.heard(to_frames(beats[::every], score.fps)))


def loudest_hits(features: Features, score: Score, *, apart_s: float) -> Indices:
    """Frames of the hits of a song without a beat, no two closer than `apart_s`."""
    trains = [train.times_s for train in features.onsets.values()]
    times = np.sort(np.concatenate(trains)) if trains else np.zeros(0)
    kept: list[float] = []
    for time in times:
        if not kept or time - kept[-1] >= apart_s:
            kept.append(float(time))
    return np.unique(score.heard(to_frames(np.array(kept), score.fps)))


def running_total(rate: Floats, fps: float) -> Floats:
    """Integral of a rate per second up to the start of each frame, and to the film's end.

    Summed once over the whole film in float64, before any frame is made: frame i remains a
    function of the plan and of i alone.

    Returns:
        float64 `(frames + 1,)`.
    """
    return np.concatenate([[0.0], np.cumsum(rate)]) / fps
