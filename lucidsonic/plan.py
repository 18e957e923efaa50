"""RenderPlan: everything a film depends on, as one TOML file, and where each value came from.

Settings come in layers, weakest first: the program's defaults, the style's card, the quality
preset, the plan file, the flags. `resolve` lays them over one another and remembers, for each
value, which layer it came from.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from pydantic import ValidationError as PydanticError

from lucidsonic.encoding import Options as EncodingOptions
from lucidsonic.errors import ConfigError, unread
from lucidsonic.features import EmotionSettings
from lucidsonic.timebase import parse_fps, parse_time
from lucidsonic.trajectory import Options as TrajectoryOptions

Size = tuple[int, int]  # width, height in pixels, as people write it
Quality = Literal["draft", "standard", "high", "4k"]
MAX_SIDE = 16_384  # pixels; the limit of H.264 level 6.2 and of most players

# What each quality means; `paint` is the share of the film's width that is painted on a CPU.
QUALITIES: Mapping[str, Mapping[str, Any]] = {
    "draft": {"film": {"height": 360, "fps": "24", "encoding": {"crf": 23}}},
    "standard": {"film": {"height": 720, "fps": "30"}},
    "high": {"film": {"height": 1080, "fps": "60", "paint": 1.0, "encoding": {"crf": 16}}},
    "4k": {"film": {"height": 2160, "fps": "60", "paint": 1.0, "encoding": {"crf": 18}}},
}


def parse_size(text: object) -> Size:
    """Width and height from '1920x1080'.

    >>> parse_size("1920x1080")
    (1920, 1080)

    Raises:
        ConfigError: not two even numbers from 16 to 16384.
    """
    if isinstance(text, tuple | list) and len(text) == 2:
        text = f"{text[0]}x{text[1]}"
    match = re.fullmatch(r"\s*(\d+)\s*[xX×]\s*(\d+)\s*", str(text))
    if not match:
        raise ConfigError(f"'{text}' is not a picture size.", hint="For example 1920x1080.")
    width, height = int(match[1]), int(match[2])
    if width % 2 or height % 2 or not all(16 <= side <= MAX_SIDE for side in (width, height)):
        raise ConfigError(
            f"A picture of {width}x{height} cannot be encoded.",
            hint=f"Both sides must be even, from 16 to {MAX_SIDE}.",
        )
    return width, height


Time = Annotated[float, BeforeValidator(parse_time)]
Fps = Annotated[Fraction, BeforeValidator(parse_fps), PlainSerializer(str)]
PictureSize = Annotated[
    Size, BeforeValidator(parse_size), PlainSerializer(lambda size: f"{size[0]}x{size[1]}")
]


class Table(BaseModel):
    """A table in which a misspelt key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class SongTable(Table):
    """What is heard. Each role may listen to a file of its own."""

    path: Path
    start: Time = 0.0
    end: Time | None = None
    stems: Path | None = None  # a folder with drums, bass, vocals, other
    pulse_audio: Path | None = None
    motion_audio: Path | None = None
    class_audio: Path | None = None
    effect_audio: Path | None = None
    output_audio: Path | None = None
    va_csv: Path | None = None  # time,valence,arousal


class FeaturesTable(Table):
    """How feelings are heard: see `features.EmotionSettings`."""

    va_loudness: Literal["absolute", "half", "relative"] = "absolute"
    va_coupling: Annotated[float, Field(ge=0, le=1)] = 0.35
    va_contrast: bool = True

    @property
    def emotion(self) -> EmotionSettings:
        """The settings as the hearing takes them."""
        return EmotionSettings(self.va_loudness, self.va_coupling, self.va_contrast)


class ModelTable(Table):
    """Who paints, and on what."""

    style: str = "aurora"
    options: dict[str, Any] = Field(default_factory=dict[str, Any])
    device: str = "auto"
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    batch_size: Annotated[int, Field(ge=1, le=4096)] | Literal["auto"] = "auto"


class FilmTable(Table):
    """What is written."""

    fps: Fps = Fraction(30)
    size: PictureSize | None = None  # None: from `height` and the generator's own shape
    height: Annotated[int, Field(ge=16, le=MAX_SIDE, multiple_of=2)] = 720
    paint: Annotated[float, Field(gt=0, le=2)] | Literal["auto"] = "auto"
    fit: Literal["cover", "contain", "stretch", "tile"] = "cover"
    resample: Literal["lanczos", "bicubic", "area", "nearest"] = "lanczos"
    hold_fps: Annotated[float, Field(gt=0)] | None = None
    flash_guard: Literal["damp", "warn", "off"] = "damp"
    encoding: EncodingOptions = EncodingOptions()
    title: str | None = None
    lyrics: Path | None = None
    scope: bool = False
    formats: tuple[str, ...] = ()
    save_frames: Path | None = None


class RenderPlan(Table):
    """Everything a film depends on. Frame i is a function of this and of i alone."""

    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    song: SongTable
    features: FeaturesTable = FeaturesTable()
    trajectory: TrajectoryOptions = TrajectoryOptions()
    model: ModelTable = ModelTable()
    effects: tuple[dict[str, Any], ...] = ()
    film: FilmTable = FilmTable()


@dataclass(frozen=True, slots=True)
class Layer:
    """Some settings and where they come from."""

    origin: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ResolvedPlan:
    """A checked plan.

    Attributes:
        plan: the settings.
        origins: dotted name -> the layer that set it; names that are not in it are defaults.
    """

    plan: RenderPlan
    origins: Mapping[str, str]

    def rows(self) -> Iterator[tuple[str, Any, str]]:
        """Every setting as (dotted name, value, origin), for people to read."""
        for name, value in flatten(self.plan.model_dump(mode="json")):
            yield name, value, self.origins.get(name, "default")


def resolve(layers: Sequence[Layer]) -> ResolvedPlan:
    """Lay settings over one another, weakest first.

    Tables merge key by key; an effect replaces the one of the same name below it.

    Raises:
        ConfigError: an unknown key, a value out of range, or no song.
    """
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for layer in layers:
        effects = merge_effects(merged.get("effects", ()), layer.values.get("effects", ()))
        merge(merged, layer.values)
        merged["effects"] = effects
        origins |= {name: layer.origin for name, _ in flatten(layer.values)}
    try:
        plan = RenderPlan.model_validate(merged)
    except PydanticError as error:
        raise ConfigError(describe(error, origins)) from error
    if plan.song.end is not None and plan.song.end <= plan.song.start:
        raise ConfigError(
            f"The film would end at {plan.song.end:g} s, before it starts.",
            hint="--to must be later than --from.",
        )
    return ResolvedPlan(plan, origins)


def merge(below: dict[str, Any], above: Mapping[str, Any]) -> None:
    """Lay `above` over `below`, table by table, in place."""
    for name, value in above.items():
        if isinstance(value, Mapping):
            table = below.get(name)
            below[name] = table if isinstance(table, dict) else {}
            merge(below[name], value)
        else:
            below[name] = value


def merge_effects(
    below: Sequence[Mapping[str, Any]], above: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, Any], ...]:
    """Effects in order; `above` replaces those of its names, `off = true` takes them away.

    The same effect on a stage of the network is another one.
    """
    places = {(effect.get("name"), effect.get("stage")) for effect in above}
    kept = [dict(e) for e in below if (e.get("name"), e.get("stage")) not in places]
    return tuple(kept) + tuple(dict(e) for e in above if not e.get("off", False))


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names and leaves of nested tables."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


KINDS = ("function", "constrained-", "literal[")  # which of several kinds was tried: not a name


def describe(error: PydanticError, origins: Mapping[str, str]) -> str:
    """The first thing that is wrong with the settings, in one sentence."""
    first = error.errors()[0]
    parts = (str(part) for part in first["loc"])
    name = ".".join(part for part in parts if not part.startswith(KINDS))
    where = f" (from {origins[name]})" if name in origins else ""
    if first["type"] == "extra_forbidden":
        return f"There is no setting called '{name}'{where}."
    return f"{name} = {first['input']!r}{where}: {first['msg']}."


def read_plan(path: Path) -> dict[str, Any]:
    """The settings in a plan file; its relative paths are taken from its own folder.

    Raises:
        ConfigError: not there, or not TOML.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"Could not read the plan '{path}': {unread(error)}.") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"'{path}' is not a valid plan: {error}.") from error
    return anchor_paths(check_tables(values, f"'{path}'"), path.parent)


def check_tables(values: Any, name: str) -> dict[str, Any]:
    """The same settings, if each stands where a table of its name belongs.

    Raises:
        ConfigError: a value where a table should be, or the other way round.
    """
    if not isinstance(values, dict):
        raise ConfigError(f"{name} is damaged: it holds no settings.")
    for table in ("song", "features", "trajectory", "model", "film"):
        if not isinstance(values.get(table, {}), dict):
            raise ConfigError(
                f"{name} is not a valid plan: '{table}' must be a table.",
                hint=f"Write [{table}] on a line, and its settings below.",
            )
    effects = values.get("effects", [])
    if not isinstance(effects, list) or not all(isinstance(one, dict) for one in effects):
        raise ConfigError(
            f"{name} is not a valid plan: 'effects' must be tables.",
            hint="Write [[effects]] on a line, and its name and settings below.",
        )
    return values


PATH_KEYS = {
    "song": frozenset(SongTable.model_fields) - {"start", "end"},
    "film": frozenset({"lyrics", "save_frames"}),
    "trajectory": frozenset({"latents_file"}),
}


def anchor_paths(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The same settings with every relative path made to start at `folder`."""
    for section, key in path_entries(values):
        section[key] = str(folder / Path(str(section[key])).expanduser())
    return values


def path_entries(values: Mapping[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """The tables and keys of a plan's settings that hold paths."""
    entries = [
        (section, key)
        for table, keys in PATH_KEYS.items()
        if (section := values.get(table))
        for key in sorted(keys & section.keys())
    ]
    model = values.get("model") or {}
    return [*entries, *([(model, "style")] if is_path(str(model.get("style", ""))) else [])]


ADDRESS = re.compile(r"(hf|https?)://")
PYTHON = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")  # module:name


def is_path(style: str) -> bool:
    """Whether a style is told as a file or folder, not as an id, an address or Python.

    >>> [is_path(style) for style in ("aurora", "./net", "net.safetensors", "hf://a/b/c.pkl")]
    [False, True, True, False]
    """
    if ADDRESS.match(style) or PYTHON.fullmatch(style):
        return False
    return "/" in style or "\\" in style or style.endswith((".pkl", ".safetensors", "."))


def plan_to_toml(plan: RenderPlan) -> str:
    """The plan as a file that `read_plan` takes, wherever it lies on this machine."""
    values = without_none(plan.model_dump(mode="json"))
    return tomli_w.dumps(anchor_paths(values, Path.cwd()))


def without_none(value: Any) -> Any:
    """TOML has no null: a setting that is not set is left out."""
    if isinstance(value, dict):
        return {k: without_none(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [without_none(v) for v in value]
    return value
