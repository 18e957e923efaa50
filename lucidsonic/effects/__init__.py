"""frames -> frames: pure functions, each led by one curve of the music."""

from lucidsonic.effects.chain import (
    Chain,
    Custom,
    bent_stages,
    build_chain,
    check_effects,
)
from lucidsonic.effects.effect import Effect, EffectOptions, Moment
from lucidsonic.effects.wishes import EFFECTS, CustomFunction, parse_effect

__all__ = [
    "EFFECTS",
    "Chain",
    "Custom",
    "CustomFunction",
    "Effect",
    "EffectOptions",
    "Moment",
    "bent_stages",
    "build_chain",
    "check_effects",
    "parse_effect",
]
