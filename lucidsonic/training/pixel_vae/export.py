"""A finished run -> the renderer's model: decoder, teacher, and where the sprites lie."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from lucidsonic.errors import TrainingError
from lucidsonic.generators.pixel_vae import Posterior, cluster, fit_mixture, principal_axes
from lucidsonic.training.checkpoint import read_checkpoint
from lucidsonic.training.family import Exported
from lucidsonic.training.pixel_vae.config import Config
from lucidsonic.training.pixel_vae.data import category_numbers
from lucidsonic.training.pixel_vae.sheets import encode_means, to_rgb
from lucidsonic.training.pixel_vae.state import State, build
from lucidsonic.training.pixel_vae.watch import CHUNK, judge
from lucidsonic.types import FloatArray

AXES = 16  # principal directions kept
BLANK = 0.12  # share of visible pixels under which a sprite is not worth dancing with
CONTRAST = 4.0  # a bold sprite is worth some error: a plain blob is easy to rebuild
FAMILY_NAME = "pixel-vae"


def export(run_folder: Path) -> Exported:
    """The averaged decoder and the teacher in half precision, with the aggregate posterior.

    The training sprites are read once more, to find where they lie in latent space.

    Raises:
        TrainingError: no checkpoint.
        DataError: the sprites that the run was trained on are gone.
    """
    path = run_folder / "checkpoints" / "latest.pt"
    if not path.exists():
        raise TrainingError(f"{run_folder} holds no checkpoint.", hint="Train it first.")
    saved = read_checkpoint(path, family=FAMILY_NAME)
    config = Config.model_validate({**saved["config"], "device": "cpu"})
    state = build(config, torch.device("cpu"))
    state.load_state_dict(saved["state"])
    names, posterior = fit_posterior(state)
    networks = {"decoder": state.averaged.decoder, "teacher": state.teacher}
    weights = {
        f"{part}.{name}": tensor.half()
        for part, network in networks.items()
        if network is not None
        for name, tensor in network.state_dict().items()
        if tensor.is_floating_point()  # batch counters say nothing at render time
    }
    return Exported(
        family="pixel_vae",
        options=options_of(config, names),
        weights={**weights, **posterior.to_tensors()},
        resolution=config.size,
    )


def options_of(config: Config, classes: tuple[str, ...]) -> Mapping[str, object]:
    """The `[generator]` table that rebuilds the exported networks."""
    return {
        "arch": config.vae_arch,
        "sprite": config.size,
        "colours": config.colours,
        "channels": list(config.channels),
        "latent": config.latent_dim,
        "classes": list(classes),
        "teacher": config.teacher,
        "teacher_channels": list(config.teacher_channels),
        "hidden": config.hidden_dim,
        "feature": config.feature_dim,
        "embedding": config.embedding_dim,
        "experts": config.num_experts,
        "top_k": config.top_k,
    }


def fit_posterior(state: State) -> tuple[tuple[str, ...], Posterior]:
    """Names of the pseudo-classes, and everything that the model file stores of the data."""
    part = state.data.training
    images = part.images()
    means = encode_means(state, images)
    rebuilt, qualities, styles = look_back(state, means)
    error = (rebuilt - images).square().mean((1, 2, 3))
    chosen = choose_anchors(means.numpy(), anchor_worth(images, qualities, error), state.config)
    _, categories = category_numbers(part.labels)
    style = styles[chosen].numpy()
    classes = cluster(style, min(state.config.classes, len(chosen)), seed=0)
    mixture = fit_mixture(means.numpy(), seed=0)
    words = [f"{part.labels[i].category} {part.labels[i].prompt}".split() for i in chosen]
    posterior = Posterior(
        weights=mixture.weights,
        means=mixture.means,
        variances=mixture.variances,
        anchors=means[chosen].numpy(),
        qualities=qualities[chosen].numpy(),
        categories=categories[chosen],
        classes=classes,
        styles=style,
        directions=principal_axes(means.numpy(), AXES),
    )
    return name_classes(words, classes), posterior


@torch.no_grad()
def look_back(
    state: State, means: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Decoded sprites, the teacher's quality and embedding of each (latents without one)."""
    rebuilt = torch.cat([state.averaged.decoder(part) for part in means.split(CHUNK)])
    if state.teacher is None:
        return rebuilt, torch.ones(len(means)), means
    said = judge(state.teacher.eval(), rebuilt)
    return rebuilt, said.quality, means if said.embedding is None else said.embedding


def anchor_worth(
    images: torch.Tensor, qualities: torch.Tensor, error: torch.Tensor
) -> FloatArray:
    """How gladly a sprite is shown: the teacher's word, fidelity, contrast, enough to see."""
    cover = (images[:, 3] > 0) if images.shape[1] == 4 else to_rgb(images).amax(1) > 0.08
    share = cover.float().mean((1, 2))
    rgb = to_rgb(images)
    visible = cover[:, None] / share.view(-1, 1, 1, 1).clamp(min=1e-3)
    mean = (rgb * visible).mean((2, 3), keepdim=True)
    contrast = ((rgb - mean).square() * visible).mean((1, 2, 3)).sqrt()
    fidelity = 1 - error / error.quantile(0.9).clamp(min=1e-6)
    return (qualities + fidelity + CONTRAST * contrast - 9.0 * (share < BLANK)).numpy()


def choose_anchors(means: FloatArray, worth: FloatArray, config: Config) -> np.ndarray:
    """Numbers of the most worthy sprite of each neighbourhood, in ascending order."""
    able = np.flatnonzero(worth > -1)
    able = able if len(able) else np.arange(len(worth))
    owner = cluster(means[able], min(config.anchors, len(able)), seed=0)
    best = [able[owner == k][worth[able[owner == k]].argmax()] for k in np.unique(owner)]
    return np.sort(np.array(best))


def name_classes(words: list[list[str]], classes: np.ndarray) -> tuple[str, ...]:
    """For each class the word that tells it best from the others, or a number."""
    everywhere: dict[str, int] = {}
    for line in words:
        for word in set(line):
            everywhere[word] = everywhere.get(word, 0) + 1
    names: list[str] = []
    for number in range(int(classes.max()) + 1):
        lines = [set(line) for line, c in zip(words, classes, strict=True) if c == number]
        names.append(telling_word(lines, everywhere, taken=names) or f"class {number}")
    return tuple(names)


def telling_word(
    lines: list[set[str]], everywhere: Mapping[str, int], *, taken: list[str]
) -> str:
    """The word with the largest product of recall and precision."""
    scores = {
        word: sum(word in line for line in lines) ** 2 / everywhere[word]
        for word in {w for line in lines for w in line}
        if word.isalpha() and len(word) > 2 and word not in taken
    }
    return max(sorted(scores), key=lambda word: scores[word], default="")
