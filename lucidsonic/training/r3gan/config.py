"""The settings of `train r3gan`, and its presets."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AliasChoices,
    BeforeValidator,
    Field,
    NonNegativeInt,
    PositiveInt,
    model_validator,
)

from lucidsonic.generators.r3gan.network import NetworkSpec
from lucidsonic.training.run import RunConfig

__all__ = ["PRESETS", "Config"]


def _as_numbers(value: Any) -> Any:
    """Flags arrive as text: "128,128,64"."""
    return value.split(",") if isinstance(value, str) else value


Widths = Annotated[tuple[PositiveInt, ...], BeforeValidator(_as_numbers), Field(min_length=2)]


class Config(RunConfig):
    """Settings of R3GAN; an epoch is a tick, that is `tick` thousand pictures."""

    out: Path = Field(
        default=Path("runs/r3gan"),
        validation_alias=AliasChoices("out", "outdir"),
        description="run folder; a run found there goes on",
    )

    data: Path | None = Field(
        default=None, description="folder of pictures, folder a class, or zip; needed"
    )
    cond: Literal["none", "class", "va"] = Field(
        default="none", description="steered by nothing, by a class, by valence and arousal"
    )
    label_csv: Path | None = Field(
        default=None, description="image,valence,arousal; labels.csv in the folder by default"
    )
    mirror: bool = Field(default=False, description="mirror half of the pictures")
    widths: Widths = Field(
        default=(384, 384, 384, 384, 192, 96),
        description="channels at 4, 8, 16, ... pixels; their number sets the resolution",
    )
    blocks: PositiveInt = Field(default=2, description="residual blocks at each resolution")
    group_channels: PositiveInt = Field(
        default=16, description="channels that a 3x3 convolution mixes at once"
    )
    z_dim: PositiveInt = Field(default=64, description="width of z")
    embed_dim: PositiveInt = Field(default=64, description="width of the embedded condition")
    kimg: float = Field(default=5000, gt=0, description="thousand pictures to train on")
    decay_kimg: float = Field(
        default=0, ge=0, description="thousand pictures that the schedules take; 0: kimg"
    )
    batch_size: PositiveInt = Field(
        default=32,
        validation_alias=AliasChoices("batch_size", "batch"),
        description="pictures a step, over all processes",
    )
    d_batch_gpu: NonNegativeInt = Field(
        default=0, description="pictures that the critic takes at once on a device; 0: all"
    )
    g_batch_gpu: NonNegativeInt = Field(
        default=0, description="the same for the generator; gradients are summed up"
    )
    lr: float = Field(default=2e-4, gt=0, description="learning rate at first")
    lr_end: float = Field(default=5e-5, gt=0, description="learning rate at last")
    beta2: float = Field(default=0.9, ge=0, lt=1, description="Adam's second moment at first")
    beta2_end: float = Field(default=0.99, ge=0, lt=1, description="and at last")
    gamma: float = Field(default=20, ge=0, description="factor of the penalties at first")
    gamma_end: float = Field(default=2, ge=0, description="and at last")
    aug: Literal["r3gan", "geom", "none"] = Field(
        default="r3gan", description="augment geometry and colour, geometry only, nothing"
    )
    aug_p: float = Field(
        default=0.3, ge=0, le=1, description="chance of an augmentation, at last"
    )
    aug_mode: Literal["fixed", "ada"] = Field(
        default="fixed", description="follow the schedule, or the critic's certainty"
    )
    ema_kimg: float = Field(
        default=100, ge=0, description="half-life of the averaged weights, at last"
    )
    low_precision: Literal["auto", "off", "bf16"] = Field(
        default="auto", description="of the large stages; auto: bf16 on a GPU that has it"
    )
    clip: float = Field(default=0.0, ge=0, description="largest gradient norm; 0: no limit")
    tick: float = Field(default=4, gt=0, description="thousand pictures that make an epoch")
    epochs: PositiveInt = Field(default=10**9, description="ticks; kimg ends the run as well")
    sample_every: PositiveInt = Field(default=10, description="ticks between sample sheets")
    save_every: PositiveInt = Field(
        default=50,
        validation_alias=AliasChoices("save_every", "snap"),
        description="ticks between snapshots",
    )
    num_workers: NonNegativeInt = Field(
        default=0,
        validation_alias=AliasChoices("num_workers", "workers"),
        description="processes that read data",
    )
    score_every: PositiveInt = Field(default=10, description="ticks between scores")
    scored: PositiveInt = Field(default=512, description="pictures that a score looks at")
    features: Literal["random", "imagenet"] = Field(
        default="random",
        description="what a score compares: fixed random features, or ImageNet's (an extra)",
    )
    inception: Path | None = Field(
        default=None, description="TorchScript Inception for true FID and KID; your own file"
    )

    @model_validator(mode="before")
    @classmethod
    def _count_steps(cls, told: Any) -> Any:
        """`kimg` sets the steps, unless they were said."""
        if not isinstance(told, dict) or told.get("max_steps"):
            return told
        fields = cls.model_fields
        kimg = float(told.get("kimg", fields["kimg"].default))
        batch = told.get("batch_size", told.get("batch", fields["batch_size"].default))
        return {**told, "max_steps": max(1, round(kimg * 1000 / max(int(batch), 1)))}

    @model_validator(mode="after")
    def _check(self) -> Self:
        for width in self.widths:
            if width * 2 % self.group_channels:
                raise ValueError(f"{width} channels do not split into {self.group_channels}s")
        if self.amp != "off":
            raise ValueError("R3GAN has precisions of its own: --low-precision, not --amp")
        return self

    @property
    def resolution(self) -> int:
        """Pixels of a side."""
        return 2 << len(self.widths)

    @property
    def examples_per_epoch(self) -> int:
        """A tick, however many pictures there are."""
        return max(self.batch_size, round(self.tick * 1000))

    @property
    def decay_images(self) -> float:
        """Pictures that the schedules take."""
        return 1000 * (self.decay_kimg or self.kimg)

    def spec(self, c_dim: int) -> NetworkSpec:
        """The shape of the networks."""
        return NetworkSpec(
            z_dim=self.z_dim,
            c_dim=c_dim,
            embed_dim=self.embed_dim,
            widths=self.widths,
            groups=tuple(2 * width // self.group_channels for width in self.widths),
            blocks=(self.blocks,) * len(self.widths),
        )


def _authors(
    widths: tuple[int, ...], gamma: float, aug_p: float, ema: float, decay: float, batch: int
) -> dict[str, Any]:
    return {
        "widths": widths, "gamma": gamma, "gamma_end": gamma / 10, "aug_p": aug_p,
        "ema_kimg": ema, "kimg": decay * 1000, "batch_size": batch,
    }  # fmt: skip


WIDE = (768, 768, 768, 768)
WIDEST = (1536, 1536, 1536, 1536)
IMAGENET = {"cond": "class", "group_channels": 32}
PRESETS: dict[str, dict[str, Any]] = {
    "cifar10": {**_authors(WIDE, 0.05, 0.55, 5000, 20, 512), "cond": "class"},
    "ffhq-64": _authors((*WIDE, 384), 2, 0.3, 500, 20, 256),
    "ffhq-256": _authors((*WIDE, 384, 192, 96), 150, 0.3, 500, 20, 256),
    "imagenet-32": {**_authors(WIDEST, 0.5, 0.5, 50_000, 200, 4096), **IMAGENET},
    "imagenet-64": {**_authors((*WIDEST, 1536), 1, 0.4, 50_000, 200, 4096), **IMAGENET},
    "lucid-128": _authors((384, 384, 384, 384, 192, 96), 20, 0.3, 100, 5, 32),
    "lucid-128-small": {
        **_authors((256, 256, 256, 128, 128, 64), 20, 0.4, 50, 2, 32), "blocks": 1,
    },
    "lucid-64-tiny": {**_authors((128, 128, 96, 64, 32), 2, 0.4, 20, 1, 32), "blocks": 1},
    "test-32": {
        **_authors((32, 32, 16, 16), 0.5, 0, 2, 0.02, 16),
        "blocks": 1, "tick": 0.8, "sample_every": 1, "score_every": 1, "scored": 256,
    },
}  # fmt: skip
