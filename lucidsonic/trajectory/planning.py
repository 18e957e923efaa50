"""Features and capabilities -> the path of a film."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lucidsonic.errors import ConfigError
from lucidsonic.trajectory.classes import ClassMix, class_mix
from lucidsonic.trajectory.course import Course, Keyframes
from lucidsonic.trajectory.drift import by_marks, by_seconds, by_sections
from lucidsonic.trajectory.emotion import emotion
from lucidsonic.trajectory.geometry import to_sphere
from lucidsonic.trajectory.hops import by_hops
from lucidsonic.trajectory.latents import ZToPlaces, read_latents
from lucidsonic.trajectory.layers import ROWS, Push, Pushes, plan_pushes
from lucidsonic.trajectory.offset import delayed
from lucidsonic.trajectory.options import Options
from lucidsonic.trajectory.score import beat_marks, loudest_hits, read_score
from lucidsonic.trajectory.view import View, plan_view
from lucidsonic.trajectory.walk import Walk
from lucidsonic.types import Capabilities, Controls, Features, FloatArray, Trajectory

HOP_APART_S = 0.5  # closest hops in a song that has hits but no beat


@dataclass(frozen=True, slots=True, eq=False)
class PlannedTrajectory:
    """A film's path: tables of numbers for each frame, and latents made when asked for.

    Attributes:
        walk: where on the keyframes each frame lies.
        pushes: how far it is pushed.
        directions: float32 `(ROWS, dim)`, whereto.
        view: everything beside latent and condition.
        classes: class weights, for generators with classes.
        feelings: float32 `(frames, 2)`, valence and arousal, for generators that feel.
        groups: latents a frame.
        fps: frames per second.
    """

    walk: Walk
    pushes: Pushes
    directions: FloatArray
    view: View
    classes: ClassMix | None
    feelings: FloatArray | None
    groups: int
    fps: float

    def __len__(self) -> int:
        return len(self.walk.local)

    def at(self, start: int, stop: int) -> Controls:
        """Controls for frames start to stop - 1; the same whatever range they are asked in.

        Raises:
            IndexError: a frame that the film has not.
        """
        if not 0 <= start <= stop <= len(self):
            raise IndexError(f"Frames {start} to {stop} of a film of {len(self)}.")
        push = self.pushes.at(start, stop)
        return Controls(
            latent=self._latent(start, stop, push),
            condition=self._condition(start, stop),
            truncation=self.view.truncation[start:stop],
            noise_phase=self.view.noise_phase[start:stop],
            noise_mix=self.view.noise_mix_at(start, stop, push),
            gains=self.view.gains_at(start, stop, push),
            transform=self.view.transform_at(start, stop, push),
            time_s=(np.arange(start, stop) / self.fps).astype(np.float32),
        )

    def _latent(self, start: int, stop: int, push: Push) -> FloatArray:
        place = self.walk.at(start, stop)
        latent = np.repeat(place[:, None, :], self.groups, axis=1)
        for row in range(ROWS):  # one after the other: a matrix product may round by batch size
            latent += push.shares[:, :, row, None] * self.directions[row]
        if self.walk.spline.spherical:
            latent = to_sphere(latent)
        return latent.astype(np.float32)

    def _condition(self, start: int, stop: int) -> FloatArray | None:
        if self.classes is not None:
            return self.classes.at(start, stop)
        return None if self.feelings is None else self.feelings[start:stop]


def plan_trajectory(  # noqa: PLR0913 - two inputs, one generator's two maps, three stems
    features: Features,
    capabilities: Capabilities,
    *,
    keyframes: Keyframes,
    directions: Callable[..., FloatArray],
    options: Options,
    seed: int,
    from_z: ZToPlaces | None = None,
    pulse: Features | None = None,
    motion: Features | None = None,
    classes: Features | None = None,
) -> Trajectory:
    """The path of a film through a generator's space.

    Args:
        features: the song.
        capabilities: what the generator can be driven by.
        keyframes: seeds -> float32 `(seeds, dim)`, places in its walk space.
        directions: called `directions(count, seed=...)` -> float32 `(count, dim)`, ways in
            which a hit may push the picture, each as long as a clear change.
        options: how the music moves the picture.
        seed: same song, options and seed: same path.
        from_z: z -> places in the walk space, for keyframes that a person saved as z; None
            where the walk is in z, or where w depends on more.
        pulse: what the pulse listens to, if not the song.
        motion: what the motion listens to, if not the song.
        classes: what the classes listen to, if not the song.

    Returns:
        A trajectory of `len(features)` frames.

    Raises:
        UnknownNameError: a class name that the generator has not.
        ConfigError: a class number that the generator has not, or a `latents_file` that
            does not fit it.
    """
    late_s = options.offset_ms / 1000
    pulse, motion = delayed(pulse or features, late_s), delayed(motion or features, late_s)
    classes, features = delayed(classes or features, late_s), delayed(features, late_s)
    course = Course(
        features=features,
        pulse=pulse,
        motion=motion,
        classes=classes,
        score=read_score(features, wrap=options.loop),
        options=options,
        capabilities=capabilities,
        keyframes=keyframes,
        own=own_keyframes(options, capabilities, keyframes, from_z),
        hopping=options.motion == "hop" or (options.motion == "auto" and capabilities.anchored),
        seed=seed,
    )
    return PlannedTrajectory(
        walk=plan_walk(course),
        pushes=plan_pushes(course),
        directions=directions(ROWS, seed=seed).astype(np.float32),
        view=plan_view(course),
        classes=plan_classes(course),
        feelings=emotion(features, course.score, options)
        if capabilities.condition == "va"
        else None,
        groups=capabilities.groups,
        fps=float(features.fps),
    )


def own_keyframes(
    options: Options,
    capabilities: Capabilities,
    keyframes: Keyframes,
    from_z: ZToPlaces | None,
) -> FloatArray | None:
    """The keyframes that the person chose, if any.

    Raises:
        ConfigError: they were chosen twice, or the file does not hold any.
    """
    if options.latents_file is not None and options.latents:
        raise ConfigError(
            "Both latents and a latents file were given.", hint="Give one of them."
        )
    if options.latents_file is not None:
        return read_latents(options.latents_file, capabilities, from_z=from_z)
    return keyframes(options.latents) if options.latents else None


def plan_walk(course: Course) -> Walk:
    """The walk that the options ask for and the song allows."""
    kind, every = keyframes_on(course), course.options.keyframe_every
    features, score = course.features, course.score
    if kind in ("beats", "bars") or course.hopping:
        marks = beat_marks(features, score, bars=kind == "bars", every=every)
        if course.hopping:
            if len(marks) == 0:
                marks = loudest_hits(features, score, apart_s=HOP_APART_S)
            return by_hops(course, marks)
        if len(marks):
            return by_marks(course, marks)
    return by_sections(course) if kind == "sections" else by_seconds(course)


def keyframes_on(course: Course) -> str:
    """What brings the next keyframe, where the options leave it open."""
    options = course.options
    if options.keyframes_on != "auto":
        return options.keyframes_on
    if course.hopping:
        return "beats"
    return "sections" if len(course.score.sections) > 1 and course.own is None else "seconds"


def plan_classes(course: Course) -> ClassMix | None:
    """Class weights, for generators with classes."""
    if course.capabilities.condition != "class":
        return None
    return class_mix(
        course.classes,
        course.score,
        course.capabilities,
        options=course.options,
        seed=course.seed,
    )
