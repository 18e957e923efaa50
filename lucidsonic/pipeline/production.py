"""A plan -> everything that it names, loaded: before the first frame is painted."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import torch

from lucidsonic.audio import open_song
from lucidsonic.effects import Custom, CustomFunction, bent_stages, build_chain
from lucidsonic.errors import AudioError, ConfigError
from lucidsonic.generators import Generator
from lucidsonic.pipeline.frames import Scene, choose_device, choose_dtype, told_memory
from lucidsonic.pipeline.hold import HeldTrajectory
from lucidsonic.pipeline.listen import Hearing, listen
from lucidsonic.pipeline.models import LoadedModel, adopt_generator, open_generator
from lucidsonic.pipeline.tell import Teller
from lucidsonic.plan import FilmTable, RenderPlan
from lucidsonic.timebase import (
    format_time,
    frames_to_seconds,
    seconds_to_frame,
    seconds_to_frames,
)
from lucidsonic.trajectory import delayed, plan_trajectory
from lucidsonic.types import Capabilities, FloatArray, Song

WIDE = Fraction(16, 9)
ASPECT_STEPS = 10_000  # how finely a wished shape is counted
CPU_PIXELS = 640 * 360  # what a resolution-free style paints a frame on a CPU by default


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """Python of a person's own that a plan file cannot hold.

    Attributes:
        generator: paints instead of the plan's style: a Generator, or a function
            `(z, classes) -> pictures` as `generators.callable` describes.
        effects: functions `(frames, amount) -> frames`, or `effects.Custom`, after the plan's.
    """

    generator: Any = None
    effects: tuple[CustomFunction | Custom, ...] = ()


NOTHING_OWN = Own()


@dataclass(frozen=True, slots=True)
class Production:
    """A plan with everything that it names loaded.

    Attributes:
        plan: the settings.
        hearing: the music.
        model: the generator and where it comes from.
        scene: what paints any frame.
        first: the film's first frame, counted in the whole song.
        last: one past its last frame.
        device: what the generator lies on.
    """

    plan: RenderPlan
    hearing: Hearing
    model: LoadedModel
    scene: Scene
    first: int
    last: int
    device: str

    @property
    def sound(self) -> Song:
        """The part of the song, or of the other file to be heard, that the film covers."""
        return heard_part(self.plan, self.hearing.song, self.first, self.last)


def heard_part(plan: RenderPlan, song: Song, first: int, last: int) -> Song:
    """What is heard while frames first to last - 1 of a song are seen.

    Raises:
        AudioError: the other file that is to be heard cannot be, or ends before.
    """
    start_s = frames_to_seconds(first, plan.film.fps)
    until_s = min(frames_to_seconds(last, plan.film.fps), song.duration_s)
    if plan.song.output_audio is not None:
        song = open_song(plan.song.output_audio)
        until_s = min(until_s, song.duration_s)
        if until_s <= start_s:
            end = format_time(song.duration_s)
            raise AudioError(
                f"'{song.path}' ends at {end}, before the film begins.",
                hint="--output-audio wants a file as long as the song.",
            )
    return replace(song, start_s=start_s, duration_s=until_s - start_s)


def prepare(plan: RenderPlan, teller: Teller, own: Own = NOTHING_OWN) -> Production:
    """Load the generator, hear the song, steer: everything before the first frame.

    What can be wrong is looked at first: to hear a long mix takes minutes.
    """
    device = choose_device(plan.model.device)
    song = open_song(plan.song.path)
    first, last = frame_range(plan, song)
    heard_part(plan, song, first, last)
    with teller.stage("load"):
        model = open_model(plan, device, teller, own)
    check_stages(bent_stages(plan.effects, own.effects), model.generator.capabilities)
    with teller.stage("listen"):
        hearing = listen(
            plan.song,
            plan.film.fps,
            song=song,
            emotion=plan.features.emotion,
            on_progress=teller.pass_on,
        )
    with teller.stage("steer"):
        scene = set_scene(plan, hearing, model, device, own)
    return Production(plan, hearing, model, scene, first, last, device)


def frame_range(plan: RenderPlan, song: Song) -> tuple[int, int]:
    """The film's frames, counted in the whole song.

    Raises:
        ConfigError: the part begins after the song has ended.
    """
    fps, total = plan.film.fps, song.frame_count(plan.film.fps)
    first = seconds_to_frame(plan.song.start, fps)
    if first >= total:
        raise ConfigError(
            f"--from {plan.song.start:g} s lies behind the song's end, {song.duration_s:.1f} s."
        )
    end = plan.song.end
    return first, total if end is None else min(
        total, max(first + 1, seconds_to_frames(end, fps))
    )


@told_memory("load the model")
def open_model(plan: RenderPlan, device: str, teller: Teller, own: Own) -> LoadedModel:
    """The generator of the plan's style, at the size it should paint."""
    if own.generator is not None:
        return adopt_generator(own.generator, options=plan.model.options, device=device)
    return open_generator(
        plan.model.style,
        device=device,
        options=plan.model.options,
        paint_size=paint_size(plan.film, device),
        on_progress=teller.pass_on,
    )


def set_scene(
    plan: RenderPlan,
    hearing: Hearing,
    model: LoadedModel,
    device: str,
    own: Own = NOTHING_OWN,
) -> Scene:
    """Who paints what, in which light."""
    generator, able = model.generator, model.generator.capabilities
    trajectory = plan_trajectory(
        hearing.features,
        able,
        keyframes=generator.keyframes,
        directions=generator.directions,
        options=plan.trajectory,
        seed=plan.seed,
        from_z=z_to_places(generator),
        pulse=hearing.roles["pulse"],
        motion=hearing.roles["motion"],
        classes=hearing.roles["class"],
    )
    if plan.film.hold_fps is not None:
        trajectory = HeldTrajectory(trajectory, plan.film.fps, plan.film.hold_fps)
    chain = build_chain(
        plan.effects,
        delayed(hearing.roles["effect"], plan.trajectory.offset_ms / 1000),
        seed=plan.seed,
        extra=own.effects,
    )
    return Scene(
        generator=generator,
        trajectory=trajectory,
        chain=chain,
        size=film_size(
            plan.film, None if able.resolution_free else wished_shape(plan, able.size)
        ),
        fit=plan.film.fit,
        resample=plan.film.resample,
        dtype=choose_dtype(plan.model.precision, device),
        guard=plan.film.flash_guard,
        fps=plan.film.fps,
    )


def check_stages(stages: Collection[int], able: Capabilities) -> None:
    """Complain about effects on feature maps that this generator has not.

    Raises:
        ConfigError: it has no such stage, or none.
    """
    if max(stages, default=-1) < len(able.stages):
        return
    if not able.stages:
        raise ConfigError(
            "This style has no feature maps that an effect with a stage could bend.",
            hint="StyleGAN2, StyleGAN3, R3GAN and VA-GAN styles have; else leave 'stage' away.",
        )
    sides = ", ".join(f"{stage}: {w}x{h}" for stage, (h, w) in enumerate(able.stages))
    raise ConfigError(
        f"This network has no stage {max(stages)}.", hint=f"Its stages are {sides}."
    )


def z_to_places(generator: Generator) -> Callable[[FloatArray], FloatArray] | None:
    """How z becomes a place to walk through, for a generator that walks in w."""
    able = generator.capabilities
    if not (able.has_mapping and able.space == "w"):
        return None
    return lambda z: generator.mapping(torch.from_numpy(z))[:, 0].cpu().numpy()  # pyright: ignore[reportAttributeAccessIssue]


def wished_shape(plan: RenderPlan, size: tuple[int, int]) -> tuple[int, int]:
    """The shape of a network's pictures, or the one that was asked of it.

    A network may only come near what was asked; the film then has the shape that was asked.
    """
    aspect = plan.model.options.get("aspect")
    if not isinstance(aspect, int | float):
        return size
    return ASPECT_STEPS, max(1, round(ASPECT_STEPS * aspect))


def film_size(table: FilmTable, native: tuple[int, int] | None) -> tuple[int, int]:
    """Height and width of the film, both even.

    Args:
        table: asks for a size, or for a height.
        native: the shape of the generator's pictures; None when it paints any shape.
    """
    if table.size is not None:
        width, height = table.size
        return height, width
    shape = WIDE if native is None else Fraction(native[1], native[0])
    return table.height, 2 * round(table.height * shape / 2)


def paint_size(table: FilmTable, device: str) -> tuple[int, int]:
    """Height and width at which a resolution-free generator paints this film."""
    height, width = film_size(table, None)
    scale = paint_scale(table, device)
    return max(16, round(height * scale)), max(16, round(width * scale))


def paint_scale(table: FilmTable, device: str) -> float:
    """The share of the film's width that is painted on this device."""
    if table.paint != "auto":
        return table.paint
    height, width = film_size(table, None)
    return min(1.0, (CPU_PIXELS / (height * width)) ** 0.5) if device == "cpu" else 1.0
