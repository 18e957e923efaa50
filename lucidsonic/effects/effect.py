"""What an effect is: checked options and a pure function of frames, amount and moment."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]


class EffectOptions(BaseModel):
    """What every effect can be told, in `[[effects]]` or as `--effect name:key=value`.

    Attributes:
        name: which effect.
        follow: the curve of the music that leads it, or "constant".
        amount: how much of it the curve's 1 stands for; 0 leaves every frame as it is.
        release_ms: how long a hit rings on, to 1/e; 0 follows the curve exactly.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    follow: str = "constant"
    amount: Share = 0.5
    release_ms: Annotated[float, Field(ge=0, le=10_000)] = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """When the frames are shown.

    Attributes:
        index: int64 `(batch,)`, frame numbers in the film.
        time_s: float32 `(batch,)`, seconds from the film's start.
        seed: of the film and of this effect's place in the chain.
    """

    index: np.ndarray
    time_s: np.ndarray
    seed: int

    def take(self, part: np.ndarray) -> "Moment":
        """Some of the frames."""
        return Moment(self.index[part], self.time_s[part], self.seed)

    def seconds(self, like: torch.Tensor) -> torch.Tensor:
        """float32 `(batch, 1, 1, 1)` on the device of `like`."""
        return torch.as_tensor(self.time_s, device=like.device)[:, None, None, None]

    def chance(self, stream: int, count: int, *, hold: int = 1) -> np.ndarray:
        """Even random numbers float32 `(batch, count)` that depend on the frame number alone.

        Args:
            stream: numbers of different streams have nothing to do with each other.
            count: numbers a frame.
            hold: frames that share their numbers.
        """
        return random_numbers(self.seed, stream, self.index // hold, count)


# SplitMix64: Steele, Lea & Flood, "Fast splittable pseudorandom number generators" (2014).
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def random_numbers(seed: int, stream: int, index: np.ndarray, count: int) -> np.ndarray:
    """Even float32 `(len(index), count)` in [0, 1) from counters: no state, any order."""
    with np.errstate(over="ignore"):
        key = _scramble(np.uint64(seed % 2**63) * _GAMMA + np.uint64(stream))
        rows = _scramble(key + index.astype(np.uint64) * _GAMMA)[:, None]
        mixed = _scramble(rows + np.arange(1, count + 1, dtype=np.uint64) * _GAMMA)
    return ((mixed >> np.uint64(40)).astype(np.float32) / np.float32(2**24)).astype(np.float32)


def _scramble(value: Any) -> Any:
    value = (value ^ (value >> np.uint64(30))) * _MIX_1
    value = (value ^ (value >> np.uint64(27))) * _MIX_2
    return value ^ (value >> np.uint64(31))


Apply = Callable[[torch.Tensor, torch.Tensor, Any, Moment], torch.Tensor]
WorksOn = Literal["pictures", "maps", "both"]


@dataclass(frozen=True, slots=True)
class Effect:
    """A named effect; users' own join through the entry-point group `lucidsonic.effects`.

    Attributes:
        apply: `(frames, amount, options, moment) -> frames`. Frames are `(batch, 3, h, w)` in
            [0, 1]; amount is `(batch, 1, 1, 1)` in (0, 1]. Values outside [0, 1] are clipped.
        options: what it can be told.
        summary: one line for people.
        works_on: pictures, a network's feature maps `(batch, channels, h, w)` of any values,
            or both.
    """

    apply: Apply
    options: type[EffectOptions] = EffectOptions
    summary: str = ""
    works_on: WorksOn = "pictures"


def effects_of(
    *functions: Apply,
    options: Mapping[str, type[EffectOptions]],
    works_on: WorksOn = "pictures",
) -> dict[str, Effect]:
    """A table of effects by function name; the docstring's first line is the summary."""
    return {
        f.__name__: Effect(f, options.get(f.__name__, EffectOptions), _first_line(f), works_on)
        for f in functions
    }


def _first_line(function: Apply) -> str:
    return (function.__doc__ or "").strip().split("\n")[0]
