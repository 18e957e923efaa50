"""What every effect promises."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

from lucidsonic.effects import EFFECTS, Custom, build_chain, parse_effect
from lucidsonic.errors import ConfigError, UnknownNameError
from lucidsonic.types import Features, Key

CURVES = (
    "loudness", "onset", "onset_low", "onset_mid", "onset_high", "percussive", "harmonic",
    "pulse", "energy_low", "energy_mid", "energy_high",
)  # fmt: skip
LENGTH = 40
Spec = dict[str, Any]


def features(value: float = 1.0, **curves: Any) -> Features:
    nothing = np.zeros(LENGTH, np.float32)
    level = {name: np.full(LENGTH, value, np.float32) for name in CURVES}
    return Features(
        fps=Fraction(30), curves={**level, **curves},
        chroma=np.zeros((LENGTH, 12), np.float32), tonnetz=np.zeros((LENGTH, 6), np.float32),
        valence=nothing, arousal=nothing, tempo_bpm=0.0, beats_s=nothing[:0],
        downbeats_s=nothing[:0], onsets={}, sections=(), drops=(), key=Key(0, "major", 1.0),
    )  # fmt: skip


def pictures(batch: int = 5, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    made = torch.rand(batch, 3, 36, 52, generator=torch.Generator().manual_seed(4))
    return made.to(dtype)


PLACES = [
    *({"name": name} for name, effect in EFFECTS.items() if effect.works_on != "maps"),
    *(
        {"name": n, "stage": 0}
        for n, effect in EFFECTS.items()
        if effect.works_on != "pictures"
    ),
]
everywhere = pytest.mark.parametrize(
    "spec", PLACES, ids=lambda spec: "-".join(map(str, spec.values()))
)


def matter(spec: Spec, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """What an effect is given there: pictures, or feature maps of a coarse stage."""
    if "stage" not in spec:
        return pictures(dtype=dtype)
    maps = torch.randn(5, 24, 8, 8, generator=torch.Generator().manual_seed(4))
    return maps.to(dtype, memory_format=torch.channels_last)


def built(
    spec: Spec, music: Features, **wishes: Any
) -> Callable[[torch.Tensor, int], torch.Tensor]:
    """One effect, applied in its place."""
    chain = build_chain([{**spec, **wishes}], music)
    if "stage" in spec:
        return lambda maps, start: chain.hooks(np.arange(start, start + len(maps)))[
            spec["stage"]
        ](maps)
    return chain


@everywhere
def test_amount_zero_leaves_every_frame_as_it_is(spec: Spec) -> None:
    frames = matter(spec)
    assert torch.equal(built(spec, features(), amount=0)(frames, 3), frames)


@everywhere
def test_silence_leaves_every_frame_as_it_is(spec: Spec) -> None:
    frames = matter(spec)
    effect = built(spec, features(0.0), follow="loudness", amount=1)
    assert torch.equal(effect(frames, 0), frames)


@everywhere
def test_a_little_is_a_little_and_full_amount_shows(spec: Spec) -> None:
    frames = matter(spec)
    little = built(spec, features(), amount=1e-3)(frames, 2)
    full = built(spec, features(), amount=1)(frames, 2)
    assert (full - frames).abs().mean() > 0.005
    if spec["name"] not in {"pixelate"}:  # whole pixels or nothing
        assert (little - frames).abs().mean() < 0.02


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@everywhere
def test_shape_range_and_dtype_are_kept(spec: Spec, dtype: torch.dtype) -> None:
    frames = matter(spec, dtype)
    done = built(spec, features(), amount=1)(frames, 7)
    assert done.shape == frames.shape
    assert done.dtype == dtype
    if "stage" not in spec:
        assert done.min() >= 0
        assert done.max() <= 1


@everywhere
def test_a_frame_does_not_depend_on_its_batch(spec: Spec) -> None:
    ramp = np.linspace(0, 1, LENGTH, dtype=np.float32)
    effect = built(spec, features(ramp=ramp), amount=1, follow="ramp")
    frames = matter(spec)
    alone = torch.cat([effect(frames[i : i + 1], 9 + i) for i in range(len(frames))])
    assert torch.allclose(effect(frames, 9), alone, atol=1e-5)


@everywhere
def test_the_input_stays_as_it_was(spec: Spec) -> None:
    frames = matter(spec)
    before = frames.clone()
    built(spec, features(), amount=1)(frames, 0)
    assert torch.equal(frames, before)


@everywhere
def test_its_default_curve_is_one_that_songs_have(spec: Spec) -> None:
    build_chain([spec], features())
    assert EFFECTS[spec["name"]].summary.endswith(".")


def test_a_stage_is_bent_and_the_picture_is_left_alone() -> None:
    chain = build_chain(
        [{"name": "zoom", "stage": 3, "amount": 1}, {"name": "hue"}], features()
    )
    assert chain.stages == [3]
    assert set(chain.hooks(np.arange(1))) == {3}
    plain = build_chain([{"name": "hue"}], features())
    assert torch.equal(chain(pictures(), 0), plain(pictures(), 0))


@pytest.mark.parametrize("name", ["ablate", "invert", "boost"])
def test_channels_are_chosen_by_the_seed_and_stay_the_same(name: str) -> None:
    spec = {"name": name, "stage": 0, "amount": 1, "share": 0.5}

    def touched(seed: int, start: int) -> list[bool]:
        bend = build_chain([spec], features(), seed=seed).hooks(np.arange(start, start + 1))[0]
        return [bool(v != 1) for v in bend(torch.ones(1, 24, 2, 2))[0, :, 0, 0]]

    assert touched(1, 0) == touched(1, 30)
    assert touched(1, 0) != touched(2, 0)
    assert 4 < sum(touched(1, 0)) < 20


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"name": "hue", "stage": 1}, "works on pictures"),
        ({"name": "ablate"}, "works on a network's feature maps"),
        ({"name": "zoom", "stage": -1}, "0 or more"),
        ({"name": "zoom", "stage": 1.5}, "0 or more"),
        ({"name": "zoom", "stage": "last"}, "0 or more"),
        ({"name": "zoom", "bridge": "loud"}, "bridge = 'loud'"),
        ({"name": "zoom", "A": -1}, "A = -1"),
    ],
)
def test_a_place_where_an_effect_cannot_work_is_told(spec: Spec, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        build_chain([spec], features())


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda frames, _: frames[:, :1], r"float32 \(5, 1, 36, 52\)"),
        (lambda frames, _: (frames * 255).to(torch.uint8), "uint8"),
        (lambda frames, _: frames.numpy(), "ndarray"),
        (lambda _frames, _amount: None, "NoneType"),
    ],
)
def test_a_function_that_returns_something_else_is_told(function: Any, said: str) -> None:
    chain = build_chain([], features(), extra=[Custom(function, follow="constant")])
    with pytest.raises(ConfigError, match=said):
        chain(pictures(), 0)


@pytest.mark.parametrize("wrong", [{"stage": -1}, {"stage": 0.5}, {"amount": 9.0}])
def test_wishes_of_ones_own_are_checked_as_well(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        build_chain([], features(), extra=[Custom(lambda frames, _: frames, **wrong)])


def test_two_functions_of_ones_own_are_never_taken_for_each_other() -> None:
    def chain(function: Any) -> bytes:
        return build_chain([], features(), extra=[function]).fingerprint(0, LENGTH)

    def dark(frames: torch.Tensor, _amount: torch.Tensor) -> torch.Tensor:
        return frames * 0

    def light(frames: torch.Tensor, _amount: torch.Tensor) -> torch.Tensor:
        return frames * 0 + 1

    assert chain(dark) != chain(light)


def test_a_full_flash_is_white_and_never_black() -> None:
    spec = {"name": "flash", "amount": 1, "limit": 1, "follow": "constant"}
    assert build_chain([spec], features())(pictures(), 0).min() > 0.999


def test_chance_depends_on_the_seed_and_the_frame_alone() -> None:
    frames = pictures(1).expand(2, -1, -1, -1)
    chains = [build_chain([{"name": "grain"}], features(), seed=s) for s in (1, 1, 2)]
    first, same, other = (chain(frames, 3) for chain in chains)
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert not torch.equal(first[0], first[1])


def test_hue_keeps_greys_and_comes_back_after_a_turn() -> None:
    grey = torch.full((1, 3, 4, 4), 0.4)
    chain = build_chain([{"name": "hue", "shift": 0.3}], features())
    assert torch.allclose(chain(grey, 0), grey, atol=1e-5)
    whole = build_chain([{"name": "hue", "shift": 1.0}], features())
    frames = pictures() * 0.5 + 0.25
    assert torch.allclose(whole(frames, 0), frames, atol=1e-4)


def test_a_hit_rings_on_and_fades() -> None:
    hit = np.zeros(LENGTH, np.float32)
    hit[5] = 1.0
    spec = {"name": "flash", "follow": "hit", "release_ms": 100, "amount": 1}
    chain = build_chain([spec], features(hit=hit))
    light = chain(torch.zeros(12, 3, 4, 4), 0).mean(dim=(1, 2, 3))
    assert light[:5].max() == 0
    assert light[5] > light[6] > light[8] > 0
    assert light[8] / light[5] == pytest.approx(np.exp(-1), rel=0.02)  # 3 frames are 100 ms


def test_the_chain_applies_effects_in_order() -> None:
    flash = {"name": "flash", "follow": "constant", "amount": 1, "limit": 1}
    dim = {"name": "dim", "amount": 1, "floor": 0}
    black = torch.zeros(1, 3, 4, 4)
    assert build_chain([flash, dim], features())(black, 0).max() == 0
    assert build_chain([dim, flash], features())(black, 0).min() == 1


def test_a_plain_function_joins_the_chain() -> None:
    chain = build_chain(
        [],
        features(0.5),
        extra=[Custom(lambda frames, amount: frames * (1 - amount), follow="pulse")],
    )
    assert torch.allclose(chain(torch.ones(2, 3, 4, 4), 0), torch.full((2, 3, 4, 4), 0.5))


def test_wishes_that_cannot_be_met_are_named() -> None:
    with pytest.raises(UnknownNameError) as caught:
        build_chain([{"name": "flsh"}], features())
    assert "flash" in caught.value.hint
    with pytest.raises(UnknownNameError, match="lowdness"):
        build_chain([{"name": "flash", "follow": "lowdness"}], features())
    with pytest.raises(ConfigError, match="no setting 'glow'"):
        build_chain([{"name": "flash", "glow": 1}], features())
    with pytest.raises(ConfigError, match="amount"):
        build_chain([{"name": "flash", "amount": 3}], features())


def test_effects_are_read_as_people_write_them() -> None:
    assert parse_effect("flash") == {"name": "flash"}
    assert parse_effect("mirror:axis=both,amount=1") == {
        "name": "mirror", "axis": "both", "amount": 1,
    }  # fmt: skip
    for wrong in ("", ":a=1", "flash:amount", "flash:=3"):
        with pytest.raises(ConfigError, match="not an effect"):
            parse_effect(wrong)


def test_a_film_that_is_longer_than_its_curves_goes_on() -> None:
    chain = build_chain([{"name": "flash"}], features())
    assert chain(pictures(), LENGTH + 100).shape == pictures().shape
