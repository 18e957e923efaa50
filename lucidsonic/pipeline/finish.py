"""A painted film -> what the plan wants on top: title, lyrics, scope, and other shapes."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from lucidsonic import encoding
from lucidsonic.encoding.compose import Layer
from lucidsonic.errors import UnknownNameError
from lucidsonic.plan import RenderPlan
from lucidsonic.timebase import frames_to_seconds
from lucidsonic.types import Features, FloatArray, OnProgress

# What the scope draws: label -> curve, after what drives what in the steering.
SCOPE = {
    "kick: coarse layers": "onset_low",
    "harmony: middle layers": "harmonic",
    "hats: fine layers": "onset_high",
    "loudness: speed": "loudness",
}


def check_finish(plan: RenderPlan) -> None:
    """Complain before any work about a format or lyrics that cannot be.

    Raises:
        UnknownNameError: there is no such format.
        ConfigError: the lyrics cannot be read.
    """
    for name in plan.film.formats:
        if name not in encoding.FORMATS:
            raise UnknownNameError("format", name, encoding.FORMATS)
    if plan.film.lyrics is not None:
        encoding.read_lyrics(plan.film.lyrics)


def wanted_layers(plan: RenderPlan, features: Features, first: int, last: int) -> list[Layer]:
    """What is laid over the film, undermost first.

    Args:
        plan: the settings.
        features: the song.
        first: the film's first frame, counted in the whole song.
        last: one past its last.
    """
    layers: list[Layer] = []
    if plan.film.lyrics is not None:
        lines = encoding.read_lyrics(plan.film.lyrics)
        start_s = frames_to_seconds(first, plan.film.fps)
        layers.append(encoding.lyrics_layer(lines, start_s=start_s))
    if plan.film.title is not None:
        layers.append(encoding.title_layer(plan.film.title))
    if plan.film.scope:
        layers.append(encoding.scope_layer(scope_curves(features, first, last)))
    return layers


def scope_curves(features: Features, first: int, last: int) -> dict[str, FloatArray]:
    """The curves that the scope draws, label -> `(frames,)`."""
    return {label: features.curves[name][first:last] for label, name in SCOPE.items()}


def composed(
    film: Path,
    layers: list[Layer],
    join: Callable[[Path], None],
    *,
    plan: RenderPlan,
    overwrite: bool,
    on_progress: OnProgress,
) -> None:
    """Write a film with layers over it; without layers `join` writes it alone.

    Args:
        film: where it is to lie.
        layers: see `wanted_layers`.
        join: writes the plain film to a path.
        plan: the settings.
        overwrite: whether a file of that name may be replaced.
        on_progress: told how far it is.
    """
    if not layers:
        join(film)
        return
    with tempfile.TemporaryDirectory(prefix=".lucidsonic-", dir=film.parent) as folder:
        plain = Path(folder) / film.name
        join(plain)
        encoding.compose_film(
            plain,
            film,
            layers,
            options=plan.film.encoding,
            overwrite=overwrite,
            on_progress=on_progress,
        )
