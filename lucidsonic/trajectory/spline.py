"""Closed centripetal Catmull-Rom splines through keyframes, measured along their arc."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lucidsonic.trajectory.geometry import to_sphere
from lucidsonic.types import FloatArray

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
SAMPLES = 64  # points a segment in the table of arc lengths; speed then varies by less than 1 %
CHUNK = 8  # segments measured at once, to bound memory


@dataclass(frozen=True, slots=True, eq=False)
class Spline:
    """One or more closed curves, each through its own keyframes.

    Attributes:
        points: float32 `(keys, dim)`.
        tangents: float32 `(keys, dim)`, per unit of knot.
        gaps: float64 `(keys,)`, knots from each key to the next.
        following: `(keys,)`, the key after each key.
        spherical: whether the curve runs on the sphere of radius sqrt(dim).
    """

    points: FloatArray
    tangents: FloatArray
    gaps: Floats
    following: Indices
    spherical: bool

    def __len__(self) -> int:
        return len(self.points)

    def at(self, segment: Indices, local: Floats) -> Floats:
        """Places on the curve: float64 `(n, dim)`.

        Args:
            segment: `(n,)`, the key before each place.
            local: `(n,)` in [0, 1], how far towards the following key.
        """
        after = self.following[segment]
        t, gap = local[:, None], self.gaps[segment][:, None]
        rest = 1.0 - t
        place = (rest * rest * (1.0 + 2.0 * t)) * self.points[segment]
        place += (t * t * (3.0 - 2.0 * t)) * self.points[after]
        place += (t * rest * rest * gap) * self.tangents[segment]
        place -= (t * t * rest * gap) * self.tangents[after]
        return to_sphere(place) if self.spherical else place


@dataclass(frozen=True, slots=True, eq=False)
class ArcTable:
    """How far along one closed curve each place lies.

    Attributes:
        first: number of the curve's first key.
        keys: how many keys it has.
        length: float64 `(keys * SAMPLES + 1,)`, arc length at evenly spaced parameters.
    """

    first: int
    keys: int
    length: Floats

    @property
    def total(self) -> float:
        return float(self.length[-1])

    @property
    def at_keys(self) -> Floats:
        """Arc length at each key, and at the first again: `(keys + 1,)`."""
        return self.length[::SAMPLES]

    def locate(self, arc: Floats) -> tuple[Indices, Floats]:
        """Segment and local parameter of each arc length; goes round after `total`."""
        if self.total == 0:
            return np.full(len(arc), self.first), np.zeros(len(arc))
        grid = np.arange(len(self.length)) / SAMPLES
        u = np.interp(np.mod(arc, self.total), self.length, grid)
        key = np.minimum(u.astype(np.int64), self.keys - 1)
        return self.first + key, u - key


def closed_spline(rings: Sequence[FloatArray], *, spherical: bool) -> Spline:
    """Curves through each ring of keyframes and back to its first.

    Centripetal knots (Yuksel, Schaefer & Keyser 2011) neither loop nor overshoot.

    Args:
        rings: arrays `(keys, dim)`; one key is a place where the curve stays.
        spherical: run on the sphere of radius sqrt(dim).
    """
    points = [to_sphere(r.astype(np.float64)) if spherical else r for r in rings]
    shaped = [tangents(np.asarray(p, dtype=np.float64)) for p in points]
    starts = np.cumsum([0, *(len(r) for r in rings)])[:-1]
    following = [
        s + (np.arange(len(r)) + 1) % len(r) for s, r in zip(starts, rings, strict=True)
    ]
    return Spline(
        points=np.concatenate(points).astype(np.float32),
        tangents=np.concatenate([m for m, _ in shaped]).astype(np.float32),
        gaps=np.concatenate([g for _, g in shaped]),
        following=np.concatenate(following).astype(np.int64),
        spherical=spherical,
    )


def tangents(ring: Floats) -> tuple[Floats, Floats]:
    """Tangents and knot gaps of a closed Catmull-Rom curve (Barry & Goldman 1988)."""
    ahead = np.roll(ring, -1, axis=0) - ring
    gap = np.sqrt(np.sqrt((ahead * ahead).sum(axis=-1)))
    gap = np.maximum(gap, 1e-6)  # keys that coincide: a short pause instead of 0/0
    behind, gap_behind = np.roll(ahead, 1, axis=0), np.roll(gap, 1)
    g, g0 = gap[:, None], gap_behind[:, None]
    return behind / g0 - (behind + ahead) / (g0 + g) + ahead / g, gap


def arc_table(spline: Spline, *, first: int, keys: int) -> ArcTable:
    """Measure the curve whose keys are `first` to `first + keys - 1`."""
    t = np.arange(SAMPLES + 1) / SAMPLES
    steps: list[Floats] = []
    for begin in range(first, first + keys, CHUNK):
        segments = np.arange(begin, min(begin + CHUNK, first + keys))
        places = spline.at(np.repeat(segments, len(t)), np.tile(t, len(segments)))
        step = np.diff(places.reshape(len(segments), len(t), -1), axis=1)
        steps.append(np.sqrt((step * step).sum(axis=-1)).ravel())
    length = np.concatenate([[0.0], np.cumsum(np.concatenate(steps))])
    return ArcTable(first=first, keys=keys, length=length)
