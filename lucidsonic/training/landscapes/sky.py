"""A scene -> its sky: light, sun or moon, stars, clouds."""

import numpy as np

from lucidsonic.training.landscapes.mood import Scene
from lucidsonic.training.landscapes.noise import Field, fractal, lookup, smoothstep

__all__ = ["paint_sky"]

FIELD = 256  # points of the cloud field


def paint_sky(scene: Scene, rng: np.random.Generator, size: int) -> Field:
    """RGB `(size, size, 3)`; rows below the horizon hold the horizon's colour."""
    zenith, horizon, sun, _ = scene.light
    y = (np.arange(size, dtype=np.float32)[:, None] + 0.5) / size
    x = (np.arange(size, dtype=np.float32)[None] + 0.5) / size
    above = np.clip(scene.horizon - y, 0, 1)
    rise = 1 - np.exp(-above * 4.2)
    sky = horizon + (zenith - horizon) * np.broadcast_to(rise, (size, size))[..., None]
    distance = np.hypot(x - scene.sun[0], y - (scene.horizon - scene.sun[1]))
    sky = _add_stars(sky, scene, rng, above)
    sky = _add_sun(sky, scene, sun, distance)
    return _add_clouds(sky, scene, rng, above=above, distance=distance)


def _add_stars(sky: Field, scene: Scene, rng: np.random.Generator, above: Field) -> Field:
    if not scene.stars:
        return sky
    size = len(sky)
    shine = rng.random((size, size)) ** (260 / (0.3 + scene.stars))
    return sky + (shine * smoothstep(0.02, 0.25, above) * 0.9)[..., None].astype(np.float32)


def _add_sun(sky: Field, scene: Scene, light: Field, distance: Field) -> Field:
    veil = 1 - 0.75 * scene.clouds
    glow = np.exp(-distance * (9 if scene.is_moon else 5.5)) * veil
    sky = sky + (glow * (0.3 if scene.is_moon else 0.5))[..., None] * light
    radius = 0.026
    disc = smoothstep(radius + 0.008, radius - 0.004, distance) * veil
    colour = np.array([0.95, 0.96, 1.0] if scene.is_moon else [1.0, 0.97, 0.86], np.float32)
    return sky + (colour - sky) * disc[..., None]


def _add_clouds(
    sky: Field,
    scene: Scene,
    rng: np.random.Generator,
    *,
    above: Field,
    distance: Field,
) -> Field:
    size = len(sky)
    field = fractal(rng, FIELD, slope=2.9 - 0.4 * scene.cloud_weight)
    x = (np.arange(size, dtype=np.float32)[None] + 0.5) / size - 0.5
    # A flat layer overhead: the nearer the horizon, the further away and the flatter.
    far = 1 / (above + 0.10)
    rows = np.broadcast_to(far * 11, (size, size))
    columns = x * far * 22 + rng.uniform(0, FIELD)
    density = lookup(field, rows, columns)
    towards = lookup(field, rows + 1.5, columns + 4 * (scene.sun[0] - 0.5 - x))
    cover = smoothstep(
        -0.35, 0.75 - 0.2 * scene.cloud_weight, density + 3.2 * scene.clouds - 1.9
    )
    cover = cover * smoothstep(-0.01, 0.05, np.broadcast_to(above, cover.shape))
    lit = np.clip(0.62 + 0.30 * (density - towards) - 0.22 * scene.cloud_weight * density, 0, 1)
    return _tint_clouds(sky, scene, cover, lit, distance)


def _tint_clouds(sky: Field, scene: Scene, cover: Field, lit: Field, distance: Field) -> Field:
    zenith, horizon, sun, ambient = scene.light
    bright = np.clip(0.45 * horizon + 0.65 * sun, 0, 1)
    dim = (0.45 * ambient + 0.35 * zenith + 0.2 * horizon) * (1 - 0.35 * scene.cloud_weight)
    near_sun = np.exp(-3.5 * distance) * (0 if scene.is_moon else 0.5)
    share = np.clip(lit + near_sun, 0, 1.15)[..., None]
    return sky + (dim + (bright - dim) * share - sky) * (0.94 * cover)[..., None]
