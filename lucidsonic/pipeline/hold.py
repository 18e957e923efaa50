"""Held frames: the look of animation drawn at 8 to 15 pictures a second."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from lucidsonic.types import Controls, Trajectory


@dataclass(frozen=True, slots=True)
class HeldTrajectory:
    """A trajectory that stands still between the frames of a slower rate.

    Attributes:
        inner: the path that is held.
        fps: the film's rate.
        hold_fps: how often the picture may change a second.
    """

    inner: Trajectory
    fps: Fraction
    hold_fps: float

    def __len__(self) -> int:
        return len(self.inner)

    def at(self, start: int, stop: int) -> Controls:
        """Controls for frames start to stop - 1, each those of the last picture drawn."""
        held = self.drawn(np.arange(start, stop))
        first = int(held[0])
        inner = self.inner.at(first, int(held[-1]) + 1)
        rows = held - first
        return Controls(
            latent=inner.latent[rows],
            condition=None if inner.condition is None else inner.condition[rows],
            truncation=inner.truncation[rows],
            noise_phase=inner.noise_phase[rows],
            noise_mix=inner.noise_mix[rows],
            gains=inner.gains[rows],
            transform=inner.transform[rows],
            time_s=inner.time_s[rows],
        )

    def drawn(self, frames: np.ndarray) -> np.ndarray:
        """The frame whose picture each frame shows: the first one of its held stretch."""
        per_picture = max(float(self.fps) / self.hold_fps, 1.0)
        picture = np.floor((frames + 1e-9) / per_picture)
        return np.minimum(np.ceil(picture * per_picture - 1e-9).astype(int), frames)
