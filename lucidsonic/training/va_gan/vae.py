"""Stage A, `train va-vae`: an autoencoder that teaches the generator to paint."""

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch.utils.data import Dataset

from lucidsonic.errors import TrainingError
from lucidsonic.nn.axes import channels_last
from lucidsonic.nn.ema import Ema
from lucidsonic.training.family import Exported, Family, Metrics, Samples
from lucidsonic.training.run import Clock
from lucidsonic.training.update import Losses, Updater
from lucidsonic.training.va_gan.emotion_data import (
    EmotionConfig,
    describe_sets,
    emotion_grid,
    load_sets,
    to_network,
    to_pictures,
)
from lucidsonic.training.va_gan.export import (
    export_decoder,
    fold_decoder,
    fold_encoder,
    posterior_moments,
)
from lucidsonic.training.va_gan.losses import pyramid_distance
from lucidsonic.training.va_gan.networks import Encoder, Latent

__all__ = ["FAMILY", "Config", "State"]

Batch = tuple[torch.Tensor, torch.Tensor]
WATCHED = 256  # held-out pictures measured after each epoch
ENCODED = 1024  # training pictures whose codes are measured after each epoch


class Config(EmotionConfig):
    """Settings of stage A."""

    epochs: int = Field(default=600, ge=1, description="passes over the data")
    batch_size: int = Field(default=12, ge=1, description="examples a step")
    lr: float = Field(default=3e-4, gt=0, description="learning rate")
    clip: float = Field(default=0.3, ge=0, description="largest gradient norm; 0: no limit")
    beta: float = Field(
        default=1e-4, ge=0, description="factor of the divergence from the prior"
    )
    beta_warmup: int = Field(default=30, ge=0, description="epochs in which beta grows from 0")
    pyramid_weight: float = Field(default=0.0, ge=0, description="factor of a sharpness term")
    patience: int = Field(default=10, ge=1, description="epochs without gain before lr halves")
    ema_decay: float = Field(default=0.999, ge=0, lt=1, description="of the averaged weights")
    sample_every: int = Field(default=5, ge=1, description="epochs between sample sheets")


class State:
    """Everything a checkpoint of stage A holds."""

    def __init__(self, config: Config, device: torch.device) -> None:
        self.config, self.device = config, device
        encoder = Encoder(
            latent_dim=config.latent_dim, resolution=config.resolution, width=config.width
        )
        self.encoder = channels_last(encoder.to(device))
        self.decoder = channels_last(config.decoder().to(device))
        self.ema = Ema(self.decoder)
        parameters = [*self.encoder.parameters(), *self.decoder.parameters()]
        self.optimizer = torch.optim.Adam(parameters, lr=config.lr, betas=(0.9, 0.999))
        self.latent: dict[str, torch.Tensor] = {}  # where the codes lie
        self.plateau: dict[str, float] = {"factor": 1.0, "best": float("inf"), "waited": 0}

    def state_dict(self) -> dict[str, Any]:
        modules = {name: getattr(self, name).state_dict() for name in SAVED}
        return {
            **modules,
            "plateau": dict(self.plateau),
            "latent": self.latent,
            "norm": {"va_norm": self.config.va_norm},
        }

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        for name in SAVED:
            getattr(self, name).load_state_dict(state[name])
        self.plateau = dict(state["plateau"])
        self.latent = dict(state["latent"])


SAVED = ("encoder", "decoder", "ema", "optimizer")


def dataset(config: Config) -> Dataset[Any]:
    return load_sets(config).train


def build(config: Config, device: torch.device) -> State:
    return State(config, device)


def step(state: State, batch: Batch, clock: Clock, updater: Updater) -> Metrics:
    config = state.config
    warm = min(1.0, clock.epoch / config.beta_warmup) if config.beta_warmup else 1.0

    def losses_of(part: Batch) -> Losses:
        images = to_network(part[0], hflip=config.hflip)
        mean, log_variance = state.encoder(images)
        made = state.decoder(Latent.draw(mean, log_variance), part[1])
        rec = F.mse_loss(made, images)
        kl = Latent.divergence(mean, log_variance)
        loss = rec + config.beta * warm * kl
        if config.pyramid_weight:
            loss = loss + config.pyramid_weight * pyramid_distance(made, images)
        if not torch.isfinite(loss):
            raise TrainingError(_explain(mean, log_variance, clock.step))
        return {"loss": loss, "rec": rec, "kl": kl, "mu_std": mean.std()}

    losses = updater.descend(
        state.optimizer,
        losses_of,
        batch,
        lr=config.lr * state.plateau["factor"],
        clip=config.clip,
    )
    state.ema.update(state.decoder, config.ema_decay)
    return {**losses, "lr": config.lr * state.plateau["factor"], "beta": config.beta * warm}


@torch.no_grad()
def _explain(mean: torch.Tensor, log_variance: torch.Tensor, step: int) -> str:
    return (
        f"The loss is not finite at step {step}: mean in [{float(mean.min()):.3g}, "
        f"{float(mean.max()):.3g}], log variance in [{float(log_variance.min()):.3g}, "
        f"{float(log_variance.max()):.3g}]."
    )


@torch.no_grad()
def evaluate(state: State, _clock: Clock, updater: Updater) -> Metrics:
    held = load_sets(state.config).held_out
    images = to_network(held.pixels[:WATCHED].to(state.device))
    va = held.va[:WATCHED].to(state.device)
    errors = [
        F.mse_loss(state.ema.module(state.encoder(part)[0], emotion), part, reduction="sum")
        for part, emotion in zip(images.split(32), va.split(32), strict=True)
    ]
    score = updater.ranks.decide(float(torch.stack(errors).sum()) / images.numel())
    _slow_down_on_plateau(state, score)
    train = load_sets(state.config).train
    order = torch.randperm(len(train))[:ENCODED]
    parts = train.pixels[order].split(64)
    codes = [state.encoder(to_network(part.to(state.device))) for part in parts]
    means, log_variances = (torch.cat(part) for part in zip(*codes, strict=True))
    state.latent = posterior_moments(means, log_variances, train.va[order].to(state.device))
    return {"score": score, "val_rec": score}


def _slow_down_on_plateau(state: State, score: float) -> None:
    plateau = state.plateau
    if score < plateau["best"] * (1 - 1e-4):
        plateau["best"], plateau["waited"] = score, 0
        return
    plateau["waited"] += 1
    if plateau["waited"] > state.config.patience:
        plateau["factor"], plateau["waited"] = plateau["factor"] * 0.5, 0


def sample(state: State) -> Samples:
    config = state.config
    held = load_sets(config).held_out
    images = to_network(held.pixels[:8].to(state.device))
    again = state.ema.module(state.encoder(images)[0], held.va[:8].to(state.device))
    pairs = torch.cat([to_pictures(images), to_pictures(again)]).cpu()
    size = config.resolution
    count = len(images)
    sheet = pairs.view(2, count, 3, size, size).permute(2, 0, 3, 1, 4)
    grid = emotion_grid(
        state.ema.module,  # pyright: ignore[reportArgumentType]
        latent_dim=config.latent_dim,
        levels=(2.0, 5.0, 8.0),
        norm=config.va_norm,
        is_shared=True,
        device=state.device,
    )
    return Samples({"samples": grid, "again": sheet.reshape(3, 2 * size, count * size)})


def export(folder: Path) -> Exported:
    return export_decoder(folder, family="va-vae")


def aliases(state: State, moment: str) -> dict[str, dict[str, Any]]:
    config = state.config
    return {
        f"vae_{moment}.pth": {
            "encoder": fold_encoder(state.encoder.state_dict(), state.latent),
            "decoder": fold_decoder(state.ema.state_dict(), state.latent),
            "resolution": config.resolution,
            "latent_dim": config.latent_dim,
            "width": config.width,
            "va_norm": config.va_norm,
        }
    }


def notes(state: State) -> list[str]:
    return describe_sets(state.config)


TINY = {"resolution": 64, "width": 128, "epochs": 20, "batch_size": 12}

FAMILY: Family[Config, State] = Family(
    name="va-vae",
    config=Config,
    presets={"va-vae-tiny": TINY},
    dataset=dataset,
    build=build,
    step=step,
    sample=sample,
    export=export,
    evaluate=evaluate,
    aliases=aliases,
    notes=notes,
    panels={
        "reconstruction": ("rec", "val_rec"),
        "divergence": ("kl",),
        "gradient": ("grad_norm",),
        "learning rate": ("lr",),
        "beta": ("beta",),
        "speed": ("images_per_s",),
    },
)
