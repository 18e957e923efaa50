"""A person's own function `(z, classes) -> pictures` -> a Generator."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from lucidsonic.errors import ConfigError, first_fault
from lucidsonic.generators.styles import gaussian_z, picture_to_rgb
from lucidsonic.types import Capabilities, Controls, FloatArray

__all__ = ["CallableGenerator", "CallableOptions", "wrap_callable"]

STEP = 0.35  # of the norm of z: a visible, still recognisable change
PROBES = 4
CHANNELS = {1, 3, 4}  # grey, RGB, RGB with transparency

# other names that functions written for the classic tool carry -> ours
CLASSIC = {"input_shape": "z_dim", "num_possible_classes": "classes", "num_classes": "classes"}

Range = tuple[float, float]


class CallableOptions(BaseModel):
    """What must be known of a function that paints.

    Each may also be an attribute of the function itself.

    Attributes:
        z_dim: width of z.
        classes: how many classes there are, 0 for none.
        class_names: what they are called.
        value_range: the numbers that mean black and white, when pictures are floats; by default
            found out from the first pictures.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    z_dim: Annotated[int, Field(ge=1, le=65_536)] = 512
    classes: Annotated[int, Field(ge=0, le=100_000)] = 0
    class_names: tuple[str, ...] = ()
    value_range: Range | None = None


class CallableGenerator:
    """A function as a generator; see `generators.base.Generator`.

    The function gets float32 torch tensors `z` `(batch, z_dim)` and `classes`
    `(batch, classes)`, weights that add up to 1 (None without classes). It gives a batch of
    pictures: a tensor or array `(batch, 3, height, width)` or `(batch, height, width, 3)`, or a
    list of PIL pictures.
    """

    has_mapping = False
    num_ws = 0

    def __init__(
        self, paint: Callable[..., Any], options: CallableOptions, *, device: str = "cpu"
    ) -> None:
        self.paint, self.device = paint, torch.device(device)
        self.z_dim, self.c_dim = options.z_dim, options.classes
        probe = self.raw(torch.from_numpy(gaussian_z(range(PROBES), self.z_dim)), None)
        self.value_range = options.value_range or guess_range(probe)
        self.size = (int(probe.shape[2]), int(probe.shape[3]))
        self.capabilities = Capabilities(
            z_dim=self.z_dim,
            c_dim=self.c_dim,
            condition="class" if self.c_dim else "none",
            class_names=options.class_names,
            dim=self.z_dim,
            size=self.size,
        )

    def keyframes(self, seeds: Sequence[int]) -> FloatArray:
        """The z that the official samplers draw for each seed."""
        return gaussian_z(seeds, self.z_dim)

    def directions(self, count: int, *, seed: int) -> FloatArray:
        """Random pushes of one length."""
        rows = np.random.default_rng(seed).standard_normal((count, self.z_dim))
        rows *= STEP * self.z_dim**0.5 / np.linalg.norm(rows, axis=1, keepdims=True)
        return rows.astype(np.float32)

    @torch.inference_mode()
    def __call__(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Pictures in about [-1, 1] from z and class weights."""
        low, high = self.value_range
        return (self.raw(z, c) - low) * (2 / (high - low)) - 1

    def render(self, controls: Controls, *, dtype: torch.dtype = torch.float32) -> Tensor:
        """Paint consecutive frames: RGB in [0, 1]. The function chooses its own precision."""
        z = torch.as_tensor(controls.latent[:, 0], dtype=torch.float32)
        psi = torch.as_tensor(controls.truncation, dtype=torch.float32)
        c = None if controls.condition is None else torch.as_tensor(controls.condition)
        return picture_to_rgb(self(z * psi[:, None], c))

    def raw(self, z: Tensor, c: Tensor | None) -> Tensor:
        """Pictures as the function gives them, float32 `(batch, channels, height, width)`."""
        if self.c_dim and c is None:
            c = torch.zeros(len(z), self.c_dim)
            c[:, 0] = 1
        given = self.paint(
            z.to(self.device, torch.float32),
            c.to(self.device) if self.c_dim and c is not None else None,
        )
        return to_batch(given, len(z)).to(self.device)


def wrap_callable(
    paint: Callable[..., Any], options: dict[str, Any], *, device: str = "cpu"
) -> CallableGenerator:
    """A generator from a function; what `options` leave out is read off its attributes.

    Raises:
        ConfigError: the options are wrong, or the function does not give pictures.
    """
    told = {
        name: getattr(paint, name)
        for name in CallableOptions.model_fields
        if hasattr(paint, name)
    }
    told |= {
        ours: getattr(paint, name) for name, ours in CLASSIC.items() if hasattr(paint, name)
    }
    try:
        checked = CallableOptions.model_validate({**told, **options})
    except ValidationError as error:
        raise ConfigError(
            f"The options do not fit a Python function: {first_fault(error.errors())}.",
            hint=f"It takes {', '.join(CallableOptions.model_fields)}.",
        ) from error
    return CallableGenerator(paint, checked, device=device)


def to_batch(given: Any, count: int) -> Tensor:
    """Whatever pictures a function gives, as float32 `(batch, channels, height, width)`.

    Raises:
        ConfigError: not as many pictures, or not pictures.
    """
    try:
        if isinstance(given, list | tuple):
            given = np.stack([np.asarray(picture) for picture in given])
        batch = torch.as_tensor(given)
    except (TypeError, ValueError, RuntimeError) as error:
        raise not_pictures(f"a {type(given).__name__}", count) from error
    if batch.ndim != 4 or len(batch) != count:
        raise not_pictures(str(tuple(batch.shape)), count)
    first, last = batch.shape[1], batch.shape[3]
    # Four rows of pixels are as likely as four channels: then the last axis decides.
    if first not in {1, 3} and last in CHANNELS:
        batch = batch.permute(0, 3, 1, 2)
    elif first not in CHANNELS:
        raise not_pictures(str(tuple(batch.shape)), count)
    return batch.float()


def not_pictures(given: str, count: int) -> ConfigError:
    """What to say of something that is no batch of pictures."""
    return ConfigError(
        f"The function gave {given} for {count} latents.",
        hint="It must give (batch, 3, height, width) or (batch, height, width, 3).",
    )


def guess_range(pictures: Tensor) -> Range:
    """The numbers for black and white, from some pictures."""
    low, high = float(pictures.min()), float(pictures.max())
    if high > 2.5:
        return 0.0, 255.0
    return (-1.0, 1.0) if low < -0.02 else (0.0, 1.0)
