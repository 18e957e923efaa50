"""What a run of R3GAN remembers."""

from typing import Any

import torch
from torch import nn

from lucidsonic.generators.r3gan.network import (
    LOW_PRECISION_STAGES,
    Discriminator,
    Network,
)
from lucidsonic.nn.ema import Ema
from lucidsonic.training.r3gan.config import Config
from lucidsonic.training.r3gan.pictures import Gallery
from lucidsonic.training.ranks import Ranks

__all__ = ["State"]

MODULES = ("generator", "discriminator", "ema", "opt_g", "opt_d")
VALUES = ("chance", "more_aug", "more_gamma", "running", "history", "options", "low_stages")


class State:
    """Everything a checkpoint holds.

    Attributes:
        generator: the live generator.
        discriminator: its critic.
        ema: the averaged generator, which pictures are made with.
        opt_g: the generator's optimiser.
        opt_d: the critic's.
        chance: of an augmentation, in the ADA mode.
        more_aug: chance of an augmentation that the ladder added.
        more_gamma: factor on the penalties that the ladder set.
        running: sums of this tick's figures.
        history: name -> its means of the last ticks.
        options: what the generator family's `Options` accept.
        low_stages: stages, counted from the picture, that compute in bf16.
    """

    def __init__(self, config: Config, gallery: Gallery, device: torch.device) -> None:
        self.config, self.gallery, self.device = config, gallery, device
        spec = config.spec(gallery.c_dim)
        self.generator = Network(spec).to(device)
        self.discriminator = Discriminator(spec, offset=config.cond == "va").to(device)
        self.ema = Ema(self.generator)
        self.opt_g, self.opt_d = (
            torch.optim.Adam(m.parameters(), betas=(0.0, config.beta2), eps=1e-8)
            for m in (self.generator, self.discriminator)
        )
        self.chance = 0.0
        self.more_aug = 0.0
        self.more_gamma = 1.0
        self.running: dict[str, float] = {}
        self.history: dict[str, list[float]] = {}
        self.options = describe(config, gallery)
        self.low_stages = low_stages(config, device)

    def state_dict(self) -> dict[str, Any]:
        return {
            **{name: getattr(self, name).state_dict() for name in MODULES},
            **{name: getattr(self, name) for name in VALUES},
        }

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        for name in MODULES:
            getattr(self, name).load_state_dict(state[name])
        for name in VALUES:
            setattr(self, name, state[name])

    def agree(self, ranks: Ranks) -> None:
        """Take over what the first rank's ladder has done; only it watches."""
        self.more_aug = ranks.decide(self.more_aug)
        self.more_gamma = ranks.decide(self.more_gamma)

    def dtypes(self) -> list[torch.dtype]:
        """What the generator's stages compute in, from the first to the picture."""
        count = len(self.config.widths)
        return [
            torch.bfloat16 if count - 1 - index in self.low_stages else torch.float32
            for index in range(count)
        ]

    def networks(self) -> tuple[nn.Module, nn.Module]:
        return self.generator, self.discriminator


def low_stages(config: Config, device: torch.device) -> list[int]:
    """The stages that start in bf16: the highest four, never the first."""
    able = device.type == "cuda" and torch.cuda.is_bf16_supported()
    if config.low_precision == "off" or (config.low_precision == "auto" and not able):
        return []
    return list(range(min(LOW_PRECISION_STAGES, len(config.widths) - 1)))


def describe(config: Config, gallery: Gallery) -> dict[str, Any]:
    """The generator's options: its shape and what its condition means."""
    spec = config.spec(gallery.c_dim)
    options: dict[str, Any] = {
        "z_dim": spec.z_dim,
        "c_dim": spec.c_dim,
        "embed_dim": spec.embed_dim,
        "widths": list(spec.widths),
        "groups": list(spec.groups),
        "blocks": list(spec.blocks),
    }
    if config.cond == "class":
        options["class_names"] = list(gallery.class_names)
    if config.cond == "va":
        options |= {
            "condition": "va",
            "va_mean": list(gallery.va_mean),
            "va_std": list(gallery.va_std),
        }
    return options
