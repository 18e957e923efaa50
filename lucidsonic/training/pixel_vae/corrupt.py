"""Ways to spoil pixel art, each from untouched (severity 0) to ruined (severity 1)."""

import math
from collections.abc import Callable, Mapping

import torch
from torch import nn

BLUR = 1 / 16  # standard deviation of the worst blur, sprites
BLOCK = 8  # side of a JPEG block, pixels
STEP = 0.9  # coarsest quantisation of a block's frequencies, in units of [-1, 1]
NOISE = 0.5  # standard deviation of the worst colour noise, in units of [-1, 1]
SHIFT = 1 / 64  # worst shift off the pixel grid, sprites


def blur(images: torch.Tensor, severity: torch.Tensor, _noise: torch.Tensor) -> torch.Tensor:
    """Gaussian blur, a width of its own for every sprite."""
    side = images.shape[-1]
    place = torch.arange(side, device=images.device, dtype=images.dtype)
    distance = (place[:, None] - place[None]).square()
    sigma = (severity.sqrt() * BLUR * side).clamp(min=1e-2)[:, None, None]
    kernel = (-distance / (2 * sigma.square())).exp()
    kernel = (kernel / kernel.sum(2, keepdim=True))[:, None]
    return kernel @ images @ kernel.transpose(2, 3)


def block_noise(
    images: torch.Tensor, severity: torch.Tensor, _noise: torch.Tensor
) -> torch.Tensor:
    """Coarsely rounded frequencies of 8x8 blocks, as a bad JPEG has them."""
    basis = cosine_basis(images)
    blocks = images.unfold(2, BLOCK, BLOCK).unfold(3, BLOCK, BLOCK)
    frequencies = basis @ blocks @ basis.T
    place = torch.arange(BLOCK, device=images.device, dtype=images.dtype)
    coarser = 1 + place[:, None] + place[None]  # JPEG rounds fine detail more coarsely
    step = (severity * STEP).clamp(min=1e-4).view(-1, 1, 1, 1, 1, 1) * coarser / 4
    rounded = (frequencies / step).round() * step
    return (basis.T @ rounded @ basis).permute(0, 1, 2, 4, 3, 5).reshape(images.shape)


def cosine_basis(images: torch.Tensor) -> torch.Tensor:
    """The orthonormal DCT-II matrix `(8, 8)`: a frequency a row."""
    place = torch.arange(BLOCK, device=images.device, dtype=images.dtype)
    waves = (math.pi / BLOCK * (place[None] + 0.5) * place[:, None]).cos() * (2 / BLOCK) ** 0.5
    waves[0] *= 0.5**0.5
    return waves


def colour_explosion(
    images: torch.Tensor, severity: torch.Tensor, noise: torch.Tensor
) -> torch.Tensor:
    """A little noise on every pixel: a dozen colours become a thousand."""
    return images + noise * severity.view(-1, 1, 1, 1) * NOISE


def off_grid(images: torch.Tensor, severity: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Moved by a fraction of a pixel and resampled: edges lie between the pixels."""
    angle = noise[:, 0, 0, 0] * math.tau
    move = torch.stack([angle.cos(), angle.sin()], dim=1) * severity[:, None] * 2 * SHIFT
    grid = nn.functional.affine_grid(
        torch.cat(
            [torch.eye(2, device=images.device).expand(len(images), 2, 2), move[..., None]], 2
        ),
        list(images.shape),
        align_corners=False,
    )
    return nn.functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


Corruption = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
CORRUPTIONS: Mapping[str, Corruption] = {
    "blur": blur,
    "block_noise": block_noise,
    "colour_explosion": colour_explosion,
    "off_grid": off_grid,
}


def corrupt(
    images: torch.Tensor, severity: torch.Tensor, generator: torch.Generator | None = None
) -> torch.Tensor:
    """Every sprite spoilt in one of the ways, chosen by its place in the batch.

    Args:
        images: `(batch, colours, size, size)` in [-1, 1]; the size a multiple of 8.
        severity: `(batch,)` in [0, 1].
        generator: where the noise comes from, on the CPU.

    Returns:
        As `images`. Two calls with generators in the same state spoil in the same way, so
        that severities can be compared.
    """
    noise = torch.randn(images.shape, generator=generator).to(images)
    spoilt = torch.empty_like(images)
    for number, spoil in enumerate(CORRUPTIONS.values()):
        rows = slice(number, None, len(CORRUPTIONS))
        if len(images[rows]):
            spoilt[rows] = spoil(images[rows], severity[rows], noise[rows])
    return spoilt.clamp(-1, 1)
