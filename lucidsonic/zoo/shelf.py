"""The person's models: what there is, what is here, and how it comes and goes."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lucidsonic.errors import ConfigError, ModelCardError, WeightsError
from lucidsonic.types import OnProgress, ignore_progress
from lucidsonic.zoo.card import HubWeights, ModelCard, UrlWeights
from lucidsonic.zoo.catalog import Catalog, catalog_folders, user_models_dir
from lucidsonic.zoo.digests import file_digest
from lucidsonic.zoo.fetch import (
    address_of,
    converted_dir,
    discard,
    downloaded,
    fetch,
    label_of,
)
from lucidsonic.zoo.pins import forget_pin, read_pin

SMALL_PX = 256  # what --all-small takes: networks that a CPU can paint with

State = Literal["built in", "here", "not downloaded"]


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """A model as a list shows it.

    Attributes:
        card: what is known of it.
        folder: where its card lies.
        state: whether its weights are on this disk.
        address: where they come from.
        file: where they are, if they are here.
        size: bytes of that file, else what the card says, else 0.
        sha256: of the weights: the card's, else the pinned one, else "".
    """

    card: ModelCard
    folder: Path
    state: State
    address: str
    file: Path | None
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What checking a model's weights found.

    Attributes:
        id: the model.
        ok: None when there is nothing to check.
        finding: in words.
    """

    id: str
    ok: bool | None
    finding: str


def list_models(
    *,
    family: str | None = None,
    models_dir: Path | None = None,
    on_broken: Callable[[ModelCardError], None] | None = None,
) -> Iterator[ModelFacts]:
    """Every model that has a card, by id. Needs neither torch nor the network.

    Args:
        family: only models of this one.
        models_dir: a folder to look in first.
        on_broken: is told of each card that is broken; the others come all the same.

    Raises:
        ModelCardError: a card is broken, and there is no `on_broken`.
    """
    catalog = Catalog(*catalog_folders(models_dir))
    for model_id in catalog:
        try:
            card = catalog[model_id]
        except ModelCardError as error:
            if on_broken is None:
                raise
            on_broken(error)
            continue
        if family in {None, card.family}:
            yield facts_of(card, catalog.folder(model_id))


def model_facts(model_id: str, *, models_dir: Path | None = None) -> ModelFacts:
    """One model.

    Raises:
        UnknownNameError: no card of that id.
    """
    catalog = Catalog(*catalog_folders(models_dir))
    return facts_of(catalog[model_id], catalog.folder(model_id))


def facts_of(card: ModelCard, folder: Path) -> ModelFacts:
    """A card, and what this disk says about it."""
    weights = card.weights
    pin = read_pin(card.id)
    sha256 = getattr(weights, "sha256", None) or (pin.sha256 if pin else "")
    if isinstance(weights, HubWeights | UrlWeights):
        file = downloaded(weights, key=card.id)
        told = weights.size or (pin.size if pin else 0)
        size = file.stat().st_size if file else told
        state: State = "here" if file else "not downloaded"
        return ModelFacts(card, folder, state, address_of(weights), file, size, sha256)
    if weights.source == "none":
        return ModelFacts(card, folder, "built in", "", None, 0, "")
    file = folder / weights.file
    size = file.stat().st_size if file.is_file() else 0
    return ModelFacts(card, folder, "here", str(file), file, size, sha256)


def download_model(
    facts: ModelFacts, *, on_progress: OnProgress = ignore_progress
) -> ModelFacts:
    """Fetch and check the weights of a model, if it has any to fetch.

    Raises:
        WeightsError: out of reach, or not the right bytes.
    """
    weights = facts.card.weights
    if isinstance(weights, HubWeights | UrlWeights):
        key = facts.card.id
        fetch(weights, key=key, label=label_of(facts.card), on_progress=on_progress)
    return facts_of(facts.card, facts.folder)


def small_models(*, models_dir: Path | None = None) -> list[str]:
    """The ids of the published networks that a CPU can paint with."""
    return [
        facts.card.id
        for facts in list_models(models_dir=models_dir)
        if facts.state == "not downloaded" and facts.card.resolution <= SMALL_PX
    ]


def verify_model(facts: ModelFacts) -> Verdict:
    """Compare a model's weights on this disk with its card, or with the pin."""
    name = facts.card.id
    if facts.file is None or not facts.file.is_file():
        missing = facts.state == "here"
        return Verdict(
            name, False if missing else None, facts.state if not missing else "missing"
        )
    if not facts.sha256:
        return Verdict(name, None, "no checksum is known")
    right = file_digest(facts.file) == facts.sha256
    return Verdict(name, right, "right" if right else "other bytes than the checksum says")


def remove_model(facts: ModelFacts, *, pin: bool = False) -> int:
    """Delete what a model keeps on this disk; returns the bytes that this freed.

    Downloads and conversions go, the card stays; a model in the user's own folder goes whole.

    Args:
        facts: the model.
        pin: also forget the checksum of the first download.

    Raises:
        ConfigError: its card came with the package or lies in a foreign folder.
    """
    freed = 0
    if facts.sha256:
        for converted in converted_dir().glob(f"{facts.sha256}-*"):
            freed += converted.stat().st_size
            converted.unlink(missing_ok=True)
    weights = facts.card.weights
    if isinstance(weights, HubWeights | UrlWeights):
        freed += discard(weights, key=facts.card.id)
    if pin:
        forget_pin(facts.card.id)
    if is_own(facts):
        return freed + delete_folder(facts.folder)
    if weights.source in {"none", "bundled"}:
        raise ConfigError(
            f"'{facts.card.id}' keeps nothing here that could be removed.",
            hint=f"Its card lies in '{facts.folder}'.",
        )
    return freed


def is_own(facts: ModelFacts) -> bool:
    """Whether the model lies in the user's own folder."""
    return facts.folder.resolve().parent == user_models_dir().resolve()


def delete_folder(folder: Path) -> int:
    """Delete a folder and all in it; returns the bytes that this freed."""
    doomed = folder.with_name(f".{folder.name}.removed")
    folder.rename(doomed)  # from here on nobody finds half a model
    freed = sum(path.lstat().st_size for path in doomed.rglob("*") if not path.is_dir())
    shutil.rmtree(doomed)
    return freed


def weights_path(facts: ModelFacts) -> Path:
    """Where the weights of a model are.

    Raises:
        WeightsError: not here.
    """
    if facts.file is None and facts.state == "built in":
        raise WeightsError(f"'{facts.card.id}' needs no weights.")
    if facts.file is None:
        raise WeightsError(
            f"The weights of '{facts.card.id}' are not on this disk.",
            hint=f"Run 'lucidsonic models download {facts.card.id}'.",
        )
    return facts.file
