"""A run folder -> the weights and options that the renderer takes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from lucidsonic.errors import TrainingError
from lucidsonic.training.checkpoint import read_checkpoint
from lucidsonic.training.family import Exported

__all__ = ["export_decoder", "fold_decoder", "fold_encoder", "posterior_moments"]

CHOICES = ("best.pt", "latest.pt")
Tensors = Mapping[str, torch.Tensor]


def export_decoder(folder: Path, *, family: str) -> Exported:
    """The averaged decoder of a run: the best if one was judged best, else the latest.

    Args:
        folder: a run folder, or one of its checkpoints.
        family: the training family that made it.

    Raises:
        TrainingError: there is no checkpoint, or it is not of that family.
    """
    path = folder if folder.is_file() else _choose(folder / "checkpoints")
    saved = read_checkpoint(path, family=family)
    config, state = saved["config"], saved["state"]
    options = {
        "resolution": config["resolution"],
        "latent_dim": config["latent_dim"],
        "width": config["width"],
        "va_norm": config["va_norm"],
        "eru_clamp": state.get("eru_clamp", config["eru_clamp"]),
    }
    weights = fold_decoder(state["ema"], state.get("latent", {}))
    return Exported("va_gan", options, weights, int(config["resolution"]))


def _choose(folder: Path) -> Path:
    for name in CHOICES:
        if (folder / name).exists():
            return folder / name
    raise TrainingError(
        f"There is no checkpoint in {folder}.",
        hint="Give the run folder that holds config.json and checkpoints/.",
    )


def posterior_moments(
    means: torch.Tensor, log_variances: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Where codes lie: centre `(dim,)` and a factor of the covariance `(dim, dim)`.

    Args:
        means: of the pictures' posteriors, `(pictures, dim)`.
        log_variances: the same shape.
    """
    means = means.double()
    spread = torch.cov(means.T) + torch.diag(log_variances.double().exp().mean(0))
    return {"mean": means.mean(0).float(), "factor": torch.linalg.cholesky(spread).float()}


def fold_decoder(weights: Tensors, latent: Tensors) -> dict[str, torch.Tensor]:
    """A decoder's weights, changed so that Gaussian z reach it where the encoder's codes lie.

    A network with a strong decoder leaves its codes with another centre and covariance than
    the prior's; a linear map of z mends that, and vanishes in the first layer.
    """
    folded = dict(weights)
    if latent:
        matrix = weights["fc.weight"]
        folded["fc.weight"] = matrix @ latent["factor"]
        folded["fc.bias"] = weights["fc.bias"] + matrix @ latent["mean"]
    return folded


def fold_encoder(weights: Tensors, latent: Tensors) -> dict[str, Any]:
    """The encoder's weights to go with a folded decoder: its means come out standardised."""
    folded = dict(weights)
    if latent:
        inverse = torch.linalg.inv(latent["factor"].double()).float()
        folded["mean.weight"] = inverse @ weights["mean.weight"]
        folded["mean.bias"] = inverse @ (weights["mean.bias"] - latent["mean"])
    return folded
