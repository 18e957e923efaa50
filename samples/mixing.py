"""Mono sounds -> one stereo master: space, pump, loudness."""

import numpy as np
from instruments import SR
from scipy.ndimage import maximum_filter1d, uniform_filter1d
from scipy.signal import butter, fftconvolve, lfilter, sosfilt


class Bus:
    """A stereo track of the song's length, `(2, samples)`."""

    def __init__(self, length: int) -> None:
        self.samples = np.zeros((2, length))

    def add(self, sound: np.ndarray, at_s: float, gain: float = 1.0, pan: float = 0.0) -> None:
        """Mix in a mono sound; `pan` runs from -1 (left) to 1 (right), at constant power."""
        start = round(at_s * SR)
        stop = min(start + len(sound), self.samples.shape[1])
        if stop <= start:
            return
        angle = (pan + 1) * np.pi / 4
        sides = np.array([[np.cos(angle)], [np.sin(angle)]]) * np.sqrt(2)
        self.samples[:, start:stop] += gain * sides * sound[: stop - start]


def pump(samples: np.ndarray, kicks_s: list[float], depth: float) -> np.ndarray:
    """Duck under every kick and swell back within a third of a second."""
    t = np.arange(samples.shape[1]) / SR
    gain = np.ones(len(t))
    for kick in kicks_s:
        near = slice(round(kick * SR), round((kick + 0.34) * SR))
        after = t[near] - kick
        dip = 1.0 - depth * np.exp(-((after / 0.13) ** 2)) * np.clip(after / 0.004, 0, 1)
        gain[near] = np.minimum(gain[near], dip)
    return samples * gain


def reverb(samples: np.ndarray, *, decay_s: float, seed: int) -> np.ndarray:
    """A hall: stereo noise that dies away, faster at the top, 18 ms after the sound."""
    t = np.arange(int(decay_s * 1.6 * SR)) / SR
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((2, len(t)))
    dark = sosfilt(butter(1, 2500, "lowpass", fs=SR, output="sos"), noise)
    answer = dark * np.exp(-6.9 * t / decay_s) + 0.4 * noise * np.exp(-14 * t / decay_s)
    answer /= np.sqrt((answer**2).sum(axis=1, keepdims=True))
    answer = np.pad(answer, ((0, 0), (round(0.018 * SR), 0)))
    wet = np.stack([fftconvolve(samples[side], answer[side]) for side in (0, 1)])
    return highpass(wet[:, : samples.shape[1]], 220)


def ping_pong(samples: np.ndarray, *, delay_s: float, feedback: float) -> np.ndarray:
    """Echoes that change sides, each darker than the last."""
    wet = np.zeros_like(samples)
    echo, step = samples.mean(axis=0), round(delay_s * SR)
    for number in range(1, 6):
        echo = sosfilt(butter(1, 3800, "lowpass", fs=SR, output="sos"), echo) * feedback
        shift = number * step
        wet[number % 2, shift:] += echo[: len(echo) - shift]
    return wet


def highpass(samples: np.ndarray, cutoff_hz: float) -> np.ndarray:
    return sosfilt(butter(2, cutoff_hz, "highpass", fs=SR, output="sos"), samples)


def sweep_lowpass(samples: np.ndarray, cutoff_hz: np.ndarray, block: int = 256) -> np.ndarray:
    """A low-pass whose cutoff moves."""
    out = np.empty_like(samples)
    state = np.zeros((1, 2, 2))
    for start in range(0, samples.shape[1], block):
        cutoff = float(cutoff_hz[start])
        sos = butter(2, min(cutoff, 20_000), "lowpass", fs=SR, output="sos")
        piece, state = sosfilt(sos, samples[:, start : start + block], zi=state)
        out[:, start : start + block] = piece
    return out


def loudness_lufs(samples: np.ndarray) -> float:
    """Integrated loudness after ITU-R BS.1770-4, filters for 44.1 kHz derived as there."""
    x = lfilter(*k_rumble(), lfilter(*k_shelf(), samples))
    window, hop = int(0.4 * SR), int(0.1 * SR)
    power = uniform_filter1d((x**2).sum(axis=0), window)[window // 2 :: hop]
    power = power[power > 10 ** ((-70 + 0.691) / 10)]
    gate = power.mean() / 10  # -10 LU
    return float(-0.691 + 10 * np.log10(power[power > gate].mean()))


def k_shelf() -> tuple[np.ndarray, np.ndarray]:
    """The high shelf of BS.1770: +4 dB above 1.7 kHz, as a biquad at SR."""
    gain_db, q, centre_hz = 3.99984385397, 0.7071752369554193, 1681.9744509555319
    k = np.tan(np.pi * centre_hz / SR)
    high = 10 ** (gain_db / 20)
    band = high**0.499666774155
    a0 = 1 + k / q + k * k
    b = np.array([high + band * k / q + k * k, 2 * (k * k - high), high - band * k / q + k * k])
    a = np.array([a0, 2 * (k * k - 1), 1 - k / q + k * k])
    return b / a0, a / a0


def k_rumble() -> tuple[np.ndarray, np.ndarray]:
    """The low cut of BS.1770, as a biquad at SR."""
    q, centre_hz = 0.5003270373238773, 38.13547087602444
    k = np.tan(np.pi * centre_hz / SR)
    a0 = 1 + k / q + k * k
    return np.array([1.0, -2.0, 1.0]), np.array([a0, 2 * (k * k - 1), 1 - k / q + k * k]) / a0


def limit(samples: np.ndarray, ceiling: float) -> np.ndarray:
    """Soft limiter that looks 5 ms ahead: no sample above `ceiling`, no hard corner."""
    ahead = int(0.005 * SR)
    peak = maximum_filter1d(np.abs(samples).max(axis=0), 2 * ahead + 1)
    need = np.minimum(1.0, ceiling / np.maximum(peak, 1e-9))
    gain = uniform_filter1d(need, 2 * ahead + 1)
    slow = release(gain, 0.08)
    return samples * np.minimum(slow, gain)


def release(gain: np.ndarray, time_s: float) -> np.ndarray:
    """Fall at once, rise slowly; in blocks of 32 samples, drawn smooth afterwards."""
    block = 32
    rough = gain[: len(gain) // block * block].reshape(-1, block).min(axis=1)
    step = 1 - np.exp(-block / (time_s * SR))
    level, out = 1.0, np.empty_like(rough)
    for number, wanted in enumerate(rough):
        level = wanted if wanted < level else level + step * (wanted - level)
        out[number] = level
    return np.interp(np.arange(len(gain)), (np.arange(len(rough)) + 0.5) * block, out)


def master(samples: np.ndarray, *, lufs: float, ceiling: float) -> np.ndarray:
    """Warm saturation, then as loud as asked, under the ceiling."""
    mix = highpass(samples, 28)
    mix = mix / np.abs(mix).max()
    gain = 1.0
    for _ in range(6):  # the limiter takes back some of what the gain gives
        out = limit(np.tanh(0.75 * gain * mix) / 0.75, ceiling)
        gain *= 10 ** ((lufs - loudness_lufs(out)) / 20)
    return out
