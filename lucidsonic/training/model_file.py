"""A trained network -> `model.safetensors`, which says itself what paints with it."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

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
    partial = folder / f".{MODEL}.partial"
    save_file(half, partial, metadata={"lucidsonic": json.dumps(told)})
    partial.chmod(0o644)
    partial.replace(folder / MODEL)
    return folder / MODEL
