"""A run folder -> the weights and options that the renderer takes."""

from pathlib import Path

from lucidsonic.errors import TrainingError
from lucidsonic.training.checkpoint import read_checkpoint
from lucidsonic.training.family import Exported

__all__ = ["export_decoder"]

CHOICES = ("best.pt", "latest.pt")


def export_decoder(folder: Path, *, family: str) -> Exported:
    """The averaged decoder of a run: the best if one was judged best, else the latest.

    Args:
        folder: a run folder, or one of its checkpoints.
        family: the training family that made it.

    Raises:
        TrainingError: there is no checkpoint, or it is not of that family.
    """
    path = folder if folder.is_file() else _choose(folder / "checkpoints")
    saved = read_checkpoint(path, family=family)
    config = saved["config"]
    options = {
        "resolution": config["resolution"],
        "latent_dim": config["latent_dim"],
        "width": config["width"],
        "va_norm": config["va_norm"],
        "eru_clamp": saved["state"].get("eru_clamp", config["eru_clamp"]),
    }
    return Exported("va_gan", options, saved["state"]["ema"], int(config["resolution"]))


def _choose(folder: Path) -> Path:
    for name in CHOICES:
        if (folder / name).exists():
            return folder / name
    raise TrainingError(
        f"There is no checkpoint in {folder}.",
        hint="Give the run folder that holds config.json and checkpoints/.",
    )
