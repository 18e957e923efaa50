"""Settings of a pixel-art run, and ready-made ones."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AliasChoices,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from lucidsonic.generators.pixel_vae import TeacherShape, VaeShape
from lucidsonic.training.run import RunConfig

Share = Annotated[float, Field(ge=0, le=1)]
Widths = Annotated[tuple[PositiveInt, ...], Field(min_length=1, max_length=7)]
NO_TEACHER = "none"
# the brief's names for settings that all families share
OTHER_NAMES = {
    "data": "data_dir",
    "output_dir": "out",
    "num_epochs": "epochs",
    "gradient_accumulation_steps": "accumulate",
    "max_grad_norm": "clip",
    "eval_save_freq": "sample_every",
    "keep_n_checkpoints": "keep_n",
    "resume_from": "resume",
}
SWITCHES = {"force_cpu": ("device", "cpu"), "mixed_precision": ("amp", "fp16")}


def also_called(name: str) -> AliasChoices:
    """A setting's own name and its others."""
    return AliasChoices(name, *(other for other, own in OTHER_NAMES.items() if own == name))


def is_on(value: Any) -> bool:
    """Whether a switch was turned on, by a flag or in a file."""
    return str(value).lower() in {"true", "1", "yes", "on"}


class Config(RunConfig):
    """Everything that `lucidsonic train pixel-vae` can be told."""

    data_dir: Path = Field(
        default=Path("data/pixels"),
        validation_alias=also_called("data_dir"),
        description="sprite pack, or folder of PNGs",
    )
    background: str = Field(default="#000000", description="colour under transparent pixels")
    out: Path = Field(
        default=Path("runs/pixel-vae"),
        validation_alias=also_called("out"),
        description="run folder; a run found there goes on",
    )
    epochs: PositiveInt = Field(
        default=100,
        validation_alias=also_called("epochs"),
        description="passes over the data",
    )
    batch_size: PositiveInt = Field(
        default=32, description="sprites a step, over all processes"
    )
    accumulate: PositiveInt = Field(
        default=1,
        validation_alias=also_called("accumulate"),
        description="cut a step's batch into so many parts",
    )
    clip: float = Field(
        default=1.0,
        ge=0,
        validation_alias=also_called("clip"),
        description="largest gradient norm; 0: no limit",
    )
    sample_every: PositiveInt = Field(
        default=10,
        validation_alias=also_called("sample_every"),
        description="epochs between sample sheets",
    )
    keep_n: PositiveInt = Field(
        default=5,
        validation_alias=also_called("keep_n"),
        description="periodic checkpoints kept",
    )
    resume: str = Field(
        default="auto",
        validation_alias=also_called("resume"),
        description="auto, never, or a checkpoint to start from",
    )
    force_cpu: bool = Field(default=False, description="the same as --device cpu")
    mixed_precision: bool = Field(default=False, description="the same as --amp fp16")
    size: PositiveInt = Field(default=128, description="side of a sprite, pixels")
    colours: Annotated[int, Field(ge=3, le=4)] = Field(
        default=3, description="3: over a background; 4: see-through"
    )
    jitter_px: NonNegativeInt = Field(default=1, description="sprites shift by up to this much")

    vae_arch: Literal["listed", "residual"] = Field(default="listed", description="its blocks")
    latent_dim: PositiveInt = Field(default=256, description="width of the latent")
    channels: Widths = Field(default=(64, 128, 256, 512), description="widths of its levels")
    vae_lr: PositiveFloat = Field(default=1e-4, description="its learning rate")
    recon_weight: NonNegativeFloat = Field(default=1.0, description="weight of the pixel error")
    kl_weight: NonNegativeFloat = Field(default=0.01, description="weight of the KL, after")
    kl_warmup: NonNegativeInt = Field(default=10, description="epochs from 0 to that weight")
    quality_weight: NonNegativeFloat = Field(default=1.0, description="the teacher's word")
    quality_threshold: Share = Field(default=0.8, description="quality of a good sprite")
    ema_decay: Share = Field(default=0.999, description="of the averaged weights, a step")

    teacher: Literal["none", "quality", "moe"] = Field(default="moe", description="its kind")
    teacher_channels: Widths = Field(default=(64, 128, 256, 512), description="its backbone")
    teacher_lr: PositiveFloat = Field(default=2e-4, description="its learning rate")
    teacher_loss: Literal["supervised", "bce", "neg"] = Field(
        default="supervised", description="the last two are the brief's; a constant wins them"
    )
    teacher_start: NonNegativeInt = Field(default=2, description="epochs before it is heard")
    lesson_sprites: NonNegativeInt = Field(
        default=0, description="sprites of a batch that it is taught with and judges; 0: all"
    )
    num_experts: PositiveInt = Field(default=4, description="experts of a moe")
    top_k: NonNegativeInt = Field(default=0, description="experts for one sprite; 0: all")
    feature_dim: PositiveInt = Field(default=256, description="width of an expert's answer")
    hidden_dim: PositiveInt = Field(default=512, description="width inside an expert")
    embedding_dim: PositiveInt = Field(
        default=64, description="width of the semantic embedding"
    )
    semantic_weight: NonNegativeFloat = Field(default=0.5, description="weight of the words")
    balance_weight: NonNegativeFloat = Field(default=0.01, description="keeps all experts busy")

    schedule: Literal["alternate", "joint"] = Field(
        default="alternate", description="teacher, then VAE; or both from one loss"
    )
    weight_decay: NonNegativeFloat = Field(default=1e-6, description="of both optimisers")
    scheduler_t0: PositiveInt = Field(default=10, description="epochs of the first cosine")
    min_lr: NonNegativeFloat = Field(default=1e-6, description="where a cosine ends")
    gradient_checkpointing: bool = Field(default=False, description="less memory, more time")
    early_stopping_patience: NonNegativeInt = Field(
        default=7, description="epochs without a better score before it ends; 0: never"
    )
    sheet_sprites: PositiveInt = Field(default=32, description="sprites on a sample sheet")
    classes: PositiveInt = Field(default=8, description="pseudo-classes of the exported model")
    anchors: PositiveInt = Field(default=256, description="sprites the exported model knows")

    @model_validator(mode="before")
    @classmethod
    def spelt_out(cls, told: Any) -> Any:
        """Every setting under its own name; what was said last counts."""
        if not isinstance(told, dict):
            return told
        settings: dict[str, Any] = {}
        for name, value in told.items():
            settings[OTHER_NAMES.get(str(name), str(name))] = value
        meant = {k: v for name, (k, v) in SWITCHES.items() if is_on(settings.get(name))}
        return {**settings, **meant}

    @model_validator(mode="after")
    def fits(self) -> "Config":
        if self.size % 2 ** len(self.channels) or self.size % 8:
            raise ValueError(
                f"size {self.size} must be a multiple of 8 and of 2^{len(self.channels)}, "
                "as each of the channels halves it"
            )
        if self.vae_arch == "residual" and any(c % 8 for c in self.channels):
            raise ValueError("a residual VAE needs channels in multiples of 8")
        if self.top_k > self.num_experts:
            raise ValueError(f"top_k {self.top_k} asks more experts than there are")
        return self

    @property
    def vae_shape(self) -> VaeShape:
        return VaeShape(
            arch=self.vae_arch,
            size=self.size,
            colours=self.colours,
            channels=self.channels,
            latent=self.latent_dim,
        )

    @property
    def teacher_shape(self) -> TeacherShape | None:
        if self.teacher == NO_TEACHER:
            return None
        return TeacherShape(
            kind=self.teacher,
            colours=self.colours,
            channels=self.teacher_channels,
            hidden=self.hidden_dim,
            feature=self.feature_dim,
            embedding=self.embedding_dim,
            experts=self.num_experts,
            top_k=self.top_k,
        )


TINY: dict[str, Any] = {
    "size": 32,
    "channels": (8, 16, 32, 64),
    "latent_dim": 32,
    "teacher_channels": (8, 16, 32, 64),
    "hidden_dim": 64,
    "feature_dim": 32,
    "embedding_dim": 16,
    "batch_size": 16,
}
PRESETS: Mapping[str, Mapping[str, Any]] = {
    # 64 sprites a step in each: only the memory that they need differs
    "high": {"batch_size": 64, "accumulate": 1},
    "mid": {"batch_size": 64, "accumulate": 2},
    "low": {"batch_size": 64, "accumulate": 4, "gradient_checkpointing": True},
    "cpu": {"batch_size": 64, "accumulate": 8, "amp": "off"},
    "pixel-tiny": TINY,
}
