"""What the discriminator sees of a picture: moved, turned, recoloured, cut.

Karras et al., *Training Generative Adversarial Networks with Limited Data* (2020), appendix B,
without its filters and noise. Every operation is drawn for every picture; all are linear in the
picture and can be differentiated twice, which the penalties need.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["augment"]

SHIFT = 0.125  # of the side
SCALE = 0.2  # deviation of log2
BRIGHTNESS = 0.2  # deviation
CONTRAST = 0.5  # deviation of log2
SATURATION = 1.0  # deviation of log2
CUT = 0.5  # of the side
COLOUR_SHARE = 0.5  # colour is drawn half as often as geometry
BILINEAR, REFLECT = 0, 2  # of torch's grid sampler


def augment(pictures: Tensor, chance: float, *, mode: str = "r3gan") -> Tensor:
    """Each picture with each operation drawn at `chance`; 0 returns them as they are.

    Args:
        pictures: `(batch, 3, size, size)` in about [-1, 1].
        chance: in [0, 1]; colours at half of it.
        mode: "r3gan" for everything, "geom" for geometry only, "none".
    """
    if chance <= 0 or mode == "none":
        return pictures
    pictures = warp(pictures, placement(len(pictures), chance, pictures))
    if mode == "r3gan":
        pictures = recolour(pictures, chance * COLOUR_SHARE)
        pictures = cut_out(pictures, chance)
    return pictures


def toss(count: int, chance: float, like: Tensor) -> Tensor:
    return torch.rand(count, device=like.device) < chance


def normal(count: int, like: Tensor) -> Tensor:
    return torch.randn(count, device=like.device)


def matrix(count: int, like: Tensor, **entries: Tensor) -> Tensor:
    """Identities `(count, 3, 3)` with some entries replaced: `e02=...` is row 0, column 2."""
    result = torch.eye(3, device=like.device).repeat(count, 1, 1)
    for name, value in entries.items():
        result[:, int(name[1]), int(name[2])] = value
    return result


def turned(angle: Tensor) -> Tensor:
    cosine, sine = angle.cos(), angle.sin()
    return matrix(len(angle), angle, e00=cosine, e01=-sine, e10=sine, e11=cosine)


def scaled(x: Tensor, y: Tensor) -> Tensor:
    return matrix(len(x), x, e00=x, e11=y)


def moved(x: Tensor, y: Tensor) -> Tensor:
    return matrix(len(x), x, e02=x, e12=y)


def placement(count: int, chance: float, like: Tensor) -> Tensor:
    """Where each pixel comes from, in the sampler's coordinates: `(count, 3, 3)`."""
    side = like.shape[-1]

    def some(values: Tensor, p: float = chance) -> Tensor:
        return values * toss(count, p, like)

    def uniform() -> Tensor:
        return torch.rand(count, device=like.device) * 2 - 1

    mirror = 1 - 2 * (toss(count, chance, like) & toss(count, 0.5, like)).float()
    quarters = torch.randint(4, (count,), device=like.device).float()
    whole = [torch.round(some(uniform()) * SHIFT * side) * (2 / side) for _ in "xy"]
    size = torch.exp2(some(normal(count, like)) * SCALE)
    stretch = torch.exp2(some(normal(count, like)) * SCALE)
    # Two turns with a stretch between; together one happens at `chance` (appendix B).
    turn_chance = 1 - math.sqrt(1 - min(chance, 1.0))
    first, second = (some(uniform() * math.pi, turn_chance) for _ in "ab")
    keep = toss(count, chance, like).float()
    fraction = [normal(count, like) * SHIFT * 2 * keep for _ in "xy"]
    result = scaled(mirror, torch.ones_like(mirror))
    for part in (
        turned(some(quarters) * (math.pi / 2)),
        moved(whole[0], whole[1]),
        scaled(size, size),
        turned(first),
        scaled(stretch, 1 / stretch),
        turned(second),
        moved(fraction[0], fraction[1]),
    ):
        result = result @ part
    return result


def warp(pictures: Tensor, places: Tensor) -> Tensor:
    """Pictures seen through an affine map each; beyond the border they are mirrored."""
    grid = F.affine_grid(places[:, :2].to(pictures.dtype), list(pictures.shape), False)
    return Warp.apply(pictures, grid)  # pyright: ignore[reportReturnType]


class Warp(torch.autograd.Function):
    """Bilinear sampling, linear in the picture; its gradient is a `Gather`."""

    @staticmethod
    def forward(ctx, pictures: Tensor, grid: Tensor) -> Tensor:
        ctx.save_for_backward(grid)
        ctx.shape = pictures.shape
        return F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)

    @staticmethod
    def backward(ctx, *gradients: Tensor) -> tuple[Tensor, None]:
        (grid,) = ctx.saved_tensors
        return Gather.apply(gradients[0], grid, ctx.shape), None  # pyright: ignore[reportReturnType]


class Gather(torch.autograd.Function):
    """The transpose of `Warp`; torch's own cannot be differentiated again, this can."""

    @staticmethod
    def forward(ctx, gradient: Tensor, grid: Tensor, shape: torch.Size) -> Tensor:
        ctx.save_for_backward(grid)
        blank = gradient.new_zeros(()).expand(shape)
        result, _ = torch.ops.aten.grid_sampler_2d_backward(
            gradient.contiguous(), blank, grid, BILINEAR, REFLECT, False, [True, False]
        )
        return result

    @staticmethod
    def backward(ctx, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (grid,) = ctx.saved_tensors
        return Warp.apply(gradients[0], grid), None, None  # pyright: ignore[reportReturnType]


def recolour(pictures: Tensor, chance: float) -> Tensor:
    """Brightness, contrast, luma flip, hue and saturation as one affine map of RGB each."""
    count = len(pictures)
    maps = torch.eye(4, device=pictures.device).repeat(count, 1, 1)
    for change in COLOURS:
        drawn = change(count, pictures)
        chosen = toss(count, chance, pictures)[:, None, None]
        maps = torch.where(chosen, drawn, torch.eye(4, device=pictures.device)) @ maps
    maps = maps.to(pictures.dtype)
    colours = torch.einsum("bij,bjhw->bihw", maps[:, :3, :3], pictures)
    return colours + maps[:, :3, 3, None, None]


def axis_projection(like: Tensor) -> Tensor:
    """The projection on grey, `(4, 4)`, without the affine part."""
    grey = torch.zeros(4, 4, device=like.device)
    grey[:3, :3] = 1 / 3
    return grey


def colours_only(like: Tensor) -> Tensor:
    return torch.diag(torch.tensor([1.0, 1.0, 1.0, 0.0], device=like.device))


def affine_part(like: Tensor) -> Tensor:
    return torch.diag(torch.tensor([0.0, 0.0, 0.0, 1.0], device=like.device))


def brighten(count: int, like: Tensor) -> Tensor:
    maps = torch.eye(4, device=like.device).repeat(count, 1, 1)
    maps[:, :3, 3] = (normal(count, like) * BRIGHTNESS)[:, None]
    return maps


def contrast(count: int, like: Tensor) -> Tensor:
    factor = torch.exp2(normal(count, like) * CONTRAST)[:, None, None]
    return colours_only(like) * factor + affine_part(like)


def flip_luma(count: int, like: Tensor) -> Tensor:
    flips = toss(count, 0.5, like).float()[:, None, None]
    return torch.eye(4, device=like.device) - 2 * axis_projection(like) * flips


def turn_hue(count: int, like: Tensor) -> Tensor:
    """Rotation about the grey axis by any angle (Rodrigues' formula)."""
    angle = ((torch.rand(count, device=like.device) * 2 - 1) * math.pi)[:, None, None]
    cross = torch.zeros(4, 4, device=like.device)
    for row, column, sign in (
        (0, 1, -1),
        (0, 2, 1),
        (1, 0, 1),
        (1, 2, -1),
        (2, 0, -1),
        (2, 1, 1),
    ):
        cross[row, column] = sign / math.sqrt(3)
    grey = axis_projection(like)
    turned_part = (colours_only(like) - grey) * angle.cos() + cross * angle.sin()
    return grey + turned_part + affine_part(like)


def saturate(count: int, like: Tensor) -> Tensor:
    factor = torch.exp2(normal(count, like) * SATURATION)[:, None, None]
    grey = axis_projection(like)
    return grey + (colours_only(like) - grey) * factor + affine_part(like)


COLOURS: tuple[Callable[[int, Tensor], Tensor], ...] = (
    brighten,
    contrast,
    flip_luma,
    turn_hue,
    saturate,
)


def cut_out(pictures: Tensor, chance: float) -> Tensor:
    """A square of half the side, anywhere, made grey in some pictures."""
    count, side = len(pictures), pictures.shape[-1]
    centre = torch.rand(count, 2, 1, device=pictures.device)
    place = (torch.arange(side, device=pictures.device) + 0.5) / side
    inside = (place - centre).abs() < CUT / 2
    hole = inside[:, 0, :, None] & inside[:, 1, None, :]
    hole = hole & toss(count, chance, pictures)[:, None, None]
    return pictures * (~hole)[:, None].to(pictures.dtype)
