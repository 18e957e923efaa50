"""Which models there are: folders of cards, the person's own before the shipped ones."""

import os
from collections.abc import Iterator
from pathlib import Path

import platformdirs

from lucidsonic.errors import ConfigError, UnknownNameError
from lucidsonic.zoo.card import ModelCard

VARIABLE = "LUCIDSONIC_MODELS"


def catalog_folders(models_dir: Path | None = None) -> tuple[Path, ...]:
    """Where cards are looked for, first match wins.

    The folder that was asked for, `$LUCIDSONIC_MODELS`, the user's own, the package's.

    Raises:
        ConfigError: one that somebody named is no folder.
    """
    named = [
        models_dir,
        *(Path(p) for p in os.environ.get(VARIABLE, "").split(os.pathsep) if p),
    ]
    for folder in named:
        if folder is not None and not folder.is_dir():
            raise ConfigError(
                f"There is no models folder '{folder}'.",
                hint=f"--models-dir and {VARIABLE} name folders that hold a folder a model.",
            )
    return (*(folder for folder in named if folder), user_models_dir(), shipped_models_dir())


def user_models_dir() -> Path:
    """Where a person's own cards and weights lie."""
    return Path(platformdirs.user_data_dir("lucidsonic", appauthor=False)) / "models"


def shipped_models_dir() -> Path:
    """The cards that came with the package, or the repository's when run from it."""
    package = Path(__file__).parents[1]
    wheel = package / "_models"
    return wheel if wheel.is_dir() else package.parent / "models"


class Catalog:
    """The cards in some folders; an earlier folder wins over a later one."""

    def __init__(self, *folders: Path) -> None:
        self._paths: dict[str, Path] = {}
        for folder in reversed(folders or catalog_folders()):
            for path in sorted(folder.glob("*/model.toml")):
                self._paths[path.parent.name] = path

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._paths))

    def __contains__(self, model_id: object) -> bool:
        return model_id in self._paths

    def __getitem__(self, model_id: str) -> ModelCard:
        return ModelCard.read(self.folder(model_id) / "model.toml")

    def folder(self, model_id: str) -> Path:
        """Where the card of that model lies.

        Raises:
            UnknownNameError: no folder has that name.
        """
        if model_id not in self._paths:
            raise UnknownNameError("model", model_id, self._paths)
        return self._paths[model_id].parent
