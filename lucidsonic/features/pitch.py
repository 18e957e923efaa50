"""Chunk -> how strong each third of a semitone is, by a constant-Q transform (Brown 1991)."""

from functools import cache

import bottleneck
import numpy as np
from scipy.sparse import csr_matrix

from lucidsonic.features.arrays import Numbers, rfft
from lucidsonic.features.chunks import CHUNK, CONTEXT, RATE

PITCH_HOP = 1024  # samples between transforms
PITCH_POOL = 2  # transforms that share one row
PITCH_RATE = RATE / PITCH_HOP / PITCH_POOL  # 10.8 rows a second
STEPS = 36  # bins an octave; three a semitone, so that the tuning shows
OCTAVES = 5
C3_HZ = 130.8128
WINDOW = 16384  # samples; holds the longest filter, 8664
HELD = 17  # transforms, 0.8 s: what is shorter is a drum
BATCH = 32  # transforms in memory at a time


def pitch_rows(chunk: Numbers) -> Numbers:
    """The held part of the sound, folded into one octave.

    Args:
        chunk: float32 `(CONTEXT + CHUNK + CONTEXT,)`.

    Returns:
        float32 `(STEPS, CHUNK / PITCH_HOP / PITCH_POOL)`, amplitudes; the first is C, a third
        of a semitone flat, the second C itself.
    """
    strength = _constant_q(chunk)
    half = HELD // 2
    held = bottleneck.move_median(strength, HELD, axis=0)[HELD - 1 :]
    steady = np.minimum(strength[half:-half], held)
    folded = steady.reshape(len(steady), OCTAVES, STEPS).sum(axis=1)
    return folded.reshape(-1, PITCH_POOL, STEPS).mean(axis=1).T.astype(np.float32)


def _constant_q(chunk: Numbers) -> Numbers:
    """Float32 `(transforms, OCTAVES * STEPS)`, with half a median more on each side."""
    half = HELD // 2
    first = CONTEXT - half * PITCH_HOP - WINDOW // 2
    count = CHUNK // PITCH_HOP + 2 * half
    inner = chunk[first : first + (count - 1) * PITCH_HOP + WINDOW]
    frames = np.lib.stride_tricks.sliding_window_view(inner, WINDOW)[::PITCH_HOP]
    kernel = _kernel()
    parts = [np.abs(kernel @ rfft(frames[i : i + BATCH]).T).T for i in range(0, count, BATCH)]
    return np.concatenate(parts).astype(np.float32)


@cache
def _kernel() -> csr_matrix:
    """The filters' spectra, sparse: `(OCTAVES * STEPS, WINDOW / 2 + 1)`."""
    q = 1 / (2 ** (1 / STEPS) - 1)
    rows = []
    for step in range(OCTAVES * STEPS):
        hertz = C3_HZ * 2 ** ((step - 1) / STEPS)
        length = int(np.ceil(q * RATE / hertz))
        n = np.arange(length) - length // 2
        wave = np.hanning(length + 2)[1:-1] * np.exp(2j * np.pi * hertz / RATE * n)
        padded = np.zeros(WINDOW, np.complex128)
        padded[WINDOW // 2 + n] = wave / np.abs(wave).sum()
        spectrum = np.conj(np.fft.fft(padded))[: WINDOW // 2 + 1] / WINDOW
        spectrum[np.abs(spectrum) < 0.01 * np.abs(spectrum).max()] = 0
        rows.append(spectrum.astype(np.complex64))
    return csr_matrix(np.stack(rows))
