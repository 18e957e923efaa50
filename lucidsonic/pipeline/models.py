"""A style's name, file or address -> a loaded generator."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lucidsonic.generators import Generator, build_generator
from lucidsonic.types import OnProgress, ignore_progress
from lucidsonic.zoo import Catalog, ModelCard, catalog_folders


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A generator and what it was made of.

    Attributes:
        generator: ready to paint.
        title: its name for people.
        fingerprint: hash of the family, the options and the weights.
    """

    generator: Generator
    title: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class StyleFacts:
    """What is known of a style before anything is fetched or loaded.

    Attributes:
        title: its name for people.
        native_size: height and width of its pictures; None when it paints any size.
        bytes_to_fetch: what is not on this disk yet; -1 when nobody knows how large it is.
    """

    title: str
    native_size: tuple[int, int] | None
    bytes_to_fetch: int


def open_generator(
    style: str,
    *,
    device: str = "cpu",
    options: Mapping[str, Any] | None = None,
    paint_size: tuple[int, int] | None = None,
    models_dir: Path | None = None,
    on_progress: OnProgress = ignore_progress,
) -> LoadedModel:
    """Load the generator of a style, fetching its weights first if need be.

    Args:
        style: a card's id.
        device: a torch device name.
        options: laid over the card's `[generator]` table.
        paint_size: height and width for a generator that paints any size.
        models_dir: look for cards here first.
        on_progress: told how a download goes.

    Raises:
        UnknownNameError: no card of that id.
        WeightsError: the weights cannot be had.
        ConfigError: the options do not fit the family.
    """
    catalog = Catalog(*catalog_folders(models_dir))
    card = catalog[style]
    weights = weights_beside(card, catalog.folder(style))
    chosen = {**card.generator, **(options or {})}
    generator = build_generator(card.family, weights, chosen, device=device)
    if generator.capabilities.resolution_free and paint_size is not None:
        chosen = {**chosen, "size": paint_size}
        generator = build_generator(card.family, weights, chosen, device=device)
    return LoadedModel(generator, card.title, fingerprint(card, chosen, weights))


def load_generator(path_or_id: str | Path, device: str = "cpu") -> Generator:
    """A generator by its card's id.

    Raises:
        UnknownNameError: no card of that id.
        WeightsError: the weights cannot be had.
    """
    return open_generator(str(path_or_id), device=device).generator


def fingerprint(card: ModelCard, options: Mapping[str, Any], weights: Path | None) -> str:
    """Hash of all that decides what the generator paints."""
    key = hashlib.sha256(json.dumps([card.family, options], sort_keys=True).encode())
    if weights is not None:
        with weights.open("rb") as file:
            key.update(hashlib.file_digest(file, "sha256").digest())
    return key.hexdigest()


def weights_beside(card: ModelCard, folder: Path) -> Path | None:
    """The weights that came with a card; None for a family without weights."""
    return folder / card.weights.file if card.weights.source == "bundled" else None


def describe_style(style: str, *, models_dir: Path | None = None) -> StyleFacts:
    """What is known of a style without loading or fetching anything.

    Raises:
        UnknownNameError: no card of that id.
    """
    card = Catalog(*catalog_folders(models_dir))[style]
    free = card.weights.source == "none"
    return StyleFacts(card.title, None if free else (card.resolution, card.resolution), 0)
