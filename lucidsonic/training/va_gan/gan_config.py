"""The settings of stage B."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from lucidsonic.training.va_gan.emotion_data import EmotionConfig

__all__ = ["TINY", "Config"]


class Config(EmotionConfig):
    """Settings of stage B."""

    vae: str = Field(default="", description="vae_best.pth of stage A, or none")
    epochs: int = Field(default=1000, ge=1, description="passes over the data")
    batch_size: int = Field(default=16, ge=1, description="examples a step")
    critic: Literal["hinge", "pairing"] = Field(
        default="hinge", description="how it learns: apart, or photograph against painting"
    )
    dis_width: int = Field(
        default=512, ge=32, description="channels of the critic's last layers"
    )
    lr_gen: float = Field(default=1e-4, gt=0, description="the generator's learning rate")
    lr_dis: float = Field(default=5e-5, gt=0, description="the critic's learning rate")
    lr_gamma: float = Field(
        default=0.99, gt=0, le=1, description="their fall an epoch, phase 3"
    )
    lr_floor: float = Field(default=0.1, ge=0, le=1, description="share they never fall below")
    phase1_end: int = Field(default=30, ge=0, description="last epoch that only reconstructs")
    phase2_end: int = Field(default=60, ge=1, description="last epoch that blends")
    phase3_ramp: int = Field(
        default=0, ge=0, description="epochs that smooth the jump after it"
    )
    adv_weight: float = Field(default=1.0, ge=0, description="factor of the critic's word")
    recon_final: float = Field(default=0.0, ge=0, description="reconstruction in phase 3")
    lpips_weight: float = Field(
        default=0.005, ge=0, description="factor of the perceptual term"
    )
    lpips_start: int = Field(default=200, ge=0, description="last epoch without it")
    lpips_end: int = Field(default=500, ge=1, description="epoch at which it has grown")
    va_weight_d: float = Field(default=0.5, ge=0, description="emotion in the critic's loss")
    va_weight_g: float = Field(default=0.5, ge=0, description="emotion in the generator's loss")
    diversity_weight: float = Field(
        default=0.3, ge=0, description="factor of the diversity loss"
    )
    texture_weight: float = Field(
        default=0.0, ge=0, description="factor of the distance between patches"
    )
    colour_weight: float = Field(
        default=0.0, ge=0, description="factor of colours that miss the emotion"
    )
    div_shared_z: bool = Field(default=True, description="compare pictures of one z")
    r1_gamma: float = Field(
        default=5.0, ge=0, description="factor of the gradient penalty; about 1 when pairing"
    )
    r1_every: int = Field(
        default=16, ge=1, description="steps between gradient penalties; pairing: always 1"
    )
    ema_decay: float = Field(default=0.999, ge=0, lt=1, description="of the averaged weights")
    perceptual: Literal["lpips", "pyramid", "none"] = Field(default="lpips", description="term")
    lpips_weights: Path | None = Field(default=None, description="folder with its weights")
    ada: bool = Field(default=False, description="augment what the critic sees, as needed")


TINY: dict[str, Any] = {
    "resolution": 64, "width": 128, "dis_width": 128, "epochs": 60, "batch_size": 8,
    "phase1_end": 3, "phase2_end": 6, "lpips_start": 8, "lpips_end": 20,
    "perceptual": "pyramid", "vae": "none", "sample_every": 2, "save_every": 2, "log_every": 5,
}  # fmt: skip
