"""Effects of motion: the picture is looked at through changed coordinates."""

import math
from typing import Annotated, Literal

import torch
from pydantic import Field

from lucidsonic.effects.effect import EffectOptions, Moment, effects_of
from lucidsonic.effects.sampling import coordinates, look

Release = Annotated[float, Field(ge=0, le=10_000)]


class ZoomOptions(EffectOptions):
    """`zoom`. Attributes: factor: magnification at amount 1."""

    follow: str = "onset_low"
    release_ms: Release = 180.0
    factor: Annotated[float, Field(ge=0.25, le=4)] = 1.25


class RotateOptions(EffectOptions):
    """`rotate`. Attributes: degrees: at amount 1; spin: turns a minute, scaled by `amount`."""

    follow: str = "loudness"
    degrees: Annotated[float, Field(ge=-360, le=360)] = 12.0
    spin: Annotated[float, Field(ge=-60, le=60)] = 0.0


class ShakeOptions(EffectOptions):
    """`shake`. Attributes: reach: share of the short side; hold: frames between two places."""

    follow: str = "onset_low"
    release_ms: Release = 120.0
    reach: Annotated[float, Field(gt=0, le=0.5)] = 0.04
    hold: Annotated[int, Field(ge=1, le=60)] = 1


class WaveOptions(EffectOptions):
    """`wave`. Attributes: reach: share of the short side; waves: across it; speed: Hz."""

    follow: str = "energy_low"
    reach: Annotated[float, Field(gt=0, le=0.25)] = 0.03
    waves: Annotated[float, Field(gt=0, le=40)] = 2.5
    speed: Annotated[float, Field(ge=-8, le=8)] = 0.4


class MirrorOptions(EffectOptions):
    """`mirror`. Attributes: axis: what is mirrored onto what."""

    amount: Annotated[float, Field(ge=0, le=1)] = 1.0
    axis: Literal["left-right", "top-bottom", "both"] = "left-right"


class KaleidoscopeOptions(EffectOptions):
    """`kaleidoscope`. Attributes: mirrors: sectors; spin: turns a minute."""

    amount: Annotated[float, Field(ge=0, le=1)] = 1.0
    mirrors: Annotated[int, Field(ge=2, le=32)] = 6
    spin: Annotated[float, Field(ge=-60, le=60)] = 1.0


class TrailOptions(EffectOptions):
    """`trail`.

    Attributes:
        taps: copies; each is a step nearer.
        reach: magnification of the last copy, minus 1, at amount 1.
        twist: degrees that the last copy is turned by at amount 1.
    """

    follow: str = "energy_mid"
    taps: Annotated[int, Field(ge=2, le=24)] = 6
    reach: Annotated[float, Field(gt=0, le=2)] = 0.3
    twist: Annotated[float, Field(ge=-180, le=180)] = 6.0


def zoom(
    frames: torch.Tensor, amount: torch.Tensor, options: ZoomOptions, _moment: Moment
) -> torch.Tensor:
    """Come nearer."""
    x, y = coordinates(frames)
    scale = options.factor ** -amount[:, 0].float()
    return look(frames, x * scale, y * scale)


def rotate(
    frames: torch.Tensor, amount: torch.Tensor, options: RotateOptions, moment: Moment
) -> torch.Tensor:
    """Turn the picture; what is beyond its edges is mirrored in."""
    spun = moment.seconds(frames)[:, 0] * (options.spin / 60 * options.amount)
    angle = 2 * math.pi * (amount[:, 0].float() * options.degrees / 360 + spun)
    return look(frames, *_turn(*coordinates(frames), angle))


def shake(
    frames: torch.Tensor, amount: torch.Tensor, options: ShakeOptions, moment: Moment
) -> torch.Tensor:
    """Shake the camera."""
    places = moment.chance(1, 2, hold=options.hold) * 2 - 1
    push = torch.as_tensor(places, device=frames.device)[:, :, None, None] * amount.float()
    x, y = coordinates(frames)
    return look(frames, x + 2 * options.reach * push[:, 0], y + 2 * options.reach * push[:, 1])


def wave(
    frames: torch.Tensor, amount: torch.Tensor, options: WaveOptions, moment: Moment
) -> torch.Tensor:
    """Look at the picture through moving water."""
    x, y = coordinates(frames)
    rate, phase = (
        math.pi * options.waves,
        2 * math.pi * options.speed * moment.seconds(frames)[:, 0],
    )
    push = 2 * options.reach * amount[:, 0].float()
    return look(
        frames,
        x + push * torch.sin(rate * y + phase),
        y + push * torch.sin(rate * 0.8 * x + phase * 1.3 + 1.0),
    )


def mirror(
    frames: torch.Tensor, amount: torch.Tensor, options: MirrorOptions, _moment: Moment
) -> torch.Tensor:
    """Make the picture symmetric."""
    folded = frames
    if options.axis != "top-bottom":
        half = folded.shape[-1] // 2
        folded = torch.cat([folded[..., :-half], folded[..., :half].flip(-1)], dim=-1)
    if options.axis != "left-right":
        half = folded.shape[-2] // 2
        folded = torch.cat([folded[..., :-half, :], folded[..., :half, :].flip(-2)], dim=-2)
    return torch.lerp(frames, folded, amount)


def kaleidoscope(
    frames: torch.Tensor, amount: torch.Tensor, options: KaleidoscopeOptions, moment: Moment
) -> torch.Tensor:
    """Fold the picture into sectors that mirror each other."""
    x, y = coordinates(frames)
    turned = 2 * math.pi * options.spin / 60 * moment.seconds(frames)[:, 0]
    sector = 2 * math.pi / options.mirrors
    radius, angle = torch.hypot(x, y), torch.atan2(y, x)
    folded = (torch.remainder(angle + turned, sector) - sector / 2).abs() + turned
    seen = look(frames, radius * torch.cos(folded), radius * torch.sin(folded))
    return torch.lerp(frames, seen, amount)


def trail(
    frames: torch.Tensor, amount: torch.Tensor, options: TrailOptions, _moment: Moment
) -> torch.Tensor:
    """Streaks of light towards the viewer: nearer and nearer copies, each fainter."""
    x, y = coordinates(frames)
    strength = amount[:, 0].float()
    lit = frames.clone()
    for tap in range(1, options.taps + 1):
        share = tap / options.taps * strength
        scale = 1 / (1 + options.reach * share)
        near = look(frames, *_turn(x * scale, y * scale, share * math.radians(options.twist)))
        lit = torch.maximum(lit, near * (1 - 0.75 * tap / options.taps))
    return torch.lerp(frames, lit, amount)


def _turn(
    x: torch.Tensor, y: torch.Tensor, angle: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    cos, sin = torch.cos(angle), torch.sin(angle)
    return x * cos - y * sin, x * sin + y * cos


MOTION = effects_of(
    zoom, rotate, shake, wave, mirror, kaleidoscope, trail,
    options={
        "zoom": ZoomOptions, "rotate": RotateOptions, "shake": ShakeOptions,
        "wave": WaveOptions, "mirror": MirrorOptions, "kaleidoscope": KaleidoscopeOptions,
        "trail": TrailOptions,
    },
    works_on="both",
)  # fmt: skip
