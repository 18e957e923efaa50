"""Chance by number: draw i of a stream depends on (seed, stream, i) alone."""

from typing import Literal

import numpy as np
import numpy.typing as npt

Stream = Literal["keyframes", "hits", "wander", "classes", "shuffle"]
STREAMS: dict[Stream, int] = {
    "keyframes": 1,
    "hits": 2,
    "wander": 3,
    "classes": 4,
    "shuffle": 5,
}


def draws(count: int, *, seed: int, stream: Stream, part: int = 0) -> npt.NDArray[np.float64]:
    """The first `count` numbers of a stream, float64 in [0, 1).

    More draws never change the earlier ones: the counter of a Philox generator (Salmon et al.
    2011, "Parallel random numbers: as easy as 1, 2, 3") is the index.

    Args:
        count: how many.
        seed: the film's seed.
        stream: what they are for.
        part: a stream within the stream, for example one a section.
    """
    key = np.array([seed, STREAMS[stream] + 16 * part], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key)).random(count)


def seeds(count: int, *, seed: int, part: int = 0) -> list[int]:
    """Seeds for keyframes, each in [0, 2^31)."""
    return [int(x) for x in draws(count, seed=seed, stream="keyframes", part=part) * 2**31]
