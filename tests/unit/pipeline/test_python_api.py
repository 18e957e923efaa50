from pathlib import Path

import numpy as np
import pytest
import torch

import lucidsonic
from lucidsonic.encoding import read_film
from lucidsonic.types import Progress

SMALL = {"size": "64x48", "fps": 10, "batch_size": 4}


def pictures(film: Path) -> np.ndarray:
    return np.stack([picture for _, picture in read_film(film)]).astype(int)


def test_a_program_renders_and_hears_how_far_it_is(beat: Path, tmp_path: Path):
    told: list[Progress] = []

    report = lucidsonic.render(beat, tmp_path / "f.mp4", on_progress=told.append, **SMALL)

    assert report.frames == 20
    assert (report.width, report.height) == (64, 48)
    assert {"listen", "paint"} <= {progress.stage for progress in told}
    assert {"listen", "load", "steer", "paint", "join"} <= report.seconds.keys()
    assert max(p.done for p in told if p.stage == "paint") == 20


def test_a_function_of_ones_own_paints(beat: Path, tmp_path: Path):
    def red(z: torch.Tensor, _classes: torch.Tensor | None) -> torch.Tensor:
        frames = torch.zeros(len(z), 3, 48, 64)
        frames[:, 0] = 1
        return frames

    lucidsonic.render(beat, tmp_path / "f.mp4", generator=red, flash_guard="off", **SMALL)

    colour = pictures(tmp_path / "f.mp4").mean(axis=(0, 1, 2))
    assert colour[0] > 240
    assert colour[1:].max() < 15


def test_an_effect_of_ones_own_is_led_by_the_music(beat: Path, tmp_path: Path):
    amounts: list[float] = []

    def watch(frames: torch.Tensor, amount: torch.Tensor) -> torch.Tensor:
        amounts.extend(amount.flatten().tolist())
        return frames * (amount < 0.1)

    lucidsonic.render(beat, tmp_path / "f.mp4", custom_effects=[watch], **SMALL)

    light = pictures(tmp_path / "f.mp4").mean(axis=(1, 2, 3))
    assert max(amounts) > 0.3 > 0.01 > min(amounts)
    assert light.min() < 2 < light.max()


def test_analyze_hears_the_beat(beat: Path):
    features = lucidsonic.analyze(beat, fps=25)

    assert len(features) == 50
    assert features.curves["onset_low"].max() > 0.5


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="rendr"):
        _ = lucidsonic.rendr


def test_importing_lucidsonic_costs_nothing():
    assert "torch" not in lucidsonic.__dict__
    assert set(lucidsonic.__all__) == {"analyze", "load_generator", "render"}
