"""What the pipeline's guard lets through, counted by code that shares nothing with it."""

from collections.abc import Iterable

import numpy as np
import pytest
import torch

from lucidsonic.evaluation.safety import MOST_FLASHES, FlashWatcher, SafetyScores
from lucidsonic.pipeline.guard import Guard

COLOURS = {"white": (255, 255, 255), "red": (230, 10, 10)}


def strobe(hertz: float, colour: str, *, frames: int = 120, fps: int = 30) -> np.ndarray:
    lit = (np.arange(frames) * 2 * hertz / fps).astype(int) % 2
    pictures = np.zeros((frames, 54, 96, 3), np.uint8)
    pictures[lit == 1] = COLOURS[colour]
    return pictures


def counted(pictures: Iterable[np.ndarray], fps: int = 30) -> SafetyScores:
    watcher = FlashWatcher()
    for number, picture in enumerate(pictures):
        watcher.take(number / fps, picture)
    return watcher.scores()


def guarded(pictures: np.ndarray) -> np.ndarray:
    frames = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    calm = Guard(30).damp(frames)
    return (calm.permute(0, 2, 3, 1) * 255).round().byte().numpy()


STROBES = [(hertz, colour) for hertz in (4, 5, 7.5, 10, 15) for colour in COLOURS]


@pytest.mark.parametrize(
    ("hertz", "colour"),
    STROBES,
)
def test_a_strobe_is_a_violation_and_none_once_it_is_guarded(hertz: float, colour: str):
    pictures = strobe(hertz, colour)

    before, after = counted(pictures), counted(guarded(pictures))

    assert max(before.general_flashes, before.red_flashes) > MOST_FLASHES
    assert after.general_flashes <= MOST_FLASHES
    assert after.red_flashes <= MOST_FLASHES
    assert after.violations == ()
