"""The relativistic pairing loss and its two penalties.

Huang et al. (2024), equations 3 to 5: each real picture is compared with one fake, and the
gradients of the discriminator at both are kept short, without which the loss diverges.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lucidsonic.nn.grouped import weights_at_rest

__all__ = ["Penalised", "generator_loss", "pairing_loss", "penalised_score"]


@dataclass(frozen=True, slots=True, eq=False)
class Penalised:
    """Scores `(batch,)` and their squared gradient at each picture `(batch,)`."""

    score: Tensor
    penalty: Tensor


def penalised_score(judge: Callable[[Tensor], Tensor], pictures: Tensor) -> Penalised:
    """Judge pictures and measure the judgement's gradient with respect to them.

    Args:
        judge: pictures -> scores `(batch,)`; augmentation happens inside, so that the gradient
            is taken at the pictures as they are.
        pictures: `(batch, channels, height, width)`.
    """
    pictures = pictures.detach().requires_grad_(True)
    score = judge(pictures)
    with weights_at_rest():
        (gradient,) = torch.autograd.grad(score.sum(), pictures, create_graph=True)
    return Penalised(score, gradient.float().square().sum(dim=(1, 2, 3)))


def pairing_loss(real: Tensor, fake: Tensor) -> Tensor:
    """The discriminator's: E softplus(-(D(x) - D(G(z)))); ln 2 when it cannot tell."""
    return F.softplus(fake - real).mean()


def generator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """The generator's: the same with the pair swapped."""
    return pairing_loss(fake, real)
