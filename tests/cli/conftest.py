import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

REPO = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def drum_loop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of kick and hat at 120 BPM, stereo, 44.1 kHz."""
    rate = 44_100
    t = np.arange(3 * rate) / rate
    kick = np.exp(-20 * (t % 0.5)) * np.sin(2 * np.pi * 55 * (t % 0.5))
    noise = np.random.default_rng(0).standard_normal(len(t))
    hat = 0.2 * np.exp(-90 * ((t + 0.25) % 0.5)) * noise
    path = tmp_path_factory.mktemp("songs") / "drums.wav"
    soundfile.write(path, np.stack([kick + hat, kick - hat], axis=1) * 0.7, rate)
    return path


@pytest.fixture(scope="session")
def segment_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all commands of a test run, so that nothing is painted twice."""
    return tmp_path_factory.mktemp("segments")


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(segment_cache: Path) -> Run:
    """Run `lucidsonic` in a process of its own, as a person does."""

    def command(*words: str | Path, cwd: Path = REPO, **variables: str):
        environment = {
            **os.environ,
            "PYTHONPATH": str(REPO),
            "LUCIDSONIC_CACHE": str(segment_cache),
            "OMP_NUM_THREADS": "1",
            **variables,
        }
        return subprocess.run(
            [sys.executable, "-m", "lucidsonic", *map(str, words)],
            capture_output=True,
            text=True,
            cwd=cwd,
            env=environment,
            timeout=240,
        )

    return command


def result_of(done: subprocess.CompletedProcess[str]) -> dict:
    """The one JSON object that a command printed."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
