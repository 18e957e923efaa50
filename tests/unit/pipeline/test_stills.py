"""A still is the film's own frame, also where the flash guard was at work."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

import lucidsonic
from lucidsonic.errors import MemoryExhaustedError
from lucidsonic.pipeline import paint_sheet, paint_still, settle

FLASHING = {
    "size": "64x48",
    "fps": 20,
    "batch_size": 4,
    "effects": ["flash:amount=1,follow=percussive,limit=1,release_ms=20"],
}


@pytest.fixture
def rolls(tmp_path: Path) -> Path:
    """Two seconds of a drum that is hit five times a second."""
    rate = 22_050
    t = np.arange(2 * rate) / rate % 0.2
    soundfile.write(tmp_path / "rolls.wav", 0.9 * np.exp(-60 * t) * np.sin(900 * t), rate)
    return tmp_path / "rolls.wav"


def read(picture: Path) -> np.ndarray:
    return np.asarray(Image.open(picture, formats=["PNG"]).convert("RGB")).astype(int)


def test_a_still_is_guarded_as_its_frame_is(rolls: Path, tmp_path: Path):
    for guard in ("damp", "off"):
        lucidsonic.render(
            rolls,
            tmp_path / f"{guard}.mp4",
            **FLASHING,
            flash_guard=guard,
            save_frames=tmp_path / guard,
        )
    plan = settle(rolls, **FLASHING).plan
    guarded = 0

    for frame in (24, 28, 31, 36):
        name = f"{frame:07}.png"
        still = paint_still(plan, tmp_path / name, at=frame / 20)
        in_film = read(tmp_path / "damp" / name)
        guarded += int(np.abs(in_film - read(tmp_path / "off" / name)).max() > 20)
        assert np.abs(read(still) - in_film).max() <= 2

    assert guarded


@pytest.mark.parametrize("paint", [partial(paint_still, at=0), partial(paint_sheet, count=2)])
@pytest.mark.parametrize("where", ["preview.paint_rgb", "models.build_generator"])
def test_memory_that_runs_out_is_one_sentence_and_exit_code_four(
    paint: Any, where: str, rolls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def hungry(*_told: object, **_named: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")

    monkeypatch.setattr(f"lucidsonic.pipeline.{where}", hungry)

    with pytest.raises(MemoryExhaustedError, match="not enough memory to") as caught:
        paint(settle(rolls, **FLASHING).plan, tmp_path / "p.png")
    assert caught.value.exit_code == 4
    assert not (tmp_path / "p.png").exists()
