"""What the autoencoder and its teacher are asked for, as formulas."""

import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from lucidsonic.generators.pixel_vae import Judgement
from lucidsonic.training.pixel_vae.pack import Label

FLOOR = 0.1  # lowest quality that a corrupted sprite is taught to have
MARGIN = 0.1  # logits between two neighbours in the ranking, for each 0.1 of severity


def kl_divergence(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """Mean over batch *and* dimensions: -1/2 mean(1 + log s2 - m2 - s2)."""
    return -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).mean()


def kl_share(epoch: int, *, warmup: int) -> float:
    """Which part of the KL weight counts in an epoch (1-based): up from 0 over `warmup`."""
    return min(1.0, (epoch - 1) / warmup) if warmup else 1.0


def quality_term(judgement: Judgement, target: float) -> torch.Tensor:
    """BCE of the judged quality against a constant, for the autoencoder."""
    return functional.binary_cross_entropy_with_logits(
        judgement.logit, torch.full_like(judgement.logit, target)
    )


def corruption_targets(severity: torch.Tensor, best: float) -> torch.Tensor:
    """Quality of a sprite spoilt that far: best (1 - s), at least 0.1."""
    return (best * (1 - severity)).clamp(min=FLOOR)


def reconstruction_targets(error: torch.Tensor, best: float, *, rate: float) -> torch.Tensor:
    """Quality of a reconstruction with that mean squared error: best exp(-k MSE)."""
    return best * (-rate * error).exp()


def ranking(better: torch.Tensor, worse: torch.Tensor, gap: torch.Tensor) -> torch.Tensor:
    """Hinge on the order of logits: the better sprite leads by a margin that grows with `gap`.

    Args:
        better: logits `(pairs,)` of the less spoilt sprites.
        worse: logits of the more spoilt ones.
        gap: how far apart their severities are.
    """
    return (10 * MARGIN * gap - (better - worse)).relu().mean()


def load_balance(routing: torch.Tensor) -> torch.Tensor:
    """E sum_e f_e P_e: 1 when every expert leads equally often, E when one takes all.

    f_e is the share of sprites that expert e leads (no gradient), P_e its mean weight.
    """
    experts = routing.shape[1]
    leads = functional.one_hot(routing.argmax(1), experts).to(routing.dtype).mean(0)
    return experts * (leads * routing.mean(0)).sum()


def semantic_targets(labels: Sequence[Label], width: int) -> torch.Tensor:
    """A fixed point on the unit sphere for every label; shared words bring labels closer.

    Every word has a random direction, seeded by its hash; a label is the sum of its words.

    Returns:
        float32 `(labels, width)`; a row of zeros where a label has no words.
    """
    sums = np.stack([sum_words(label, width) for label in labels])
    norms = np.linalg.norm(sums, axis=1, keepdims=True)
    return torch.from_numpy((sums / np.maximum(norms, 1e-8)).astype(np.float32))


def sum_words(label: Label, width: int) -> np.ndarray:
    total = np.zeros(width)
    for word in f"{label.category} {label.prompt}".split():
        digest = hashlib.blake2b(word.encode(), digest_size=8).digest()
        total += np.random.default_rng(int.from_bytes(digest, "little")).standard_normal(width)
    return total


def semantic_term(embedding: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean squared distance to the targets (2 - 2 cos); sprites without words do not count."""
    known = target.square().sum(1) > 0
    return ((embedding - target).square().sum(1) * known).sum() / known.sum().clamp(min=1)
