"""A plan -> single frames of its film: a still, a contact sheet, a forecast."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lucidsonic import encoding
from lucidsonic.audio import open_song
from lucidsonic.errors import ConfigError
from lucidsonic.nn.resample import to_rgb24
from lucidsonic.pipeline.frames import choose_device, choose_dtype, paint_rgb, told_memory
from lucidsonic.pipeline.models import describe_style
from lucidsonic.pipeline.production import (
    Production,
    film_size,
    frame_range,
    prepare,
    wished_shape,
)
from lucidsonic.pipeline.tell import Teller
from lucidsonic.plan import RenderPlan
from lucidsonic.timebase import (
    format_time,
    frames_to_seconds,
    parse_time,
    seconds_to_frame,
)
from lucidsonic.types import OnProgress, Pictures, ignore_progress

SHEET_PX = 480  # width of a picture on a sheet


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a plan would make, known without painting or fetching anything."""

    song: str
    frames: int
    fps: str
    length: str
    width: int
    height: int
    style: str
    device: str
    precision: str
    batch_size: int | str
    bytes_to_fetch: int


def foresee(plan: RenderPlan) -> Forecast:
    """What the film will be. Reads the song's length; writes and fetches nothing.

    Raises:
        AudioError: the song cannot be read.
        UnknownNameError: no such style.
    """
    song = open_song(plan.song.path)
    first, last = frame_range(plan, song)
    device = choose_device(plan.model.device)
    style = describe_style(plan.model.style)
    native = style.native_size and wished_shape(plan, style.native_size)
    height, width = film_size(plan.film, native)
    return Forecast(
        song=str(plan.song.path),
        frames=last - first,
        fps=str(plan.film.fps),
        length=format_time(frames_to_seconds(last - first, plan.film.fps)),
        width=width,
        height=height,
        style=f"{plan.model.style} ({style.title})",
        device=device,
        precision=str(choose_dtype(plan.model.precision, device)).removeprefix("torch."),
        batch_size=plan.model.batch_size,
        bytes_to_fetch=style.bytes_to_fetch,
    )


def paint_still(
    plan: RenderPlan,
    picture: Path,
    *,
    at: str | float,
    overwrite: bool = False,
    on_progress: OnProgress = ignore_progress,
) -> Path:
    """Paint the frame that the film shows at a time of the song, under any words and scope.

    Raises:
        ConfigError: the time lies outside the film.
        MemoryExhaustedError: even one frame does not fit.
        EncodingError: the picture cannot be written.
    """
    encoding.picture_format(picture)
    encoding.check_free(picture, overwrite=overwrite)
    teller = Teller(on_progress)
    production = prepare(plan, teller)
    frame = seconds_to_frame(parse_time(at), plan.film.fps)
    if not production.first <= frame < production.last:
        borders = (production.first, production.last)
        start, end = (format_time(frames_to_seconds(f, plan.film.fps)) for f in borders)
        raise ConfigError(f"There is no frame at {at}: the film goes from {start} to {end}.")
    with teller.stage("paint"), told_memory("paint even one frame"):
        pixels = paint_guarded(production, frame, teller)
    return encoding.write_picture(picture, pixels, overwrite=overwrite)


def paint_sheet(
    plan: RenderPlan,
    picture: Path,
    *,
    count: int = 24,
    overwrite: bool = False,
    on_progress: OnProgress = ignore_progress,
) -> Path:
    """Paint `count` frames spread over the film on one sheet, each with its time.

    The flash guard is left out: to see what comes before each would take a film's time.

    Raises:
        MemoryExhaustedError: even one frame does not fit.
        EncodingError: the picture cannot be written.
    """
    encoding.picture_format(picture)
    encoding.check_free(picture, overwrite=overwrite)
    teller = Teller(on_progress)
    production = prepare(plan, teller)
    span = production.last - production.first
    chosen = production.first + (np.arange(min(count, span)) + 0.5) * span / min(count, span)
    frames = [int(frame) for frame in chosen]
    with teller.stage("paint"), told_memory("paint even one frame"):
        scene = replace(production.scene, size=thumbnail(production.scene.size))
        pixels = paint_frames(replace(production, scene=scene), frames, teller)
    times = [format_time(frames_to_seconds(frame, plan.film.fps)) for frame in frames]
    return encoding.contact_sheet(picture, pixels, labels=times, overwrite=overwrite)


def thumbnail(size: tuple[int, int]) -> tuple[int, int]:
    """Height and width of a picture on a sheet: the same shape, at most `SHEET_PX` wide."""
    scale = min(1.0, SHEET_PX / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def paint_guarded(production: Production, frame: int, teller: Teller) -> Pictures:
    """A frame as it stands in the film, uint8 `(height, width, 3)`: flashes before it count."""
    scene, guard = production.scene, production.scene.new_guard()
    if guard is None:
        return paint_frames(production, [frame], teller)[0]
    for before in guard.restart(frame):
        guard.remember(guard.watch(paint_rgb(scene, before, before + 1, teller.note)))
    painted = guard.damp(paint_rgb(scene, frame, frame + 1, teller.note))
    return to_rgb24(painted)[0].cpu().numpy()


def paint_frames(production: Production, frames: list[int], teller: Teller) -> list[Pictures]:
    """Single frames, uint8 `(height, width, 3)`, as they are before the flash guard."""
    return [
        to_rgb24(paint_rgb(production.scene, frame, frame + 1, teller.note))[0].cpu().numpy()
        for frame in frames
    ]
