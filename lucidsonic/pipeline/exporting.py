"""A model -> a file that other tools take, checked by reading it back."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file

from lucidsonic.errors import ConfigError, UnknownNameError, WeightsError
from lucidsonic.files import check_new
from lucidsonic.generators import r3gan
from lucidsonic.generators.r3gan.official import write_official
from lucidsonic.pipeline.models import fetch_weights
from lucidsonic.pipeline.styles import read_style
from lucidsonic.pipeline.weights import Weights
from lucidsonic.types import OnProgress, ignore_progress
from lucidsonic.zoo import network_record, read_pickle_records

__all__ = ["FORMATS", "export_model"]


def export_model(
    style: str,
    target: Path | None = None,
    *,
    form: str = "safetensors",
    overwrite: bool = False,
    on_progress: OnProgress = ignore_progress,
) -> Path:
    """Write a model's weights for other tools.

    Args:
        style: a model's id, a file, or a training run's folder.
        target: where to, a file or a folder that is there; by default the model's name here.
        form: "safetensors", or "pkl" for the authors' own R3GAN tools.
        overwrite: whether a file of that name may be replaced.
        on_progress: told how a download goes.

    Returns:
        The file.

    Raises:
        UnknownNameError: no such form.
        ConfigError: the file exists, or cannot be written there.
        WeightsError: the model has no weights, or they cannot take that form.
    """
    if form not in FORMATS:
        raise UnknownNameError("form", form, FORMATS)
    name = f"{Path(style).stem or 'model'}.{form}"
    target = target or Path(name)
    target = target / name if target.is_dir() else target
    if target.suffix.lower().lstrip(".") in set(FORMATS) - {form}:
        raise ConfigError(
            f"'{target.name}' would hold {form}.", hint=f"Say --format {target.suffix[1:]}."
        )
    check_new(target, overwrite=overwrite)
    weights = fetch_weights(read_style(style), on_progress=on_progress)
    if weights is None:
        raise WeightsError(f"'{style}' has no weights that could be exported.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        FORMATS[form](weights, target)
    except OSError as error:
        raise ConfigError(f"'{target}' cannot be written: {error}") from error
    return target


def copy_weights(weights: Weights, target: Path) -> None:
    """The safetensors file as it is."""
    partial = target.with_name(target.name + ".partial")
    shutil.copyfile(weights.path, partial)
    partial.replace(target)


def write_pickle(weights: Weights, target: Path) -> None:
    """A file for the authors' tools; only R3GAN has such a form.

    Raises:
        WeightsError: another family, or what was written reads back otherwise.
    """
    if weights.family != "r3gan":
        raise WeightsError(
            f"Only R3GAN networks are written as .pkl; this is a {weights.family} network.",
            hint="Use --format safetensors.",
        )
    options = r3gan.Options.model_validate(weights.options)
    state = {name: tensor.float() for name, tensor in load_file(weights.path).items()}
    write_official(target, options.spec(), state)
    _, found = r3gan.convert(network_record(read_pickle_records(target)))
    if not all(torch.equal(found[name], tensor) for name, tensor in state.items()):
        target.unlink()
        raise WeightsError(f"'{target}' did not read back as it was written.")


FORMATS: Mapping[str, Callable[[Weights, Path], None]] = {
    "safetensors": copy_weights,
    "pkl": write_pickle,
}
