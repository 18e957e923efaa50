"""Sprites in memory for a run: what it trains on, what it is judged by, how they are moved."""

from dataclasses import dataclass

import torch
from torch.utils.data import Dataset

from lucidsonic.training.pixel_vae.config import Config
from lucidsonic.training.pixel_vae.data import (
    Indices,
    SpriteSet,
    read_sprite_set,
    split_sprites,
    sprites_to_tensor,
)
from lucidsonic.training.pixel_vae.losses import semantic_targets


class SpritePart(Dataset[dict[str, torch.Tensor]]):
    """Some sprites of a set: "image" in [-1, 1] and "words", their place on the sphere."""

    def __init__(self, sprites: SpriteSet, indices: Indices, config: Config) -> None:
        self.sprites, self.indices, self.size = sprites, indices, config.size
        chosen = [sprites.labels[i] for i in indices]
        self.labels = tuple(chosen)
        self.words = semantic_targets(chosen, config.embedding_dim)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        sprite = self.sprites.take(self.indices[index : index + 1])
        return {
            "image": sprites_to_tensor(sprite, size=self.size)[0],
            "words": self.words[index],
        }

    def images(self, stop: int | None = None, *, start: int = 0) -> torch.Tensor:
        """Sprites start to stop - 1: `(sprites, colours, size, size)` in [-1, 1]."""
        return sprites_to_tensor(self.sprites.take(self.indices[start:stop]), size=self.size)


@dataclass(frozen=True, slots=True)
class SpriteData:
    """Both sides of the split."""

    training: SpritePart
    validation: SpritePart


def open_data(config: Config) -> SpriteData:
    """The sprites that a run is told to use, split.

    Raises:
        DataError: they cannot be read, do not match their labels, or do not fit the model.
    """
    sprites = read_sprite_set(
        config.data_dir, colours=config.colours, background=config.background
    )
    split = split_sprites(len(sprites))
    data = SpriteData(
        SpritePart(sprites, split.training, config),
        SpritePart(sprites, split.validation, config),
    )
    data.training.images(1)  # a size that does not fit is told before anything is built
    return data


def jitter(images: torch.Tensor, *, shift: int) -> torch.Tensor:
    """Half of the sprites mirrored, each moved by up to `shift` whole pixels.

    Chance is torch's own, which the loop seeds for every step. Pixels that come in are those
    of the border: background for a free-standing sprite.
    """
    count, _, height, width = images.shape
    flips = torch.rand(count) < 0.5
    moves = torch.randint(-shift, shift + 1, (count, 2))
    rows = (torch.arange(height) + moves[:, :1]).clamp(0, height - 1)
    columns = (torch.arange(width) + moves[:, 1:]).clamp(0, width - 1)
    columns = torch.where(flips[:, None], columns.flip(1), columns)
    batch = torch.arange(count)[:, None, None]
    moved = images.permute(0, 2, 3, 1)[batch, rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2).contiguous()
