"""One optimiser step, done safely: parts, precision, ranks, clipping, bad numbers, memory."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeVar

import torch
from torch import nn

from lucidsonic.errors import MemoryExhaustedError
from lucidsonic.training.ranks import Ranks

__all__ = ["Losses", "Updater", "count", "frozen", "split"]

Losses = Mapping[str, torch.Tensor]
B = TypeVar("B")
PRECISIONS = {"bf16": torch.bfloat16, "fp16": torch.float16}
OUT_OF_MEMORY = "out of memory"  # how RuntimeErrors of CPU allocators say it


class Updater:
    """What a family's `step` updates its networks with.

    Attributes:
        ranks: this process among its equals.
        parts: a batch is worked off in so many parts; doubles when memory runs out.
        lr_scale: factor on every learning rate; halves after a reload.
        bad: updates skipped in this step because a loss or a gradient was not finite.
    """

    def __init__(self, device: torch.device, *, amp: str, parts: int, ranks: Ranks) -> None:
        self.device = device
        self.ranks = ranks
        self.parts = parts
        self.lr_scale = 1.0
        self.bad = 0
        self._dtype = PRECISIONS.get(amp)
        self.scaler = torch.amp.GradScaler(
            device.type, enabled=amp == "fp16" and device.type == "cuda"
        )

    def autocast(self) -> AbstractContextManager[Any]:
        """The precision that `--amp` asks for; losses are computed inside it."""
        if self._dtype is None:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self._dtype)

    def descend(
        self,
        optimizer: torch.optim.Optimizer,
        losses_of: Callable[[B], Losses],
        batch: B,
        *,
        lr: float,
        clip: float = 0.0,
    ) -> dict[str, torch.Tensor]:
        """Take one step down the loss of a batch, or none if a number is not finite.

        Args:
            optimizer: the one to step; only its parameters move.
            losses_of: from a part of the batch to named losses; "loss" is descended, the others
                are for the log. Means over the batch, not sums. Noise drawn inside is seeded.
            batch: a tensor, or a tuple or dict of tensors, of equal first axes.
            lr: learning rate before `lr_scale`.
            clip: largest gradient norm; 0 for no limit.

        Returns:
            The detached losses, averaged over the parts, and "grad_norm".

        Raises:
            MemoryExhaustedError: even parts of one example do not fit.
        """
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        for group in optimizer.param_groups:
            group["lr"] = lr * self.lr_scale
        losses = self._backward_within_memory(optimizer, losses_of, batch)
        self.ranks.average_gradients(parameters)
        self.scaler.unscale_(optimizer)
        norm = nn.utils.clip_grad_norm_(parameters, clip or float("inf"))
        if self._is_sound(losses["loss"], norm):
            self.scaler.step(optimizer)
        else:
            self.bad += 1
        self.scaler.update()
        return {**losses, "grad_norm": norm.detach()}

    def _backward_within_memory(
        self, optimizer: torch.optim.Optimizer, losses_of: Callable[[B], Losses], batch: B
    ) -> dict[str, torch.Tensor]:
        while True:
            optimizer.zero_grad(set_to_none=True)
            try:
                return self._backward(losses_of, batch)
            except (RuntimeError, MemoryError) as error:
                if not _is_out_of_memory(error):
                    raise
                if self.parts >= count(batch):
                    raise MemoryExhaustedError(
                        "Training does not fit into memory even with one example at a time.",
                        hint="Choose a smaller network or resolution.",
                    ) from error
            self.parts *= 2  # outside the handler: the traceback holds the dead graph
            if self.device.type == "cuda":
                torch.cuda.empty_cache()

    def _backward(self, losses_of: Callable[[B], Losses], batch: B) -> dict[str, torch.Tensor]:
        total: dict[str, torch.Tensor] = {}
        for part, share in split(batch, self.parts):
            with self.autocast():
                losses = losses_of(part)
            self.scaler.scale(losses["loss"] * share).backward()
            for name, value in losses.items():
                total[name] = total.get(name, 0.0) + value.detach() * share
        return total

    def _is_sound(self, loss: torch.Tensor, norm: torch.Tensor) -> bool:
        # Scaled fp16 gradients overflow while the scaler looks for its scale: it skips alone.
        sound = torch.isfinite(loss) & (torch.isfinite(norm) | self.scaler.is_enabled())
        return not self.ranks.any(not bool(sound))


@contextmanager
def frozen(*modules: nn.Module) -> Iterator[None]:
    """Let gradients pass through the modules without collecting any for their parameters."""
    parameters = [p for module in modules for p in module.parameters() if p.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)


def split(batch: B, parts: int) -> Iterator[tuple[B, float]]:
    """Cut a batch into at most `parts` parts, each with its share of the examples.

    Args:
        batch: a tensor, or a tuple or dict of tensors, of equal first axes.
        parts: how many; no part is empty.
    """
    total = count(batch)
    size = -(-total // parts)
    for start in range(0, total, size):
        stop = min(start + size, total)
        yield _cut(batch, start, stop), (stop - start) / total


def count(batch: Any) -> int:
    """Examples in a batch."""
    while not isinstance(batch, torch.Tensor):
        batch = next(iter(batch.values() if isinstance(batch, dict) else batch))
    return len(batch)


def _cut(batch: Any, start: int, stop: int) -> Any:
    if isinstance(batch, torch.Tensor):
        return batch[start:stop]
    if isinstance(batch, dict):
        return {name: _cut(value, start, stop) for name, value in batch.items()}
    return tuple(_cut(value, start, stop) for value in batch)


def _is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or OUT_OF_MEMORY in str(
        error
    )
