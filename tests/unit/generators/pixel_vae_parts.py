"""Small pixel_vae generators and controls for the tests."""

from pathlib import Path
from typing import Any

import numpy as np

from lucidsonic.generators.pixel_vae import Options, PixelVae, load
from lucidsonic.types import Controls

SMALL: dict[str, Any] = {"size": 128, "pixel_size": 1, "palette": 12}


def tiny(weights: Path | None = None, **changes: Any) -> PixelVae:
    return load(weights, Options.model_validate({**SMALL, **changes}), device="cpu")


def controls(latent: np.ndarray, **changes: Any) -> Controls:
    """Neutral controls for latents `(frames, dim)`."""
    frames = len(latent)
    zero = np.zeros(frames, np.float32)
    told: dict[str, Any] = {
        "latent": latent[:, None].astype(np.float32),
        "condition": None,
        "truncation": zero + 1,
        "noise_phase": zero,
        "noise_mix": zero,
        "gains": np.ones((frames, 3), np.float32),
        "transform": np.tile(np.array([0, 0, 0, 1], np.float32), (frames, 1)),
        "time_s": zero,
    }
    return Controls(**{**told, **changes})
