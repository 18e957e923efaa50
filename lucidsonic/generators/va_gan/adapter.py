"""The VA-GAN as a renderer: controls -> pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveInt
from safetensors.torch import load_file

from lucidsonic.errors import WeightsError
from lucidsonic.generators.base import Hooks
from lucidsonic.generators.va_gan.network import Decoder
from lucidsonic.nn.axes import channels_last
from lucidsonic.types import Capabilities, Controls, FloatArray

__all__ = ["Options", "VaGan", "load"]

NEUTRAL, REACH = 5.0, 4.0  # valence and arousal of -1, 0, 1 are 1, 5, 9 on the labels' scale
NORMS = {"div9": (0.0, 9.0), "minmax": (1.0, 8.0)}  # (label - first) / second
PUSH = 0.35  # how far an onset's push goes, as a share of a latent's length


class Options(BaseModel):
    """What a card's [generator] table may say; made by the training run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    resolution: Annotated[
        Literal[32, 64, 128, 256], BeforeValidator(lambda v: int(v) if str(v).isdigit() else v)
    ] = 128
    latent_dim: PositiveInt = 128
    width: PositiveInt = 512
    va_norm: Literal["div9", "minmax"] = "div9"
    eru_clamp: Literal["hard", "soft"] = "hard"
    va_gain: float = Field(default=1.0, ge=0, le=3)
    eru_gain: float = Field(default=1.0, ge=0, le=3)


class VaGan:
    """A loaded decoder.

    Args:
        network: with its weights, on its device.
        options: how it was trained, and how much to exaggerate.
    """

    def __init__(self, network: Decoder, options: Options) -> None:
        self.network = network.eval().requires_grad_(False)
        self.options = options
        self.z_dim = options.latent_dim
        self.c_dim = 2
        self.size = (options.resolution, options.resolution)
        self.has_mapping = False
        self.num_ws = 0
        for unit in network.emotion_units:
            unit.gain = options.eru_gain

    @property
    def capabilities(self) -> Capabilities:
        """Driven by z and by (valence, arousal)."""
        sides = [4 << stage for stage in range(1 + len(self.network.stages))]
        return Capabilities(
            z_dim=self.z_dim,
            c_dim=2,
            condition="va",
            dim=self.z_dim,
            size=self.size,
            stages=tuple((side, side) for side in sides),
        )

    def keyframes(self, seeds: Sequence[int]) -> FloatArray:
        """Gaussian latents, float32 `(len(seeds), z_dim)`."""
        rows = [np.random.RandomState(seed).randn(self.z_dim) for seed in seeds]
        return np.array(rows, np.float32).reshape(len(seeds), self.z_dim)

    def directions(self, count: int, *, seed: int) -> FloatArray:
        """Pushes float32 `(count, z_dim)`, across one another as far as there is room."""
        rng = np.random.default_rng(seed)
        square, _ = np.linalg.qr(rng.standard_normal((self.z_dim, self.z_dim)))
        length = PUSH * np.sqrt(self.z_dim)
        return (np.resize(square, (count, self.z_dim)) * length).astype(np.float32)

    def condition(self, va: torch.Tensor) -> torch.Tensor:
        """Valence and arousal in [-1, 1] on the model's own scale, exaggerated by `va_gain`."""
        labels = NEUTRAL + REACH * (va * self.options.va_gain).clamp(-1, 1)
        first, second = NORMS[self.options.va_norm]
        return (labels - first) / second

    def render(
        self,
        controls: Controls,
        *,
        dtype: torch.dtype = torch.float32,
        hooks: Hooks | None = None,
    ) -> torch.Tensor:
        """Paint frames `(frames, 3, height, width)` in [0, 1]; neutral without emotion."""
        device = self.network.to_rgb.weight.device
        z = torch.from_numpy(controls.latent[:, 0]).to(device)
        z = z * torch.from_numpy(controls.truncation).to(device)[:, None]
        va = torch.zeros(len(z), 2, device=device)
        if controls.condition is not None:
            va = torch.from_numpy(controls.condition).to(device)
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            images = self(z, va, hooks=hooks)
        return (images.float() / 2 + 0.5).clamp(0, 1)

    @torch.inference_mode()
    def __call__(
        self, z: torch.Tensor, c: torch.Tensor | None = None, *, hooks: Hooks | None = None
    ) -> torch.Tensor:
        """Pictures in [-1, 1] from z and (valence, arousal) in [-1, 1]; see `base.Hooks`."""
        va = z.new_zeros(len(z), 2) if c is None else c
        return self.network(z, self.condition(va.to(z.dtype)), hooks).float()


def load(weights: Path | None, options: Options, *, device: str) -> VaGan:
    """Build the decoder and fill it.

    Raises:
        WeightsError: there are no weights, or they are another network's.
    """
    network = Decoder(
        latent_dim=options.latent_dim,
        resolution=options.resolution,
        width=options.width,
        clamp=options.eru_clamp,
    )
    if weights is None:
        raise WeightsError(
            "A va_gan needs weights.", hint="Train one: lucidsonic train va-gan."
        )
    tensors = {name: tensor.float() for name, tensor in load_file(weights).items()}
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise WeightsError(f"{weights} does not fit its card: {error}") from error
    return VaGan(channels_last(network.to(device)), options)
