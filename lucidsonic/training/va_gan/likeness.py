"""What a batch has in common with photographs: the statistics of its patches and its colours.

No critic is needed: a decoder is steered and sharpened in minutes, not in hours.
"""

import torch
import torch.nn.functional as F

from lucidsonic.training.landscapes.colour import DARK, LUMA, SPANS, WEIGHTS

__all__ = ["colour_emotion", "texture_distance"]

LEVELS = 3  # sizes that patches are compared at, each half of the one before
PATCH = 7  # side of a patch, pixels
DIRECTIONS = 32  # random projections a level
THINNED = 64  # from this side on every other patch is enough


def texture_distance(made: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Sliced Wasserstein distance between all patches of two batches, new directions each time.

    Patches are projected on random directions, sorted, and compared rank by rank (Bonneel et
    al. 2015, equation 14; on patches: Elnekave & Weiss, "Generating natural images with direct
    patch distributions matching", 2022, section 3). Which patch lies where is left free.

    Args:
        made: `(batch, 3, size, size)` in [-1, 1].
        wanted: the same shape.

    Returns:
        Mean over levels, directions and ranks of the distance.
    """
    total = made.new_zeros(())
    for level in range(LEVELS):
        if level:
            made, wanted = F.avg_pool2d(made, 2), F.avg_pool2d(wanted, 2)
        directions = torch.randn(DIRECTIONS, 3, PATCH, PATCH, device=made.device)
        directions = F.normalize(directions.flatten(1)).view_as(directions)
        stride = 2 if made.shape[-1] >= THINNED else 1
        row, column = torch.randint(stride, (2,)).tolist()
        ranked = [
            F.conv2d(images[..., row:, column:], directions, stride=stride)
            .transpose(0, 1)
            .flatten(1)
            .sort(1)
            .values
            for images in (made, wanted)
        ]
        total = total + (ranked[0] - ranked[1]).abs().mean()
    return total / LEVELS


def colour_emotion(images: torch.Tensor) -> torch.Tensor:
    """Valence and arousal that the colours suggest, with a gradient.

    The regression of `landscapes.colour.estimate_va`, without its limits.

    Args:
        images: `(batch, 3, height, width)` in [-1, 1].

    Returns:
        `(batch, 2)`; 1 to 9 on landscape photographs, and beyond.
    """
    pictures = images.float() / 2 + 0.5
    luma, weights, spans = (torch.from_numpy(t).to(pictures) for t in (LUMA, WEIGHTS, SPANS))
    high, low = pictures.amax(1), pictures.amin(1)
    colour = torch.stack(
        [
            pictures.mean((2, 3)) @ luma,
            ((high - low) / high.clamp_min(DARK)).mean((1, 2)),
        ],
        dim=1,
    )
    return 1 + 8 * (colour @ weights.T - spans[:, 0]) / (spans[:, 1] - spans[:, 0])
