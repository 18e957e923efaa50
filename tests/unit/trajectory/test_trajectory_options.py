"""The `[trajectory]` table: names, ranges, and a person's own keyframes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from steered import STILL, Model, song

from lucidsonic.errors import ConfigError
from lucidsonic.trajectory import Options

CLASSIC = [
    "speed_fpm",
    "pulse_react",
    "pulse_percussive",
    "pulse_harmonic",
    "motion_react",
    "motion_percussive",
    "motion_harmonic",
    "motion_randomness",
    "truncation",
    "classes",
    "dominant_classes_first",
    "class_pitch_react",
    "class_smooth_seconds",
    "class_complexity",
    "class_shuffle_seconds",
    "class_shuffle_strength",
]
RANGES: dict[str, tuple[list[Any], list[Any]]] = {  # accepted, refused
    "intensity": (["subtle", "normal", "club"], ["loud", ""]),
    "motion": (["auto", "drift", "hop"], ["jump"]),
    "keyframes_on": (["auto", "seconds", "beats", "bars", "sections"], ["notes"]),
    "keyframe_every": ([1, 64], [0, 65, 1.5]),
    "speed_fpm": ([0, 600], [-1, 601]),
    "latents": ([[], [0, 2**32 - 1]], [[-1], [2**32], ["a"], [1.5], list(range(513))]),
    "hop_ms": ([0, 400], [-1, 401]),
    "pulse_react": ([0, 3], [-0.1, 3.1]),
    "attack_ms": ([0, 200], [-1, 201]),
    "offset_ms": ([-250, 250], [-251, 251]),
    "decay_ms": ([20, 2000, None], [19, 2001]),
    "motion_react": ([0, 3], [-0.1, 3.1]),
    "motion_randomness": ([0, 1], [-0.1, 1.1]),
    "harmony_react": ([0, 3], [-0.1, 3.1]),
    "drop_react": ([0, 3], [-0.1, 3.1]),
    "truncation": ([0, 1.5], [-0.1, 1.6]),
    "truncation_react": ([0, 3], [-0.1, 3.1]),
    "noise_react": ([0, 3], [-0.1, 3.1]),
    "gain_react": ([0, 3], [-0.1, 3.1]),
    "layer_gains": ([[0, 1, 3]], [[1, 1], [1, 1, 4], [-1, 1, 1]]),
    "transform_react": ([0, 3], [-0.1, 3.1]),
    "classes": ([None, [0], ["a", 3]], [[], 3]),
    "class_pitch_react": ([0, 2], [-0.1, 2.1]),
    "class_smooth_seconds": ([0, 60], [-1, 61]),
    "class_complexity": ([0, 1], [-0.1, 1.1]),
    "class_shuffle_seconds": ([None, 0.1, [0, 1.5, 80]], [0, -1, [-1]]),
    "class_shuffle_strength": ([0, 1], [-0.1, 1.1]),
    "va_gain": ([0, 4], [-0.1, 4.1]),
    "va_smooth": ([0, 60], [-1, 61]),
}
SWITCHES = {
    "loop",
    "pulse_percussive",
    "pulse_harmonic",
    "motion_percussive",
    "motion_harmonic",
    "dominant_classes_first",
}


def test_every_control_of_the_classic_tool_is_there_under_its_name():
    assert set(CLASSIC) <= set(Options.model_fields)


def test_every_option_is_described_and_has_a_range_or_is_a_switch():
    assert set(RANGES) | SWITCHES | {"latents_file"} == set(Options.model_fields)
    assert all(field.description for field in Options.model_fields.values())


@pytest.mark.parametrize("name", RANGES)
def test_values_in_range_are_accepted_and_others_refused(name: str):
    good, bad = RANGES[name]
    for value in good:
        Options.model_validate({name: value})
    for value in bad:
        with pytest.raises(ValidationError, match=name):
            Options.model_validate({name: value})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_a_number_is_no_setting(value: float):
    for name in ("speed_fpm", "pulse_react", "truncation", "class_smooth_seconds"):
        with pytest.raises(ValidationError):
            Options.model_validate({name: value})


def test_a_misspelt_option_is_refused():
    with pytest.raises(ValidationError, match="pulse_raect"):
        Options.model_validate({"pulse_raect": 1})


def test_options_survive_the_plan_file():
    options = Options(
        latents=(1, 2), classes=(3, "a"), class_shuffle_seconds=(1.0, 2.0), loop=True
    )
    text = json.dumps(options.model_dump(mode="json"))

    assert Options.model_validate_json(text) == options


@pytest.mark.parametrize("shape", [(3, 64), (3, 10, 64)])
@pytest.mark.parametrize("space", ["w", "z"])
def test_keyframes_come_from_a_file(tmp_path: Path, shape: tuple[int, ...], space: str):
    places = np.random.default_rng(0).standard_normal((3, 64)).astype(np.float32)
    saved = np.broadcast_to(places[:, None] if len(shape) == 3 else places, shape)
    np.savez(tmp_path / "my.npz", **{space: saved})  # pyright: ignore[reportArgumentType]
    model = Model(space=space, spherical=False)
    film = model.film(
        song(60), latents_file=tmp_path / "my.npz", keyframes_on="seconds", **STILL
    )
    near = np.linalg.norm(film.latent[:, 0, None] - places, axis=2).min(axis=0)

    assert film.latent[0, 0] == pytest.approx(places[0], abs=1e-5)
    assert near.max() < 0.3
    assert model.asked == []


def refuse(path: Path, match: str, **capabilities: Any) -> None:
    with pytest.raises(ConfigError, match=match) as caught:
        Model(**capabilities).plan(song(1), latents_file=path)
    assert caught.value.hint


def test_a_file_that_does_not_fit_is_refused_with_a_reason(tmp_path: Path):
    file = tmp_path / "my.npz"
    refuse(file, "no file")
    file.write_bytes(b"not an archive")
    refuse(file, "not an .npz")
    file.write_bytes(b"")
    refuse(file, "not an .npz")
    np.savez(file, w=np.zeros((2, 64)))
    refuse(file, "not 'z'")
    np.savez(file, z=np.zeros((2, 32)))
    refuse(file, r"\(2, 32\)")
    np.savez(file, z=np.zeros((0, 64)))
    refuse(file, r"\(0, 64\)")
    np.savez(file, z=np.full((2, 64), np.nan))
    refuse(file, "not finite")
    np.savez(file, z=np.array(["words"]))
    refuse(file, "not an .npz")


def test_a_file_is_never_run(tmp_path: Path):
    file = tmp_path / "my.npz"
    np.savez(file, z=np.array([{"an": "object"}], dtype=object))
    refuse(file, "not an .npz")
    np.save(tmp_path / "one.npy", np.zeros((2, 64)))
    refuse(tmp_path / "one.npy", "not an .npz")
