"""A trained model and its data -> how well it obeys, and how much it is worth."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F

from lucidsonic.errors import TrainingError
from lucidsonic.generators.va_gan import Options, load
from lucidsonic.training.data import denormalise_va
from lucidsonic.training.landscapes.colour import estimate_va
from lucidsonic.training.model_file import MODEL
from lucidsonic.training.score import frechet_distance, picture_features, spearman
from lucidsonic.training.va_gan.emotion_data import (
    EmotionConfig,
    Sets,
    load_sets,
    to_network,
    to_pictures,
)
from lucidsonic.training.va_gan.export import export_decoder

__all__ = ["Figures", "measure", "measure_run"]

Paint = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
RIDGE = 1.0  # of the regressor
COMPARED = 1000  # pictures of each set in distances


@dataclass(frozen=True, slots=True)
class Figures:
    """What the measurement says.

    Attributes:
        spearman_valence: rank correlation of the valence asked for and seen in the colours.
        spearman_arousal: the same for arousal.
        r2_valence: share of valence that a regressor trained on held-out pictures recovers.
        r2_arousal: the same for arousal.
        diversity: mean distance between two of its pictures over that of the data.
        frechet: distance to held-out pictures on fixed random features.
        frechet_real: the same distance between training and held-out pictures.
        nearest: median distance to the nearest training picture, over that of held-out ones.
        copies: share of its pictures nearer to a training picture than 99 % of held-out ones.
    """

    spearman_valence: float
    spearman_arousal: float
    r2_valence: float
    r2_arousal: float
    diversity: float
    frechet: float
    frechet_real: float
    nearest: float
    copies: float


def measure_run(folder: Path, *, count: int = 500, seed: int = 0) -> Figures:
    """Measure a run's exported model against the pictures it was trained on.

    Args:
        folder: a run folder of `train va-gan` or `train va-vae`.
        count: pictures painted.
        seed: of z and emotions.

    Raises:
        TrainingError: it is no such run, or has no model yet.
        DataError: its pictures are gone.
    """
    try:
        told = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        shared = {name: told[name] for name in EmotionConfig.model_fields if name in told}
        config = EmotionConfig.model_validate(shared)
        emotion_run = told["family"] in {"va-gan", "va-vae"}
    except (OSError, ValueError, KeyError) as error:
        raise TrainingError(f"{folder} is not a run folder: {error}") from error
    if not emotion_run or not (folder / MODEL).exists():
        raise TrainingError(
            f"{folder} has no {MODEL} that obeys emotion.", hint="lucidsonic train export RUN"
        )
    exported = export_decoder(folder, family=told["family"])
    generator = load(folder / MODEL, Options.model_validate(exported.options), device="cpu")
    return measure(
        generator,
        load_sets(config),
        latent_dim=config.latent_dim,
        norm=config.va_norm,
        count=count,
        seed=seed,
    )


@torch.no_grad()
def measure(
    paint: Paint, sets: Sets, *, latent_dim: int, norm: str, count: int = 500, seed: int = 0
) -> Figures:
    """Paint `count` pictures of random z and emotions, and compare them with the data.

    Args:
        paint: `(batch, z)` and valence, arousal `(batch, 2)` in [-1, 1] to [-1, 1] pictures.
        sets: training and held-out pictures.
        latent_dim: width of z.
        norm: the scale of the labels in `sets`.
        count: pictures painted.
        seed: of z and emotions.
    """
    chance = torch.Generator().manual_seed(seed)
    va = torch.rand(count, 2, generator=chance) * 2 - 1
    z = torch.randn(count, latent_dim, generator=chance)
    parts = [paint(a, b) for a, b in zip(z.split(50), va.split(50), strict=True)]
    made = to_pictures(torch.cat(parts)).cpu()
    train = to_pictures(to_network(_some(sets.train.pixels, COMPARED, chance)))
    chosen = torch.randperm(len(sets.held_out), generator=chance)[:COMPARED]
    held = to_pictures(to_network(sets.held_out.pixels[chosen]))
    labels = (denormalise_va(sets.held_out.va[chosen], norm) - 5) / 4
    seen = torch.from_numpy(estimate_va(made.permute(0, 2, 3, 1).numpy()))
    recovered = _regress(held, labels, made)
    near, far = _nearest(made, sets), _nearest(held, sets)
    features = picture_features(held)
    return Figures(
        spearman_valence=spearman(va[:, 0], seen[:, 0]),
        spearman_arousal=spearman(va[:, 1], seen[:, 1]),
        r2_valence=_explained(va[:, 0], recovered[:, 0]),
        r2_arousal=_explained(va[:, 1], recovered[:, 1]),
        diversity=_spread(made) / _spread(held),
        frechet=frechet_distance(picture_features(made), features),
        frechet_real=frechet_distance(picture_features(train), features),
        nearest=float(near.median() / far.median()),
        copies=float((near < far.quantile(0.01)).float().mean()),
    )


def _some(pixels: torch.Tensor, count: int, chance: torch.Generator) -> torch.Tensor:
    return pixels[torch.randperm(len(pixels), generator=chance)[:count]]


def _regress(
    pictures: torch.Tensor, labels: torch.Tensor, others: torch.Tensor
) -> torch.Tensor:
    """Ridge regression from features and thumbnails to labels, applied to other pictures."""
    known, asked = _describe(pictures), _describe(others)
    mean, scale = known.mean(0), known.std(0).clamp_min(1e-4)
    x, y = (known - mean) / scale, labels.double()
    middle = y.mean(0)
    gram = x.T @ x + RIDGE * len(x) / 100 * torch.eye(x.shape[1], dtype=x.dtype)
    weights = torch.linalg.solve(gram, x.T @ (y - middle))
    return (((asked - mean) / scale) @ weights + middle).float()


def _describe(pictures: torch.Tensor) -> torch.Tensor:
    high, low = pictures.amax(1), pictures.amin(1)
    saturation = ((high - low) / high.clamp_min(0.1)).mean((1, 2))[:, None]
    small = F.adaptive_avg_pool2d(pictures, 4).flatten(1)
    return torch.cat([picture_features(pictures), small, saturation], 1).double()


def _explained(wanted: torch.Tensor, found: torch.Tensor) -> float:
    return float(1 - (wanted - found).square().mean() / wanted.var())


def _spread(pictures: torch.Tensor) -> float:
    return float(torch.pdist(F.adaptive_avg_pool2d(pictures, 16).flatten(1)).mean())


def _nearest(pictures: torch.Tensor, sets: Sets) -> torch.Tensor:
    """Distance of each picture to the nearest training picture, on thumbnails."""
    known = torch.cat(
        [_thumb(to_pictures(to_network(p))) for p in sets.train.pixels.split(512)]
    )
    return torch.cdist(_thumb(pictures), known).amin(1)


def _thumb(pictures: torch.Tensor) -> torch.Tensor:
    return F.adaptive_avg_pool2d(pictures, 16).flatten(1)
