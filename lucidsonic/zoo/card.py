"""`models/<id>/model.toml`, checked."""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    StringConstraints,
    ValidationError,
)

from lucidsonic.errors import ModelCardError, first_fault, unread

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+([-_][a-z0-9]+)*$")]


def stay_inside(file: str) -> str:
    """The name of a file below the folder or repository it belongs to.

    Raises:
        ValueError: it leads out of there, where wrong bytes would be deleted.
    """
    if file.startswith("/") or ":" in file or {"..", "."} & set(re.split(r"[/\\]", file)):
        raise ValueError("must name a file inside the model's own folder or repository")
    return file


InnerFile = Annotated[str, StringConstraints(min_length=1), AfterValidator(stay_inside)]


class Strict(BaseModel):
    """A table in which a misspelt key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class HubWeights(Strict):
    """Weights in a Hugging Face repository.

    Without a revision and checksum the first download pins what it found.
    """

    source: Literal["hub"]
    repo: str
    file: InnerFile
    revision: str | None = None
    sha256: Sha256 | None = None
    size: NonNegativeInt | None = None  # bytes


class UrlWeights(Strict):
    """Weights at a plain address."""

    source: Literal["url"]
    url: str
    sha256: Sha256 | None = None
    size: NonNegativeInt | None = None  # bytes


class BundledWeights(Strict):
    """Weights beside the card."""

    source: Literal["bundled"]
    file: InnerFile
    sha256: Sha256 | None = None


class NoWeights(Strict):
    """A closed-form generator."""

    source: Literal["none"] = "none"


Weights = Annotated[
    HubWeights | UrlWeights | BundledWeights | NoWeights, Field(discriminator="source")
]


class ModelCard(Strict):
    """Everything lucidsonic knows about a model without loading it.

    `generator` is checked by the family's `Options`, `trajectory` and `effects` by those
    stages: they are the style's own defaults, so that it looks good without flags.
    """

    id: Slug
    family: Slug
    title: str
    license: str
    resolution: PositiveInt
    classes: tuple[str, ...] = ()
    weights: Weights = NoWeights()
    generator: dict[str, Any] = Field(default_factory=dict[str, Any])
    trajectory: dict[str, Any] = Field(default_factory=dict[str, Any])
    effects: tuple[dict[str, Any], ...] = ()
    film: dict[str, Any] = Field(default_factory=dict[str, Any])
    scores: dict[str, float | str] = Field(default_factory=dict[str, float | str])

    @classmethod
    def read(cls, path: Path) -> Self:
        """Parse and check one card.

        Raises:
            ModelCardError: it cannot be read, bad TOML, a missing, misspelt or wrong field, or
                an id that is not the folder's name.
        """
        try:
            card = cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            raise ModelCardError(f"{path} cannot be read: {unread(error)}.") from error
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise ModelCardError(f"{path} is not a valid card: {error}.") from error
        except ValidationError as error:
            fault = first_fault(error.errors())
            raise ModelCardError(
                f"{path} is not a valid card: {fault}.",
                hint="The cards in models/ show what one may say.",
            ) from error
        if card.id != path.parent.name:
            raise ModelCardError(
                f"{path} says id = '{card.id}' but lies in '{path.parent.name}/'.",
                hint="Rename the folder or the id; they must match.",
            )
        return card
