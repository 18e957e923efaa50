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
from lucidsonic.training.ranks import choose_device
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
    config = Config.model_validate(saved["config"])
    state = build(config, choose_device("cpu" if config.device == "cpu" else "auto"))
    state.load_state_dict(saved["state"])
    names, posterior = fit_posterior(state)
    networks = {"decoder": state.averaged.decoder, "teacher": state.teacher}
    weights = {
        f"{part}.{name}": tensor.half().cpu()
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
    looks = look_at_all(state)
    means = looks["means"].numpy()
    chosen = choose_anchors(means, anchor_worth(looks), state.config)
    _, categories = category_numbers(part.labels)
    style = looks["styles"][chosen].numpy()
    classes = cluster(style, min(state.config.classes, len(chosen)), seed=0)
    mixture = fit_mixture(means, seed=0)
    words = [f"{part.labels[i].category} {part.labels[i].prompt}".split() for i in chosen]
    posterior = Posterior(
        weights=mixture.weights,
        means=mixture.means,
        variances=mixture.variances,
        anchors=means[chosen],
        qualities=looks["qualities"][chosen].numpy(),
        categories=categories[chosen],
        classes=classes,
        styles=style,
        directions=principal_axes(means, AXES),
    )
    return name_classes(words, classes), posterior


def look_at_all(state: State) -> Mapping[str, torch.Tensor]:
    """What `look_at` says of every training sprite, a part at a time: a pack may be large."""
    part = state.data.training
    looks = [
        look_at(state, part.images(start + CHUNK, start=start))
        for start in range(0, len(part), CHUNK)
    ]
    return {name: torch.cat([look[name] for look in looks]) for name in looks[0]}


@torch.no_grad()
def look_at(state: State, images: torch.Tensor) -> Mapping[str, torch.Tensor]:
    """How the networks see some sprites, on the CPU.

    Returns:
        "means": their latents; "errors": of the decoded ones, squared; "qualities" and
        "styles": the teacher's word for them and its embedding (1 and the latent without one);
        "shares": how much of each is visible; "contrasts": how much its colours differ.
    """
    means = encode_means(state, images)
    device = next(state.vae.parameters()).device
    rebuilt = state.averaged.decoder(means.to(device)).cpu()
    said = None if state.teacher is None else judge(state.teacher.eval(), rebuilt)
    cover = (images[:, 3] > 0) if images.shape[1] == 4 else to_rgb(images).amax(1) > 0.08
    share = cover.float().mean((1, 2))
    rgb = to_rgb(images)
    visible = cover[:, None] / share.view(-1, 1, 1, 1).clamp(min=1e-3)
    mean = (rgb * visible).mean((2, 3), keepdim=True)
    return {
        "means": means,
        "errors": (rebuilt - images).square().mean((1, 2, 3)),
        "qualities": torch.ones(len(means)) if said is None else said.quality,
        "styles": means if said is None or said.embedding is None else said.embedding,
        "shares": share,
        "contrasts": ((rgb - mean).square() * visible).mean((1, 2, 3)).sqrt(),
    }


def anchor_worth(looks: Mapping[str, torch.Tensor]) -> FloatArray:
    """How gladly a sprite is shown: the teacher's word, fidelity, contrast, enough to see."""
    error = looks["errors"]
    fidelity = 1 - error / error.quantile(0.9).clamp(min=1e-6)
    worth = looks["qualities"] + fidelity + CONTRAST * looks["contrasts"]
    return (worth - 9.0 * (looks["shares"] < BLANK)).numpy()


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
