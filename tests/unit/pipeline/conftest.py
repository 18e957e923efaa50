from pathlib import Path

import numpy as np
import pytest
import soundfile


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test finds the finished segments of another."""
    monkeypatch.setenv("LUCIDSONIC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def beat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a drum, two beats a second."""
    rate = 22_050
    t = np.arange(2 * rate) / rate
    path = tmp_path_factory.mktemp("songs") / "beat.wav"
    soundfile.write(
        path, 0.8 * np.exp(-18 * (t % 0.5)) * np.sin(2 * np.pi * 60 * (t % 0.5)), rate
    )
    return path
