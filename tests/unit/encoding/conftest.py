from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lucidsonic.types import Pictures, Song

CLICKS_S = (0.0, 0.5, 1.25, 2.0)


@pytest.fixture
def clicks(tmp_path: Path) -> Song:
    """Two and a half seconds of stereo clicks over faint noise; the channels differ."""
    return click_song(tmp_path / "clicks.wav")


@pytest.fixture
def make_clicks(tmp_path: Path) -> Callable[..., Song]:
    return lambda **how: click_song(tmp_path / "made.wav", **how)


def click_song(path: Path, *, sample_rate: int = 44_100, channels: int = 2) -> Song:
    samples = np.random.default_rng(0).normal(0, 0.003, (round(2.5 * sample_rate), channels))
    click = np.hanning(round(0.002 * sample_rate)) * 0.8
    for number, at in enumerate(CLICKS_S):
        start = round(at * sample_rate)
        samples[start : start + len(click), number % 2 if channels > 1 else 0] += click
    soundfile.write(path, samples, sample_rate, subtype="PCM_24")
    return Song(path, sample_rate, channels, 0.0, 2.5)


@pytest.fixture
def waves() -> Callable[..., Pictures]:
    """Smooth moving colours; every picture differs from its neighbours."""

    def make(frames: int, *, height: int = 64, width: int = 96) -> Pictures:
        y, x = np.mgrid[0:height, 0:width] / 16
        t = np.arange(frames)[:, None, None] / 5
        planes = [np.sin(x + c * 2 + np.cos(y - t) + t) for c in range(3)]
        return (128 + 100 * np.stack(planes, axis=-1)).astype(np.uint8)

    return make
