"""Small networks with random weights, and what the original tools paint with them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import safe_open
from torch import Tensor

from lucidsonic.generators import Generator, build_generator
from lucidsonic.types import Controls

GOLDEN = Path(__file__).parents[2] / "golden"
STYLE_NETWORKS = (
    "stylegan2_ada_cond_32",
    "stylegan2_from_sg3_repo_32",
    "stylegan3_t_32",
    "stylegan3_r_32",
)
R3GAN_NETWORKS = ("r3gan_64", "r3gan_cond_32")
TOLERANCE = 1e-4  # of the reference's standard deviation


def network_facts(name: str) -> tuple[str, dict[str, object]]:
    with safe_open(GOLDEN / f"{name}.safetensors", "pt") as file:
        facts = file.metadata()
    return facts["family"], json.loads(facts["options"])


def stored_tensors(name: str) -> dict[str, Tensor]:
    with safe_open(GOLDEN / f"{name}.safetensors", "pt") as file:
        return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118


class AppleTensor(Tensor):
    """A tensor that, like those on Apple's GPUs, cannot be float64 before it has left them."""

    def double(self) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        raise TypeError("Cannot convert a MPS Tensor to float64 dtype")

    def cpu(self) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self.as_subclass(Tensor)


def load(name: str, **changes: object) -> Any:
    family, options = network_facts(name)
    return build_generator(family, GOLDEN / f"{name}.safetensors", {**options, **changes})


def reference(name: str) -> dict[str, Tensor]:
    with np.load(GOLDEN / f"{name}.npz") as arrays:
        return {key: torch.from_numpy(array) for key, array in arrays.items()}


def deviation(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference in standard deviations of the reference."""
    assert ours.shape == theirs.shape
    return float((ours - theirs).abs().max() / theirs.std())


def controls(generator: Generator, frames: int, **changes: npt.ArrayLike) -> Controls:
    """A still film, but for `changes`."""
    able = generator.capabilities
    latent = generator.keyframes([3])[0]
    condition = None
    if able.c_dim:
        condition = np.eye(able.c_dim, dtype=np.float32)[[1] * frames]
    values: dict[str, npt.ArrayLike | None] = {
        "latent": np.tile(latent, (frames, able.groups, 1)),
        "condition": condition,
        "truncation": np.ones(frames),
        "noise_phase": np.zeros(frames),
        "noise_mix": np.zeros(frames),
        "gains": np.ones((frames, 3)),
        "transform": np.tile([0.0, 0.0, 0.0, 1.0], (frames, 1)),
        "time_s": np.arange(frames) / 30,
        **changes,
    }
    return Controls(
        **{k: None if v is None else np.asarray(v, dtype=np.float32) for k, v in values.items()}  # pyright: ignore[reportArgumentType]
    )
