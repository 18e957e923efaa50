"""frames -> frames: pure functions, each led by one curve of the music."""

from lucidsonic.effects.chain import (
    EFFECTS,
    Chain,
    Custom,
    CustomFunction,
    build_chain,
    check_effects,
    parse_effect,
)
from lucidsonic.effects.effect import Effect, EffectOptions, Moment

__all__ = [
    "EFFECTS",
    "Chain",
    "Custom",
    "CustomFunction",
    "Effect",
    "EffectOptions",
    "Moment",
    "build_chain",
    "check_effects",
    "parse_effect",
]
