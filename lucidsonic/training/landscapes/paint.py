"""Valence, arousal, seed -> a landscape picture."""

import numpy as np
from scipy.ndimage import gaussian_filter, uniform_filter1d

from lucidsonic.training.landscapes.colour import grade, target_colour
from lucidsonic.training.landscapes.mood import Scene, imagine
from lucidsonic.training.landscapes.noise import Field, fractal, smoothstep
from lucidsonic.training.landscapes.sky import paint_sky
from lucidsonic.training.landscapes.terrain import FAR, Sight, look, raise_ground, shade
from lucidsonic.training.landscapes.trees import plant_trees
from lucidsonic.types import Pictures

__all__ = ["render_landscape"]

OBEDIENCE = (0.75, 1.0)  # share of the way that a scene's colours go towards its labels


def render_landscape(valence: float, arousal: float, *, size: int, seed: int) -> Pictures:
    """Paint one landscape that feels as asked.

    Light, warmth, saturation, weather, ruggedness and contrast follow valence and arousal
    together; everything else is chance.

    Args:
        valence: from sad (-1) to happy (1).
        arousal: from calm (-1) to tense (1).
        size: side of the picture, pixels.
        seed: names the scene.

    Returns:
        uint8 RGB `(size, size, 3)`.
    """
    rng = np.random.default_rng(seed)
    scene = imagine(valence, arousal, rng)
    picture = _compose(scene, rng, size)
    picture = _weather(picture, scene, rng)
    picture = _develop(picture, scene, rng)
    brightness, saturation = target_colour(valence, arousal)
    strength = rng.uniform(*OBEDIENCE)
    picture = grade(picture, brightness=brightness, saturation=saturation, strength=strength)
    return (picture * 255 + 0.5).astype(np.uint8)


def _compose(scene: Scene, rng: np.random.Generator, size: int) -> Field:
    sky = paint_sky(scene, rng, size)
    ground = raise_ground(scene, rng)
    sight = look(ground, scene, size)
    fade = _fade(sight, scene, rng, size)
    haze = _haze(sky, scene, size)
    land = shade(ground, sight, scene)
    land = land + (haze - land) * fade[..., None]
    is_land = (sight.hit * (1 - sight.water))[..., None]
    picture = sky + (land - sky) * is_land
    if sight.water.any():
        picture = _add_water(picture, sight, scene, rng, fade=fade, haze=haze)
    return plant_trees(picture, scene, rng)


def _fade(sight: Sight, scene: Scene, rng: np.random.Generator, size: int) -> Field:
    thick = 0.0045 + 0.03 * scene.fog**2
    fade = 1 - np.exp(-thick * sight.depth)
    if scene.fog > 0.5:  # banks that hang over the ground
        banks = fractal(rng, size, slope=3.0, stretch=0.35)
        fade = fade + (scene.fog - 0.5) * 0.9 * smoothstep(-0.2, 1.6, banks) * sight.depth / FAR
    return np.clip(fade, 0, 0.96)


def _haze(sky: Field, scene: Scene, size: int) -> Field:
    row = min(size - 1, int(scene.horizon * size) - 1)
    line = uniform_filter1d(sky[max(row - 3, 0) : row + 1].mean(0), size // 4, axis=0)
    return line[None]


def _add_water(
    picture: Field,
    sight: Sight,
    scene: Scene,
    rng: np.random.Generator,
    *,
    fade: Field,
    haze: Field,
) -> Field:
    size = len(picture)
    rows = np.arange(size, dtype=np.float32)[:, None]
    line = scene.horizon * size
    below = np.clip(rows - line, 0, None)
    ripples = fractal(rng, size, slope=1.8, stretch=0.16)
    swing = ripples * (0.6 + 5 * scene.waves) * np.clip(below / size * 2.2 + 0.05, 0, 0.6)
    source = np.clip(np.round(2 * line - rows + swing * 2.2), 0, size - 1).astype(int)
    mirror = picture[source, np.arange(size)[None]]
    deep = 0.35 * scene.light[0] + 0.2 * scene.light[3]
    grazing = np.clip(1.02 - below / size * 1.1, 0.35, 0.96)[..., None]
    water = deep + (mirror * 0.94 - deep) * grazing
    crests = smoothstep(1.3 - 0.5 * scene.waves, 2.6, ripples) * scene.waves
    water = water + (0.45 * crests * np.clip(below / size * 4, 0, 1))[..., None] * (
        scene.light[1] * 0.7 + 0.3
    )
    water = water + (haze - water) * (fade * 0.8)[..., None]
    return picture + (water - picture) * sight.water[..., None]


def _weather(picture: Field, scene: Scene, rng: np.random.Generator) -> Field:
    size = len(picture)
    if scene.rain:
        drops = (rng.random((size, size)) > 0.985).astype(np.float32)
        streaks = uniform_filter1d(drops, max(size // 9, 3), axis=0)
        lean = np.arange(size)[:, None] // 5
        streaks = streaks[np.arange(size)[:, None], (np.arange(size)[None] + lean) % size]
        picture = picture + (streaks * 1.1 * scene.rain)[..., None] * (0.9 - picture)
    if scene.flakes:
        flakes = (rng.random((size, size)) > 1 - 0.02 * scene.flakes).astype(np.float32)
        soft = gaussian_filter(flakes, size / 260)
        picture = picture + (np.clip(soft * 2.2, 0, 0.75))[..., None] * (1 - picture)
    return picture


def _develop(picture: Field, scene: Scene, rng: np.random.Generator) -> Field:
    size = len(picture)
    bloom = gaussian_filter(np.clip(picture - 0.8, 0, 0.4), (size / 22, size / 22, 0))
    picture = np.clip(picture + 0.35 * bloom, 0, 1.2)
    warm = np.array([1 + 0.09 * scene.warmth, 1, 1 - 0.10 * scene.warmth], np.float32)
    picture = np.clip(picture * warm, 0, 1)
    middle = picture.mean()
    picture = middle + (picture - middle) * scene.contrast
    edge = np.linspace(-1, 1, size, dtype=np.float32)
    vignette = 1 - 0.10 * (edge[:, None] ** 2 + edge[None] ** 2)
    grain = rng.standard_normal((size, size, 1)).astype(np.float32) * 0.008
    return np.clip(picture * vignette[..., None] + grain, 0, 1)
