"""Specs and features -> a chain that any frames can pass, in any batches, from any frame."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError

from lucidsonic.effects.colour import COLOUR
from lucidsonic.effects.effect import Effect, EffectOptions, Moment
from lucidsonic.effects.light import LIGHT
from lucidsonic.effects.motion import MOTION
from lucidsonic.effects.sections import is_section_word, section_weights
from lucidsonic.effects.texture import TEXTURE
from lucidsonic.errors import ConfigError, UnknownNameError
from lucidsonic.types import Features, FloatArray

EFFECTS: Mapping[str, Effect] = {**LIGHT, **COLOUR, **MOTION, **TEXTURE}
ENTRY_POINT_GROUP = "lucidsonic.effects"

CustomFunction = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True, slots=True)
class Custom:
    """A function of one's own, led by the music.

    Attributes:
        function: `(frames, amount) -> frames`; frames `(batch, 3, h, w)` in [0, 1], amount
            `(batch, 1, 1, 1)` in (0, 1].
        follow: the curve that leads it, or "constant".
        amount: how much of it the curve's 1 stands for.
        release_ms: how long a hit rings on.
    """

    function: CustomFunction
    follow: str = "percussive"
    amount: float = 1.0
    release_ms: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """One effect with its options and, for each frame of the film, its amount."""

    effect: Effect
    options: EffectOptions
    amounts: FloatArray
    seed: int


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
        index = np.arange(start, start + len(frames))
        for link in self.links:
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
                told = f"{link.options.model_dump_json()} {link.seed}"
                parts += [told.encode(), code_of(link.effect.apply), amounts.tobytes()]
        return b"|".join(parts)


def code_of(function: Callable[..., Any]) -> bytes:
    """What a function does, as far as its own code tells."""
    code = getattr(function, "__code__", None)
    name = f"{function.__module__}.{function.__qualname__}"
    return name.encode() + (code.co_code + repr(code.co_consts).encode() if code else b"")


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
    done = done.clamp(0, 1).to(frames.dtype)
    if every:
        return done
    return frames.index_copy(0, torch.as_tensor(touched, device=frames.device), done)


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
            `{"bridge": 1}` in a table confines the effect to that section, see `WORDS`.
        features: the music that leads them.
        seed: of all chance in the chain.
        extra: functions of one's own, after the others.

    Raises:
        UnknownNameError: no effect, or no curve, of that name.
        ConfigError: an effect cannot be told that.
    """
    links = []
    for place, spec in enumerate(specs):
        effect, options, words = read_spec(spec)
        link = _link(effect, options, features, seed * 1009 + place)
        if words:
            link = replace(link, amounts=link.amounts * section_weights(features, words))
        links.append(link)
    for place, own in enumerate(extra, start=len(links)):
        custom = own if isinstance(own, Custom) else Custom(own)
        links.append(_custom_link(custom, features, seed * 1009 + place))
    return Chain(tuple(links), float(features.fps))


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
        _, options, _ = read_spec(spec)
        if options.follow not in known:
            raise UnknownNameError("curve", options.follow, known)


def read_spec(spec: Mapping[str, Any]) -> tuple[Effect, EffectOptions, dict[str, float]]:
    """The effect that a spec names, its options, and the sections it is confined to."""
    effect = find_effect(str(spec.get("name", "")))
    words = {key: float(spec[key]) for key in spec if is_section_word(key)}
    options = check_options(effect, {k: v for k, v in spec.items() if k not in words})
    return effect, options, words


def find_effect(name: str) -> Effect:
    """The effect of that name: a built-in one, or one that a plugin declares.

    Raises:
        UnknownNameError: nobody registered it.
    """
    if name in EFFECTS:
        return EFFECTS[name]
    plugins = {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
    if name not in plugins:
        raise UnknownNameError("effect", name, {**EFFECTS, **plugins})
    found = plugins[name].load()
    return found if isinstance(found, Effect) else from_function(found)


def from_function(function: CustomFunction) -> Effect:
    """An effect without options of its own from `(frames, amount) -> frames`."""
    return Effect(lambda frames, amount, _options, _moment: function(frames, amount))


def check_options(effect: Effect, spec: Mapping[str, Any]) -> EffectOptions:
    """The spec as the effect's own options.

    Raises:
        ConfigError: a key that the effect has not, or a value out of its range.
    """
    try:
        return effect.options.model_validate(dict(spec))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        said = (
            f"has no setting '{key}'"
            if first["type"] == "extra_forbidden"
            else f"cannot take {key} = {first['input']!r}: {first['msg']}"
        )
        known = ", ".join(name for name in effect.options.model_fields if name != "name")
        raise ConfigError(
            f"The effect '{spec.get('name')}' {said}.", hint=f"It takes {known}."
        ) from error


def _link(effect: Effect, options: EffectOptions, features: Features, seed: int) -> Link:
    curve = ring(source(features, options.follow), float(features.fps), options.release_ms)
    return Link(effect, options, np.clip(curve * options.amount, 0, 1), seed)


def _custom_link(custom: Custom, features: Features, seed: int) -> Link:
    options = EffectOptions(
        name="custom",
        follow=custom.follow,
        amount=custom.amount,
        release_ms=custom.release_ms,
    )
    return _link(from_function(custom.function), options, features, seed)


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


def parse_effect(text: str) -> dict[str, Any]:
    """An effect as people write it on the command line.

    >>> parse_effect("flash")
    {'name': 'flash'}
    >>> parse_effect("hue:shift=0.5,follow=chroma")
    {'name': 'hue', 'shift': 0.5, 'follow': 'chroma'}

    Raises:
        ConfigError: not of the form `name:key=value,key=value`.
    """
    name, _, rest = text.strip().partition(":")
    pairs = [pair.partition("=") for pair in rest.split(",") if pair.strip()]
    if not name or any(not key.strip() or not equals for key, equals, _ in pairs):
        raise ConfigError(
            f"'{text}' is not an effect.", hint="For example flash:amount=0.5,follow=onset_low."
        )
    return {"name": name, **{key.strip(): as_value(value.strip()) for key, _, value in pairs}}


def as_value(text: str) -> bool | int | float | str:
    """A number or a truth value where the text is one.

    >>> [as_value(t) for t in ("2", "0.5", "true", "onset")]
    [2, 0.5, True, 'onset']
    """
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
