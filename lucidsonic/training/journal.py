"""Figures of a run -> lines, tables, services, and a picture of the curves."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image

from lucidsonic.errors import MissingDependencyError

__all__ = ["Averages", "Sink", "draw_curves", "open_sink", "write_picture"]


class Averages:
    """Means of a step's figures between two log lines; tensors stay on their device."""

    def __init__(self) -> None:
        self._sums: dict[str, Any] = {}
        self._counts: dict[str, int] = {}

    def add(self, metrics: Mapping[str, Any]) -> None:
        """Take in one step's figures."""
        for name, value in metrics.items():
            kept = value.detach() if isinstance(value, torch.Tensor) else value
            self._sums[name] = self._sums.get(name, 0.0) + kept
            self._counts[name] = self._counts.get(name, 0) + 1

    def take(self) -> dict[str, float]:
        """The means so far; starts anew."""
        means = {name: float(total) / self._counts[name] for name, total in self._sums.items()}
        self._sums, self._counts = {}, {}
        return means


class Sink(Protocol):
    """Where figures go besides `metrics.jsonl`."""

    def write(self, step: int, facts: Mapping[str, float]) -> None:
        """One log line."""
        ...


class NoSink:
    """For `--log jsonl`: the folder's own file is enough."""

    def write(self, step: int, facts: Mapping[str, float]) -> None:
        """Drop it."""


class CsvSink:
    """`metrics.csv`; a new column starts a new header line."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "metrics.csv"
        self._columns: list[str] = []

    def write(self, step: int, facts: Mapping[str, float]) -> None:
        """Add a row."""
        with self._path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            if list(facts) != self._columns:
                self._columns = list(facts)
                writer.writerow(["step", *self._columns])
            writer.writerow([step, *facts.values()])


class TensorboardSink:
    """Scalars for `tensorboard --logdir`."""

    def __init__(self, folder: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder / "tensorboard"))

    def write(self, step: int, facts: Mapping[str, float]) -> None:
        """Add the scalars."""
        for name, value in facts.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()


class WandbSink:
    """Scalars for Weights & Biases, offline unless the person logged in."""

    def __init__(self, folder: Path) -> None:
        import wandb  # pyright: ignore[reportMissingImports]

        self._run = wandb.init(dir=str(folder), name=folder.name, resume="allow")

    def write(self, step: int, facts: Mapping[str, float]) -> None:
        """Add the scalars."""
        self._run.log(dict(facts), step=step)


class MlflowSink:
    """Scalars for MLflow's tracking folder or server."""

    def __init__(self, folder: Path) -> None:
        import mlflow  # pyright: ignore[reportMissingImports]

        self._mlflow = mlflow
        mlflow.start_run(run_name=folder.name)

    def write(self, step: int, facts: Mapping[str, float]) -> None:
        """Add the scalars."""
        self._mlflow.log_metrics(dict(facts), step=step)


SINKS = {"csv": CsvSink, "tb": TensorboardSink, "wandb": WandbSink, "mlflow": MlflowSink}
PACKAGES = {"tb": "tensorboard", "wandb": "wandb", "mlflow": "mlflow"}


def open_sink(name: str, folder: Path) -> Sink:
    """The sink that `--log` names.

    Raises:
        MissingDependencyError: its package is not installed.
    """
    if name not in SINKS:
        return NoSink()
    try:
        return SINKS[name](folder)
    except ImportError as error:
        package = PACKAGES.get(name, name)
        raise MissingDependencyError(
            f"--log {name} needs the package '{package}'.", hint=f"pip install {package}"
        ) from error


def write_picture(image: torch.Tensor, path: Path) -> None:
    """Write `(3, height, width)` in [0, 1] as a PNG, whole or not at all."""
    pixels = (image.detach().float().clamp(0, 1) * 255).round().byte().permute(1, 2, 0)
    partial = path.with_suffix(".partial")
    Image.fromarray(pixels.cpu().numpy()).save(partial, format="PNG")
    partial.replace(path)


def draw_curves(metrics: Path, panels: Mapping[str, tuple[str, ...]], target: Path) -> None:
    """Draw `metrics.jsonl` as small charts, one a panel, over the steps.

    Args:
        metrics: the log.
        panels: title -> names of the figures that share it; a figure never logged is left out.
        target: a PNG to write.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    lines = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines()]
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(4.2 * columns, 2.8 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    for index, (title, names) in enumerate(panels.items()):
        axes = figure.add_subplot(rows, columns, index + 1)
        axes.set_title(title, fontsize=10)
        for name in names:
            _draw_line(axes, lines, name)
        if axes.lines:
            axes.legend(fontsize=7)
    figure.savefig(target, dpi=90)


def _draw_line(axes: Any, lines: list[dict[str, Any]], name: str) -> None:
    points = [(line["step"], line[name]) for line in lines if line.get(name) is not None]
    if points:
        steps, values = np.array(points, dtype=float).T
        axes.plot(steps, values, linewidth=1, label=name)
