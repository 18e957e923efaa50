"""Palettes: five stops from darkness to highlight and one accent, mixed in OKLab.

Source: Bjorn Ottosson, "A perceptual color space for image processing" (2020). Light is kept in
squared sRGB ("gamma 2"), which is close to linear light and needs only a square root to show.
"""

from collections.abc import Sequence

import numpy as np
import torch

from lucidsonic.errors import ConfigError, UnknownNameError

STOPS = 5
STEPS = 256  # entries of a look-up table, interpolated

# name: darkness ... highlight | accent
PALETTES = {
    "borealis": "#03060f #0b2a4a #0f8f7a #5dfc9a #e9ffd9 #b06bff",
    "polar": "#040513 #1a1a5e #4a35c9 #3fd6d0 #eafff6 #ff6bd6",
    "rose-aurora": "#070412 #32104f #a3206f #ff6f91 #ffe6d0 #6fe8ff",
    "ember": "#080202 #3b0606 #b3240a #ff8a1f #fff0b8 #ffd15c",
    "lava": "#050308 #2a0a2e #9c1533 #ff5a26 #ffe3a3 #ffb13d",
    "copper": "#070606 #2e1a14 #8a4526 #e39a5b #fff1da #5fd3c4",
    "abyss": "#010611 #02233f #046a8c #2fd0d3 #e6fff5 #ffb86b",
    "lagoon": "#021018 #043f55 #0fa3a3 #8af0c0 #fdfff0 #ff7d6b",
    "jelly": "#060318 #24105a #7b2fd0 #ff77d4 #fff0fa #4df0ff",
    "neon": "#05030f #1d0b45 #d4148c #ff6ad5 #fff2ff #19f0ff",
    "cyber": "#02040d #04263d #0479a8 #2af5ff #f4ffff #ff2d95",
    "acid": "#05080a #0d2b22 #2d8f2f #c6ff3d #fcffe0 #ff3df2",
    "sunset": "#0b0620 #43155e #c8356b #ff9a56 #fff3c4 #7ad7ff",
    "dusk": "#0a0a1f #2c2a63 #7b4f9c #f0929b #ffeed6 #ffd166",
    "nebula": "#05040f #1f1147 #7a1f86 #f0689a #ffe9d6 #7fd8ff",
    "orion": "#03060d #0c2340 #2a6f97 #f2a65a #fff4dd #ff5d73",
    "carina": "#060509 #2c1320 #8c2f39 #e8a15c #f3ffe9 #4fd1c5",
    "gold": "#070504 #2a1c0a #8a5a14 #e6b94a #fffbe6 #f6f1ff",
    "emerald": "#020806 #053225 #0b7a4b #6fdc8c #f7ffe5 #ffd447",
    "ruby": "#0a0206 #45051d #b00f3c #ff5c72 #ffece3 #ffc857",
    "sapphire": "#03040f #0b1a5b #1c4fd0 #6fb7ff #f2fbff #ffd447",
    "amethyst": "#07030f #2b0f57 #7a33c4 #c79bff #fbf2ff #5cf2c8",
    "ink": "#0b0b0d #2b2b30 #77767a #cfcbc3 #f6f1e7 #c8242b",
    "indigo-ink": "#0a0e1c #1c2a4f #4f6a9c #c9cfd6 #f7f3ea #d9472b",
    "sepia": "#120c08 #3d2a1c #8a6a4a #d8c3a0 #f8efdd #2f6f73",
    "moon": "#05070b #1a222e #55687d #b9cbd6 #f7fbff #ffdf9e",
    "coral-paper": "#14304f #7d3f74 #f2785c #f9c784 #fdf3e1 #e23e57",
    "forest-paper": "#10241f #1f4f3f #5b8c5a #d9c15f #f8f1dd #e8703a",
    "candy-paper": "#2b1b4d #6a3fa0 #f45b8c #ffb77d #fff2e0 #25c7c7",
    "night-paper": "#0c1230 #223a70 #5a6fb0 #f4a6a0 #ffeedd #ffd166",
    "desert-paper": "#3b1c2f #8f3b4a #d9704c #f2b36a #fdeccb #2a7f86",
    "ice": "#04121f #0f3f66 #3d8fc4 #a9e1f7 #ffffff #ff9ecf",
}  # fmt: skip


def palette_colours(palette: str | Sequence[str]) -> torch.Tensor:
    """OKLab of a named palette or of six hex colours: float32 `(6, 3)`.

    Raises:
        UnknownNameError: no palette of that name.
        ConfigError: not six colours like #1a2b3c.
    """
    if isinstance(palette, str):
        if palette not in PALETTES:
            raise UnknownNameError("palette", palette, PALETTES)
        palette = PALETTES[palette].split()
    try:
        rgb = [[int(c.lstrip("#")[i : i + 2], 16) / 255 for i in (0, 2, 4)] for c in palette]
    except ValueError:
        rgb = []
    if len(rgb) != STOPS + 1:
        raise ConfigError(
            f"{list(palette)} is not a palette.",
            hint="Give five colours from dark to light and an accent, like #1a2b3c.",
        )
    return rgb_to_oklab(torch.tensor(rgb).square())


_TO_LMS = torch.tensor(
    [[0.4122214708, 0.5363325363, 0.0514459929],
     [0.2119034982, 0.6806995451, 0.1073969566],
     [0.0883024619, 0.2817188376, 0.6299787005]]
)  # fmt: skip
_TO_LAB = torch.tensor(
    [[0.2104542553, 0.7936177850, -0.0040720468],
     [1.9779984951, -2.4285922050, 0.4505937099],
     [0.0259040371, 0.7827717662, -0.8086757660]]
)  # fmt: skip


def rgb_to_oklab(rgb: torch.Tensor) -> torch.Tensor:
    """Light `(..., 3)` -> L, a, b."""
    lms = (rgb @ _TO_LMS.to(rgb).T).clamp_min(0).pow(1 / 3)
    return lms @ _TO_LAB.to(rgb).T


def oklab_to_rgb(lab: torch.Tensor) -> torch.Tensor:
    """L, a, b `(..., 3)` -> light, clipped to what a screen can show."""
    lms = lab @ torch.linalg.inv(_TO_LAB).to(lab).T
    return (lms.pow(3) @ torch.linalg.inv(_TO_LMS).to(lab).T).clamp(0, 1)


def spline_basis(device: torch.device) -> torch.Tensor:
    """Catmull-Rom weights `(STEPS, STOPS)`: how each stop colours each table entry."""
    t = np.linspace(0, STOPS - 1, STEPS)
    padded = np.vstack([np.eye(STOPS)[0], np.eye(STOPS), np.eye(STOPS)[-1]])
    i = np.minimum(t.astype(int), STOPS - 2)
    f = (t - i)[:, None]
    p0, p1, p2, p3 = (padded[i + k] for k in range(4))
    basis = p1 + 0.5 * f * (
        p2 - p0 + f * (2 * p0 - 5 * p1 + 4 * p2 - p3 + f * (3 * (p1 - p2) + p3 - p0))
    )
    return torch.as_tensor(basis, dtype=torch.float32, device=device)


def mix_palettes(palettes: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Mix in OKLab without losing colour.

    Args:
        palettes: `(palettes, 6, 3)`.
        weights: `(batch, palettes)`, adding up to 1.

    Returns:
        `(batch, 6, 3)`.
    """
    mixed = torch.einsum("bp,psc->bsc", weights, palettes)
    wanted = torch.einsum("bp,ps->bs", weights, palettes[..., 1:].norm(dim=-1))
    return keep_chroma(mixed, wanted)


def palette_table(basis: torch.Tensor, stops: torch.Tensor) -> torch.Tensor:
    """Light `(batch, 3, STEPS)` of the palettes with OKLab `stops` `(batch, STOPS, 3)`."""
    lab = keep_chroma(basis @ stops, basis @ stops[..., 1:].norm(dim=-1)[..., None])
    return oklab_to_rgb(lab).transpose(1, 2).contiguous()


def keep_chroma(mixed: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Give back the chroma that opposite hues cancel when they are mixed."""
    wanted = wanted.reshape(mixed.shape[:-1]).clamp_min(0)
    found = mixed[..., 1:].norm(dim=-1)
    boost = ((wanted + 0.01) / (found + 0.25 * wanted + 0.01)).clamp(1.0, 2.5)
    return torch.cat([mixed[..., :1], mixed[..., 1:] * boost[..., None]], dim=-1)


def turn_hue(lab: torch.Tensor, angle: torch.Tensor, chroma: torch.Tensor) -> torch.Tensor:
    """Rotate hue by `angle` (radians) and scale chroma, both `(batch, 1)`."""
    cos, sin = torch.cos(angle) * chroma, torch.sin(angle) * chroma
    light, a, b = lab.unbind(-1)
    return torch.stack([light, a * cos - b * sin, a * sin + b * cos], dim=-1)
