"""A trained network -> `model.safetensors`, which says itself what paints with it."""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from lucidsonic.errors import TrainingError, unwritten
from lucidsonic.training.family import Exported

__all__ = ["MODEL", "write_model"]

MODEL = "model.safetensors"


def write_model(exported: Exported, folder: Path) -> Path | None:
    """Write the weights in half precision; `--style FOLDER` and `models add FOLDER` take it.

    Args:
        exported: what a family's `export` gave.
        folder: where the file goes; whole or not at all.

    Returns:
        The file, or None when there is nothing to write.

    Raises:
        TrainingError: the folder cannot be written, or the disk is full.
    """
    if not exported.weights:
        return None
    told = {"family": exported.family, "options": dict(exported.options), "version": 1}
    half = {
        name: (value.half() if value.is_floating_point() else value).contiguous().cpu()
        for name, value in exported.weights.items()
    }
    half = {name: value.clone() for name, value in half.items()}  # shared storage is refused
    if any(not torch.isfinite(value).all() for value in half.values()):
        half = {name: value.contiguous().cpu() for name, value in exported.weights.items()}
    _write_whole(half, folder / MODEL, {"lucidsonic": json.dumps(told)})
    return folder / MODEL


def _write_whole(
    weights: dict[str, torch.Tensor], target: Path, metadata: dict[str, str]
) -> None:
    partial = target.with_name(f".{target.name}.partial")
    try:
        save_file(weights, partial, metadata=metadata)
        partial.chmod(0o644)
        partial.replace(target)
    except (OSError, SafetensorError) as error:  # the latter when the disk is full
        raise TrainingError(
            f"'{target}' cannot be written: {unwritten(error)}.",
            hint="Make room, and run the same command again; the training itself is saved.",
        ) from error
    finally:
        partial.unlink(missing_ok=True)
