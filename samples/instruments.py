"""Notes and hits as mono samples: `(samples,)` at SR, from numpy alone."""

import numpy as np
from scipy.signal import butter, sosfilt

SR = 44_100  # Hz
TABLE = 2048  # samples in one cycle of a wave table


def hertz(note: float) -> float:
    """The pitch of a MIDI note; A4 is 69."""
    return 440.0 * 2.0 ** ((note - 69.0) / 12.0)


def seconds(duration_s: float) -> np.ndarray:
    return np.arange(int(duration_s * SR)) / SR


def envelope(t: np.ndarray, attack_s: float, hold_s: float, release_s: float) -> np.ndarray:
    """Up in `attack_s`, level until `hold_s`, then falling by e every `release_s`."""
    rise = np.clip(t / max(attack_s, 1e-4), 0.0, 1.0)
    fall = np.exp(-np.maximum(t - hold_s, 0.0) / release_s)
    return 0.5 * (1 - np.cos(np.pi * rise)) * fall


def wave_table(pitch_hz: float, *, rolloff: float, odd: bool = False) -> np.ndarray:
    """One cycle of a saw (or square) whose partials end below 16 kHz: nothing aliases."""
    count = max(1, int(16_000 / pitch_hz))
    k = np.arange(1, count + 1, 2 if odd else 1)
    phase = 2 * np.pi * np.arange(TABLE) / TABLE
    level = 1.0 / k * np.exp(-((k * pitch_hz / rolloff) ** 1.2))
    return (np.sin(np.outer(phase, k)) * level).sum(axis=1)


def play_table(table: np.ndarray, pitch_hz: np.ndarray, phase: float) -> np.ndarray:
    """The table read at a (possibly moving) pitch."""
    turns = phase + np.cumsum(pitch_hz) / SR
    at = np.mod(turns, 1.0) * TABLE
    low = at.astype(int)
    return table[low] + (at - low) * (np.roll(table, -1)[low] - table[low])


def band(x: np.ndarray, low_hz: float | None, high_hz: float | None) -> np.ndarray:
    """Only what lies between two frequencies."""
    if low_hz is None:
        sos = butter(2, high_hz, "lowpass", fs=SR, output="sos")
    elif high_hz is None:
        sos = butter(2, low_hz, "highpass", fs=SR, output="sos")
    else:
        sos = butter(2, (low_hz, high_hz), "bandpass", fs=SR, output="sos")
    return sosfilt(sos, x)


def kick() -> np.ndarray:
    t = seconds(0.36)
    pitch = 46.0 + 150.0 * np.exp(-t / 0.022) + 40.0 * np.exp(-t / 0.09)
    body = np.sin(2 * np.pi * np.cumsum(pitch) / SR) * envelope(t, 0.001, 0.06, 0.085)
    click = np.random.default_rng(1).standard_normal(len(t)) * np.exp(-t / 0.0022)
    return np.tanh(1.9 * body) * 0.95 + 0.22 * band(click, 1500, 9000)


def clap() -> np.ndarray:
    t = seconds(0.42)
    rng = np.random.default_rng(2)
    noise = rng.standard_normal(len(t))
    hands = sum(np.exp(-np.maximum(t - d, 0) / 0.006) * (t >= d) for d in (0.0, 0.009, 0.019))
    tail = np.exp(-np.maximum(t - 0.026, 0) / 0.085) * (t >= 0.026)
    body = np.sin(2 * np.pi * 188 * t) * np.exp(-t / 0.055)
    return 0.5 * band(noise * (0.7 * hands + tail), 900, 8500) + 0.4 * body


def hat(open_s: float, seed: int) -> np.ndarray:
    t = seconds(open_s * 4)
    noise = np.random.default_rng(seed).standard_normal(len(t))
    metal = sum(np.sign(np.sin(2 * np.pi * f * t)) for f in (4123.0, 5471.0, 6733.0, 8219.0))
    return 0.35 * band(noise + 0.35 * metal, 7500, None) * np.exp(-t / open_s)


def crash(seed: int = 7) -> np.ndarray:
    t = seconds(3.2)
    noise = np.random.default_rng(seed).standard_normal(len(t))
    return 0.3 * band(noise, 3200, 15_000) * np.exp(-t / 0.75) * np.clip(t / 0.003, 0, 1)


def bass(note: float, duration_s: float) -> np.ndarray:
    t = seconds(duration_s + 0.06)
    pitch = np.full(len(t), hertz(note))
    dull = play_table(wave_table(pitch[0], rolloff=260), pitch, 0.0)
    bright = play_table(wave_table(pitch[0], rolloff=1500), pitch, 0.0)
    bite = np.exp(-t / 0.07)
    tone = dull + 0.55 * bite * (bright - dull)
    sub = np.sin(2 * np.pi * pitch * t)
    return np.tanh(0.9 * tone + 0.5 * sub) * envelope(t, 0.004, duration_s, 0.03)


def lead(note: float, duration_s: float) -> np.ndarray:
    """A bright singing voice: saw and square, vibrato that comes late."""
    t = seconds(duration_s + 0.35)
    vibrato = 1.0 + 0.006 * np.clip((t - 0.18) / 0.25, 0, 1) * np.sin(2 * np.pi * 5.6 * t)
    pitch = hertz(note) * vibrato * (1.0 - 0.02 * np.exp(-t / 0.018))
    saw = play_table(wave_table(hertz(note), rolloff=8000), pitch, 0.0)
    saw += play_table(wave_table(hertz(note), rolloff=8000), pitch * 1.0045, 0.37)
    square = play_table(wave_table(hertz(note), rolloff=4500, odd=True), pitch * 0.5, 0.1)
    return (0.45 * saw + 0.3 * square) * envelope(t, 0.008, duration_s * 0.92, 0.07)


def bell(note: float, duration_s: float) -> np.ndarray:
    """A soft struck tone for the bridge: two-operator FM, after Chowning (1973)."""
    t = seconds(duration_s + 1.2)
    pitch = hertz(note)
    index = 1.7 * np.exp(-t / 0.35)
    tone = np.sin(2 * np.pi * pitch * t + index * np.sin(2 * np.pi * 3.5 * pitch * t))
    return (tone + 0.4 * np.sin(2 * np.pi * pitch * t)) * envelope(t, 0.003, 0.02, 0.75) * 0.6


def pluck(note: float, duration_s: float) -> np.ndarray:
    t = seconds(duration_s + 0.4)
    pitch = np.full(len(t), hertz(note))
    dull = play_table(wave_table(pitch[0], rolloff=900), pitch, 0.25)
    bright = play_table(wave_table(pitch[0], rolloff=7000), pitch, 0.25)
    return (dull + np.exp(-t / 0.05) * (bright - dull)) * envelope(t, 0.002, 0.01, 0.13)


def chord_voice(note: float, duration_s: float, detune: float, phase: float) -> np.ndarray:
    """One saw of a wide chord."""
    t = seconds(duration_s + 0.25)
    pitch = np.full(len(t), hertz(note) * (1.0 + detune))
    tone = play_table(wave_table(hertz(note), rolloff=9000), pitch, phase)
    return tone * envelope(t, 0.012, duration_s, 0.07)


def pad_voice(note: float, duration_s: float, detune: float, phase: float) -> np.ndarray:
    """One saw of a slow, dark chord."""
    t = seconds(duration_s + 1.4)
    pitch = hertz(note) * (1.0 + detune + 0.0015 * np.sin(2 * np.pi * 0.31 * t + 6 * phase))
    tone = play_table(wave_table(hertz(note), rolloff=1300), pitch, phase)
    return tone * envelope(t, 0.35, duration_s * 0.95, 0.45)


def riser(duration_s: float) -> np.ndarray:
    """Noise and a tone that climb into the drop."""
    t = seconds(duration_s)
    climb = t / duration_s
    noise = np.random.default_rng(5).standard_normal(len(t))
    out = np.zeros(len(t))
    edges = np.linspace(0, len(t), 25).astype(int)
    for step in range(24):  # a filter that opens, by crossfading 24 bands
        centre = 500.0 * 22.0 ** (step / 23)
        weight = np.exp(-0.5 * ((climb * 23 - step) / 1.2) ** 2)
        near = slice(edges[max(0, step - 5)], edges[min(24, step + 6)])
        out[near] += (band(noise, centre * 0.7, min(centre * 1.4, 20_000)) * weight)[near]
    tone = np.sin(2 * np.pi * np.cumsum(hertz(50) * 2 ** (2 * climb)) / SR)
    return (0.5 * out + 0.12 * tone) * climb**1.6
