"""What every generator family promises, whatever is inside it.

A family joins by one row in TINY: a function that builds a small generator of it, with random
weights where it has any, in well under a second.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open

from lucidsonic.errors import ConfigError, UnknownNameError
from lucidsonic.generators import FAMILIES, build_generator, find_family
from lucidsonic.generators.va_gan import Decoder, Options, VaGan
from lucidsonic.types import Controls

STORED = Path(__file__).parents[1] / "golden"
GOLDEN = {  # family -> small weights of the official tools' own making
    "r3gan": "r3gan_cond_32",
    "stylegan2": "stylegan2_ada_cond_32",
    "stylegan3": "stylegan3_t_32",
}
TINY: dict[str, Callable[[], Any]] = {
    "lumen": lambda: build_generator("lumen", None, {"size": (40, 64)}),
    "pixel_vae": lambda: build_generator(
        "pixel_vae", None, {"size": 128, "pixel_size": 1, "palette": 12}
    ),
    "va_gan": lambda: tiny_va_gan(),
    **{family: lambda name=name: official(name) for family, name in GOLDEN.items()},
}
FRAMES = 4


def tiny_va_gan() -> VaGan:
    torch.manual_seed(3)
    network = Decoder(latent_dim=8, resolution=32, width=32)
    network.to_rgb.weight.data *= 10  # fresh weights paint nearly nothing
    return VaGan(network, Options(latent_dim=8, resolution=32, width=32))


def official(name: str) -> Any:
    path = STORED / f"{name}.safetensors"
    with safe_open(path, "pt") as file:
        facts = file.metadata()
    return build_generator(facts["family"], path, json.loads(facts["options"]))


@cache
def tiny(family: str) -> Any:
    return TINY[family]()


@pytest.fixture(params=sorted(TINY))
def generator(request: pytest.FixtureRequest) -> Any:
    return tiny(request.param)


def controls(generator: Any, frames: int = FRAMES, *, move: float = 0.3) -> Controls:
    """A short way from one keyframe towards another, with moderate values of all else."""
    can = generator.capabilities
    a, b = generator.keyframes([1, 2])
    share = move * np.linspace(0, 1, frames, dtype=np.float32)[:, None]
    latent = ((1 - share) * a + share * b).astype(np.float32)
    condition = None
    if can.c_dim:
        condition = np.full((frames, can.c_dim), 0.3 / can.c_dim, np.float32)
        condition[:, 1 % can.c_dim] += 0.7
    if can.condition == "va":
        condition = np.full((frames, can.c_dim), 0.2, np.float32)
    line = np.linspace(0, 1, frames, dtype=np.float32)
    return Controls(
        latent=np.repeat(latent[:, None], can.groups, axis=1),
        condition=condition,
        truncation=np.full(frames, 0.9, np.float32),
        noise_phase=0.1 * line,
        noise_mix=np.full(frames, 0.3, np.float32),
        gains=np.ones((frames, 3), np.float32),
        transform=np.tile(np.array([0, 0, 0, 1], np.float32), (frames, 1)),
        time_s=line,
    )


def frames_of(told: Controls, part: slice) -> Controls:
    named = {name: getattr(told, name) for name in Controls.__dataclass_fields__}
    some: dict[str, Any] = {n: None if v is None else v[part] for n, v in named.items()}
    return Controls(**some)


def changed(generator: Any, **values: Any) -> float:
    """How far the pictures move when some controls change."""
    told = controls(generator)
    before, after = generator.render(told), generator.render(replace(told, **values))
    return float((before - after).abs().mean())


def test_the_rows_are_families() -> None:
    assert TINY.keys() <= FAMILIES.keys()


def test_pictures_are_rgb_in_range_and_of_the_promised_size(generator: Any) -> None:
    pictures = generator.render(controls(generator))
    assert pictures.shape == (FRAMES, 3, *generator.capabilities.size)
    assert torch.isfinite(pictures).all()
    assert pictures.min() >= 0
    assert pictures.max() <= 1


def test_pictures_have_darks_and_lights(generator: Any) -> None:
    assert generator.render(controls(generator)).std() > 0.02


def test_a_picture_does_not_depend_on_its_batch(generator: Any) -> None:
    told = controls(generator)
    together = generator.render(told)
    alone = torch.cat(
        [generator.render(frames_of(told, slice(i, i + 1))) for i in range(FRAMES)]
    )
    assert torch.allclose(together, alone, atol=1e-5)


def test_the_same_controls_paint_the_same_picture(generator: Any) -> None:
    told = controls(generator)
    assert torch.equal(generator.render(told), generator.render(told))


def test_a_small_step_is_a_small_change(generator: Any) -> None:
    if generator.capabilities.anchored:
        pytest.skip("its pictures change in jumps by nature")
    still = np.zeros(2, np.float32)
    near, far = (
        generator.render(
            replace(controls(generator, 2, move=move), noise_phase=still, time_s=still)
        )
        for move in (0.005, 1.0)
    )
    assert (near[1] - near[0]).abs().mean() < 0.02
    assert (far[1] - far[0]).abs().mean() > 2 * (near[1] - near[0]).abs().mean()


def test_keyframes_are_points_of_the_walk_space(generator: Any) -> None:
    points = generator.keyframes([0, 7, 7])
    assert points.shape == (3, generator.capabilities.dim)
    assert points.dtype == np.float32
    assert np.array_equal(points[1], points[2])
    assert not np.allclose(points[0], points[1])


def test_directions_push_visibly(generator: Any) -> None:
    ways = generator.directions(3, seed=5)
    assert ways.shape == (3, generator.capabilities.dim)
    assert ways.dtype == np.float32
    assert np.array_equal(ways, generator.directions(3, seed=5))
    assert not np.allclose(ways, generator.directions(3, seed=6))
    told = controls(generator)
    assert changed(generator, latent=told.latent + ways[0]) > 1e-3


def test_each_latent_group_does_something(generator: Any) -> None:
    told = controls(generator)
    push = generator.directions(1, seed=1)[0]
    for group in range(generator.capabilities.groups):
        latent = told.latent.copy()
        latent[:, group] += push
        assert changed(generator, latent=latent) > 1e-4, group


def test_noise_does_what_is_said(generator: Any) -> None:
    line = np.linspace(0, 1, FRAMES, dtype=np.float32)
    moved = max(
        changed(generator, noise_phase=0.3 + 0.1 * line),
        changed(generator, noise_mix=np.ones(FRAMES, np.float32)),
    )
    assert (moved > 1e-4) == generator.capabilities.has_noise


def test_transform_does_what_is_said(generator: Any) -> None:
    way = np.tile(np.array([0.1, 0.05, 0.03, 1.2], np.float32), (FRAMES, 1))
    assert (changed(generator, transform=way) > 1e-4) == generator.capabilities.has_transform


def test_every_stage_can_be_bent_and_has_the_promised_size(generator: Any) -> None:
    told, sizes = controls(generator), generator.capabilities.stages
    if not sizes:
        pytest.skip("has no stages")
    plain, seen = generator.render(told), {}

    def watch(stage: int, maps: torch.Tensor) -> torch.Tensor:
        seen[stage] = (len(maps), tuple(maps.shape[-2:]))
        return maps

    hooks = {stage: partial(watch, stage) for stage in range(len(sizes))}
    assert torch.allclose(generator.render(told, hooks=hooks), plain, atol=1e-5)
    assert seen == {stage: (FRAMES, size) for stage, size in enumerate(sizes)}
    for stage in seen:
        bent = generator.render(told, hooks={stage: lambda maps: maps.flip(-1) * 1.5})
        assert (bent - plain).abs().mean() > 1e-3


def test_the_plain_call_can_be_bent(generator: Any) -> None:
    if not generator.capabilities.stages:
        pytest.skip("has no stages")
    z = torch.randn(2, generator.z_dim, generator=torch.Generator().manual_seed(1))
    bent = generator(z, hooks={0: lambda maps: maps.flip(-1) * 1.5})
    assert (bent - generator(z)).abs().mean() > 1e-3


def test_classes_do_what_is_said(generator: Any) -> None:
    can = generator.capabilities
    if not can.c_dim:
        pytest.skip("takes no condition")
    other = np.zeros((FRAMES, can.c_dim), np.float32)
    other[:, -1] = 1.0
    assert changed(generator, condition=other) > 1e-3
    assert len(can.class_names) in {0, can.c_dim}


def test_truncation_reaches_the_picture(generator: Any) -> None:
    if generator.capabilities.anchored:
        pytest.skip("has no mean picture")
    assert changed(generator, truncation=np.zeros(FRAMES, np.float32)) > 1e-3


def test_half_precision_stays_close(generator: Any) -> None:
    told = controls(generator)
    full, half = generator.render(told), generator.render(told, dtype=torch.bfloat16)
    assert (full - half.float()).abs().mean() < 0.03


def test_the_plain_call_paints_a_latent(generator: Any) -> None:
    can = generator.capabilities
    z = torch.zeros(2, can.z_dim)
    assert generator(z).shape[:2] == (2, 3)
    assert generator(z).dtype == torch.float32


def test_mapping_and_synthesis_are_the_call_in_two_steps(generator: Any) -> None:
    can = generator.capabilities
    if not can.has_mapping:
        pytest.skip("has no w space")
    z = torch.as_tensor(np.random.RandomState(3).randn(2, can.z_dim), dtype=torch.float32)
    c = torch.eye(can.c_dim)[:1].expand(2, -1) if can.c_dim else None
    w = generator.mapping(z, c)
    assert w.shape[:2] == (2, can.num_ws)
    assert torch.allclose(generator.synthesis(w), generator(z, c), atol=1e-5)
    mean = generator.mapping(z, c, truncation_psi=0.0)
    assert torch.allclose(mean[0], mean[1], atol=1e-5)


PRINT_SUM = """
import sys
sys.path.insert(0, sys.argv[1])
from test_generators import controls, tiny
told = tiny(sys.argv[2])
print(f"{float(told.render(controls(told)).double().sum()):.3f}")
"""


def test_another_process_paints_the_same_picture() -> None:
    here = os.path.dirname(__file__)  # noqa: PTH120 - for sys.path
    sums = {
        subprocess.run(
            [sys.executable, "-c", PRINT_SUM, here, "lumen"],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    told = tiny("lumen")
    assert sums == {f"{float(told.render(controls(told)).double().sum()):.3f}\n"}


def test_an_unknown_family_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError) as caught:
        find_family("lumem")
    assert "lumen" in caught.value.hint


def test_a_misspelt_option_is_an_error() -> None:
    with pytest.raises(ConfigError, match="exposre"):
        build_generator("lumen", None, {"exposre": 2})
