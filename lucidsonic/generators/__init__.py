"""Trajectory -> frames. One folder per family, all of one shape; see `generators/base.py`."""

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lucidsonic.errors import ConfigError, UnknownNameError, first_fault
from lucidsonic.generators.base import Family, Generator

__all__ = ["FAMILIES", "Generator", "build_generator", "find_family"]

FAMILIES: Mapping[str, str] = {
    "lumen": "lucidsonic.generators.lumen",
    "pixel_vae": "lucidsonic.generators.pixel_vae",
    "r3gan": "lucidsonic.generators.r3gan",
    "stylegan2": "lucidsonic.generators.stylegan2",
    "stylegan3": "lucidsonic.generators.stylegan3",
    "va_gan": "lucidsonic.generators.va_gan",
}
ENTRY_POINT_GROUP = "lucidsonic.generators"


def find_family(name: str) -> Family:
    """Import the family of that name: a built-in one, or one that a plugin declares.

    Raises:
        UnknownNameError: nobody registered `name`.
        ConfigError: a plugin claims the name of a built-in family.
    """
    plugins = {point.name: point.value for point in entry_points(group=ENTRY_POINT_GROUP)}
    if taken := sorted(plugins.keys() & FAMILIES.keys()):
        raise ConfigError(
            f"A plugin ({plugins[taken[0]]}) claims the built-in family name '{taken[0]}'.",
            hint="Uninstall it, or ask its author to rename it.",
        )
    modules = {**plugins, **FAMILIES}
    if name not in modules:
        raise UnknownNameError("generator family", name, modules)
    return import_module(modules[name])  # pyright: ignore[reportReturnType]


def build_generator(
    family: str, weights: Path | None, options: Mapping[str, Any], *, device: str = "cpu"
) -> Generator:
    """Build a generator of `family` and load its weights, if it has any.

    Raises:
        UnknownNameError: nobody registered `family`.
        ConfigError: `options` do not fit the family.
    """
    module = find_family(family)
    try:
        checked = module.Options.model_validate(options)
    except ValidationError as error:
        raise ConfigError(
            f"The options do not fit the family '{family}': {first_fault(error.errors())}.",
            hint=f"It takes {', '.join(module.Options.model_fields)}.",
        ) from error
    return module.load(weights, checked, device=device)
