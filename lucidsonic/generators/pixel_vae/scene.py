"""Sprites as numbers of colours -> a tile map with dancers on it, still as numbers.

A large sprite stands in the middle, smaller ones around it in mirror symmetry, on a floor of
tiles under a lamp. Everything moves by whole pixels.
"""

import math
from dataclasses import dataclass, replace

import torch

from lucidsonic.generators.pixel_vae.palette import BAYER, SHADES, Palette, double_size

VARIANTS = 4  # looks of each floor
MAP = 8  # tiles; the floor repeats after so many
COMPANIONS = 3  # kinds of small dancers
SPARKS = 40
NOTHING = -1  # number of a see-through pixel
SHADOW = 2  # steps of darkness under a dancer
LIGHT = 0.45  # radius of the full light, in half diagonals of the picture
HEADROOM = 16  # rows above the picture that a jump may reach, pixels


@dataclass(frozen=True, slots=True, eq=False)
class Cast:
    """The sprites of some frames, as colour numbers; NOTHING is see-through.

    Attributes:
        hero: `(frames, size, size)`.
        companions: `(frames, COMPANIONS, size, size)`.
    """

    hero: torch.Tensor
    companions: torch.Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Moves:
    """How the scene stands in each of some frames.

    Attributes:
        floor: weights of the floors `(frames, floors)`, adding up to 1.
        pan: whole pixels that the floor has moved, down and right: int64 `(frames, 2)`.
        jump: height of the dancers and of the hero, pixels: `(frames, 2)`.
        turn: rotations of the floor's palette, whole numbers `(frames,)`.
        light: widens the lamp, 0 is neutral: `(frames,)`.
        sparks: share of the sparks that glow `(frames,)` in [0, 1].
        drift: how far the sparks have risen, turns: `(frames,)`.
    """

    floor: torch.Tensor
    pan: torch.Tensor
    jump: torch.Tensor
    turn: torch.Tensor
    light: torch.Tensor
    sparks: torch.Tensor
    drift: torch.Tensor


@dataclass(frozen=True, slots=True)
class Place:
    """Where a small dancer stands: its upper left corner, its kind, which way it looks."""

    top: int
    left: int
    kind: int
    is_mirrored: bool
    is_jumper: bool


class Stage:
    """A picture of fixed size with everything in it that does not move.

    Args:
        height: pixels.
        width: pixels.
        sprite: side of a sprite, pixels.
        palette: the film's colours.
        floors: colour numbers of the floor tiles `(floors, VARIANTS, sprite, sprite)`.
    """

    def __init__(
        self, height: int, width: int, *, sprite: int, palette: Palette, floors: torch.Tensor
    ) -> None:
        device = floors.device
        self.height, self.width, self.sprite = height, width, sprite
        self.palette = palette
        self.floors = floors
        self.hero_scale = 2 if min(height, width) >= 3 * sprite else 1
        self.places = tuple(dancer_places(height, width, sprite, self.hero_scale * sprite))
        rows = torch.arange(height, device=device) - height // 2
        columns = torch.arange(width, device=device) - width // 2
        self.rows = rows[:, None].expand(height, width)
        self.columns = columns[None].expand(height, width)
        bayer = BAYER.to(device).repeat(-(-height // 4), -(-width // 4))[:height, :width]
        self.grain = (bayer + 0.5) / 16
        reach = math.hypot(height, width) / 2
        self.distance = torch.hypot(self.rows.float(), self.columns.float()) / reach
        self.shadow = self.cast_shadows().to(device)
        self.thresholds, self.looks = tile_order(device)
        self.spark_places = spark_places(device)

    @property
    def hero_corner(self) -> tuple[int, int]:
        side = self.hero_scale * self.sprite
        return (self.height - side) // 2, (self.width - side) // 2

    def paint(self, cast: Cast, moves: Moves) -> torch.Tensor:
        """Colour numbers `(frames, height, width)`."""
        floor = self.paint_floor(moves)
        self.add_sparks(floor, moves)
        canvas = torch.nn.functional.pad(floor, (0, 0, HEADROOM, 0))
        dancing, standing = moves.jump[:, 0], torch.zeros_like(moves.jump[:, 0])
        for place in self.places:
            dancer = cast.companions[:, place.kind]
            rise = dancing if place.is_jumper else standing
            put(
                canvas,
                dancer.flip(2) if place.is_mirrored else dancer,
                place.top,
                place.left,
                rise,
            )
        hero = double_size(cast.hero) if self.hero_scale == 2 else cast.hero
        put(canvas, hero, *self.hero_corner, moves.jump[:, 1])
        return canvas[:, HEADROOM:]

    def paint_floor(self, moves: Moves) -> torch.Tensor:
        """Lit floor tiles: `(frames, height, width)`."""
        frames = len(moves.turn)
        rows = self.rows + moves.pan[:, 0, None, None]
        columns = self.columns + moves.pan[:, 1, None, None]
        tile_row = rows.div(self.sprite, rounding_mode="floor") % MAP
        tile_column = columns.div(self.sprite, rounding_mode="floor") % MAP
        owner = choose_floors(moves.floor, self.thresholds)  # frames, MAP, MAP
        frame = torch.arange(frames, device=rows.device)[:, None, None]
        tiles = self.floors[
            owner[frame, tile_row, tile_column],
            self.looks[tile_row, tile_column],
            rows % self.sprite,
            columns % self.sprite,
        ]
        turned = self.palette.turns[moves.turn[:, None, None], tiles]
        return self.palette.shades[self.darkness(moves.light), turned]

    def darkness(self, light: torch.Tensor) -> torch.Tensor:
        """Steps of darkness `(frames, height, width)`: a dithered lamp, shadows on top."""
        radius = (LIGHT + light)[:, None, None]
        fall = ((self.distance - radius) / (1.0 - LIGHT)).clamp(0, 1) * (SHADES - 1)
        steps = (fall + self.grain - 0.5).round().clamp(0, SHADES - 1)
        return torch.maximum(steps.long(), self.shadow)

    def cast_shadows(self) -> torch.Tensor:
        """Flat ellipses under everybody's feet: `(height, width)` of 0 or SHADOW."""
        rows = torch.arange(self.height)[:, None]
        columns = torch.arange(self.width)[None]
        dark = torch.zeros(self.height, self.width, dtype=torch.long)
        side = self.hero_scale * self.sprite
        spots = [(p.top, p.left, self.sprite) for p in self.places]
        for top, left, width in [*spots, (*self.hero_corner, side)]:
            y, x = top + width * 0.95 - rows, left + width / 2 - columns - 0.5
            dark[(x / (width * 0.42)) ** 2 + (y / (width * 0.11)) ** 2 < 1] = SHADOW
        return dark

    def add_sparks(self, canvas: torch.Tensor, moves: Moves) -> None:
        """Small bright crosses that rise; few in silence, many on the hats."""
        brightest = len(self.palette) - 1
        rise = (moves.drift[:, None] + self.spark_places[:, 2]) % 1
        rows = ((self.spark_places[:, 0] - rise) % 1 * self.height).long()
        columns = (self.spark_places[:, 1] * self.width).long().expand_as(rows)
        order = torch.arange(SPARKS, device=canvas.device) / SPARKS
        glow = torch.where(order < moves.sparks[:, None], brightest, 0)
        for dy, dx in ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)):
            at = (rows + dy) % self.height * self.width + (columns + dx) % self.width
            # the brightest colour has the largest number: a dark spark changes nothing
            canvas.flatten(1).scatter_reduce_(1, at, glow, "amax")


def dancer_places(height: int, width: int, sprite: int, hero: int) -> list[Place]:
    """Mirrored columns of dancers beside the hero; rows above and below in a tall picture."""
    if height > width:
        turned = dancer_places(width, height, sprite, hero)
        return [
            replace(p, top=p.left, left=p.top, is_mirrored=p.top * 2 > width) for p in turned
        ]
    pitch = sprite * 5 // 4
    across = range((hero + sprite) // 2, width // 2 - sprite // 2 + 1, pitch)
    down = range(0, height // 2 - sprite // 2 + 1, pitch)
    return [
        Place(
            top=height // 2 + row - sprite // 2,
            left=width // 2 + column - sprite // 2,
            kind=(i + abs(row) // pitch) % COMPANIONS,
            is_mirrored=column > 0,
            is_jumper=(i + abs(row) // pitch) % 2 == 0,
        )
        for row in sorted({*down, *(-r for r in down)})
        for i, distance in enumerate(across)
        for column in (-distance, distance)
    ]


def tile_order(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """For each tile of the map: when it changes its floor, and which of the looks it has."""
    fine = BAYER / 16
    coarse = torch.tensor([[0.0, 2.0], [3.0, 1.0]]) / 64
    thresholds = fine.repeat(2, 2) + coarse.repeat_interleave(4, 0).repeat_interleave(4, 1)
    looks = torch.randint(VARIANTS, (MAP, MAP), generator=torch.Generator().manual_seed(5))
    return (thresholds + 0.5 / 64).to(device), looks.to(device)


def choose_floors(weights: torch.Tensor, thresholds: torch.Tensor) -> torch.Tensor:
    """Which floor each tile shows, so that floors cover the map as their weights say.

    Args:
        weights: `(frames, floors)`, adding up to 1.
        thresholds: `(MAP, MAP)` in (0, 1), all different.

    Returns:
        int64 `(frames, MAP, MAP)`.
    """
    ends = weights.cumsum(1)
    ends = ends / ends[:, -1:].clamp(min=1e-6)
    passed = thresholds[None, :, :, None] >= ends[:, None, None, :]
    return passed.sum(3).clamp(max=weights.shape[1] - 1)


def spark_places(device: torch.device) -> torch.Tensor:
    """Row, column and phase of each spark, spread evenly: `(SPARKS, 3)` in [0, 1)."""
    number = torch.arange(SPARKS, dtype=torch.float64)[:, None]
    # R3 sequence: multiples of the powers of the generalised golden ratio (M. Roberts, 2018)
    ratio = 1.2207440846057596
    steps = torch.tensor([ratio**-1, ratio**-2, ratio**-3], dtype=torch.float64)
    return ((0.5 + number * steps) % 1).float().to(device)


def put(
    canvas: torch.Tensor, sprite: torch.Tensor, top: int, left: int, rise: torch.Tensor
) -> None:
    """Lay a sprite `(frames, side, side)` over the canvas, lifted by whole pixels.

    Args:
        canvas: `(frames, HEADROOM + height, width)`, changed.
        sprite: colour numbers, NOTHING where it is see-through.
        top: row of its upper edge in the picture.
        left: column of its left edge.
        rise: pixels `(frames,)`.
    """
    side = sprite.shape[1]
    lift = rise.round().long().clamp(0, HEADROOM)
    down = torch.arange(side, device=canvas.device)
    at = (
        torch.arange(len(canvas), device=canvas.device)[:, None, None],
        (down + HEADROOM + top - lift[:, None])[:, :, None],
        down[None, None] + left,
    )
    canvas[at] = torch.where(sprite == NOTHING, canvas[at], sprite)
