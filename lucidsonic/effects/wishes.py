"""What a person writes about an effect -> the effect and its checked options."""

import hashlib
import math
import sys
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from pydantic import ValidationError

from lucidsonic.effects.colour import COLOUR
from lucidsonic.effects.effect import Effect, EffectOptions
from lucidsonic.effects.light import LIGHT
from lucidsonic.effects.maps import MAPS
from lucidsonic.effects.motion import MOTION
from lucidsonic.effects.sections import is_section_word
from lucidsonic.effects.texture import TEXTURE
from lucidsonic.errors import ConfigError, UnknownNameError

EFFECTS: Mapping[str, Effect] = {**LIGHT, **COLOUR, **MOTION, **TEXTURE, **MAPS}
ENTRY_POINT_GROUP = "lucidsonic.effects"
OURS = "lucidsonic."  # modules whose code decides about every frame, see `pipeline.segments`

CustomFunction = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True, slots=True)
class Wish:
    """A spec that was understood.

    Attributes:
        effect: what is to be done.
        options: what it is told.
        stage: of the network, whose feature maps are bent; None changes the picture.
        sections: word -> weight; empty for the whole film.
    """

    effect: Effect
    options: EffectOptions
    stage: int | None = None
    sections: Mapping[str, float] = field(default_factory=dict[str, float])


def read_spec(spec: Mapping[str, Any]) -> Wish:
    """Understand what somebody wrote about an effect; raises what `check_effects` raises."""
    name = str(spec.get("name", ""))
    effect = find_effect(name)
    words = {key: read_weight(name, key, spec[key]) for key in spec if is_section_word(key)}
    own = {key: value for key, value in spec.items() if key not in words and key != "stage"}
    return Wish(effect, check_options(effect, own), read_stage(effect, name, spec), words)


def read_weight(name: str, word: str, value: Any) -> float:
    """How much of an effect there is in a section.

    Raises:
        ConfigError: not a finite number from 0.
    """
    if not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ConfigError(
            f"The effect '{name}' has {word} = {value!r}: it must be a number from 0.",
            hint=f"{word}=1 confines it to that section.",
        )
    return float(value)


def read_stage(effect: Effect, name: str, spec: Mapping[str, Any]) -> int | None:
    """The stage of the network that a spec names, if any.

    Raises:
        ConfigError: it is no number from 0, or the effect does not work there.
    """
    stage = spec.get("stage")
    check_stage(name, stage)
    if stage is None and effect.works_on == "maps":
        raise ConfigError(
            f"The effect '{name}' works on a network's feature maps.",
            hint=f"Say which: {name}:stage=1. Stage 0 is the coarsest.",
        )
    if stage is not None and effect.works_on == "pictures":
        raise ConfigError(f"The effect '{name}' works on pictures, not on a network's stage.")
    return stage


def check_stage(name: str, stage: Any) -> None:
    """Complain about what cannot be the number of a stage.

    Raises:
        ConfigError: neither None nor a whole number from 0.
    """
    if stage is not None and (not isinstance(stage, int) or stage < 0):
        raise ConfigError(f"The effect '{name}' has stage = {stage!r}: it must be 0 or more.")


def find_effect(name: str) -> Effect:
    """The effect of that name: a built-in one, or one that a plugin declares.

    Raises:
        UnknownNameError: nobody registered it.
    """
    if name in EFFECTS:
        return EFFECTS[name]
    plugins = {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
    if name not in plugins:
        raise UnknownNameError("effect", name, {**EFFECTS, **plugins})
    found = plugins[name].load()
    return found if isinstance(found, Effect) else from_function(found)


def from_function(function: CustomFunction) -> Effect:
    """An effect without options of its own from `(frames, amount) -> frames`."""
    return Effect(Plain(function), works_on="both")


@dataclass(frozen=True, slots=True)
class Plain:
    """A function of frames and amount alone, called as an effect is."""

    function: CustomFunction

    def __call__(
        self, frames: torch.Tensor, amount: torch.Tensor, _options: Any, _moment: Any
    ) -> torch.Tensor:
        return self.function(frames, amount)


def code_of(effect: Effect) -> str:
    """What an effect does, as far as its name and the file that it lives in tell."""
    apply = effect.apply
    function = apply.function if isinstance(apply, Plain) else apply
    module = function.__module__
    name = f"{module}.{getattr(function, '__qualname__', type(function).__qualname__)}"
    return name if module.startswith(OURS) else f"{name} {hash_of_module(module)}"


def hash_of_module(module: str) -> str:
    """Hash of a module's file; of a module without one, something that is never seen again.

    Who edits the file meanwhile still runs the code that was imported: it is read once.
    """
    loaded = sys.modules.get(module)
    if loaded is None or not getattr(loaded, "__file__", None):
        return uuid.uuid4().hex
    return hash_of_loaded(loaded)


@cache
def hash_of_loaded(module: ModuleType) -> str:
    """Hash of the file that a module was loaded from, as it was when first asked."""
    return hashlib.sha256(Path(str(module.__file__)).read_bytes()).hexdigest()


def check_options(effect: Effect, spec: Mapping[str, Any]) -> EffectOptions:
    """The spec as the effect's own options.

    Raises:
        ConfigError: a key that the effect has not, or a value out of its range.
    """
    try:
        return effect.options.model_validate(dict(spec))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        said = (
            f"has no setting '{key}'"
            if first["type"] == "extra_forbidden"
            else f"cannot take {key} = {first['input']!r}: {first['msg']}"
        )
        known = ", ".join(name for name in effect.options.model_fields if name != "name")
        raise ConfigError(
            f"The effect '{spec.get('name')}' {said}.", hint=f"It takes {known}."
        ) from error


def parse_effect(text: str) -> dict[str, Any]:
    """An effect as people write it on the command line.

    >>> parse_effect("flash")
    {'name': 'flash'}
    >>> parse_effect("hue:shift=0.5,follow=chroma")
    {'name': 'hue', 'shift': 0.5, 'follow': 'chroma'}

    Raises:
        ConfigError: not of the form `name:key=value,key=value`.
    """
    name, _, rest = text.strip().partition(":")
    pairs = [pair.partition("=") for pair in rest.split(",") if pair.strip()]
    if not name or any(not key.strip() or not equals for key, equals, _ in pairs):
        raise ConfigError(
            f"'{text}' is not an effect.", hint="For example flash:amount=0.5,follow=onset_low."
        )
    return {"name": name, **{key.strip(): as_value(value.strip()) for key, _, value in pairs}}


def as_value(text: str) -> bool | int | float | str:
    """A number or a truth value where the text is one.

    >>> [as_value(t) for t in ("2", "0.5", "true", "onset")]
    [2, 0.5, True, 'onset']
    """
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
