"""Chunk -> what every hop sounds like: one short-time spectrum, shared by all features."""

from functools import cache

import bottleneck
import numpy as np
from scipy.ndimage import maximum_filter1d

from lucidsonic.features.arrays import Numbers, rfft
from lucidsonic.features.chunks import CHUNK, CONTEXT, RATE

HOP = 256  # samples; 11.6 ms
HOP_RATE = RATE / HOP  # 86.1 hops a second
WINDOW = 1024  # samples
BANDS = 96  # mel bands from LOWEST_HZ up
LOWEST_HZ = 30.0
LAG = 2  # hops that flux looks back
POOL = 32  # hops that share one timbre vector: 0.37 s
POOL_RATE = HOP_RATE / POOL
TIMBRES = 24  # bands of a timbre vector
FINE_HOP = 64  # samples; 2.9 ms, to time an attack
FINE_RATE = RATE / FINE_HOP
FINE_WINDOW = 128
HARMONIC_HOPS = 17  # of every second hop: a median over 0.4 s
PERCUSSIVE_BANDS = 17
TINY = 1e-12

# Hertz; the bands in which kick, body (bass line, chords, voice), snare and hat attack.
ATTACKS = {"low": (30, 140), "body": (140, 2000), "mid": (2000, 6500), "high": (7000, 11025)}
ENERGIES = {
    "energy_low": (30, 250),
    "energy_mid": (250, 4000),
    "energy_high": (4000, 11025),
    "bright": (2000, 11025),
}
ROWS = (
    *("power_a", "power", "centroid", "flatness", "harmonic", "percussive", "flux"),
    *ENERGIES,
    *(f"flux_{name}" for name in ATTACKS),
    *(f"level_{name}" for name in ATTACKS),
)


def spectral_rows(chunk: Numbers) -> dict[str, Numbers]:
    """The figures of each hop of a chunk, and its timbre.

    Powers are mean squares (a full-scale sine has 1/2), levels and fluxes amplitudes.

    Args:
        chunk: float32 `(CONTEXT + CHUNK + CONTEXT,)`.

    Returns:
        "hops": float32 `(len(ROWS), CHUNK / HOP)`, in the order of `ROWS`; "timbre": float32
        `(TIMBRES, CHUNK / HOP / POOL)`, the mean power of each band over each pool.
    """
    margin = CONTEXT // HOP // 2  # hops on each side that the medians and the flux need
    power = _power_spectrum(chunk, margin)
    mel = power @ _mel_filters()
    inner = mel[margin:-margin]
    rows = {**_colour(power[margin:-margin]), **_energies(inner), **_attacks(mel, margin)}
    harmonic = _harmonic_share(mel)[margin:-margin]
    rows["harmonic"] = (inner * harmonic).sum(axis=1)
    rows["percussive"] = (inner * (1 - harmonic)).sum(axis=1)
    pooled = inner.reshape(-1, POOL, TIMBRES, BANDS // TIMBRES).mean(axis=1).sum(axis=2)
    return {
        "hops": np.stack([rows[name] for name in ROWS]).astype(np.float32),
        "timbre": pooled.T,
    }


def attack_row(chunk: Numbers) -> Numbers:
    """How steeply the sound rises, finely timed: for the place of an attack, not its weight.

    Args:
        chunk: float32 `(CONTEXT + CHUNK + CONTEXT,)`.

    Returns:
        float32 `(CHUNK / FINE_HOP,)`.
    """
    first = CONTEXT - FINE_WINDOW // 2 - FINE_HOP
    inner = chunk[first : first + CHUNK + FINE_WINDOW]
    frames = np.lib.stride_tricks.sliding_window_view(inner, FINE_WINDOW)[::FINE_HOP]
    spectrum = np.abs(rfft(frames * _hann(FINE_WINDOW)))[:, :64]
    octaves = np.sqrt(np.add.reduceat(spectrum, [0, 2, 4, 8, 16, 32], axis=1))
    return np.maximum(np.diff(octaves, axis=0), 0).sum(axis=1)[: CHUNK // FINE_HOP]


def _power_spectrum(chunk: Numbers, margin: int) -> Numbers:
    """Float32 `(hops, bins)`; each hop's bins add up to its mean square. Hop i is centred."""
    first = CONTEXT - margin * HOP - WINDOW // 2
    hops = CHUNK // HOP + 2 * margin
    inner = chunk[first : first + (hops - 1) * HOP + WINDOW]
    frames = np.lib.stride_tricks.sliding_window_view(inner, WINDOW)[::HOP]
    window = _hann(WINDOW)
    spectrum = rfft(frames * window)
    power = spectrum.real**2 + spectrum.imag**2
    return power * np.float32(2 / (WINDOW * (window**2).sum()))


def _colour(power: Numbers) -> dict[str, Numbers]:
    heard = power[:, 2:]  # bins 0 and 1 hold what a constant offset leaks
    total = heard.sum(axis=1)
    magnitude = np.sqrt(heard)
    hertz = _bin_hz()[2:]
    logs = np.log(heard + TINY).mean(axis=1)
    return {
        "power_a": heard @ _a_weights()[2:],
        "power": total,
        "centroid": (magnitude @ hertz) / (magnitude.sum(axis=1) + 1e-9),
        "flatness": np.exp(logs) / (total / heard.shape[1] + TINY),
    }


def _energies(mel: Numbers) -> dict[str, Numbers]:
    return {name: mel[:, _within(*hz)].sum(axis=1) for name, hz in ENERGIES.items()}


def _attacks(mel: Numbers, margin: int) -> dict[str, Numbers]:
    """Superflux (Boeck & Widmer 2013) on magnitudes: a rise against a widened past.

    On magnitudes, not decibels: in decibels any attack out of silence lights every band.
    """
    level = np.sqrt(mel)
    before = maximum_filter1d(level, 3, axis=1)[margin - LAG : -margin - LAG]
    now = level[margin:-margin]
    rise = np.maximum(now - before, 0)
    rows = {"flux": rise.mean(axis=1)}
    for name, hertz in ATTACKS.items():
        band = _within(*hertz)
        rows[f"flux_{name}"] = rise[:, band].mean(axis=1)
        rows[f"level_{name}"] = now[:, band].mean(axis=1)
    return rows


def _harmonic_share(mel: Numbers) -> Numbers:
    """How much of each band and hop is held rather than struck (Fitzgerald 2010, soft mask)."""
    steady = np.repeat(_median(mel[::2], HARMONIC_HOPS, axis=0), 2, axis=0)[: len(mel)] ** 2
    wide = _median(mel, PERCUSSIVE_BANDS, axis=1) ** 2
    return steady / (steady + wide + TINY**2)


def _median(rows: Numbers, size: int, *, axis: int) -> Numbers:
    half = size // 2
    edges = [(half, half) if a == axis else (0, 0) for a in range(rows.ndim)]
    moved = bottleneck.move_median(np.pad(rows, edges, mode="reflect"), size, axis=axis)
    return moved[size - 1 :] if axis == 0 else moved[:, size - 1 :]


@cache
def _hann(size: int) -> Numbers:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)


@cache
def _bin_hz() -> Numbers:
    return (np.arange(WINDOW // 2 + 1) * RATE / WINDOW).astype(np.float32)


# librosa's scales and weights come without a wait. Its filters, stft, chroma and beat tracker
# make numba compile for 15 to 40 s on a machine where nobody has used them: hence our own.


@cache
def _mel_filters() -> Numbers:
    """Triangles, 1 at their middle: float32 `(bins, BANDS)`, those of `librosa.filters.mel`."""
    edges = _mel_edges_hz()
    rising = (_bin_hz()[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - _bin_hz()[:, None]) / np.diff(edges)[1:]
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)


@cache
def _mel_edges_hz() -> Numbers:
    """Float64 `(BANDS + 2,)`; Slaney's scale (1998), linear to 1 kHz, logarithmic above."""
    from librosa import mel_frequencies

    return mel_frequencies(BANDS + 2, fmin=LOWEST_HZ, fmax=RATE / 2)


@cache
def _a_weights() -> Numbers:
    """Power gain of each bin: A-weighting, IEC 61672-1:2013, annex E."""
    from librosa import A_weighting

    gain_db = A_weighting(np.maximum(_bin_hz(), 10), min_db=None)
    return (10 ** (gain_db / 10)).astype(np.float32)


def _within(low_hz: float, high_hz: float) -> slice:
    first, last = np.searchsorted(_mel_edges_hz()[1:-1], [low_hz, high_hz])
    return slice(int(first), int(last))
