"""A file or a training run -> a model of the person's own: weights, card, sample."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import tomli_w

from lucidsonic import encoding
from lucidsonic.errors import ConfigError, WeightsError
from lucidsonic.files import check_new
from lucidsonic.generators import Generator
from lucidsonic.pipeline.browse import paint_seeds
from lucidsonic.pipeline.models import LoadedModel, fetch_weights, open_generator
from lucidsonic.pipeline.styles import read_style
from lucidsonic.pipeline.weights import Weights, is_safetensors, ready_weights
from lucidsonic.types import OnProgress, ignore_progress
from lucidsonic.zoo import ModelCard, user_models_dir
from lucidsonic.zoo.card import BundledWeights
from lucidsonic.zoo.digests import file_digest

SAMPLES = 8
UNKNOWN = "unknown"
WEIGHTS = "model.safetensors"


def add_model(
    source: Path | str,
    model_id: str,
    *,
    licence: str = UNKNOWN,
    title: str | None = None,
    overwrite: bool = False,
    on_progress: OnProgress = ignore_progress,
) -> Path:
    """Convert a network, write its card and a sample, into the user's own folder.

    Args:
        source: a .pkl, a .safetensors, a training run's folder, or an address.
        model_id: its name from now on.
        licence: of the weights, for people.
        title: for people; by default the file's name.
        overwrite: whether a model of that id may be replaced.
        on_progress: told how far it is.

    Returns:
        The model's folder; it appears whole or not at all.

    Raises:
        ConfigError: the id is taken, or not one.
        WeightsError: not a network that we know.
    """
    target = user_models_dir() / model_id
    if target.exists() and not overwrite:
        raise ConfigError(
            f"There is a model called '{model_id}' already.",
            hint="Choose another --id, or add --overwrite.",
        )
    style = read_style(source)
    weights = fetch_weights(style, on_progress=on_progress)
    if weights is None:
        raise WeightsError(f"'{source}' has no weights that could be added.")
    model = open_generator(source, on_progress=on_progress)
    card = make_card(model, weights, model_id, licence=licence, title=title)
    target.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{model_id}.", dir=target.parent))
    try:
        fill_folder(made, card, weights, model.generator, on_progress)
        publish(made, target, overwrite=overwrite)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return target


def make_card(
    model: LoadedModel,
    weights: Weights,
    model_id: str,
    *,
    licence: str,
    title: str | None,
) -> ModelCard:
    """The card of a model that is being added.

    Raises:
        ConfigError: the id has other characters than a to z, 0 to 9, - and _.
    """
    old = model.card.model_dump(exclude={"id", "weights"}) if model.card else {}
    if old and licence != UNKNOWN:
        old["license"] = licence
    known: dict[str, Any] = {
        "family": weights.family,
        "license": licence,
        "title": title or model.title,
        "resolution": max(model.generator.capabilities.size),
        **old,
        **({"title": title} if title else {}),
        "id": model_id,
        "weights": BundledWeights(
            source="bundled", file=WEIGHTS, sha256=file_digest(weights.path)
        ),
    }
    try:
        return ModelCard.model_validate(known)
    except ValueError as error:
        raise ConfigError(
            f"'{model_id}' cannot be the id of a model.",
            hint="Use small letters, digits, - and _, for example my_faces.",
        ) from error


def fill_folder(
    folder: Path,
    card: ModelCard,
    weights: Weights,
    generator: Generator,
    on_progress: OnProgress,
) -> None:
    """Weights, card and sample."""
    shutil.copyfile(weights.path, folder / WEIGHTS)
    (folder / "model.toml").write_text(card_to_toml(card), encoding="utf-8")
    pictures = paint_seeds(generator, range(SAMPLES), on_progress=on_progress)
    encoding.contact_sheet(folder / "sample.webp", pictures, columns=SAMPLES // 2)


def publish(made: Path, target: Path, *, overwrite: bool) -> None:
    """Give a finished folder its name.

    Raises:
        ConfigError: somebody else was faster.
    """
    old = None
    if overwrite and target.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
        target.replace(old / target.name)
    try:
        made.chmod(0o755)
        made.rename(target)
    except OSError as error:
        raise ConfigError(f"There is a model called '{target.name}' already.") from error
    finally:
        if old is not None:
            shutil.rmtree(old, ignore_errors=True)


def card_to_toml(card: ModelCard) -> str:
    """A card as a file that `ModelCard.read` takes."""
    return tomli_w.dumps(_without_empty(card.model_dump(mode="json")))


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_empty(v) for k, v in value.items() if v not in (None, [], {}, ())}
    return value


def convert_file(
    source: Path,
    target: Path,
    *,
    overwrite: bool = False,
    on_progress: OnProgress = ignore_progress,
) -> Weights:
    """Convert a network pickle into a safetensors file of its own.

    Raises:
        ConfigError: there is such a file already, or it is no .safetensors.
        WeightsError: not a network that we know.
    """
    if target.suffix != ".safetensors":
        raise ConfigError(f"'{target.name}' should end with .safetensors.")
    check_new(target, overwrite=overwrite)
    if source.is_file() and is_safetensors(source):
        raise ConfigError(f"'{source.name}' is a safetensors file already.")
    weights = ready_weights(source, on_progress=on_progress)
    try:
        with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
            partial = Path(file.name)
        shutil.copyfile(weights.path, partial)
        partial.chmod(0o644)
        partial.replace(target)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise WeightsError(f"'{target}' cannot be written: {reason}.") from error
    return weights
