"""Blocks of any length -> chunks at fixed places, each with its surroundings.

All analysis works on such chunks, so nothing depends on how the caller cut the song, and no
border is ever heard: a chunk's hops see the samples on both sides of it.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import soxr

from lucidsonic.types import FloatArray

RATE = 22050  # Hz; everything is calibrated at this rate
CHUNK = 1024 * 448  # samples that a chunk answers for: 20.8 s
CONTEXT = 1024 * 16  # samples on each side: half the pitch window and half its median


def chunks(blocks: Iterable[FloatArray], *, sample_rate: int) -> Iterator[FloatArray]:
    """Chunks of `CONTEXT + CHUNK + CONTEXT` samples; silence lies around the song.

    Args:
        blocks: float32 `(samples,)`, one after the other.
        sample_rate: of the blocks, Hz; resampled to `RATE` where it differs.

    Yields:
        float32 `(CONTEXT + CHUNK + CONTEXT,)`; the last one ends in silence.
    """
    size = CHUNK + 2 * CONTEXT
    held = np.zeros(CONTEXT, np.float32)
    for block in _at_rate(blocks, sample_rate):
        held = np.concatenate([held, block])
        while len(held) >= size:
            yield held[:size]
            held = held[CHUNK:].copy()
    while len(held) > CONTEXT:
        yield np.pad(held, (0, max(0, size - len(held))))[:size]
        held = held[CHUNK:]


def _at_rate(blocks: Iterable[FloatArray], sample_rate: int) -> Iterator[FloatArray]:
    if sample_rate == RATE:
        yield from (_clean(block) for block in blocks)
        return
    resampler = soxr.ResampleStream(sample_rate, RATE, 1, dtype="float32")
    for block in blocks:
        yield resampler.resample_chunk(_clean(block))
    yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def _clean(block: FloatArray) -> FloatArray:
    finite = np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)
    return np.clip(finite, -4, 4).astype(np.float32)
