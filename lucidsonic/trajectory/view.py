"""Loudness, tension and hits -> truncation, noise, layer gains and the view."""

from dataclasses import dataclass

import numpy as np

from lucidsonic.trajectory.course import Course
from lucidsonic.trajectory.layers import Push
from lucidsonic.trajectory.score import Floats, Score, curve, running_total
from lucidsonic.types import FloatArray

CLOCK_HZ = 0.05  # turns a second of the slow noise and the view at middle loudness
GAIN_SWING, STIR_GAIN = 0.3, 0.4  # of sections and harmony; of hats
PAN, TURN, ZOOM, PUNCH = (0.04, 0.03), 0.008, 0.06, 0.05  # at transform_react 1
SECTION_S = 1.0  # how softly a section's energy sets in


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What the controls beside the latent follow.

    Attributes:
        truncation: float32 `(frames,)`.
        noise_phase: float32 `(frames,)` in [0, 1), turns.
        gains: float32 `(frames, 3)`, before the hits.
        transform: float32 `(frames, 4)`, before the hits.
        stir_noise: how much a full stir of the hits shows in the noise.
        stir_fine: how much it lifts the fine layers.
        punch_zoom: how much a full punch zooms.
    """

    truncation: FloatArray
    noise_phase: FloatArray
    gains: FloatArray
    transform: FloatArray
    stir_noise: float
    stir_fine: float
    punch_zoom: float

    def noise_mix_at(self, start: int, stop: int, push: Push) -> FloatArray:
        """How much the fast noise shows: float32 `(stop - start,)` in [0, 1]."""
        return np.clip(self.stir_noise * push.stir, 0.0, 1.0).astype(np.float32)

    def gains_at(self, start: int, stop: int, push: Push) -> FloatArray:
        """Layer gains of some frames: float32 `(stop - start, 3)`."""
        gains = self.gains[start:stop].copy()
        gains[:, 2] *= 1.0 + self.stir_fine * np.minimum(push.stir, 1.0)
        return gains

    def transform_at(self, start: int, stop: int, push: Push) -> FloatArray:
        """Pan, rotation and zoom of some frames: float32 `(stop - start, 4)`."""
        transform = self.transform[start:stop].copy()
        transform[:, 3] *= 1.0 + self.punch_zoom * np.minimum(push.punch, 1.5)
        return transform


def plan_view(course: Course) -> View:
    """Everything but latents and conditions."""
    options, view = course.options, course.intensity.view
    turns = clock(course)
    moves = options.transform_react * view * course.capabilities.has_transform
    return View(
        truncation=truncation(course),
        noise_phase=np.mod(np.mod(turns, 1.0).astype(np.float32), 1.0),  # .99999999 rounds to 1
        gains=slow_gains(course),
        transform=slow_transform(course.score, turns, moves),
        stir_noise=options.noise_react * view,
        stir_fine=STIR_GAIN * options.gain_react * view,
        punch_zoom=PUNCH * moves,
    )


def clock(course: Course) -> Floats:
    """Turns of the slow clock, which stands in silence: float64 `(frames,)`.

    In a loop it makes whole turns.
    """
    turns = running_total(CLOCK_HZ * course.intensity.speed * course.pace(), course.score.fps)
    if course.options.loop and turns[-1] > 0:
        turns = turns * (max(1, round(turns[-1])) / turns[-1])
    return turns[:-1]


def truncation(course: Course) -> FloatArray:
    """Psi = clip(.7 + .15 (E - .5), .5, .9), scaled: louder is bolder; `(frames,)`.

    A build draws towards the mean picture, a drop throws away from it.
    """
    options, score, view = course.options, course.score, course.intensity.view
    psi = 0.7 + 0.15 * options.truncation_react * view * (score.energy - 0.5)
    psi += options.drop_react * view * (0.12 * score.release - 0.08 * score.tension)
    return (options.truncation * np.clip(psi, 0.5, 0.9)).astype(np.float32)


def slow_gains(course: Course) -> FloatArray:
    """Coarse layers follow sections, middle ones harmony: float32 `(frames, 3)`."""
    options, score = course.options, course.score
    swing = GAIN_SWING * options.gain_react * course.intensity.view
    gains = np.ones((score.frames, 3))
    gains[:, 0] += swing * (section_energy(score) - 0.5)
    gains[:, 1] += swing * (
        score.smooth(curve(course.features, "harmonic", score.frames), 0.5) - 0.5
    )
    return np.maximum(gains * options.layer_gains, 0.0).astype(np.float32)


def section_energy(score: Score) -> Floats:
    """Energy of the section that each frame lies in, softly changing: `(frames,)`."""
    firsts = np.array([first for first, _, _ in score.sections])
    levels = np.array([energy for _, _, energy in score.sections])
    number = np.searchsorted(firsts, np.arange(score.frames), side="right") - 1
    return score.smooth(levels[number], SECTION_S)


def slow_transform(score: Score, turns: Floats, moves: float) -> FloatArray:
    """The view sways on a slow figure of eight and leans in with loudness and tension.

    Args:
        score: the song.
        turns: `(frames,)`, the slow clock.
        moves: how much.

    Returns:
        float32 `(frames, 4)`: pan x, pan y, rotation in turns, zoom.
    """
    angle = 2.0 * np.pi * turns
    sway = np.stack(
        [
            moves * PAN[0] * np.sin(angle),
            moves * PAN[1] * np.sin(2.0 * angle),
            moves * TURN * np.sin(angle),
            1.0 + moves * ZOOM * (score.tension + score.energy - 0.5),
        ],
        axis=1,
    )
    return sway.astype(np.float32)
