"""What a model knows of its sprites -> a palette, floors, heroes and their companions."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import linear_sum_assignment

from lucidsonic.generators.pixel_vae.palette import (
    Palette,
    fit_palette,
    quantise,
    rgb_to_oklab,
    snap,
)
from lucidsonic.generators.pixel_vae.posterior import Posterior
from lucidsonic.generators.pixel_vae.scene import (
    COMPANIONS,
    NOTHING,
    VARIANTS,
    Cast,
    Moves,
    Stage,
)
from lucidsonic.types import FloatArray

Decode = Callable[[FloatArray], torch.Tensor]
Indices = npt.NDArray[np.int64]
FULL = 0.95  # cover from which a sprite is a floor tile
HERO_COVER = 0.18, 0.75  # cover of a sprite that stands free
HERO_FILL = 0.42, 0.92  # cover of its own bounding box: neither a string nor a slab
VARIETY = 0.25  # how far the looks of a floor lie apart, standard deviations of the mixture
SHADOW_PLAY = 0.5  # companions follow this share of the hero's push
SHARPEN = 0.7  # mean squared error softens edges; this gives them back
DULL = 0.42  # mean Oklab lightness + chroma below which a sprite does not stand out
WALL = 0.5  # share of the border that only walls and doors cover
DARK = 0.25  # Oklab lightness under which a floor is a hole
RESTLESS = 0.05  # deviation of lightness at which a floor's charm halves
FEWEST = 4  # sprites of a kind that make it worth using


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the person chose.

    Attributes:
        rows: height of the picture, art pixels.
        columns: width of the picture, art pixels.
        sprite: side of a sprite, art pixels.
        colours: of the palette.
        dither: strength.
        block: art pixels that vote for one colour.
        floors: how many, one a class.
    """

    rows: int
    columns: int
    sprite: int
    colours: int
    dither: float
    block: int
    floors: int


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Everything of a film that its frames share.

    Attributes:
        palette: its colours.
        stage: floors and places.
        heroes: numbers of the anchors that may stand in the middle.
        troupes: for every anchor the anchors that dance with it `(anchors, COMPANIONS)`.
        anchors: latents `(anchors, dim)`.
        look: what the person chose.
    """

    palette: Palette
    stage: Stage
    heroes: Indices
    troupes: Indices
    anchors: FloatArray
    look: Look

    def paint(
        self, decode: Decode, near: Indices, offset: FloatArray, moves: Moves
    ) -> torch.Tensor:
        """Colour numbers of some frames: `(frames, rows, columns)`.

        Args:
            decode: latents `(count, dim)` -> sprites in [-1, 1].
            near: number of the hero's nearest anchor `(frames,)`.
            offset: how far the hero is from it `(frames, dim)`.
            moves: what else happens.
        """
        hero = self.anchors[near] + offset
        others = self.anchors[self.troupes[near]] + SHADOW_PLAY * offset[:, None]
        asked = np.concatenate([hero[:, None], others], axis=1)
        flat, place = np.unique(asked.reshape(-1, asked.shape[2]), axis=0, return_inverse=True)
        drawn = to_numbers(decode(flat), self.palette, self.look)
        cast = drawn[torch.from_numpy(place.reshape(-1)).to(drawn.device)]
        cast = cast.unflatten(0, asked.shape[:2])
        return self.stage.paint(Cast(cast[:, 0], cast[:, 1:]), moves)


def build_world(decode: Decode, posterior: Posterior, look: Look) -> World:
    """Look at every sprite that the model knows, once, and cast the film from them."""
    sprites = decode(posterior.anchors)
    cover = coverage(sprites)
    seen = cover.flatten(1).float().mean(1).cpu().numpy()
    palette = fit_palette(visible_pixels(sprites, cover), look.colours)
    palette = palette.to(sprites.device)
    heroes = those(stands_free(sprites, cover))
    grounds = those(seen >= FULL)
    floors = floor_tiles(decode, sprites, posterior, grounds, look, palette)
    return World(
        palette=palette,
        stage=Stage(
            look.rows, look.columns, sprite=look.sprite, palette=palette, floors=floors
        ),
        heroes=heroes,
        troupes=troupes(posterior, heroes),
        anchors=posterior.anchors,
        look=look,
    )


def those(wanted: npt.NDArray[np.bool_]) -> Indices:
    """Numbers of the sprites of a kind; all where there are too few."""
    found = np.flatnonzero(wanted)
    return found if len(found) >= FEWEST else np.arange(len(wanted))


def stands_free(sprites: torch.Tensor, cover: torch.Tensor) -> npt.NDArray[np.bool_]:
    """Which sprites are figures: bright, compact, of a middling size, clear of the border."""
    share = cover.flatten(1).float().mean(1)
    sides = [cover[:, 0], cover[:, -1], cover[:, :, 0], cover[:, :, -1]]
    border = torch.cat(sides, dim=1).float().mean(1)
    lab = rgb_to_oklab(straight_colour(sprites).permute(0, 2, 3, 1))
    glow = (lab[..., 0] + lab[..., 1:].norm(dim=3)) * cover
    bright = glow.sum((1, 2)) / cover.sum((1, 2)).clamp(min=1)
    rows, columns = cover.any(2).sum(1), cover.any(1).sum(1)
    fill = cover.sum((1, 2)) / (rows * columns).clamp(min=1)
    fits = within(share, HERO_COVER) & within(fill, HERO_FILL)
    return (fits & (border < WALL) & (bright > DULL)).cpu().numpy()


def within(values: torch.Tensor, limits: tuple[float, float]) -> torch.Tensor:
    return (values >= limits[0]) & (values <= limits[1])


def coverage(sprites: torch.Tensor) -> torch.Tensor:
    """Which pixels show: `(count, height, width)`; all of them without a fourth channel."""
    if sprites.shape[1] == 4:
        return sprites[:, 3] > 0
    return torch.ones_like(sprites[:, 0], dtype=torch.bool)


def straight_colour(sprites: torch.Tensor) -> torch.Tensor:
    """RGB in [0, 1], sharpened, free of the coverage: `(count, 3, height, width)`."""
    rgb = (sprites[:, :3] + 1) / 2
    rgb = rgb + SHARPEN * (rgb - soften(rgb))
    if sprites.shape[1] == 4:
        rgb = rgb / ((sprites[:, 3:] + 1) / 2).clamp(min=0.5)
    return rgb.clamp(0, 1)


def soften(images: torch.Tensor) -> torch.Tensor:
    """Mean of each pixel's 3x3 neighbourhood."""
    return torch.nn.functional.avg_pool2d(
        images, 3, stride=1, padding=1, count_include_pad=False
    )


def visible_pixels(sprites: torch.Tensor, cover: torch.Tensor) -> FloatArray:
    pixels = straight_colour(sprites).permute(0, 2, 3, 1)
    return (pixels[cover] if cover.any() else pixels.flatten(0, 2)).cpu().numpy()


def to_numbers(sprites: torch.Tensor, palette: Palette, look: Look) -> torch.Tensor:
    """Decoded sprites as colour numbers with a dark outline; NOTHING outside.

    Args:
        sprites: `(count, 3 or 4, side, side)` in [-1, 1].
        palette: the colours.
        look: dither and block.
    """
    numbers = quantise(straight_colour(sprites), palette, dither=look.dither)
    cover = coverage(sprites)
    if look.block > 1:
        numbers = snap(numbers, look.block, len(palette))
        cover = snap(cover.long(), look.block, 2).bool()
    edge = torch.nn.functional.max_pool2d(cover[:, None].float(), 3, stride=1, padding=1)
    outline = (edge[:, 0] > 0) & ~cover
    numbers = torch.where(outline, 0, numbers)  # colour 0 is the darkest
    return torch.where(cover | outline, numbers, NOTHING)


def troupes(posterior: Posterior, heroes: Indices) -> Indices:
    """Who dances with each anchor: unlike sprites, of its own pseudo-class where possible."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(len(posterior.anchors)):
        alike = heroes[posterior.classes[heroes] == posterior.classes[number]]
        alike = alike[alike != number]
        pool = alike if len(alike) >= COMPANIONS else heroes
        rows.append(rng.choice(pool, size=COMPANIONS, replace=len(pool) < COMPANIONS))
    return np.stack(rows)


def floor_tiles(
    decode: Decode,
    sprites: torch.Tensor,
    posterior: Posterior,
    grounds: Indices,
    look: Look,
    palette: Palette,
) -> torch.Tensor:
    """A floor for each class in some looks: `(classes, VARIANTS, sprite, sprite)`."""
    chosen = floors_of_classes(sprites, posterior, grounds, look.floors)
    rng = np.random.default_rng(0)
    spread = np.sqrt(posterior.variances.mean(0))
    noise = rng.standard_normal((len(chosen), VARIANTS, posterior.anchors.shape[1]))
    noise[:, 0] = 0  # one look is the floor itself
    latents = posterior.anchors[chosen][:, None] + VARIETY * spread * noise
    tiles = decode(latents.reshape(-1, latents.shape[2]).astype(np.float32))
    numbers = quantise(straight_colour(tiles), palette, dither=look.dither)
    return snap(numbers, look.block, len(palette)).unflatten(0, (len(chosen), VARIANTS))


def floors_of_classes(
    sprites: torch.Tensor, posterior: Posterior, grounds: Indices, count: int
) -> Indices:
    """The anchor that is each class's floor: calm, far apart in colour, near in style."""
    pixels = rgb_to_oklab(straight_colour(sprites).permute(0, 2, 3, 1)).flatten(1, 2)
    colour = pixels.mean(1).cpu().numpy()[grounds]
    unrest = pixels[..., 0].std(1).cpu().numpy()[grounds]
    vivid = np.hypot(colour[:, 1], colour[:, 2])
    glow = vivid / vivid.max().clip(1e-6) + colour[:, 0]
    charm = glow / (RESTLESS + unrest) * (colour[:, 0] > DARK)
    apart = [int(charm.argmax())]
    for _ in range(min(count, len(grounds)) - 1):
        gaps = np.linalg.norm(colour[:, None] - colour[apart][None], axis=2).min(1)
        apart.append(int((gaps * (charm + 1e-6)).argmax()))
    candidates = grounds[np.resize(apart, count)]
    centres = np.stack(
        [
            posterior.styles[posterior.classes == k].mean(0)
            if (posterior.classes == k).any()
            else posterior.styles.mean(0)
            for k in range(count)
        ]
    )
    distance = ((centres[:, None] - posterior.styles[candidates][None]) ** 2).sum(2)
    _, column = linear_sum_assignment(distance)
    return candidates[column]
