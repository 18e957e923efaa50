"""Valence, arousal and chance -> what a scene is made of."""

from dataclasses import dataclass

import numpy as np

from lucidsonic.training.landscapes.noise import Field

__all__ = ["HOURS", "PLANTS", "ROCKS", "Scene", "imagine"]

# Zenith, horizon, sunlight, ambient light; linear-looking RGB.
HOURS: dict[str, tuple[tuple[float, float, float], ...]] = {
    "noon": ((0.18, 0.40, 0.78), (0.72, 0.84, 0.94), (1.0, 0.97, 0.88), (0.46, 0.52, 0.62)),
    "morning": ((0.36, 0.55, 0.80), (0.97, 0.85, 0.70), (1.0, 0.86, 0.64), (0.46, 0.46, 0.52)),
    "gold": ((0.34, 0.44, 0.66), (1.0, 0.74, 0.40), (1.0, 0.70, 0.36), (0.44, 0.36, 0.36)),
    "sunset": ((0.28, 0.22, 0.46), (0.98, 0.42, 0.20), (1.0, 0.46, 0.20), (0.36, 0.26, 0.34)),
    "pink": ((0.36, 0.34, 0.62), (0.98, 0.62, 0.62), (1.0, 0.66, 0.58), (0.46, 0.38, 0.48)),
    "dusk": ((0.08, 0.10, 0.26), (0.44, 0.34, 0.50), (0.42, 0.36, 0.52), (0.22, 0.22, 0.34)),
    "night": ((0.02, 0.03, 0.10), (0.10, 0.14, 0.26), (0.30, 0.36, 0.52), (0.10, 0.12, 0.20)),
    "overcast": (
        (0.50, 0.53, 0.57),
        (0.72, 0.73, 0.73),
        (0.52, 0.52, 0.52),
        (0.50, 0.51, 0.53),
    ),
    "storm": ((0.13, 0.15, 0.20), (0.40, 0.40, 0.40), (0.42, 0.41, 0.40), (0.24, 0.25, 0.28)),
    "blood": ((0.16, 0.08, 0.14), (0.86, 0.26, 0.10), (1.0, 0.36, 0.16), (0.24, 0.17, 0.20)),
    "teal": ((0.02, 0.14, 0.22), (0.16, 0.46, 0.50), (0.50, 0.72, 0.66), (0.12, 0.24, 0.28)),
    "violet": ((0.12, 0.05, 0.30), (0.62, 0.26, 0.62), (0.86, 0.46, 0.74), (0.22, 0.16, 0.36)),
    "azure": ((0.02, 0.22, 0.66), (0.42, 0.70, 0.95), (1.0, 0.95, 0.84), (0.34, 0.42, 0.58)),
}
# Where each hour lives on the plane: valence, arousal.
PLACES: dict[str, tuple[float, float]] = {
    "noon": (0.7, 0.1),
    "morning": (0.8, -0.5),
    "gold": (0.6, 0.5),
    "sunset": (0.15, 0.9),
    "pink": (0.5, -0.1),
    "dusk": (-0.5, -0.1),
    "night": (-0.9, 0.1),
    "overcast": (-0.2, -0.9),
    "storm": (-0.7, 0.2),
    "blood": (-0.6, 1.1),
    "teal": (-0.7, 0.8),
    "violet": (-0.4, 1.5),
    "azure": (0.8, 0.8),
}
# Grass, forest.
PLANTS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "spring": ((0.42, 0.60, 0.20), (0.20, 0.40, 0.14)),
    "summer": ((0.34, 0.48, 0.16), (0.10, 0.24, 0.09)),
    "autumn": ((0.62, 0.46, 0.18), (0.56, 0.26, 0.08)),
    "heath": ((0.46, 0.42, 0.26), (0.24, 0.26, 0.16)),
    "dry": ((0.70, 0.60, 0.36), (0.36, 0.34, 0.18)),
    "dead": ((0.32, 0.30, 0.26), (0.16, 0.16, 0.16)),
}
# Rock, sand or soil.
ROCKS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "granite": ((0.42, 0.41, 0.42), (0.56, 0.52, 0.44)),
    "slate": ((0.26, 0.28, 0.32), (0.40, 0.38, 0.36)),
    "red": ((0.58, 0.30, 0.20), (0.74, 0.48, 0.30)),
    "ochre": ((0.60, 0.46, 0.30), (0.82, 0.68, 0.46)),
    "basalt": ((0.16, 0.15, 0.16), (0.24, 0.22, 0.22)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A landscape in numbers. Lengths in picture heights, shares in [0, 1].

    Attributes:
        light: zenith, horizon, sun, ambient: float32 `(4, 3)`.
        sun: place of the sun or moon, `(x, height above the horizon)`.
        horizon: where it lies, from the top.
        relief: height of the mountains.
        roughness: from rolling hills to broken rock.
        terraces: how stepped the slopes are.
        valley: how far away the mountains start.
        water: sea level as a share of the relief; below 0 there is none.
        waves: how rough the water is.
        grass: colours of grass and forest `(2, 3)`.
        rock: colours of rock and soil `(2, 3)`.
        forest: share of the slopes that trees cover.
        snow: height above which it lies, as a share of the relief; below 0 everywhere.
        clouds: cover.
        cloud_weight: from wisps to heavy towers.
        fog: how fast the distance fades.
        trees: how many stand in front.
        rain: how much falls.
        flakes: how much snow falls.
        stars: how many shine.
        is_moon: a moon shines instead of the sun.
        contrast: spread of light and shade; 1 is neutral.
        warmth: shift towards orange or blue.
    """

    light: Field
    sun: tuple[float, float]
    horizon: float
    relief: float
    roughness: float
    terraces: float
    valley: float
    water: float
    waves: float
    grass: Field
    rock: Field
    forest: float
    snow: float
    clouds: float
    cloud_weight: float
    fog: float
    trees: int
    rain: float
    flakes: float
    stars: float
    is_moon: bool
    contrast: float
    warmth: float


def imagine(valence: float, arousal: float, rng: np.random.Generator) -> Scene:
    """Dream up a scene of that mood; every cell of the plane holds many different ones.

    Args:
        valence: from sad (-1) to happy (1).
        arousal: from calm (-1) to tense (1).
        rng: chance.
    """
    hour = _pick_hour(valence, arousal, rng)
    up, tense = (valence + 1) / 2, (arousal + 1) / 2
    plants, rocks = _pick_season(valence, rng), _pick_rock(tense, rng)
    is_wet = rng.random() < 0.42
    is_snowy = rng.random() < 0.22
    dark = hour in {"night", "dusk"}
    rain = float(rng.random() < 0.4 * (1 - up) * tense) * rng.uniform(0.3, 1.0)
    return Scene(
        light=_mix_light(hour, rng),
        sun=(rng.uniform(0.12, 0.88), _sun_height(hour, rng)),
        horizon=rng.uniform(0.36, 0.62),
        relief=_spread(rng, 0.20 + 0.38 * tense, 0.14, 0.06, 0.75),
        roughness=_spread(rng, 0.2 + 0.65 * tense, 0.2, 0, 1),
        terraces=float(rng.random() < 0.2) * rng.uniform(0.4, 0.9),
        valley=rng.uniform(0.0, 0.75),
        water=rng.uniform(0.05, 0.35) if is_wet else -1.0,
        waves=_spread(rng, tense, 0.15, 0, 1),
        grass=_vary(plants, rng),
        rock=_vary(rocks, rng),
        forest=rng.uniform(0, 0.9) * (0.4 + 0.6 * up),
        snow=rng.uniform(-0.2, 0.4) if is_snowy else rng.uniform(0.35, 1.6),
        clouds=_spread(rng, 0.55 - 0.25 * valence + 0.1 * arousal, 0.22, 0, 1),
        cloud_weight=_spread(rng, 0.25 + 0.6 * tense * (1.2 - up), 0.2, 0, 1),
        fog=_spread(rng, 0.34 - 0.3 * arousal - 0.1 * valence, 0.2, 0.0, 1.0),
        trees=int(rng.integers(3, 16)) if rng.random() < 0.3 else 0,
        rain=rain,
        flakes=float(is_snowy and rng.random() < 0.3) * rng.uniform(0.3, 1.0),
        stars=rng.uniform(0.2, 1.0) if dark else 0.0,
        is_moon=dark,
        contrast=_spread(rng, 0.85 + 0.4 * tense, 0.08, 0.7, 1.4),
        warmth=_spread(rng, 0.5 * valence, 0.25, -1, 1),
    )


def _pick_hour(valence: float, arousal: float, rng: np.random.Generator) -> str:
    names = list(PLACES)
    places = np.array([PLACES[name] for name in names])
    squared = ((places - (valence, arousal)) ** 2).sum(1)
    weights = np.exp(-squared / 0.45)
    return names[int(rng.choice(len(names), p=weights / weights.sum()))]


def _pick_season(valence: float, rng: np.random.Generator) -> Field:
    happiness = {
        "spring": 0.9,
        "summer": 0.5,
        "autumn": 0.3,
        "dry": 0.2,
        "heath": -0.4,
        "dead": -1,
    }
    names = list(happiness)
    weights = np.exp(-((np.array([happiness[n] for n in names]) - valence) ** 2) / 0.8)
    name = names[int(rng.choice(len(names), p=weights / weights.sum()))]
    return np.array(PLANTS[name], np.float32)


def _pick_rock(tense: float, rng: np.random.Generator) -> Field:
    weights = np.array([1.0, 0.8, 0.4 + tense, 0.8, 0.2 + 0.8 * tense])
    name = list(ROCKS)[int(rng.choice(len(ROCKS), p=weights / weights.sum()))]
    return np.array(ROCKS[name], np.float32)


def _mix_light(hour: str, rng: np.random.Generator) -> Field:
    other = list(HOURS)[int(rng.integers(len(HOURS)))]
    share = 0.2 * rng.random()
    light = (1 - share) * np.array(HOURS[hour]) + share * np.array(HOURS[other])
    return (light * rng.uniform(0.93, 1.07, (1, 3))).clip(0, 1).astype(np.float32)


def _sun_height(hour: str, rng: np.random.Generator) -> float:
    if hour in {"noon", "overcast", "storm", "night"}:
        return rng.uniform(0.15, 0.6)
    return rng.uniform(0.0, 0.14)


def _vary(colours: Field, rng: np.random.Generator) -> Field:
    return (colours * rng.uniform(0.85, 1.15, colours.shape)).clip(0, 1).astype(np.float32)


def _spread(
    rng: np.random.Generator, mean: float, deviation: float, low: float, high: float
) -> float:
    return float(np.clip(rng.normal(mean, deviation), low, high))
