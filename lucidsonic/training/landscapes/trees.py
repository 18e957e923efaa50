"""Trees that stand in front of a landscape."""

import numpy as np

from lucidsonic.training.landscapes.mood import Scene
from lucidsonic.training.landscapes.noise import Field, smoothstep

__all__ = ["plant_trees"]


def plant_trees(picture: Field, scene: Scene, rng: np.random.Generator) -> Field:
    """Draw the scene's trees, far ones first; conifers or broad crowns, one kind a picture."""
    if not scene.trees:
        return picture
    picture = picture.copy()
    is_conifer = rng.random() < 0.6
    side = rng.choice([-1, 0, 1])
    nearness = np.sort(rng.uniform(0.1, 1.0, scene.trees))
    for near in nearness:
        x = rng.uniform(-0.05, 1.05) if side == 0 else 0.5 + side * rng.uniform(0.15, 0.55)
        height = (0.07 + 0.38 * near**1.5) * rng.uniform(0.7, 1.2)
        foot = scene.horizon + 0.05 + (1.02 - scene.horizon) * near**1.3
        _draw_tree(
            picture, scene, rng, place=(x, foot, height, float(near)), conifer=is_conifer
        )
    return picture


def _draw_tree(
    picture: Field,
    scene: Scene,
    rng: np.random.Generator,
    *,
    place: tuple[float, float, float, float],
    conifer: bool,
) -> None:
    size = len(picture)
    x, foot, height, near = place
    width = height * (0.22 if conifer else 0.42)
    left, right = (int(np.clip(size * (x + s * width), 0, size)) for s in (-1, 1))
    top, bottom = (int(np.clip(size * y, 0, size)) for y in (foot - height, foot))
    if right - left < 2 or bottom - top < 2:
        return
    across = ((np.arange(left, right) + 0.5) / size - x)[None] / width
    down = ((np.arange(top, bottom) + 0.5) / size - foot + height)[:, None] / height
    mask, lit = (_conifer if conifer else _crown)(across, down, rng)
    _, _, sun, ambient = scene.light
    towards = np.sign(scene.sun[0] - x) * across
    light = (
        ambient * 0.8 + sun * 0.55 * np.clip(0.35 + 0.5 * towards + 0.5 * lit, 0, 1)[..., None]
    )
    colour = scene.grass[1] * rng.uniform(0.7, 1.1) * light
    haze = scene.light[1] * 0.8
    colour = colour + (haze - colour) * (0.45 * (1 - near) * (0.4 + scene.fog))
    patch = picture[top:bottom, left:right]
    patch += (colour - patch) * mask[..., None]


def _conifer(across: Field, down: Field, rng: np.random.Generator) -> tuple[Field, Field]:
    tiers = rng.integers(5, 9)
    saw = (down * tiers) % 1.0
    edge = np.clip(down, 0, 0.92) * (0.55 + 0.45 * saw)
    ragged = rng.normal(0, 0.10, across.shape[1])[None] + rng.normal(0, 0.08, down.shape)
    mask = smoothstep(0.0, 0.12, edge - np.abs(across) + ragged * np.minimum(1, down * 2))
    trunk = (np.abs(across) < 0.07) & (down > 0.85)
    mask = np.where(down > 0.94, trunk, mask).astype(np.float32)
    return mask, (0.5 - saw) * np.ones_like(across)


def _crown(across: Field, down: Field, rng: np.random.Generator) -> tuple[Field, Field]:
    mask = np.zeros(np.broadcast_shapes(across.shape, down.shape), np.float32)
    lit = np.zeros_like(mask)
    for _ in range(7):
        centre_x, centre_y = rng.uniform(-0.5, 0.5), rng.uniform(0.2, 0.52)
        radius = rng.uniform(0.18, 0.34)
        reach = np.hypot(across - centre_x, (down - centre_y) * 1.7) / radius
        ball = smoothstep(1.08, 0.82, reach + rng.normal(0, 0.10, mask.shape))
        lit = np.where(ball > 0.5, (centre_y - down) * 1.6, lit)
        mask = np.maximum(mask, ball)
    trunk = smoothstep(0.09, 0.05, np.abs(across)) * (down > 0.45)
    return np.maximum(mask, trunk.astype(np.float32)), lit
