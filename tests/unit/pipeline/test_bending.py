"""Network bending in a film: the music bends a network's feature maps."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import lucidsonic
from lucidsonic.effects import Custom
from lucidsonic.encoding import read_film
from lucidsonic.errors import ConfigError

SMALL = {"size": "64x64", "fps": 10, "batch_size": 4, "flash_guard": "off"}


def film(beat: Path, place: Path, **settings: Any) -> np.ndarray:
    wanted = {**SMALL, "style": "carved_landscapes", "crf": 4, **settings}
    lucidsonic.render(beat, place, overwrite=True, **wanted)
    return np.stack([picture for _, picture in read_film(place)]).astype(int)


def change(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.abs(a - b).mean(axis=(1, 2, 3))


def test_a_film_is_bent_where_the_music_says(beat: Path, tmp_path: Path):
    plain = film(beat, tmp_path / "a.mp4")
    bend = "rotate:stage=1,degrees=90,amount=1,follow=onset_low"
    moved = change(film(beat, tmp_path / "b.mp4", effects=[bend]), plain)

    assert moved[[0, 5, 10, 15]].min() > 3 * moved[[3, 8, 13, 18]].max()


def test_the_batch_does_not_show(beat: Path, tmp_path: Path):
    bend = {"effects": ["kaleidoscope:stage=2,amount=0.8,follow=constant"]}
    one = film(beat, tmp_path / "a.mp4", **bend, batch_size=1)

    assert change(one, film(beat, tmp_path / "b.mp4", **bend, batch_size=7)).max() < 1


def test_held_pictures_are_held_bent(beat: Path, tmp_path: Path):
    bend = {"effects": ["rotate:stage=1,degrees=90,amount=1,follow=onset_low"]}
    held = film(beat, tmp_path / "a.mp4", **bend, hold_fps=5)
    free = film(beat, tmp_path / "b.mp4", **bend)

    assert change(held[1::2], held[::2]).max() < 1 < change(free[1::2], free[::2]).max()


def test_a_function_of_ones_own_bends_a_stage(beat: Path, tmp_path: Path):
    seen: list[torch.Size] = []

    def flip(maps: torch.Tensor, amount: torch.Tensor) -> torch.Tensor:
        seen.append(maps.shape)
        return torch.lerp(maps, maps.flip(-1), amount)

    plain = film(beat, tmp_path / "a.mp4")
    own = Custom(flip, follow="constant", stage=3)
    bent = film(beat, tmp_path / "b.mp4", custom_effects=[own])

    assert {tuple(shape[-2:]) for shape in seen} == {(32, 32)}
    assert change(bent, plain).min() > 3
    assert change(bent, plain[:, :, ::-1]).mean() < change(bent, plain).mean()


def test_a_loaded_generator_can_be_bent():
    generator = lucidsonic.load_generator("va_landscapes")
    z = torch.randn(2, generator.z_dim, generator=torch.Generator().manual_seed(2))
    sizes: list[tuple[int, ...]] = []

    def watch(maps: torch.Tensor) -> torch.Tensor:
        sizes.append(tuple(maps.shape[-2:]))
        return maps * 0

    bent = generator(z, hooks={len(generator.capabilities.stages) - 1: watch})

    assert sizes == [generator.size]
    assert not torch.allclose(bent, generator(z))


@pytest.mark.parametrize(
    ("style", "stage", "said"),
    [("aurora", 0, "no feature maps"), ("carved_landscapes", 5, "no stage 5")],
)
def test_a_stage_that_is_not_there_is_told(
    style: str, stage: int, said: str, beat: Path, tmp_path: Path
):
    with pytest.raises(ConfigError, match=said) as caught:
        film(beat, tmp_path / "a.mp4", style=style, effects=[f"zoom:stage={stage}"])

    assert caught.value.hint
    assert not list(tmp_path.glob("*.mp4"))


def test_films_of_two_functions_of_ones_own_are_never_mixed_up(beat: Path, tmp_path: Path):
    def dark(frames: torch.Tensor, _amount: torch.Tensor) -> torch.Tensor:
        return frames * 0

    def light(frames: torch.Tensor, _amount: torch.Tensor) -> torch.Tensor:
        return frames * 0 + 1

    levels = [
        film(beat, tmp_path / "a.mp4", custom_effects=[Custom(own, follow="constant")]).mean()
        for own in (dark, light)
    ]

    assert levels[0] < 2
    assert levels[1] > 250
