"""Specs and features -> a chain that any frames can pass, in any batches, from any frame.

An effect with a `stage` is applied to the feature maps of that stage of the network instead of
to the picture: see `Chain.hooks`.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from lucidsonic.effects.effect import Effect, EffectOptions, Moment
from lucidsonic.effects.sections import section_weights
from lucidsonic.effects.wishes import (
    CustomFunction,
    Wish,
    check_options,
    check_stage,
    code_of,
    from_function,
    read_spec,
)
from lucidsonic.errors import ConfigError, UnknownNameError
from lucidsonic.types import Features, FloatArray

Hook = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True, slots=True)
class Custom:
    """A function of one's own, led by the music.

    Attributes:
        function: `(frames, amount) -> frames`; frames `(batch, 3, h, w)` in [0, 1], or feature
            maps `(batch, channels, h, w)`; amount `(batch, 1, 1, 1)` in (0, 1].
        follow: the curve that leads it, or "constant".
        amount: how much of it the curve's 1 stands for.
        release_ms: how long a hit rings on.
        stage: of the network, whose feature maps it is given; None gives it the picture.
    """

    function: CustomFunction
    follow: str = "percussive"
    amount: float = 1.0
    release_ms: float = 0.0
    stage: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """One effect with its options and, for each frame of the film, its amount.

    Attributes:
        effect: what is done.
        options: what it was told.
        amounts: float32 `(frames,)` in [0, 1].
        seed: of its chance.
        code: differs where another code does something else.
        stage: of the network, whose feature maps it bends; None: it changes the picture.
    """

    effect: Effect
    options: EffectOptions
    amounts: FloatArray
    seed: int
    code: str
    stage: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """Effects in order. Each frame depends on its own number, never on its batch."""

    links: tuple[Link, ...]
    fps: float

    def __call__(self, frames: torch.Tensor, start: int) -> torch.Tensor:
        """Apply every effect to frames start, start + 1, ...

        Args:
            frames: `(batch, 3, height, width)` in [0, 1], any float dtype and device.
            start: number of the first one in the film.

        Returns:
            The same shape, dtype and device, in [0, 1].
        """
        return self._pass(frames, np.arange(start, start + len(frames)), None)

    @property
    def stages(self) -> list[int]:
        """The network's stages whose feature maps are bent, in order."""
        return sorted({link.stage for link in self.links if link.stage is not None})

    def hooks(self, index: np.ndarray) -> dict[int, Hook]:
        """What bends the network's feature maps while it paints the frames of these numbers.

        Args:
            index: `(frames,)`; frames that are held have that of the first one.

        Returns:
            Stage -> function of its feature maps `(batch, channels, height, width)`, which are
            of any values; the same shape and dtype.
        """
        return {s: partial(self._pass, index=index, stage=s) for s in self.stages}

    def _pass(self, frames: torch.Tensor, index: np.ndarray, stage: int | None) -> torch.Tensor:
        for link in self.links:
            if link.stage == stage:
                moment = Moment(index, (index / self.fps).astype(np.float32), link.seed)
                frames = apply_link(link, frames, moment)
        return frames

    def fingerprint(self, start: int, stop: int) -> bytes:
        """What the chain does to frames start to stop - 1, as bytes that differ if it differs.

        An effect that does nothing there leaves no trace.
        """
        parts = []
        for link in self.links:
            amounts = link.amounts[start:stop]
            if amounts.any():
                told = f"{link.options.model_dump_json()} {link.seed} {link.code} {link.stage}"
                parts += [told.encode(), amounts.tobytes()]
        return b"|".join(parts)


def apply_link(link: Link, frames: torch.Tensor, moment: Moment) -> torch.Tensor:
    """Apply one effect to the frames whose amount is not 0; the others stay untouched."""
    amounts = link.amounts[np.clip(moment.index, 0, len(link.amounts) - 1)]
    touched = np.flatnonzero(amounts > 0)
    if not len(touched):
        return frames
    every = len(touched) == len(frames)
    part = frames if every else frames[torch.as_tensor(touched, device=frames.device)]
    amount = torch.as_tensor(amounts[touched], device=frames.device, dtype=frames.dtype)
    done = link.effect.apply(
        part, amount[:, None, None, None], link.options, moment.take(touched)
    )
    if not is_like(done, part):
        raise ConfigError(
            f"The effect '{link.options.name}' made {described(done)} of {described(part)}.",
            hint="It must return a tensor of floats, of the same shape.",
        )
    done = (done.clamp(0, 1) if link.stage is None else done).to(frames.dtype)
    if every:
        return done
    return frames.index_copy(0, torch.as_tensor(touched, device=frames.device), done)


def is_like(done: Any, part: torch.Tensor) -> bool:
    """Whether an effect returned what it must: floats of the shape that it was given."""
    return (
        isinstance(done, torch.Tensor) and done.is_floating_point() and done.shape == part.shape
    )


def described(value: Any) -> str:
    """A tensor by its dtype and shape, anything else by its type."""
    if not isinstance(value, torch.Tensor):
        return type(value).__name__
    return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"


def build_chain(
    specs: Sequence[Mapping[str, Any]],
    features: Features,
    *,
    seed: int = 0,
    extra: Sequence[CustomFunction | Custom] = (),
) -> Chain:
    """The chain that `specs` describe, led by `features`.

    Args:
        specs: tables like `{"name": "flash", "follow": "onset_low", "amount": 0.5}`, in order;
            `{"bridge": 1}` in a table confines the effect to that section, see `WORDS`;
            `{"stage": 2}` applies it to the feature maps of that stage of the network.
        features: the music that leads them.
        seed: of all chance in the chain.
        extra: functions of one's own, after the others.

    Raises:
        UnknownNameError: no effect, or no curve, of that name.
        ConfigError: an effect cannot be told that.
    """
    links = []
    for place, spec in enumerate(specs):
        wish = read_spec(spec)
        link = _link(wish, features, seed * 1009 + place, code_of(wish.effect))
        if wish.sections:
            weights = section_weights(features, wish.sections)
            link = replace(link, amounts=link.amounts * weights)
        links.append(link)
    for place, own in enumerate(extra, start=len(links)):
        custom = own if isinstance(own, Custom) else Custom(own)
        links.append(_custom_link(custom, features, seed * 1009 + place))
    return Chain(tuple(links), float(features.fps))


def bent_stages(
    specs: Sequence[Mapping[str, Any]], extra: Sequence[CustomFunction | Custom] = ()
) -> set[int]:
    """The network's stages whose feature maps such a chain will bend; see `build_chain`."""
    wished = [read_spec(spec).stage for spec in specs]
    wished += [own.stage for own in extra if isinstance(own, Custom)]
    return {stage for stage in wished if stage is not None}


def check_effects(specs: Sequence[Mapping[str, Any]], curves: Iterable[str]) -> None:
    """Complain about specs of which no chain can be built, before there is any music.

    Args:
        specs: as `build_chain` takes them.
        curves: names of the curves that there will be.

    Raises:
        UnknownNameError: no effect, or no curve, of that name.
        ConfigError: an effect cannot be told that.
    """
    known = {*curves, *SOURCES}
    for spec in specs:
        follow = read_spec(spec).options.follow
        if follow not in known:
            raise UnknownNameError("curve", follow, known)


def _link(wish: Wish, features: Features, seed: int, code: str) -> Link:
    options = wish.options
    curve = ring(source(features, options.follow), float(features.fps), options.release_ms)
    amounts = np.clip(curve * options.amount, 0, 1)
    return Link(wish.effect, options, amounts, seed, code, wish.stage)


def _custom_link(custom: Custom, features: Features, seed: int) -> Link:
    effect = from_function(custom.function)
    wanted = {"follow": custom.follow, "amount": custom.amount, "release_ms": custom.release_ms}
    check_stage("custom", custom.stage)
    wish = Wish(effect, check_options(effect, {"name": "custom", **wanted}), custom.stage)
    # Nobody can tell from outside what a function does: its frames are never taken from an
    # earlier film.
    return _link(wish, features, seed, uuid.uuid4().hex)


SOURCES: Mapping[str, Callable[[Features], np.ndarray]] = {
    "constant": lambda f: np.ones(len(f), np.float32),
    "chroma": lambda f: pitch_turn(f.chroma),
    "valence": lambda f: (f.valence + 1) / 2,
    "arousal": lambda f: (f.arousal + 1) / 2,
}


def source(features: Features, follow: str) -> FloatArray:
    """What an effect may follow: a curve, or one of SOURCES; float32 `(frames,)` in [0, 1].

    Raises:
        UnknownNameError: no curve of that name.
    """
    if follow in features.curves:
        return features.curves[follow]
    if follow not in SOURCES:
        raise UnknownNameError("curve", follow, {*features.curves, *SOURCES})
    return SOURCES[follow](features).astype(np.float32)


def pitch_turn(chroma: FloatArray) -> FloatArray:
    """Where the harmony is on the circle of fifths, turns in [0, 1); silence is 0."""
    angle = 2 * np.pi * (np.arange(12) * 7 % 12) / 12
    turn = np.angle(chroma @ np.exp(1j * angle)) / (2 * np.pi)
    return (turn % 1.0).astype(np.float32)


def ring(curve: FloatArray, fps: float, release_ms: float) -> FloatArray:
    """Let each peak decay exponentially, to 1/e after `release_ms`."""
    if release_ms <= 0:
        return curve
    # max over k <= i of curve[k] * d^(i - k), as one running maximum of logarithms
    fall = np.arange(len(curve)) * (1000.0 / (fps * release_ms))
    level = np.log(np.maximum(curve.astype(np.float64), 1e-12))
    rung = np.exp(np.maximum.accumulate(level + fall) - fall)
    return np.where(rung > 1e-3, rung, 0.0).astype(np.float32)
