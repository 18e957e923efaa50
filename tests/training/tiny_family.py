"""The smallest family: one linear layer learns a mean picture. For the loop's own tests."""

import sys
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from torch import nn
from torch.utils.data import Dataset, TensorDataset

from lucidsonic.nn.ema import Ema
from lucidsonic.training.family import Exported, Family, Metrics, Samples
from lucidsonic.training.loop import train
from lucidsonic.training.run import Clock, RunConfig
from lucidsonic.training.update import Losses, Updater


class Config(RunConfig):
    lr: float = Field(default=0.05, description="learning rate")
    noise: float = Field(default=0.1, description="noise on the input")
    poison_from: int = Field(default=-1, description="steps from here on see a NaN")
    poison_to: int = Field(default=-1, description="up to here")


class State:
    def __init__(self, config: Config, device: torch.device) -> None:
        self.config = config
        self.net = nn.Linear(3, 3 * 16 * 16).to(device)
        self.ema = Ema(self.net)
        self.opt = torch.optim.Adam(self.net.parameters(), betas=(0.0, 0.99))

    def state_dict(self) -> dict[str, Any]:
        return {n: getattr(self, n).state_dict() for n in ("net", "ema", "opt")}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        for name, value in state.items():
            getattr(self, name).load_state_dict(value)


def dataset(_config: Config) -> Dataset[Any]:
    generator = torch.Generator().manual_seed(5)
    return TensorDataset(torch.rand(22, 3, 16, 16, generator=generator))


def build(config: Config, device: torch.device) -> State:
    return State(config, device)


def step(state: State, batch: tuple[torch.Tensor], clock: Clock, updater: Updater) -> Metrics:
    config = state.config

    def losses_of(part: tuple[torch.Tensor]) -> Losses:
        (images,) = part
        z = 1 + config.noise * torch.randn(len(images), 3)
        loss = (torch.sigmoid(state.net(z)) - images.flatten(1)).square().mean()
        if config.poison_from <= clock.step < config.poison_to:
            loss = loss * torch.nan
        return {"loss": loss}

    losses = updater.descend(state.opt, losses_of, batch, lr=config.lr, clip=config.clip)
    state.ema.update(state.net, 0.9)
    return losses


def sample(state: State) -> Samples:
    images = torch.sigmoid(state.ema.module(torch.randn(8, 3))).view(-1, 3, 16, 16)
    return Samples({"samples": images[0]}, images)


def evaluate(state: State, _clock: Clock, _updater: Updater) -> Metrics:
    with torch.no_grad():
        return {"score": state.net(torch.ones(1, 3)).square().mean()}


def export(_folder: Path) -> Exported:
    return Exported("none", {}, {})


FAMILY = Family(
    name="tiny",
    config=Config,
    dataset=dataset,
    build=build,
    step=step,
    sample=sample,
    export=export,
    evaluate=evaluate,
    pictures=lambda batch: batch[0],
    aliases=lambda state, moment: {f"net_{moment}.pth": state.ema.state_dict()},
    panels={"loss": ("loss",), "score": ("score",), "empty": ("nothing",)},
)

if __name__ == "__main__":  # torchrun starts this file for the two-process test
    train(
        FAMILY, Config(out=Path(sys.argv[1]), epochs=3, batch_size=4, noise=0.0, device="cpu")
    )
