"""The whole job in one call, for programs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lucidsonic.effects import Custom, CustomFunction
from lucidsonic.pipeline.film import FilmReport, make_film
from lucidsonic.pipeline.production import Own
from lucidsonic.pipeline.settling import settle
from lucidsonic.plan import RenderPlan
from lucidsonic.types import OnProgress, ignore_progress


def render(
    song: Path | str | None = None,
    film: Path | str | None = None,
    *,
    overwrite: bool = False,
    on_progress: OnProgress = ignore_progress,
    generator: Any = None,
    custom_effects: Sequence[CustomFunction | Custom] = (),
    **settings: Any,
) -> FilmReport:
    """Turn a song into a film.

    Args:
        song: the music; may come from `plan_file`.
        film: where to write; by default the song's name with .mp4 beside it.
        overwrite: whether a file of that name may be replaced.
        on_progress: told how far it is.
        generator: paints instead of a style: a Generator, or a function
            `(z, classes) -> pictures`.
        custom_effects: functions `(frames, amount) -> frames` of your own, or `Custom`.
        **settings: `style`, `fps`, `size`, `seed`, ... : any flag of `lucidsonic render` with
            underscores, `plan_file`, `quality`, and `effects`.

    Raises:
        LucidsonicError: any of its kinds; nothing half-made is left behind.
    """
    plan = settle(Path(song) if song is not None else None, **settings).plan
    target = Path(film) if film is not None else film_path(plan)
    own = Own(generator=generator, effects=tuple(custom_effects))
    return make_film(plan, target, overwrite=overwrite, on_progress=on_progress, own=own)


def film_path(plan: RenderPlan) -> Path:
    """Where the film goes when nobody says: beside the song, under its name."""
    suffix = {"gif": ".gif", "vp9": ".webm", "prores": ".mov"}.get(
        plan.film.encoding.codec, ".mp4"
    )
    return plan.song.path.with_suffix(suffix)
