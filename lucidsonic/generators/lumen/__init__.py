"""Pictures made of light, without weights: warped coordinates -> forms -> palette -> film."""

from lucidsonic.generators.lumen.adapter import Lumen, Options, load

__all__ = ["Lumen", "Options", "load"]
