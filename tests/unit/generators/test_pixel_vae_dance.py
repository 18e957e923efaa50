"""What a drum loop does to the picture, through the steering itself."""

import sys
from pathlib import Path

import numpy as np
import pytest
from steered import drum_loop

from lucidsonic.trajectory import Options, plan_trajectory

sys.path.insert(0, str(Path(__file__).parent))
from pixel_vae_parts import tiny

BEAT = 15  # frames, at 120 beats a minute and 30 frames a second


@pytest.fixture(scope="module")
def changes() -> np.ndarray:
    """Share of the pixels that differ from the frame before, for every frame but the first."""
    generator = tiny()
    path = plan_trajectory(
        drum_loop(6),
        generator.capabilities,
        keyframes=generator.keyframes,
        directions=generator.directions,
        options=Options(transform_react=0.0),
        seed=4,
    )
    frames = generator.render(path.at(0, len(path)))
    return (frames[1:] != frames[:-1]).any(1).float().mean((1, 2)).numpy()


def test_the_film_changes_on_every_beat_within_a_frame(changes: np.ndarray):
    for beat in range(BEAT, len(changes) - 1, BEAT):
        assert changes[beat - 1 : beat + 1].max() > 0.05, beat  # row i is frame i + 1


def test_the_film_stands_still_before_the_next_beat(changes: np.ndarray):
    before = np.concatenate([changes[b - 4 : b - 1] for b in range(2 * BEAT, 170, BEAT)])

    assert np.median(before) == 0
    assert before.max() < 0.02
