"""Checkpoints that are written whole or not at all, and hold nothing but data."""

import os
import pickle  # noqa: TID251  # only for the name of the error that torch.load raises
import shutil
from pathlib import Path
from typing import Any

import torch

from lucidsonic.errors import TrainingError

__all__ = ["FORMAT", "copy_whole", "prune", "read_checkpoint", "write_whole"]

FORMAT = "lucidsonic-train-1"


def write_whole(content: Any, path: Path) -> None:
    """`torch.save` so that a crash leaves the old file or the new one, never half of one."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def copy_whole(source: Path, target: Path) -> None:
    """Copy a file so that `target` is the old one or the whole new one."""
    partial = target.with_name(target.name + ".partial")
    shutil.copyfile(source, partial)
    partial.replace(target)


def read_checkpoint(
    path: Path, *, family: str, device: torch.device | str = "cpu"
) -> dict[str, Any]:
    """A checkpoint's content, read without running anything that it might hold.

    Raises:
        TrainingError: unreadable, not one of ours, or another family's.
    """
    try:
        content = torch.load(path, map_location=device, weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise TrainingError(f"{path} is not a readable checkpoint: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise TrainingError(f"{path} is not a checkpoint of this program.")
    if content["family"] != family:
        raise TrainingError(
            f"{path} belongs to '{content['family']}', not to '{family}'.",
            hint="Choose another --out.",
        )
    return content


def prune(folder: Path, pattern: str, *, keep: int) -> None:
    """Delete all but the last `keep` files (by name) that match."""
    for old in sorted(folder.glob(pattern))[:-keep]:
        old.unlink()
