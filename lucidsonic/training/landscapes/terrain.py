"""A scene -> its ground: height field, what each pixel sees of it, and how that is lit."""

from dataclasses import dataclass

import numpy as np

from lucidsonic.training.landscapes.mood import Scene
from lucidsonic.training.landscapes.noise import Field, fractal, lookup, smoothstep

__all__ = ["Ground", "Sight", "look", "raise_ground", "shade"]

SIDE = 256  # points of the height field, one unit apart; it wraps around
NEAR, FAR = 3.0, 200.0  # units
RAYS = 220  # depths looked at
SPREAD = 0.62  # half the picture's width at depth 1
EYE = 2.6  # units above the ground at the camera


@dataclass(frozen=True, slots=True)
class Ground:
    """Land on a wrapping grid.

    Attributes:
        height: float32 `(SIDE, SIDE)`, units.
        grain: fine detail, mean 0, deviation 1.
        patches: where forest and soil lie, mean 0, deviation 1.
        sea: water level, units; far below everything when there is none.
        top: height that counts as 1 for the snow line, units.
    """

    height: Field
    grain: Field
    patches: Field
    sea: float
    top: float


@dataclass(frozen=True, slots=True)
class Sight:
    """What each pixel sees; arrays are `(height, width)`.

    Attributes:
        depth: distance, units; FAR where there is only sky.
        x: where across the field.
        hit: 1 on the ground, 0 in the sky.
        water: 1 on water.
    """

    depth: Field
    x: Field
    hit: Field
    water: Field


def raise_ground(scene: Scene, rng: np.random.Generator) -> Ground:
    """Make the height field; row 0 is at the camera, later rows further away."""
    base = fractal(rng, SIDE, slope=3.6 - 0.9 * scene.roughness)
    crests = fractal(rng, SIDE, slope=3.2 - 0.5 * scene.roughness)
    ridged = 1.2 - 1.6 * np.abs(crests)
    shape = (1 - 0.65 * scene.roughness) * base + 0.65 * scene.roughness * ridged
    if scene.terraces:
        steps = np.round(shape * 2.2) / 2.2
        shape += scene.terraces * (steps + 0.15 * (shape - steps) - shape)
    depth = np.arange(SIDE, dtype=np.float32)[:, None]
    start = 10 + 60 * scene.valley
    rise = smoothstep(start - 8, start + 50, depth) * smoothstep(-SIDE, 30 - SIDE, -depth)
    relief = 110 * scene.relief * (0.12 + 0.88 * rise)
    height = relief * np.clip(0.42 + 0.36 * shape, -0.3, 1.8)
    grain = fractal(rng, SIDE, slope=1.7)
    height += 0.05 * grain * (0.4 + scene.roughness)
    top = 110 * scene.relief
    sea = top * scene.water * 0.55 if scene.water >= 0 else -1e3
    patches = fractal(rng, SIDE, slope=2.0)
    return Ground(height.astype(np.float32), grain, patches, float(sea), top)


def look(ground: Ground, scene: Scene, size: int) -> Sight:
    """Find what each pixel of a square picture sees: the nearest ground on its ray."""
    depths = np.geomspace(NEAR, FAR, RAYS).astype(np.float32)[:, None]
    columns = ((np.arange(size) + 0.5) / size * 2 - 1).astype(np.float32)[None]
    x = SIDE / 2 + depths * columns * SPREAD
    land = lookup(ground.height, np.broadcast_to(depths, x.shape), x)
    surface = np.maximum(land, ground.sea)
    eye = max(float(land[0].mean()), float(land[:40].max()) * 0.8, ground.sea) + EYE
    row = size * (scene.horizon + 0.5 / SPREAD * (eye - surface) / depths)
    highest = np.minimum.accumulate(row, axis=0)
    return _sights(highest, depths[:, 0], columns[0], ground, size)


def _sights(highest: Field, depths: Field, columns: Field, ground: Ground, size: int) -> Sight:
    rows = np.arange(size, dtype=np.float32) + 0.5
    # The first depth whose silhouette reaches up to the pixel; depths fall along axis 0.
    index = np.stack(
        [np.searchsorted(-highest[:, i], -rows, side="left") for i in range(size)], axis=1
    )
    hit = (index < RAYS).astype(np.float32)
    index = np.clip(index, 1, RAYS - 1)
    place = np.arange(size)[None]
    before, after = highest[index - 1, place], highest[index, place]
    share = np.clip((before - rows[:, None]) / np.maximum(before - after, 1e-3), 0, 1)
    depth = depths[index - 1] + (depths[index] - depths[index - 1]) * share
    x = SIDE / 2 + depth * columns[None] * SPREAD
    land = lookup(ground.height, depth, x)
    water = hit * (land <= ground.sea + 0.02)
    return Sight(np.where(hit > 0, depth, FAR), x, hit, water.astype(np.float32))


def shade(ground: Ground, sight: Sight, scene: Scene) -> Field:
    """Light on the land: RGB `(height, width, 3)`, not yet faded by distance."""
    height = lookup(ground.height, sight.depth, sight.x)
    fine = np.clip(40 / sight.depth, 0.6, 6)
    grain = lookup(ground.grain, sight.depth * fine, sight.x * fine)
    patches = lookup(ground.patches, sight.depth, sight.x)
    slope_x, slope_z = _slopes(ground, sight)
    steep = np.sqrt(slope_x**2 + slope_z**2)
    colour = _cover(height, steep, patches, grain, ground, scene)
    return colour * _light(slope_x, slope_z, grain, scene)


def _slopes(ground: Ground, sight: Sight) -> tuple[Field, Field]:
    step = np.clip(sight.depth * 0.012, 0.5, 2.0)
    left = lookup(ground.height, sight.depth, sight.x - step)
    right = lookup(ground.height, sight.depth, sight.x + step)
    front = lookup(ground.height, sight.depth - step, sight.x)
    back = lookup(ground.height, sight.depth + step, sight.x)
    return (right - left) / (2 * step), (back - front) / (2 * step)


def _cover(
    height: Field,
    steep: Field,
    patches: Field,
    grain: Field,
    ground: Ground,
    scene: Scene,
) -> Field:
    rock, soil = scene.rock
    grass, forest = scene.grass
    share = height / max(ground.top, 1e-3)
    colour = _blend(soil, grass, smoothstep(-1.0, 0.4, patches + 0.3 * grain))
    wooded = smoothstep(0.2, 0.6, scene.forest + 0.35 * patches - 0.4 * share)
    colour = _blend(colour, forest * (1 + 0.25 * grain[..., None]), wooded)
    bare = smoothstep(0.55, 1.1, steep + 0.25 * grain + 0.4 * share)
    colour = _blend(colour, rock * (1 + 0.16 * grain[..., None]), bare)
    white = smoothstep(scene.snow - 0.12, scene.snow + 0.12, share + 0.12 * grain)
    white = white * smoothstep(1.9, 0.8, steep + 0.3 * grain)
    colour = _blend(colour, np.array([0.92, 0.95, 1.0], np.float32), white)
    shore = smoothstep(0.9, 0.1, height - ground.sea)
    return _blend(colour, soil * 0.8, shore * (1 - white))


def _light(slope_x: Field, slope_z: Field, grain: Field, scene: Scene) -> Field:
    _, _, sun, ambient = scene.light
    x, up = (scene.sun[0] - 0.5) * 2.2, 0.35 + scene.sun[1]
    direction = np.array([x, up, 0.25]) / np.linalg.norm([x, up, 0.25])
    length = np.sqrt(1 + slope_x**2 + slope_z**2)
    facing = (-slope_x * direction[0] + direction[1] - slope_z * direction[2]) / length
    direct = np.clip(facing + 0.10 * grain, 0, 1.2)[..., None] * (1 - 0.6 * scene.clouds**2)
    return direct * sun * 1.55 + ambient * (0.55 + 0.25 / length[..., None])


def _blend(under: Field, over: Field, share: Field) -> Field:
    share = share[..., None] if share.ndim == 2 else share
    return under + (over - under) * share
