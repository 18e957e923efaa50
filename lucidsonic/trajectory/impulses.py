"""Hits -> impulses: a jump in the hit's own frame and a fall back to nothing."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lucidsonic.trajectory.easing import smoothstep

Floats = npt.NDArray[np.float64]
SUPPORT = 4  # time constants after which an impulse is exactly over


@dataclass(frozen=True, slots=True, eq=False)
class Train:
    """Hits of one kind.

    Attributes:
        frames: `(hits,)`, ascending; negative ones started before the film, in a loop.
        weights: float32 `(hits, columns)`, what each hit does at its height.
        kernel: float64 `(frames,)`, height of an impulse by its age in frames.
    """

    frames: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float32]
    kernel: Floats

    def sum(self, start: int, stop: int) -> Floats:
        """All impulses together over some frames: float64 `(stop - start, columns)`.

        Only the hits near these frames are added up, each frame's always in their order: an
        hour costs what a minute costs, and a frame is the same in every batch.
        """
        total = np.zeros((stop - start, self.weights.shape[1]))
        first = np.searchsorted(self.frames, start - len(self.kernel), side="right")
        last = np.searchsorted(self.frames, stop, side="left")
        for hit in range(first, last):
            frame = int(self.frames[hit])
            begin, end = max(frame, start), min(frame + len(self.kernel), stop)
            height = self.kernel[begin - frame : end - frame, None]
            total[begin - start : end - start] += height * self.weights[hit]
        return total


def impulse_kernel(*, fps: float, attack_ms: float, decay_ms: float) -> Floats:
    """Height of an impulse by its age in frames.

    A frame shows what is true at its end, so an attack shorter than a frame is complete in the
    hit's own frame: the picture is never late. The fall is exponential and ends after four time
    constants, so that a rest is a rest.

    Args:
        fps: frames per second.
        attack_ms: rise.
        decay_ms: time constant of the fall.
    """
    frame, attack, decay = 1.0 / fps, attack_ms / 1000.0, decay_ms / 1000.0
    peak = max(attack, frame)  # seconds after the hit's frame began
    age = np.arange(1, int((peak + SUPPORT * decay) * fps) + 2, dtype=np.float64) * frame
    rise = smoothstep(age / peak)
    floor = np.exp(-SUPPORT)
    fall = np.exp(-np.maximum(age - peak, 0.0) / decay)
    return rise * np.maximum(fall - floor, 0.0) / (1.0 - floor)


def impulse_train(
    frames: npt.NDArray[np.int64],
    weights: npt.NDArray[np.floating],
    kernel: Floats,
    *,
    length: int,
    wrap: bool,
) -> Train:
    """Hits of a film.

    Args:
        frames: `(hits,)`, frame of each hit; those outside the film are left out.
        weights: `(hits, columns)`.
        kernel: from `impulse_kernel`.
        length: frames of the film.
        wrap: hits near the end go on at the beginning.
    """
    inside = (frames >= 0) & (frames < length)
    frames, weights = frames[inside], weights[inside]
    if wrap:
        over = frames + len(kernel) > length
        frames = np.concatenate([frames[over] - length, frames])
        weights = np.concatenate([weights[over], weights])
    order = np.argsort(frames, kind="stable")
    return Train(frames[order], weights[order].astype(np.float32), kernel)
