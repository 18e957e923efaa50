"""What every training run is told and where it writes: settings, position, folder."""

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationError

from lucidsonic.errors import ConfigError, UnknownNameError

__all__ = ["Clock", "RunConfig", "RunFolder", "resolve_config"]

Fraction01 = Annotated[float, Field(ge=0, le=1)]


class RunConfig(BaseModel):
    """Settings that all families share; a family's `Config` adds its own fields.

    Give every field a default and a description: the command's flags and its help are made
    from them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    out: Path = Field(
        default=Path("runs/run"), description="run folder; a run found there goes on"
    )
    seed: NonNegativeInt = Field(default=0, description="names the run's chance")
    epochs: PositiveInt = Field(default=100, description="passes over the data")
    max_steps: NonNegativeInt = Field(
        default=0, description="stop after so many steps; 0: never"
    )
    batch_size: PositiveInt = Field(
        default=16, description="examples a step, over all processes"
    )
    accumulate: PositiveInt = Field(
        default=1, description="cut a step's batch into so many parts"
    )
    clip: float = Field(default=1.0, ge=0, description="largest gradient norm; 0: no limit")
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(default="auto", description="where")
    amp: Literal["off", "bf16", "fp16"] = Field(default="off", description="mixed precision")
    num_workers: NonNegativeInt = Field(default=0, description="processes that read data")
    resume: str = Field(
        default="auto", description="auto, never, or a checkpoint to start from"
    )
    log: Literal["jsonl", "csv", "tb", "wandb", "mlflow"] = Field(
        default="jsonl", description="where figures go besides metrics.jsonl"
    )
    log_every: PositiveInt = Field(default=20, description="steps between log lines")
    sample_every: PositiveInt = Field(default=10, description="epochs between sample sheets")
    save_every: PositiveInt = Field(default=10, description="epochs between checkpoints")
    keep_n: PositiveInt = Field(default=5, description="periodic checkpoints kept")
    monitor: Literal["off", "warn", "act"] = Field(
        default="warn", description="watch for trouble: not at all, say so, or do something"
    )

    @property
    def examples_per_epoch(self) -> int:
        """How many examples make an epoch; 0: all there are."""
        return 0


@dataclass(frozen=True, slots=True)
class Clock:
    """Where a run is.

    Attributes:
        step: steps done before this one.
        epoch: the current epoch, from 1.
        steps_per_epoch: steps that make an epoch.
        batch_size: examples a step.
    """

    step: int
    epoch: int
    steps_per_epoch: int
    batch_size: int

    @classmethod
    def at(cls, step: int, *, steps_per_epoch: int, batch_size: int) -> "Clock":
        """The clock of the step after `step` done ones."""
        return cls(step, step // steps_per_epoch + 1, steps_per_epoch, batch_size)

    @property
    def images(self) -> int:
        """Examples seen before this step."""
        return self.step * self.batch_size

    @property
    def ends_epoch(self) -> bool:
        """Whether this step is its epoch's last."""
        return (self.step + 1) % self.steps_per_epoch == 0


class RunFolder:
    """`config.json`, `metrics.jsonl`, `events.jsonl`, `samples/` and `checkpoints/` of a run.

    Args:
        path: made on first use.
        writes: False for all processes but the first, whose calls then do nothing.

    Raises:
        ConfigError: the folder cannot be made.
    """

    def __init__(self, path: Path, *, writes: bool = True) -> None:
        self.path = path
        self.writes = writes
        self.checkpoints = path / "checkpoints"
        self.samples = path / "samples"
        if not writes:
            return
        try:
            self.checkpoints.mkdir(parents=True, exist_ok=True)
            self.samples.mkdir(exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"'{path}' cannot be a run's folder: {(error.strerror or str(error)).lower()}."
            ) from error

    def write_config(self, family: str, config: BaseModel) -> None:
        """Write the resolved settings, with the family's name."""
        if self.writes:
            text = json.dumps({"family": family, **config.model_dump(mode="json")}, indent=2)
            partial = self.path / "config.json.partial"
            partial.write_text(text + "\n", encoding="utf-8")
            partial.replace(self.path / "config.json")

    def log_metrics(self, facts: Mapping[str, float | int]) -> None:
        """Add one line to `metrics.jsonl`; a value that is not finite becomes null."""
        self._append("metrics.jsonl", {k: _finite(v) for k, v in facts.items()})

    def log_event(self, kind: str, **facts: Any) -> None:
        """Add one line to `events.jsonl`."""
        self._append(
            "events.jsonl", {"event": kind, **{k: _finite(v) for k, v in facts.items()}}
        )

    def _append(self, name: str, facts: Mapping[str, Any]) -> None:
        if self.writes:
            with (self.path / name).open("a", encoding="utf-8") as file:
                file.write(json.dumps(facts) + "\n")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 7) if math.isfinite(value) else None
    return value


C = TypeVar("C", bound=RunConfig)


def resolve_config(
    config: type[C],
    flags: Mapping[str, Any],
    *,
    file: Path | None = None,
    preset: str | None = None,
    presets: Mapping[str, Mapping[str, Any]] | None = None,
) -> C:
    """Settings in order of weight: flags, then the file, then the preset, then defaults.

    Args:
        config: the family's `Config`.
        flags: what the person typed; text is fine, pydantic reads it.
        file: a yaml, json or toml table.
        preset: a name in `presets`.
        presets: the family's.

    Raises:
        ConfigError: an unreadable file, an unknown key, or a value out of range.
        UnknownNameError: no such preset.
    """
    table = presets or {}
    if preset is not None and preset not in table:
        raise UnknownNameError("preset", preset, table)
    chosen = table[preset] if preset is not None else {}
    merged = {**chosen, **(_read_table(file) if file else {}), **flags}
    merged.pop("family", None)  # config.json of an older run is a valid --config
    try:
        return config.model_validate(merged)
    except ValidationError as error:
        lines = [
            f"{'.'.join(map(str, e['loc'])) or 'config'}: {e['msg']}" for e in error.errors()
        ]
        raise ConfigError("The settings do not fit: " + "; ".join(lines)) from error


READERS = {
    ".json": json.loads,
    ".toml": tomllib.loads,
    ".yaml": yaml.safe_load,
    ".yml": yaml.safe_load,
}


def _read_table(path: Path) -> dict[str, Any]:
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise ConfigError(f"{path} is not a settings file.", hint="Use .yaml, .json or .toml.")
    try:
        table = reader(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    if not isinstance(table, dict):
        raise ConfigError(f"{path} does not hold a table of settings.")
    return table
