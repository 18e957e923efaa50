"""Several training processes that act as one (`torchrun`); alone, everything here is free."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn

from lucidsonic.errors import ConfigError

__all__ = ["Ranks", "choose_device", "joined_ranks"]


@dataclass(frozen=True, slots=True)
class Ranks:
    """This process among `count` equal ones; rank 0 decides and writes."""

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process decides and writes."""
        return self.rank == 0

    def decide(self, value: float) -> float:
        """Rank 0's value, on every rank."""
        if self.count == 1:
            return value
        told = torch.tensor([value], dtype=torch.float64)
        dist.broadcast(told, 0)
        return float(told)

    def mean(self, value: float) -> float:
        """The mean of a figure over the ranks."""
        if self.count == 1:
            return value
        told = torch.tensor([value], dtype=torch.float64)
        dist.all_reduce(told)
        return float(told) / self.count

    def any(self, flag: bool) -> bool:
        """Whether the flag is up on at least one rank."""
        if self.count == 1:
            return flag
        flags = torch.tensor([float(flag)])
        dist.all_reduce(flags, dist.ReduceOp.MAX)
        return bool(flags)

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its mean over the ranks, in one message."""
        if self.count == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([g.reshape(-1) for g in gradients])
        dist.all_reduce(flat)
        flat /= self.count
        for gradient, mean in zip(
            gradients, flat.split([g.numel() for g in gradients]), strict=True
        ):
            gradient.copy_(mean.view_as(gradient))


@contextmanager
def joined_ranks() -> Iterator[Ranks]:
    """Join the other processes if `torchrun` started this one, and leave at the end."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1 or not dist.is_available():
        yield Ranks()
        return
    dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Ranks(dist.get_rank(), count)
    finally:
        dist.destroy_process_group()


def choose_device(name: str) -> torch.device:
    """The device that `--device` means; "auto" takes the fastest one there is.

    Under `torchrun` each process of a machine takes a GPU of its own.

    Raises:
        ConfigError: there is no such device here.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there.get(name, True):
        raise ConfigError(
            f"This machine has no '{name}' that torch can train on.",
            hint="--device auto takes what there is; 'lucidsonic doctor' shows it.",
        )
    if name == "cuda" or (name == "auto" and torch.cuda.is_available()):
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    if name != "auto":
        return torch.device(name)
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
