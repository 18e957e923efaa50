"""The order in which a run sees its data: a function of seed and step alone."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, Dataset, Sampler, default_collate

from lucidsonic.errors import ConfigError, DataError
from lucidsonic.training.ranks import Ranks
from lucidsonic.training.run import RunConfig

__all__ = ["Batches", "first_items", "seed_chance"]


def seed_chance(*numbers: int) -> None:
    """Seed torch's generators from some numbers, well mixed."""
    torch.manual_seed(int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]))


class Batches:
    """Batches from any step on; every pass over the data is a fresh permutation.

    An epoch is a pass, unless the settings say how many examples make one: then passes follow
    each other through the epochs, and every example has its turn.

    Args:
        dataset: map-style and not empty.
        config: seed, batch size, epoch length and reader processes.
        ranks: each takes its share of every batch.

    Raises:
        DataError: the data set is empty.
        ConfigError: the batch cannot be shared evenly.
    """

    def __init__(self, dataset: Dataset[Any], config: RunConfig, ranks: Ranks) -> None:
        self._order = _Order(len(dataset), config, ranks)  # pyright: ignore[reportArgumentType]
        self.steps_per_epoch = self._order.steps_per_epoch
        self._loader = DataLoader(
            dataset,
            batch_sampler=self._order,
            num_workers=config.num_workers,
            persistent_workers=config.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
            generator=torch.Generator(),  # else every epoch would draw from the global one
        )

    def rest_of_epoch(self, step: int) -> Iterator[Any]:
        """The batches of the epoch that `step` lies in, from that step on."""
        self._order.step = step
        return iter(self._loader)


class _Order(Sampler[list[int]]):
    def __init__(self, examples: int, config: RunConfig, ranks: Ranks) -> None:
        if examples == 0:
            raise DataError("The training set is empty.")
        if config.batch_size % ranks.count:
            raise ConfigError(
                f"A batch of {config.batch_size} cannot be shared by {ranks.count} processes."
            )
        self._examples = examples
        self._config = config
        self._ranks = ranks
        self._epoch = config.examples_per_epoch
        self.steps_per_epoch = max(1, (self._epoch or examples) // config.batch_size)
        self.step = 0

    def __iter__(self) -> Iterator[list[int]]:
        epoch, start = divmod(self.step, self.steps_per_epoch)
        for index in range(start, self.steps_per_epoch):
            batch = self._batch(epoch, index)
            yield batch[self._ranks.rank :: self._ranks.count].tolist()

    def _batch(self, epoch: int, index: int) -> npt.NDArray[np.int64]:
        size, seed = self._config.batch_size, self._config.seed
        if not self._epoch:
            order = permutation(seed, epoch, self._examples)
            order = order if self._examples >= size else np.resize(order, size)
            return order[index * size : (index + 1) * size]
        first = (epoch * self.steps_per_epoch + index) * size
        rounds, places = np.divmod(np.arange(first, first + size), self._examples)
        return np.concatenate(
            [
                permutation(seed, int(turn), self._examples)[places[rounds == turn]]
                for turn in np.unique(rounds)
            ]
        )

    def __len__(self) -> int:
        return self.steps_per_epoch


@lru_cache(maxsize=2)
def permutation(seed: int, turn: int, count: int) -> npt.NDArray[np.int64]:
    """The order of the examples in one pass."""
    return np.random.default_rng((seed, turn)).permutation(count)


def first_items(dataset: Dataset[Any], most: int, *, seed: int) -> Any:
    """A collated batch of up to `most` examples, drawn without repeats."""
    examples = len(dataset)  # pyright: ignore[reportArgumentType]
    chosen = np.random.default_rng((seed, 1)).permutation(examples)[:most]
    return default_collate([dataset[int(index)] for index in chosen])
