"""Chroma -> class weights: which pitches show which classes, and how much."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lucidsonic.errors import ConfigError, UnknownNameError
from lucidsonic.trajectory.chance import draws
from lucidsonic.trajectory.easing import fit, smoothstep
from lucidsonic.trajectory.options import Options
from lucidsonic.trajectory.score import Indices, Score, to_frames
from lucidsonic.types import Capabilities, Features, FloatArray

PITCHES = 12


@dataclass(frozen=True, slots=True, eq=False)
class ClassMix:
    """Class weights of every frame, kept as what the twelve pitches weigh.

    Attributes:
        pitches: float32 `(frames, 12)`, adding up to 1.
        chosen: `(shuffles + 1, 12)`, the class of each pitch after each shuffle.
        shuffle: `(frames,)`, shuffles before each frame.
        share: float32 `(frames,)` in [0, 1], how far the last shuffle has gone.
        c_dim: classes of the generator.
    """

    pitches: FloatArray
    chosen: Indices
    shuffle: Indices
    share: FloatArray
    c_dim: int

    def at(self, start: int, stop: int) -> FloatArray:
        """Weights of some frames: float32 `(stop - start, c_dim)`, each row adding up to 1."""
        part = slice(start, stop)
        after, share = self.shuffle[part], self.share[part].astype(np.float64)
        before = np.maximum(after - 1, 0)
        rows = np.arange(stop - start)
        total = np.zeros((stop - start, self.c_dim))
        for pitch in range(PITCHES):
            weight = self.pitches[part, pitch].astype(np.float64)
            total[rows, self.chosen[before, pitch]] += weight * (1.0 - share)
            total[rows, self.chosen[after, pitch]] += weight * share
        return (total / total.sum(axis=1, keepdims=True)).astype(np.float32)


def class_mix(
    features: Features, score: Score, capabilities: Capabilities, *, options: Options, seed: int
) -> ClassMix:
    """What the pitches of a song make of a generator's classes.

    Args:
        features: the song, or the stem that the classes listen to.
        score: the film's length and rate.
        capabilities: the generator's classes.
        options: the `class_...` controls.
        seed: the film's seed.

    Raises:
        UnknownNameError: a class name that the generator has not.
        ConfigError: a class number that the generator has not.
    """
    chroma = fit(features.chroma, score.frames)
    classes = choose(capabilities, options.classes, seed=seed)
    seats = np.arange(PITCHES)
    if options.dominant_classes_first:
        commonest = np.argsort(-chroma.mean(axis=0), kind="stable")
        seats[commonest] = np.arange(PITCHES)
    times = shuffle_frames(options, score)
    shuffle = np.searchsorted(times, np.arange(score.frames), side="right")
    since = np.arange(score.frames) - np.concatenate([[0], times])[shuffle] + 1
    fade = max(1.0, options.class_smooth_seconds * score.fps)
    fade = min(fade, float(np.diff(times).min(initial=score.frames)))  # done before the next
    share = np.where(shuffle == 0, 1.0, smoothstep(since / fade))
    return ClassMix(
        pitches=pitch_weights(chroma, score, options),
        chosen=shuffled(
            classes, len(times), strength=options.class_shuffle_strength, seed=seed
        )[:, seats],
        shuffle=shuffle,
        share=share.astype(np.float32),
        c_dim=capabilities.c_dim,
    )


def choose(
    capabilities: Capabilities, wanted: Sequence[int | str] | None, *, seed: int
) -> Indices:
    """Class numbers in their order; without a wish up to twelve by chance."""
    if wanted is None:
        order = np.argsort(draws(capabilities.c_dim, seed=seed, stream="classes"))
        return order[: min(PITCHES, capabilities.c_dim)]
    return np.array([class_number(capabilities, name) for name in wanted])


def class_number(capabilities: Capabilities, name: int | str) -> int:
    """The number of a class, from its number or name."""
    if isinstance(name, str) and not name.isdecimal():
        if name not in capabilities.class_names:
            raise UnknownNameError("class", name, capabilities.class_names)
        return capabilities.class_names.index(name)
    if not 0 <= int(name) < capabilities.c_dim:
        raise ConfigError(
            f"There is no class {name}.",
            hint=f"This model's classes are 0 to {capabilities.c_dim - 1}.",
        )
    return int(name)


def pitch_weights(
    chroma: npt.NDArray[np.floating], score: Score, options: Options
) -> FloatArray:
    """How much each pitch shows: float32 `(frames, 12)`, adding up to 1.

    A song without any pitch shows the first class.
    """
    level = chroma.sum(axis=1, keepdims=True)
    mean = chroma.sum(axis=0, dtype=np.float64)
    mean = mean / mean.sum() if mean.sum() > 0 else np.eye(PITCHES)[0]
    mean = mean.astype(np.float32)
    heard = np.where(level > 0, chroma / np.where(level > 0, level, 1), mean)
    reacted = np.maximum(mean + options.class_pitch_react * (heard - mean), 0)
    sharp = sharpen(reacted, options.class_complexity)
    sigma_s = options.class_smooth_seconds / 4.0  # a change takes about the seconds asked for
    for column in sharp.T:  # one by one: an hour of all twelve at once is large
        column[:] = np.maximum(score.smooth(column, sigma_s), 0)
    return sharp / sharp.sum(axis=1, keepdims=True)


def sharpen(weights: FloatArray, complexity: float) -> FloatArray:
    """From the weights as they are (1) to the greatest alone (0)."""
    relative = weights / weights.max(axis=1, keepdims=True)
    if complexity == 0.0:
        return np.eye(PITCHES, dtype=np.float32)[relative.argmax(axis=1)]
    powered = relative ** (1.0 / complexity)
    return powered / powered.sum(axis=1, keepdims=True)


def shuffle_frames(options: Options, score: Score) -> Indices:
    """Frames at which classes are shuffled, ascending."""
    times = options.class_shuffle_seconds
    if times is None:
        return np.zeros(0, dtype=np.int64)
    if not isinstance(times, tuple):
        times = np.arange(1, int(score.frames / score.fps / times) + 1) * times
    return np.unique(np.clip(to_frames(np.array(times), score.fps), 0, None))


def shuffled(classes: Indices, times: int, *, strength: float, seed: int) -> Indices:
    """The class of each seat after 0, 1, 2, ... shuffles: `(times + 1, 12)`.

    A seat takes part in a shuffle with the chance `strength`; those that do go round.
    """
    order = np.arange(max(len(classes), PITCHES)) % len(classes)
    luck = draws(2 * times * len(order), seed=seed, stream="shuffle")
    seats = [order[:PITCHES]]
    for chance, rank in luck.reshape(times, 2, len(order)):
        moved = np.flatnonzero(chance < strength)
        moved = moved[np.argsort(rank[moved])]
        order = order.copy()
        order[moved] = np.roll(order[moved], 1)
        seats.append(order[:PITCHES])
    return classes[np.array(seats)]
