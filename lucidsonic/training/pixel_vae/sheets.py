"""What the networks make now, as sheets that a person can look at."""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw

from lucidsonic.generators.pixel_vae import fit_mixture
from lucidsonic.training.family import Samples
from lucidsonic.training.pixel_vae.state import State
from lucidsonic.training.pixel_vae.watch import CHUNK, teacher_figures, vae_figures

ENLARGED = 64  # side that a sprite has at least on a sheet, pixels
FITTED = 1024  # sprites that the mixture of a sample event is fitted to
WATCHED = 64  # samples for the monitors
CAPTION = 12  # rows under a sprite


def sample(state: State) -> Samples:
    """Comparisons and fresh samples with the averaged weights, and the figures beside them."""
    images = state.data.validation.images()
    fresh = prior_samples(state, WATCHED)
    facts = {**vae_figures(state, images), **teacher_figures(state, images)}
    return Samples(
        sheets={
            "samples": tile(to_rgb(fresh[: state.config.sheet_sprites])),
            "comparison": comparison(state, images[: state.config.sheet_sprites]),
        },
        images=to_rgb(fresh),
        facts=facts,
    )


@torch.no_grad()
def encode_means(state: State, images: torch.Tensor) -> torch.Tensor:
    """Latents of sprites without noise: `(sprites, latent)` on the CPU."""
    device = next(state.vae.parameters()).device
    encoder = state.averaged.encoder
    return torch.cat([encoder(part.to(device))[0].cpu() for part in images.split(CHUNK)])


def prior_samples(state: State, count: int) -> torch.Tensor:
    """Sprites drawn from a mixture fitted to the training set's latents."""
    means = encode_means(state, state.data.training.images(FITTED)).numpy()
    mixture = fit_mixture(means, seed=0)
    drawn = mixture.draw(count, np.random.default_rng(int(torch.randint(2**31, ()))))
    device = next(state.vae.parameters()).device
    return state.averaged.decoder(torch.from_numpy(drawn).to(device)).cpu()


def to_rgb(images: torch.Tensor) -> torch.Tensor:
    """[-1, 1] with 3 or 4 channels -> RGB over black in [0, 1]."""
    return ((images[:, :3] + 1) / 2).clamp(0, 1)


def pictures(batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Real sprites for the monitors."""
    return to_rgb(batch["image"])


@torch.no_grad()
def comparison(state: State, images: torch.Tensor) -> torch.Tensor:
    """Originals, their reconstructions, and what the teacher says of both in per cent.

    The second number under a reconstruction is how alike both are to the teacher's eye.
    """
    device = next(state.vae.parameters()).device
    vae = state.averaged
    rebuilt = vae.decoder(vae.encoder(images.to(device))[0]).cpu()
    pairs = torch.stack([images, rebuilt], dim=1).flatten(0, 1)
    captions = [""] * len(pairs)
    if state.teacher is not None:
        said = state.teacher.eval()(pairs.to(device))
        captions = [f"{100 * float(q):.0f}" for q in said.quality]
        if said.embedding is not None:
            alike = (said.embedding[::2] * said.embedding[1::2]).sum(1)
            captions[1::2] = [
                f"{c} {100 * float(a):.0f}" for c, a in zip(captions[1::2], alike, strict=True)
            ]
    return tile(to_rgb(pairs), captions=captions)


def tile(
    images: torch.Tensor, *, columns: int = 8, captions: Sequence[str] = ()
) -> torch.Tensor:
    """Sprites side by side, enlarged without interpolation: `(3, height, width)` in [0, 1]."""
    scale = max(1, ENLARGED // images.shape[-1])
    large = images.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    cells = torch.nn.functional.pad(large, (1, 1, 1, 1 + (CAPTION if captions else 0)))
    rows = -(-len(cells) // columns)
    blank = cells.new_zeros(rows * columns - len(cells), *cells.shape[1:])
    grid = torch.cat([cells, blank]).unflatten(0, (rows, columns))
    sheet = grid.permute(2, 0, 3, 1, 4).flatten(3).flatten(1, 2)
    return write_captions(sheet, captions, cells.shape[2:], columns) if captions else sheet


def write_captions(
    sheet: torch.Tensor, captions: Sequence[str], cell: Sequence[int], columns: int
) -> torch.Tensor:
    pixels = (sheet.permute(1, 2, 0) * 255).round().byte().numpy()
    picture = Image.fromarray(pixels)
    pen = ImageDraw.Draw(picture)
    for number, caption in enumerate(captions):
        row, column = divmod(number, columns)
        pen.text((column * cell[1] + 2, (row + 1) * cell[0] - CAPTION), caption, fill="white")
    return torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1) / 255
