"""Data -> weights. One file or folder per family, all of one shape; loop.py drives them."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from lucidsonic.errors import UnknownNameError

__all__ = ["FAMILIES", "find_family"]

# name in `lucidsonic train NAME` -> module with `FAMILY`
FAMILIES: Mapping[str, str] = {
    "pixel-vae": "lucidsonic.training.pixel_vae",
    "r3gan": "lucidsonic.training.r3gan.gan",
    "va-gan": "lucidsonic.training.va_gan.gan",
    "va-vae": "lucidsonic.training.va_gan.vae",
}


def find_family(name: str) -> Any:
    """The training `Family` of that name; importing it loads torch.

    Raises:
        UnknownNameError: nobody registered `name`.
    """
    if name not in FAMILIES:
        raise UnknownNameError("training family", name, FAMILIES)
    return import_module(FAMILIES[name]).FAMILY
