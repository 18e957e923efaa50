"""What a run is made of: the autoencoder, its average, its teacher, their optimisers."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

import torch

from lucidsonic.generators.pixel_vae import MoeTeacher, QualityTeacher, Vae, build_teacher
from lucidsonic.nn.ema import Ema
from lucidsonic.training.pixel_vae.config import Config
from lucidsonic.training.pixel_vae.dataset import SpriteData, open_data

LEARNERS = ("vae", "teacher", "vae_opt", "teacher_opt")


@dataclass(slots=True, eq=False)
class State:
    """Everything a checkpoint holds, and what a run was told.

    Attributes:
        config: the settings.
        data: the sprites, both sides of the split.
        vae: in training.
        ema: its average, with which samples are made.
        teacher: or None.
        vae_opt: moves the VAE.
        teacher_opt: moves the teacher; None without one, and where one loss moves both.
        errors: reconstruction errors of the first epoch.
        rate: k of the reconstruction targets, 0 until the first epoch is over.
        quality_scale: factor on the quality weight; falls when the VAE pleases the teacher
            at the pictures' cost.
        history: figures of every epoch so far, for the monitors and the early stop.
    """

    config: Config
    data: SpriteData
    vae: Vae
    ema: Ema
    teacher: QualityTeacher | MoeTeacher | None
    vae_opt: torch.optim.Optimizer
    teacher_opt: torch.optim.Optimizer | None
    errors: list[float] = field(default_factory=list[float])
    rate: float = 0.0
    quality_scale: float = 1.0
    history: dict[str, list[float]] = field(default_factory=dict[str, list[float]])

    @property
    def averaged(self) -> Vae:
        """The VAE that samples are made with and that is exported."""
        return cast("Vae", self.ema.module)

    def state_dict(self) -> dict[str, Any]:
        learners = {name: getattr(self, name) for name in LEARNERS}
        return {
            **{name: x.state_dict() for name, x in learners.items() if x is not None},
            "ema": self.ema.state_dict(),
            "errors": list(self.errors),
            "rate": self.rate,
            "quality_scale": self.quality_scale,
            "history": {name: list(values) for name, values in self.history.items()},
        }

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        for name in LEARNERS:
            learner = getattr(self, name)
            if learner is not None:
                learner.load_state_dict(state[name])
        self.ema.load_state_dict(state["ema"])
        self.errors = list(state["errors"])
        self.rate = state["rate"]
        self.quality_scale = state["quality_scale"]
        self.history = {name: list(values) for name, values in state["history"].items()}


def build(config: Config, device: torch.device) -> State:
    """Networks and optimisers at the start of a run.

    Raises:
        DataError: the sprites cannot be read or do not fit.
    """
    vae = Vae(config.vae_shape).to(device)
    vae.checkpoint_blocks(on=config.gradient_checkpointing)
    shape = config.teacher_shape
    teacher = build_teacher(shape).to(device) if shape else None
    alone = teacher is not None and config.schedule == "alternate"
    together = [vae] if teacher is None or alone else [vae, teacher]
    return State(
        config=config,
        data=open_data(config),
        vae=vae,
        ema=Ema(vae),
        teacher=teacher,
        vae_opt=optimizer(together, config.vae_lr, config),
        teacher_opt=optimizer([teacher], config.teacher_lr, config)
        if teacher and alone
        else None,
    )


def optimizer(
    networks: Iterable[torch.nn.Module], lr: float, config: Config
) -> torch.optim.Optimizer:
    parameters = [p for network in networks for p in network.parameters()]
    return torch.optim.AdamW(parameters, lr=lr, weight_decay=config.weight_decay)
