"""Pictures -> numbers of a few fixed colours, and what can be done to such numbers.

Distances are measured in Oklab (B. Ottosson, "A perceptual color space for image processing",
2020), where equal steps look equal.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from lucidsonic.generators.pixel_vae.posterior import cluster
from lucidsonic.types import FloatArray

TO_LMS = torch.tensor(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = torch.tensor(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
BAYER = torch.tensor(
    [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], dtype=torch.float32
)
SHADES = 4  # steps of darkness, the first leaves colours as they are
DARKER = 0.68  # lightness of a step, in units of the step before
GREY = 0.035  # Oklab chroma below which a colour has no hue to rotate
RING = 4  # rotations that bring every hue home
STEADY_LIGHT = 2.0  # lightness counts so much more than hue in a rotation
VIVID = 1.15  # mean squared error dulls colours; this gives them back
SAMPLES = 20_000  # pixels that a palette is fitted to


@dataclass(frozen=True, slots=True, eq=False)
class Palette:
    """The colours of a film, fixed from its first frame to its last.

    Attributes:
        rgb: `(colours, 3)` in [0, 1], dark to light.
        lab: the same in Oklab.
        shades: `(SHADES, colours)`: number of the colour that is so many steps darker.
        turns: `(RING, colours)`: number of each colour after so many rotations of the hues.
        spacing: typical distance of neighbouring colours, Oklab.
    """

    rgb: torch.Tensor
    lab: torch.Tensor
    shades: torch.Tensor
    turns: torch.Tensor
    spacing: float

    def __len__(self) -> int:
        return len(self.rgb)

    def to(self, device: torch.device) -> "Palette":
        """The same on another device."""
        return replace(
            self,
            rgb=self.rgb.to(device),
            lab=self.lab.to(device),
            shades=self.shades.to(device),
            turns=self.turns.to(device),
        )


def rgb_to_oklab(rgb: torch.Tensor) -> torch.Tensor:
    """SRGB `(..., 3)` in [0, 1] -> Oklab `(..., 3)`: lightness, green-red, blue-yellow."""
    linear = torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    lms = (linear @ TO_LMS.to(rgb).T).clamp(min=0) ** (1 / 3)
    return lms @ TO_LAB.to(rgb).T


def fit_palette(pixels: FloatArray, colours: int, *, seed: int = 0) -> Palette:
    """The colours that stand best for many pixels; vivid ones count for more than dull ones.

    Args:
        pixels: sRGB `(pixels, 3)` in [0, 1].
        colours: how many, at least 2; near-black and near-white are always among them.
        seed: of the k-means start.
    """
    rng = np.random.default_rng(seed)
    lab = rgb_to_oklab(torch.from_numpy(pixels)).numpy()
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    weight = 0.004 + chroma**2
    chosen = rng.choice(len(pixels), size=SAMPLES, p=weight / weight.sum())
    owner = cluster(lab[chosen], max(1, colours - 2), seed=seed)
    means = [np.median(pixels[chosen][owner == k], axis=0) for k in np.unique(owner)]
    ends = [np.full(3, 0.03, np.float32), np.full(3, 0.96, np.float32)]
    return make_palette(
        torch.from_numpy(np.stack([*ends, *means])[:colours].astype(np.float32))
    )


def make_palette(rgb: torch.Tensor) -> Palette:
    """A palette of given colours `(colours, 3)` in [0, 1], sorted dark to light."""
    lab = rgb_to_oklab(rgb)
    order = lab[:, 0].argsort()
    rgb, lab = rgb[order], lab[order]
    distances = torch.cdist(lab, lab) + torch.eye(len(lab)) * 9
    return Palette(
        rgb=rgb,
        lab=lab,
        shades=shade_table(lab),
        turns=turn_table(lab),
        spacing=float(distances.min(1).values.mean()),
    )


def shade_table(lab: torch.Tensor) -> torch.Tensor:
    """For every step of darkness the palette's nearest colour: `(SHADES, colours)`."""
    rows = []
    for step in range(SHADES):
        darker = lab * DARKER**step
        distance = torch.cdist(darker, lab)
        # never answer with a lighter colour than the one asked for
        lighter = lab[None, :, 0] > darker[:, None, 0] + 0.02
        rows.append((distance + lighter * 9.0).argmin(1) if step else torch.arange(len(lab)))
    return torch.stack(rows)


def turn_table(lab: torch.Tensor) -> torch.Tensor:
    """Where colours go when hues rotate: `(RING, colours)`, a permutation in each row.

    Every coloured entry moves to one about as light and as vivid, a whole number of RINGths
    of the hue circle away; the best such exchange of all colours at once. Greys stay.
    """
    turns = torch.arange(len(lab)).repeat(RING, 1)
    coloured = torch.nonzero(lab[:, 1:].norm(dim=1) > GREY)[:, 0]
    own = lab[coloured] * torch.tensor([STEADY_LIGHT, 1.0, 1.0])
    for turn in range(1, RING):
        angle = torch.tensor(math.tau * turn / RING)
        spin = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()]).view(2, 2)
        wanted = torch.cat([own[:, :1], own[:, 1:] @ spin.T], dim=1)
        _, place = linear_sum_assignment(torch.cdist(wanted, own).numpy())
        turns[turn, coloured] = coloured[torch.from_numpy(place)]
    return turns


def quantise(images: torch.Tensor, palette: Palette, *, dither: float) -> torch.Tensor:
    """Numbers of the nearest colours, with an ordered (Bayer 4x4) dither.

    Args:
        images: sRGB `(batch, 3, height, width)` in [0, 1].
        palette: the colours to choose from.
        dither: strength; 0 is none, 1 mixes neighbouring colours fully.

    Returns:
        int64 `(batch, height, width)`.
    """
    lab = rgb_to_oklab(images.permute(0, 2, 3, 1).float())
    height, width = images.shape[2:]
    tiled = BAYER.to(images.device).repeat(-(-height // 4), -(-width // 4))[:height, :width]
    lab[..., 1:] *= VIVID
    lab[..., 0] += ((tiled + 0.5) / 16 - 0.5) * dither * palette.spacing
    colours = palette.lab.to(lab)
    # |a - b|^2 without |a|^2, which all colours share
    distance = colours.square().sum(1) - 2 * lab.flatten(0, 2) @ colours.T
    return distance.argmin(1).view(lab.shape[:3])


def snap(numbers: torch.Tensor, block: int, colours: int) -> torch.Tensor:
    """The pixel grid of an enlarged sprite: each block becomes its most frequent colour.

    Args:
        numbers: int64 `(batch, height, width)`; the sides multiples of `block`.
        block: side of a block, pixels; 1 changes nothing.
        colours: how many numbers there are.
    """
    if block == 1:
        return numbers
    blocks = numbers.unfold(1, block, block).unfold(2, block, block).flatten(3)
    votes = torch.zeros(*blocks.shape[:3], colours, dtype=torch.int32, device=numbers.device)
    votes.scatter_add_(3, blocks, torch.ones_like(blocks, dtype=torch.int32))
    return votes.argmax(3).repeat_interleave(block, 1).repeat_interleave(block, 2)


def double_size(numbers: torch.Tensor) -> torch.Tensor:
    """Twice as large with smooth diagonals: the Scale2x rule (A. Mazzoleni, 2001).

    Args:
        numbers: `(batch, height, width)`.
    """
    padded = torch.nn.functional.pad(numbers[:, None].float(), (1, 1, 1, 1), mode="replicate")
    around = padded[:, 0].to(numbers.dtype)
    up, down = around[:, :-2, 1:-1], around[:, 2:, 1:-1]
    left, right = around[:, 1:-1, :-2], around[:, 1:-1, 2:]
    free = (up != down) & (left != right)
    corners = [
        [
            torch.where(free & (left == up), left, numbers),
            torch.where(free & (up == right), right, numbers),
        ],
        [
            torch.where(free & (left == down), left, numbers),
            torch.where(free & (down == right), right, numbers),
        ],
    ]
    rows = [torch.stack(pair, dim=3).flatten(2) for pair in corners]
    return torch.stack(rows, dim=2).flatten(1, 2)
