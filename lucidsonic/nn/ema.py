"""A slow copy of a network: the weights that pictures are made with."""

from copy import deepcopy
from typing import Any

import torch
from torch import nn

__all__ = ["Ema"]


class Ema:
    """Exponential moving average of a module's parameters; its buffers are copied.

    Args:
        module: what is followed; never changed.
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = deepcopy(module).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, module: nn.Module, decay: float) -> None:
        """Move towards `module`: average <- decay * average + (1 - decay) * parameter."""
        for mine, theirs in zip(self.module.parameters(), module.parameters(), strict=True):
            mine.lerp_(theirs.to(mine.dtype), 1 - decay)
        for mine, theirs in zip(self.module.buffers(), module.buffers(), strict=True):
            mine.copy_(theirs)

    def state_dict(self) -> dict[str, Any]:
        return self.module.state_dict()

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        self.module.load_state_dict(state)
