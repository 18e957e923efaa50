"""What every part of the steering is made from: song, options, the generator's space."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lucidsonic.trajectory.chance import seeds
from lucidsonic.trajectory.options import INTENSITIES, Intensity, Options
from lucidsonic.trajectory.score import Floats, Score, curve
from lucidsonic.types import Capabilities, Features, FloatArray

Keyframes = Callable[[Sequence[int]], FloatArray]

REST, LIFT = 0.4, 1.2  # speed = v0 (.4 + 1.2 E): at middle loudness it is v0
MOTION_FPM = 24.0  # keyframes a minute that full motion adds at motion_react 1
MOTION_S = 0.1  # notes move the picture smoothly; drums at once


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """Everything a film's path is planned from.

    Attributes:
        features: the song.
        pulse: what the pulse listens to; the song or a stem.
        motion: what the motion listens to.
        classes: what the classes listen to.
        score: the song as the steering reads it.
        options: how to move.
        capabilities: what may be driven.
        keyframes: the generator's place for each seed.
        own: float32 `(keys, dim)`, the person's own keyframes, or None.
        hopping: still between leaps, instead of drifting.
        seed: the film's seed.
    """

    features: Features
    pulse: Features
    motion: Features
    classes: Features
    score: Score
    options: Options
    capabilities: Capabilities
    keyframes: Keyframes
    own: FloatArray | None
    hopping: bool
    seed: int

    @property
    def intensity(self) -> Intensity:
        return INTENSITIES[self.options.intensity]

    def ring(self, keys: int, *, part: int = 0) -> FloatArray:
        """Keyframes of a closed curve: the person's own, from another one on for each part."""
        if self.own is not None:
            return np.roll(self.own, -part, axis=0)
        return self.keyframes(seeds(keys, seed=self.seed, part=part))

    def pace(self) -> Floats:
        """How lively the song is: about 1 at middle loudness, 0 in silence; `(frames,)`.

        A build holds its breath, a drop lets go.
        """
        score, breath = self.score, self.options.drop_react * self.intensity.view
        held = np.clip(1.0 - 0.7 * breath * score.tension, 0.1, 1.0)
        return score.gate * (REST + LIFT * score.energy) * held * (1.0 + breath * score.release)

    def motion_rate(self) -> Floats:
        """Keyframes a second that the motion is worth: `(frames,)`."""
        options, frames = self.options, self.score.frames
        heard = np.zeros(frames)
        if options.motion_harmonic:
            heard += self.score.smooth(curve(self.motion, "harmonic", frames), MOTION_S)
        if options.motion_percussive:
            heard += curve(self.motion, "percussive", frames)
        react = options.motion_react * self.intensity.motion
        return react * MOTION_FPM / 60.0 * np.clip(heard, 0.0, 2.0) * self.score.gate

    def rate(self) -> Floats:
        """Keyframes a second of the walk: drift and motion along the path; `(frames,)`."""
        drift = self.options.speed_fpm / 60.0 * self.intensity.speed * self.pace()
        return drift + (1.0 - self.options.motion_randomness) * self.motion_rate()
