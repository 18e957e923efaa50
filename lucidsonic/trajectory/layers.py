"""Hits, chords and motion -> how far each group of layers is pushed off the walk."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lucidsonic.trajectory.chance import draws
from lucidsonic.trajectory.course import Course
from lucidsonic.trajectory.easing import fit, smoothstep
from lucidsonic.trajectory.impulses import Train, impulse_kernel, impulse_train
from lucidsonic.trajectory.score import Floats, curve, running_total, to_frames
from lucidsonic.types import FloatArray, Onsets

ROWS = 8  # directions: kick, snare or note, hat, three of harmony, two of wandering
NOTE, HARMONY, WANDER = 1, slice(3, 6), slice(6, 8)
PULSE_UNIT = 1.5  # directions that a full hit pushes at pulse_react 1
HARMONY_UNIT = 1.0  # the same for a clear chord at harmony_react 1
CLEAR = 0.15  # tonnetz of a chord under drums and voices; a chord alone has up to .9
HARMONY_S = 0.2  # standard deviation; chords bend, they do not hit
WANDER_UNIT = 1.2  # reach of the wandering at motion_randomness 1
WANDER_KEYS = 0.5  # keyframes of motion from one turn of the wandering to the next
HOP_DECAY_MS, DRIFT_DECAY_MS = 80.0, 200.0


@dataclass(frozen=True, slots=True)
class Band:
    """What hits of one band do.

    Attributes:
        row: their own direction.
        layers: their weight in coarse, middle and fine layers.
        whole: their weight where layers are not told apart.
        fall: factor on the decay.
        stir: how much they stir the noise and lift fine layers.
        punch: how much they push the view.
    """

    row: int
    layers: tuple[float, float, float]
    whole: float
    fall: float
    stir: float
    punch: float


# Brouwer (2020): low sounds move coarse layers, chords the middle ones, treble the fine ones.
BANDS: Mapping[str, Band] = {
    "kick": Band(0, (1.0, 0.35, 0.0), whole=1.0, fall=1.0, stir=0.2, punch=1.0),
    "snare": Band(1, (0.45, 0.8, 0.3), whole=0.8, fall=1.0, stir=0.7, punch=0.4),
    "hat": Band(2, (0.0, 0.15, 1.0), whole=0.25, fall=0.5, stir=0.8, punch=0.0),
}
OTHER = Band(1, (0.4, 0.8, 0.2), whole=0.7, fall=1.0, stir=0.4, punch=0.4)
STEADY_LAYERS = np.array([[0.2, 1.0, 0.3]] * 6 + [[1.0, 0.8, 0.5]] * 2)  # (ROWS, 3)
STEADY_WHOLE = np.array([[0.6]] * 6 + [[0.8]] * 2)  # (ROWS, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Push:
    """How far some frames are pushed.

    Attributes:
        shares: float64 `(frames, groups, ROWS)`, in directions.
        stir: float64 `(frames,)`, not below 0; how much the hits stir the fine parts.
        punch: float64 `(frames,)`, not below 0; how much the kicks push the view.
    """

    shares: Floats
    stir: Floats
    punch: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Pushes:
    """Every push of a film.

    Attributes:
        trains: the hits, one train for each band.
        steady: float32 `(frames, ROWS)`, notes, chords and wandering.
        reach: float64 `(groups, ROWS)`, how much of the steady rows each group takes.
    """

    trains: tuple[Train, ...]
    steady: FloatArray
    reach: Floats

    def at(self, start: int, stop: int) -> Push:
        """The pushes of some frames."""
        total = np.zeros((stop - start, self.reach.size + 2))
        for train in self.trains:
            total += train.sum(start, stop)
        shares = total[:, :-2].reshape(-1, *self.reach.shape)
        shares = shares + self.steady[start:stop, None, :] * self.reach
        return Push(shares, total[:, -2], total[:, -1])


def plan_pushes(course: Course) -> Pushes:
    """Everything that pushes the picture off its walk."""
    gains = np.array(course.options.layer_gains)
    layered = course.capabilities.groups == len(gains)
    reach = (STEADY_LAYERS * gains).T if layered else (STEADY_WHOLE * gains.mean()).T
    onsets = course.pulse.onsets
    trains = (
        hit_train(course, name, onsets[name], part=i) for i, name in enumerate(sorted(onsets))
    )
    steady = np.zeros((course.score.frames, ROWS), dtype=np.float32)
    if not course.hopping:  # whoever hops is exactly still between hits
        steady[:, NOTE] = notes(course)
        steady[:, HARMONY] = chords(course)
        steady[:, WANDER] = wandering(course)
    return Pushes(tuple(trains), steady, reach)


def hit_train(course: Course, name: str, onsets: Onsets, *, part: int) -> Train:
    """The hits of one band; each throws the picture along the band's way and a chance one."""
    options, score, band = course.options, course.score, BANDS.get(name, OTHER)
    hits, chance = len(onsets.times_s), options.motion_randomness
    luck = draws(2 * hits, seed=course.seed, stream="hits", part=part).reshape(hits, 2)
    shares = np.zeros((hits, ROWS))
    shares[:, band.row] = np.sqrt(1.0 - chance * chance)
    other = (luck[:, 0] * ROWS).astype(np.int64)
    shares[np.arange(hits), other] += chance * np.where(luck[:, 1] < 0.5, -1.0, 1.0)
    react = options.pulse_react * course.intensity.pulse * options.pulse_percussive
    strength = onsets.strength.astype(np.float64)[:, None]
    throw = PULSE_UNIT * react * strength * shares
    columns = [throw * weight for weight in layer_weights(course, band)]
    columns += [strength * band.stir, strength * band.punch]
    decay_ms = options.decay_ms or (HOP_DECAY_MS if course.hopping else DRIFT_DECAY_MS)
    return impulse_train(
        to_frames(onsets.times_s, score.fps),
        np.concatenate(columns, axis=1),
        impulse_kernel(
            fps=score.fps, attack_ms=options.attack_ms, decay_ms=decay_ms * band.fall
        ),
        length=score.frames,
        wrap=score.wrap,
    )


def layer_weights(course: Course, band: Band) -> Floats:
    """How much each group of layers takes of a band: `(groups,)`."""
    gains = np.array(course.options.layer_gains)
    if course.capabilities.groups == len(gains):
        return np.array(band.layers) * gains
    return np.array([band.whole]) * gains.mean()


def notes(course: Course) -> Floats:
    """The pulse of notes and chords: `(frames,)`, in directions."""
    options, frames = course.options, course.score.frames
    if not options.pulse_harmonic:
        return np.zeros(frames)
    react = PULSE_UNIT * options.pulse_react * course.intensity.pulse
    return react * curve(course.pulse, "harmonic", frames) * course.score.gate


def chords(course: Course) -> Floats:
    """Where the harmony bends the picture: `(frames, 3)`, in directions.

    The three circles of the tonnetz (fifths, minor and major thirds; Harte, Sandler & Gasser
    2006) each have a direction, so a chord that returns brings its bend back.
    """
    score = course.score
    tonnetz = fit(course.features.tonnetz, score.frames)
    loud = curve(course.features, "harmonic", score.frames) * score.gate
    level = smoothstep(score.smooth(loud, HARMONY_S) / 0.3)
    circles = (tonnetz[:, 0::2] + tonnetz[:, 1::2]) / np.sqrt(2.0)
    react = HARMONY_UNIT * course.options.harmony_react * course.intensity.motion
    bend = score.smooth(circles, HARMONY_S)
    return react * level[:, None] * bend / np.sqrt(bend * bend + CLEAR * CLEAR)


def wandering(course: Course) -> Floats:
    """The part of the motion that leaves the path: `(frames, 2)`, in directions.

    A smooth random curve that only the music moves along. It starts at 0 and stays within
    its reach, however long the song.
    """
    options = course.options
    way = running_total(course.motion_rate(), course.score.fps) / WANDER_KEYS
    turns = max(1, int(np.ceil(way[-1])))
    if options.loop and way[-1] > 0:
        way = way * (turns / way[-1])
    luck = draws(2 * (turns + 2), seed=course.seed, stream="wander").reshape(-1, 2)
    knots = (2.0 * luck - 1.0) * np.arange(turns + 2).clip(0, 1)[:, None]
    if options.loop:
        knots[turns:] = 0.0
    number = np.minimum(way[:-1].astype(np.int64), turns)
    x = smoothstep(way[:-1] - number)[:, None]
    reach = WANDER_UNIT * options.motion_randomness * course.intensity.motion
    return reach * ((1.0 - x) * knots[number] + x * knots[number + 1])
