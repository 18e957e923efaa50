"""A painted film -> what the plan wants on top: title, lyrics, scope, and other shapes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lucidsonic import encoding
from lucidsonic.encoding.compose import Layer
from lucidsonic.pipeline.tell import Teller
from lucidsonic.plan import RenderPlan
from lucidsonic.timebase import frames_to_seconds
from lucidsonic.types import Features, FloatArray

GROUND = encoding.Options(crf=12)  # of what is written once more

# What the scope draws: label -> curve, after what drives what in the steering.
SCOPE = {
    "kick: coarse layers": "onset_low",
    "harmony: middle layers": "harmonic",
    "hats: fine layers": "onset_high",
    "loudness: speed": "loudness",
}


def check_finish(plan: RenderPlan, film: Path, *, overwrite: bool) -> None:
    """Complain before any work about a format or lyrics that cannot be.

    Raises:
        UnknownNameError: there is no such format.
        ConfigError: the lyrics cannot be read, or one of the film's formats is there already.
        EncodingError: one of them is a folder.
    """
    for name in plan.film.formats:
        encoding.check_free(encoding.format_path(film, name), overwrite=overwrite)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """A film, and what it is made of.

    Attributes:
        film: where it is to lie.
        ground: where it lies before anything is laid over it or cut from it; the same place if
            nothing is.
        options: how the ground is written.
        layers: see `wanted_layers`.
    """

    film: Path
    ground: Path
    options: encoding.Options
    layers: Sequence[Layer]


@contextmanager
def finish_of(plan: RenderPlan, film: Path, layers: Sequence[Layer]) -> Iterator[Finish]:
    """Room for the film's ground, while it is needed.

    A GIF's few colours are no ground to lay things over or to cut films from: it has an MP4.
    """
    options = plan.film.encoding
    if not (layers or plan.film.formats):
        yield Finish(film=film, ground=film, options=options, layers=())
        return
    with encoding.work_folder(film) as folder:
        ground = folder / film.name
        if encoding.picture_codec(film, options) == "gif":
            ground, options = ground.with_suffix(".mp4"), GROUND
        yield Finish(film=film, ground=ground, options=options, layers=layers)


def finish_film(
    finish: Finish, plan: RenderPlan, *, overwrite: bool, teller: Teller
) -> tuple[Path, ...]:
    """Lay over the ground what belongs there, and make what the plan asks for besides.

    All of it is made before any of it gets its name: who stops it in between finds nothing in
    the way when the same command goes on.

    Args:
        finish: its ground is written.
        plan: the settings.
        overwrite: whether files of these names may be replaced.
        teller: hears how far it is.

    Returns:
        The other shapes and pieces, beside the film.
    """
    if finish.ground == finish.film:
        return ()
    film = composed(finish, plan, teller)
    others = other_shapes(finish, plan, teller)
    for made in others:
        encoding.publish(made, finish.film.with_name(made.name), overwrite=overwrite)
    encoding.publish(film, finish.film, overwrite=overwrite)
    return tuple(finish.film.with_name(made.name) for made in others)


def composed(finish: Finish, plan: RenderPlan, teller: Teller) -> Path:
    """The film with its layers over it, still in its work folder."""
    if not finish.layers and finish.ground.suffix == finish.film.suffix:
        return finish.ground
    with teller.stage("compose"):
        return encoding.compose_film(
            finish.ground,
            finish.ground.with_name(f"composed{finish.film.suffix}"),
            finish.layers,
            options=plan.film.encoding,
            on_progress=teller.pass_on,
        )


def other_shapes(finish: Finish, plan: RenderPlan, teller: Teller) -> Sequence[Path]:
    """The formats that the plan asks for, still in their work folder."""
    if not plan.film.formats:
        return ()
    with teller.stage("formats"):
        return encoding.make_formats(
            finish.ground,
            plan.film.formats,
            layers=finish.layers,
            options=finish.options,
            on_progress=teller.pass_on,
        )


def grown_size(finish: Finish, painted: tuple[int, int]) -> tuple[int, int]:
    """Height and width of a finished film: a layer may add a panel to what was painted."""
    return encoding.probe_film(finish.film, sound=False).size if finish.layers else painted
