"""The shape of a training family: the same names in the same order in each.

A family is a module (or folder) with `Config`, `State`, `build`, `step`, `sample`, `export`,
gathered in one `FAMILY = Family(...)` at its end and registered in `training.FAMILIES`.

The family owns its networks, optimisers, losses and schedules. The loop owns counting, order
of the data, chance, saving, resuming, logs, sheets, monitors. Rules that make a resumed run
equal an unbroken one:

- `step` and `evaluate` read the position from the clock, never from counters of their own;
- they draw chance from torch's global generator, which the loop seeds before each call;
- whatever else they remember is in `State.state_dict()`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch.utils.data import Dataset

from lucidsonic.training.run import Clock, RunConfig
from lucidsonic.training.update import Updater

__all__ = ["Exported", "Family", "Firing", "Metrics", "Samples", "TrainState"]

Metrics = Mapping[str, float | torch.Tensor]


class TrainState(Protocol):
    """All that a run must remember; it goes into a checkpoint and comes back whole."""

    def state_dict(self) -> dict[str, Any]:
        """Tensors, numbers, text and containers of them, nothing else."""
        ...

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Take over what `state_dict` gave."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """What the network makes now.

    Attributes:
        sheets: name -> `(3, height, width)` in [0, 1]; each becomes a picture file.
        images: `(count, 3, height, width)` in [0, 1] for the monitors, or None.
        facts: what only the family can watch (name -> figure), for its own monitors.
    """

    sheets: Mapping[str, torch.Tensor]
    images: torch.Tensor | None = None
    facts: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True)
class Firing:
    """A monitor that found something.

    Attributes:
        name: the monitor.
        level: "info", "warn" or "error".
        value: its figure.
        limit: the figure it must not pass.
        advice: one short sentence for the person.
    """

    name: str
    level: str
    value: float
    limit: float
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Exported:
    """A trained network as the renderer takes it.

    Attributes:
        family: its generator family.
        options: what that family's `Options` accept.
        weights: a flat state dict of tensors, averaged weights where there are some.
        resolution: pixels of a side; 0 when it paints no pictures.
    """

    family: str
    options: Mapping[str, Any]
    weights: Mapping[str, torch.Tensor]
    resolution: int = 0


C = TypeVar("C", bound=RunConfig)
S = TypeVar("S", bound=TrainState)


def no_figures(_state: Any, _clock: Clock, _updater: Updater) -> Metrics:
    """A family that has nothing to evaluate."""
    return {}


def no_aliases(_state: Any, _moment: str) -> dict[str, dict[str, Any]]:
    """A family without extra file names."""
    return {}


def no_reaction(_state: Any, _firings: list[Firing], _clock: Clock) -> str | None:
    """A family whose monitors only speak."""
    return None


def no_watch(_state: Any, _samples: Samples, _clock: Clock) -> list[Firing]:
    """A family without monitors of its own."""
    return []


def no_notes(_state: Any) -> list[str]:
    """A family with nothing to say about a run."""
    return []


def no_pictures(_batch: Any) -> torch.Tensor | None:
    """A family whose data are not pictures, or that wants no picture monitors."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Family(Generic[C, S]):
    """The functions of one family.

    Attributes:
        name: as in `lucidsonic train NAME`.
        config: its settings, a `RunConfig` with more fields.
        presets: name -> settings.
        dataset: `(config) -> Dataset`; map-style, items are tensors or tuples/dicts of tensors.
        build: `(config, device) -> State`; called with torch seeded.
        step: `(state, batch, clock, updater) -> metrics`; one whole training step on a collated
            batch that lies on the device, through `updater.descend`.
        sample: `(state) -> Samples`, from the averaged weights; called with a fixed seed.
        export: `(run_folder) -> Exported`.
        evaluate: `(state, clock, updater) -> figures` after each epoch; may change the state
            (plateau schedules). A figure named "score" decides what is best: lower is better;
            one named "stop" ends the run.
        pictures: `(batch) -> (count, 3, height, width)` in [0, 1], for the monitors.
        watch: `(state, samples, clock) -> firings` at each sample event: its own monitors.
        react: `(state, firings, clock) -> what was done` under `--monitor act`.
        aliases: `(state, "best" | "final") -> {file name: state dict}` to write beside.
        notes: `(state) -> sentences` that a person should read when the run starts.
        panels: titles -> metric names of the training-curves picture.
    """

    name: str
    config: type[C]
    dataset: Callable[[C], Dataset[Any]]
    build: Callable[[C, torch.device], S]
    step: Callable[[S, Any, Clock, Updater], Metrics]
    sample: Callable[[S], Samples]
    export: Callable[[Path], Exported]
    presets: Mapping[str, Mapping[str, Any]] = field(
        default_factory=dict[str, Mapping[str, Any]]
    )
    evaluate: Callable[[S, Clock, Updater], Metrics] = no_figures
    pictures: Callable[[Any], torch.Tensor | None] = no_pictures
    watch: Callable[[S, Samples, Clock], list[Firing]] = no_watch
    react: Callable[[S, list[Firing], Clock], str | None] = no_reaction
    aliases: Callable[[S, str], dict[str, dict[str, Any]]] = no_aliases
    notes: Callable[[S], list[str]] = no_notes
    panels: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
