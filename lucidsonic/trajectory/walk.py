"""Where on the keyframes each frame lies, before any hit pushes it."""

from dataclasses import dataclass

import numpy as np

from lucidsonic.trajectory.geometry import slerp
from lucidsonic.trajectory.score import Floats, Indices
from lucidsonic.trajectory.spline import Spline

MOST_KEYS = 512  # then a walk goes round again


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """Frame by frame: a place on the spline, and how far it has left it for another key.

    Attributes:
        spline: the curves.
        segment: `(frames,)`, key before the place.
        local: float64 `(frames,)` in [0, 1], how far towards the next key.
        target: `(frames,)`, key that it is on the way to.
        blend: float64 `(frames,)` in [0, 1], how far on that way.
    """

    spline: Spline
    segment: Indices
    local: Floats
    target: Indices
    blend: Floats

    def at(self, start: int, stop: int) -> Floats:
        """Places of some frames: float64 `(stop - start, dim)`."""
        part = slice(start, stop)
        place = self.spline.at(self.segment[part], self.local[part])
        blend = self.blend[part]
        if not blend.any():
            return place
        goal = self.spline.points[self.target[part]].astype(np.float64)
        if self.spline.spherical:
            moved = slerp(place, goal, blend)
        else:
            moved = place + blend[:, None] * (goal - place)
        return np.where((blend > 0)[:, None], moved, place)


def standing(spline: Spline, frames: int) -> Walk:
    """The walk that stays at key 0; its arrays are its own, to be filled."""
    none = np.zeros(frames, dtype=np.int64)
    return Walk(spline, none, np.zeros(frames), none.copy(), np.zeros(frames))
