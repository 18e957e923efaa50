"""Flags, plan files, presets and cards -> one resolved plan."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lucidsonic import effects as effects_stage
from lucidsonic import encoding, trajectory
from lucidsonic.errors import ConfigError, UnknownNameError
from lucidsonic.features import CURVES
from lucidsonic.pipeline.styles import read_style
from lucidsonic.plan import (
    PYTHON,
    QUALITIES,
    FeaturesTable,
    FilmTable,
    Layer,
    ModelTable,
    ResolvedPlan,
    SongTable,
    anchor_paths,
    check_tables,
    is_path,
    path_entries,
    read_plan,
    resolve,
)
from lucidsonic.timebase import parse_time
from lucidsonic.zoo import Catalog, catalog_folders

DEFAULT_STYLE = ModelTable().style
METADATA_KEY = "lucidsonic_plan"  # where the plan travels inside a film

OWN_OPTIONS = ("aspect", "palette", "pixel_size", "dither")  # of some families

# flat name -> dotted name, so that every setting can be a flag or a keyword
SETTINGS: Mapping[str, str] = {
    "seed": "seed",
    **{name: f"song.{name}" for name in SongTable.model_fields if name != "path"},
    **{name: f"features.{name}" for name in FeaturesTable.model_fields},
    **{name: f"model.{name}" for name in ModelTable.model_fields},
    **{name: f"model.options.{name}" for name in OWN_OPTIONS},
    **{name: f"trajectory.{name}" for name in trajectory.Options.model_fields},
    **{name: f"film.{name}" for name in FilmTable.model_fields if name != "encoding"},
    **{name: f"film.encoding.{name}" for name in encoding.Options.model_fields},
}

# the field's name of an effect's strength -> the effect
STRENGTHS: Mapping[str, str] = {"contrast_strength": "contrast", "flash_strength": "flash"}


def settle(
    song: Path | str | None = None,
    *,
    plan_file: Path | str | None = None,
    quality: str | None = None,
    effects: Sequence[str | Mapping[str, Any]] = (),
    models_dir: Path | None = None,
    **settings: Any,
) -> ResolvedPlan:
    """Everything a film depends on, from what a person said.

    Args:
        song: the music; may come from the plan file.
        plan_file: settings in a TOML file.
        quality: a name in `QUALITIES`.
        effects: more effects, as tables or as `name:key=value`.
        models_dir: look for cards here first.
        **settings: any name in `SETTINGS` or `STRENGTHS`, and `duration`.

    Raises:
        ConfigError: an unknown key, a value out of range, or no song.
        UnknownNameError: a setting, quality, style, effect or curve that is not there.
        WeightsError: the style is a file that is not there.
    """
    filed = read_plan(Path(plan_file)) if plan_file else {}
    strengths = [
        strong_effect(name, settings.pop(name)) for name in STRENGTHS if name in settings
    ]
    flags = nest(with_end(settings, filed.get("song", {}).get("start", 0)))
    if song is not None:
        flags.setdefault("song", {})["path"] = str(song)
    if effects or strengths:
        flags["effects"] = (*strengths, *(as_effect(effect) for effect in effects))
    style = chosen_style(flags, filed)
    if models_dir is not None and style in Catalog(models_dir):
        # who loads it later does not know that folder
        flags.setdefault("model", {})["style"] = str((models_dir / style).absolute())
    layers = [
        Layer(f"style '{style}'", card_defaults(style, models_dir)),
        Layer(f"quality '{quality}'", quality_defaults(quality)),
        Layer(f"plan '{plan_file}'", filed),
        Layer("flag", flags),
    ]
    if not any("path" in layer.values.get("song", {}) for layer in layers):
        raise ConfigError("No song was given.", hint="lucidsonic render song.mp3")
    return resolve_known(layers, models_dir)


def resolve_known(layers: Sequence[Layer], models_dir: Path | None = None) -> ResolvedPlan:
    """The plan of these layers, whose style and effects are there.

    To hear a long mix takes minutes: a name that is misspelt is told before.
    """
    resolved = resolve(layers)
    read_style(resolved.plan.model.style, models_dir=models_dir)
    effects_stage.check_effects(resolved.plan.effects, CURVES)
    return resolved


def nest(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Flat settings as the tables of a plan.

    >>> nest({"fps": 24, "seed": 3})
    {'film': {'fps': 24}, 'seed': 3}
    """
    tables: dict[str, Any] = {}
    given = split_lists(settings)
    for name, value in given.items():
        if name not in SETTINGS:
            raise UnknownNameError("setting", name, {**SETTINGS, **STRENGTHS})
        *path, last = SETTINGS[name].split(".")
        table = tables
        for part in path:
            table = table.setdefault(part, {})
        table[last] = value
    return tables


def with_end(settings: Mapping[str, Any], start: str | float) -> dict[str, Any]:
    """`duration` said as `end`; `start` counts where the settings name none."""
    given = dict(settings)
    duration = given.pop("duration", None)
    if duration is not None:
        if given.get("end") is not None:
            raise ConfigError("Both --to and --duration were given.", hint="Give one of them.")
        named = given.get("start")
        given["end"] = parse_time(start if named is None else named) + parse_time(duration)
    return given


LISTS: Mapping[str, type] = {"classes": int, "latents": int, "formats": str}
NUMBERS = ("batch_size", "paint")  # a number or a word
TIMES = "class_shuffle_seconds"  # a number or a list


def split_lists(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Text with commas as the list that it stands for."""
    given = dict(settings)
    for name, kind in LISTS.items():
        if isinstance(text := given.get(name), str):
            given[name] = tuple(to_number(part, kind, name) for part in text.split(","))
    for name in NUMBERS:
        if isinstance(text := given.get(name), str) and text != "auto":
            given[name] = to_number(text, float if name == "paint" else int, name)
    if isinstance(text := given.get(TIMES), str):
        times = [to_number(part, float, TIMES) for part in text.split(",")]
        given[TIMES] = times if len(times) > 1 else times[0]
    return given


def to_number(text: str, kind: type, name: str) -> Any:
    """One part of a list, or an error that names the flag."""
    try:
        return kind(text.strip())
    except ValueError as error:
        raise ConfigError(f"--{name.replace('_', '-')}: '{text}' is not a number.") from error


def as_effect(effect: str | Mapping[str, Any]) -> dict[str, Any]:
    """An effect's table, from `name:key=value` or as it is."""
    return effects_stage.parse_effect(effect) if isinstance(effect, str) else dict(effect)


def strong_effect(name: str, strength: float) -> dict[str, Any]:
    """The effect that a name in `STRENGTHS` means; strength 0 takes it away.

    >>> strong_effect("flash_strength", 0.4)
    {'name': 'flash', 'amount': 0.4}
    """
    effect = {"name": STRENGTHS[name]}
    return {**effect, "amount": strength} if strength else {**effect, "off": True}


def chosen_style(*tables: Mapping[str, Any]) -> str:
    """The style that the strongest of these tables names."""
    named = (table.get("model", {}).get("style") for table in tables)
    return str(next((style for style in named if style), DEFAULT_STYLE))


def card_defaults(style: str, models_dir: Path | None) -> dict[str, Any]:
    """What the style's card says about the film; nothing for a style without a card."""
    catalog = Catalog(*catalog_folders(models_dir))
    if style not in catalog:
        return {}
    card = catalog[style]
    said = {"trajectory": card.trajectory, "effects": card.effects, "film": card.film}
    return {name: value for name, value in said.items() if value}


def quality_defaults(quality: str | None) -> Mapping[str, Any]:
    """What a quality means."""
    if quality is None:
        return {}
    if quality not in QUALITIES:
        raise UnknownNameError("quality", quality, QUALITIES)
    return QUALITIES[quality]


def plan_of_film(
    film: Path, *, song: Path | None = None, style: str | None = None
) -> ResolvedPlan:
    """The plan that travels inside a film.

    A film may come from a stranger: its plan writes nowhere and names no Python code to run.

    Args:
        film: a film that lucidsonic made.
        song: the song, if it does not lie where the plan says.
        style: who paints, instead of the plan's own.

    Raises:
        ConfigError: another tool made the film, its plan is damaged or names Python code, or
            the song is not there.
    """
    text = encoding.read_metadata(film).get(METADATA_KEY)
    if text is None:
        raise ConfigError(
            f"'{film}' carries no plan.",
            hint="Only films that lucidsonic made do, and a GIF cannot carry one.",
        )
    values = check_tables(json_table(text), f"The plan inside '{film}'")
    values.setdefault("film", {}).pop("save_frames", None)
    named = Path(str(values.get("song", {}).get("path", "")))
    for section, key in path_entries(anchor_paths(values, film.parent)):
        place = Path(section[key])
        if not place.exists() and Path(place.name).exists():  # else where the person stands
            section[key] = place.name
    places = [song] if song else [film.parent / named, film.parent / named.name, named]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise ConfigError(f"The song '{named}' is not there.", hint="Say where: --song PATH.")
    values.setdefault("song", {})["path"] = str(found)
    painter = str(values.get("model", {}).get("style", DEFAULT_STYLE))
    if style is None and PYTHON.fullmatch(painter):
        raise ConfigError(
            f"'{film}' was painted by Python code, '{painter}', which is not run unasked.",
            hint=f"If it is yours: --style {painter}.",
        )
    values.setdefault("model", {})["style"] = style or painter
    if style is None and is_path(painter) and not Path(painter).exists():
        raise ConfigError(
            f"The network '{Path(painter).name}' is not there.", hint="Say where: --style PATH."
        )
    return resolve_known([Layer(f"film '{film}'", values)])


def json_table(text: str) -> Any:
    """What a JSON text says; None where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
