"""What a person calls a style -> what it is: a card, a file, an address, or Python."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lucidsonic.errors import ConfigError, WeightsError
from lucidsonic.plan import PYTHON, is_path
from lucidsonic.zoo import Catalog, ModelCard, catalog_folders
from lucidsonic.zoo.card import BundledWeights, HubWeights, UrlWeights
from lucidsonic.zoo.fetch import RemoteWeights, key_of

HUB = re.compile(r"hf://(?P<repo>[^/@]+/[^/@]+)(?:@(?P<revision>[^/]+))?(?:/(?P<file>.+))?")
DEFAULT_FILE = "network-snapshot-final.pkl"
SNAPSHOTS = ("model.safetensors", "network-snapshot-*.pkl", "*.safetensors", "*.pkl")


@dataclass(frozen=True, slots=True)
class Style:
    """A style that was understood.

    Attributes:
        kind: where it comes from.
        title: its name for people.
        key: its name among the pins; for Python "module:name".
        card: what is known of it, if it has a card.
        file: its weights, if they are on this disk without a download.
        remote: its weights, if they have to be downloaded.
    """

    kind: Literal["card", "file", "address", "python"]
    title: str
    key: str
    card: ModelCard | None = None
    file: Path | None = None
    remote: RemoteWeights | None = None


def read_style(style: str | Path, *, models_dir: Path | None = None) -> Style:
    """Understand a style. Loads and fetches nothing.

    Args:
        style: a card's id; a .pkl, a .safetensors, or a folder; `hf://owner/name/file`, with
            `@revision` behind the name if wanted; an https address; or `module:name`.
        models_dir: look for cards here first.

    Raises:
        UnknownNameError: none of them, and no card of that id.
        WeightsError: no such file, or a folder without a network.
        ConfigError: an address that is not complete.
    """
    text = str(style)
    if text.startswith("hf://"):
        return _hub(text)
    if re.match(r"https?://", text):
        weights = UrlWeights(source="url", url=text)
        return Style("address", text, key_of(weights), remote=weights)
    if PYTHON.fullmatch(text):
        return Style("python", text, text)
    catalog = Catalog(*catalog_folders(models_dir))
    if isinstance(style, str) and text in catalog:
        return _card(catalog[text], catalog.folder(text))
    if is_path(text) or Path(text).is_dir():
        return _path(text)
    return _card(catalog[text], Path())


def _hub(text: str) -> Style:
    match = HUB.fullmatch(text)
    if match is None:
        raise ConfigError(
            f"'{text}' is not an address on the hub.",
            hint="For example hf://owner/name/file.pkl.",
        )
    try:
        weights = HubWeights(
            source="hub",
            repo=match["repo"],
            file=match["file"] or DEFAULT_FILE,
            revision=match["revision"],
        )
    except ValueError as error:
        raise ConfigError(f"'{text}' leads out of its repository.") from error
    return Style("address", text, key_of(weights), remote=weights)


def _card(card: ModelCard, folder: Path) -> Style:
    weights = card.weights
    if isinstance(weights, BundledWeights):
        return Style("card", card.title, card.id, card, file=folder / weights.file)
    remote = weights if isinstance(weights, HubWeights | UrlWeights) else None
    return Style("card", card.title, card.id, card, remote=remote)


def _path(text: str) -> Style:
    path = Path(text).expanduser()
    if path.is_dir():
        if (path / "model.toml").is_file():
            return _card(ModelCard.read(path.resolve() / "model.toml"), path)
        path = newest_network(path)
    if not path.is_file():
        raise WeightsError(f"There is no file '{path}'.", hint="Check the path.")
    beside = path.resolve().parent / "model.toml"
    if beside.is_file():
        style = _card(ModelCard.read(beside), path.parent)
        if style.file is not None and style.file.name == path.name:
            return style
    return Style("file", path.stem, path.stem, file=path)


def newest_network(folder: Path) -> Path:
    """The network of a training run's folder: its export, else the last snapshot.

    Raises:
        WeightsError: there is none.
    """
    for pattern in SNAPSHOTS:
        if found := sorted(folder.glob(pattern)):
            return found[-1]
    raise WeightsError(
        f"There is no network in '{folder}'.",
        hint="A folder needs a model.toml, a .safetensors or a .pkl.",
    )
