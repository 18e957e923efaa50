"""A run folder -> the weights and options that the renderer takes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from lucidsonic.errors import TrainingError
from lucidsonic.training.checkpoint import read_checkpoint
from lucidsonic.training.family import Exported

__all__ = [
    "export_decoder",
    "fold_decoder",
    "fold_encoder",
    "lean_decoder",
    "posterior_moments",
]

CHOICES = ("best.pt", "latest.pt")
RIDGE = 1e-6  # when all pictures have one emotion
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
    weights = lean_decoder(state["ema"], state.get("latent", {}))
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
    means: torch.Tensor, log_variances: torch.Tensor, va: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Where codes lie, and where those of a given emotion lie, as Gaussians.

    Args:
        means: of the pictures' posteriors, `(pictures, dim)`.
        log_variances: the same shape.
        va: the pictures' emotions on the model's scale, `(pictures, 2)`.

    Returns:
        "mean" `(dim,)` and "factor" `(dim, dim)` of all codes; "slope" `(dim, 2)`, "start"
        `(dim,)` and "rest" `(dim, dim)` of a code given its emotion: start + slope va + rest z.
    """
    means, va = means.double(), va.double()
    noise = torch.diag(log_variances.double().exp().mean(0))
    joint = torch.cov(torch.cat([means, va], 1).T)
    dim = means.shape[1]
    codes, across = joint[:dim, :dim], joint[:dim, dim:]
    slope = across @ torch.linalg.inv(joint[dim:, dim:] + RIDGE * torch.eye(2))
    found = {
        "mean": means.mean(0),
        "factor": torch.linalg.cholesky(codes + noise),
        "slope": slope,
        "start": means.mean(0) - slope @ va.mean(0),
        "rest": torch.linalg.cholesky(codes - slope @ across.T + noise),
    }
    return {name: tensor.float() for name, tensor in found.items()}


def lean_decoder(weights: Tensors, latent: Tensors) -> dict[str, torch.Tensor]:
    """A decoder's weights, changed so that Gaussian z reach it where codes of that emotion lie.

    The encoder knows nothing of emotion, so its codes carry some of it; z drawn without regard
    to the emotion would contradict it. The linear map vanishes in the first layer.
    """
    folded = dict(weights)
    if latent:
        matrix = weights["fc.weight"]
        folded["fc.weight"] = matrix @ latent["rest"]
        folded["fc.bias"] = weights["fc.bias"] + matrix @ latent["start"]
        folded["lean"] = torch.linalg.solve(latent["rest"], latent["slope"])
    return folded


def fold_decoder(weights: Tensors, latent: Tensors) -> dict[str, torch.Tensor]:
    """The same without regard to emotion: where stage B starts, paired with `fold_encoder`."""
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
