import pytest
import torch

from lucidsonic.generators.pixel_vae.palette import SHADES, fit_palette
from lucidsonic.generators.pixel_vae.scene import (
    COMPANIONS,
    NOTHING,
    VARIANTS,
    Cast,
    Moves,
    Stage,
    choose_floors,
    dancer_places,
    tile_order,
)

SPRITE = 32


@pytest.fixture(scope="module")
def stage() -> Stage:
    generator = torch.Generator().manual_seed(0)
    palette = fit_palette(torch.rand(900, 3, generator=generator).numpy(), 16)
    floors = torch.randint(16, (3, VARIANTS, SPRITE, SPRITE), generator=generator)
    return Stage(128, 128, sprite=SPRITE, palette=palette, floors=floors)


def cast(number: int, frames: int = 1) -> Cast:
    hero = torch.full((frames, SPRITE, SPRITE), NOTHING)
    hero[:, 8:24, 8:24] = number
    return Cast(hero, hero[:, None].repeat(1, COMPANIONS, 1, 1))


def still(frames: int = 1, **changes: torch.Tensor) -> Moves:
    zero = torch.zeros(frames)
    floor = torch.zeros(frames, 3)
    floor[:, 0] = 1
    told = {
        "floor": floor,
        "pan": torch.zeros(frames, 2, dtype=torch.long),
        "jump": torch.zeros(frames, 2),
        "turn": zero.long(),
        "light": zero,
        "sparks": zero,
        "drift": zero,
    }
    return Moves(**{**told, **changes})


def test_the_scene_holds_no_number_outside_the_palette(stage: Stage):
    numbers = stage.paint(cast(15), still(sparks=torch.ones(1)))

    assert numbers.shape == (1, 128, 128)
    assert set(numbers.unique().tolist()) <= set(range(16))


def test_the_hero_is_twice_as_large_and_in_the_middle(stage: Stage):
    numbers = stage.paint(cast(7), still())[0]

    assert (numbers[49:79, 49:79] == 7).all()


def test_dancers_stand_in_mirror_symmetry_and_clear_of_the_hero():
    places = dancer_places(128, 224, SPRITE, 64)
    spots = {(p.top, p.left, p.kind) for p in places}

    assert spots == {(t, 224 - left - SPRITE, k) for t, left, k in spots}
    assert all(p.left + SPRITE <= 80 or p.left >= 144 for p in places)
    assert all(0 <= p.left <= 224 - SPRITE and 0 <= p.top <= 128 - SPRITE for p in places)


def test_a_tall_picture_has_its_dancers_above_and_below():
    wide, tall = dancer_places(128, 224, SPRITE, 64), dancer_places(224, 128, SPRITE, 64)

    assert {(p.left, p.top) for p in wide} == {(p.top, p.left) for p in tall}


def test_a_jump_lifts_by_whole_pixels_and_the_feet_leave_the_ground(stage: Stage):
    low = stage.paint(cast(7), still())[0]
    high = stage.paint(cast(7), still(jump=torch.tensor([[0.0, 3.4]])))[0]

    assert (low[50:79, 50:78] == 7).all()
    assert (high[47:76, 50:78] == 7).all()
    assert not (high[77:79, 50:78] == 7).all()


def test_a_pan_moves_the_floor_and_leaves_the_hero(stage: Stage):
    pan = torch.tensor([[0, 5]])
    before, after = (stage.paint(cast(7), m)[0] for m in (still(), still(pan=pan)))

    assert (after[49:79, 49:79] == 7).all()
    assert not torch.equal(before, after)


def test_a_rotation_of_the_palette_changes_the_floor_only(stage: Stage):
    turned = still(turn=torch.ones(1, dtype=torch.long))
    before, after = (stage.paint(cast(7), m)[0] for m in (still(), turned))

    assert (after[49:79, 49:79] == 7).all()
    assert (before != after).float().mean() > 0.1


def test_the_lamp_leaves_the_middle_bright_and_the_corners_dark(stage: Stage):
    steps = stage.darkness(torch.zeros(1))[0]

    assert steps[30, 64] == 0
    assert steps[0, 0] >= SHADES - 2
    assert stage.darkness(torch.tensor([0.3])).float().mean() < steps.float().mean()


def test_floors_cover_the_map_as_their_weights_say():
    thresholds, _ = tile_order(torch.device("cpu"))
    weights = torch.tensor([[0.25, 0.5, 0.25]])
    counts = torch.bincount(choose_floors(weights, thresholds).flatten(), minlength=3)

    assert counts.tolist() == [16, 32, 16]


def test_a_small_change_of_the_weights_changes_few_tiles():
    thresholds, _ = tile_order(torch.device("cpu"))
    weights = torch.tensor([[0.5, 0.5, 0.0], [0.52, 0.48, 0.0]])
    one, other = choose_floors(weights, thresholds)

    assert 1 <= (one != other).sum() <= 2


def test_no_sparks_in_silence_and_many_on_the_hats(stage: Stage):
    quiet, loud = (stage.paint(cast(7), still(sparks=torch.full((1,), s))) for s in (0.0, 1.0))

    assert (quiet != loud).sum() > 50


def test_a_frame_does_not_depend_on_the_others_in_its_batch(stage: Stage):
    moves = still(2, jump=torch.tensor([[5.0, 2.0], [0.0, 0.0]]), sparks=torch.tensor([0.5, 0]))
    both = stage.paint(cast(3, 2), moves)
    alone = stage.paint(cast(3), still(jump=moves.jump[:1], sparks=moves.sparks[:1]))

    assert torch.equal(both[:1], alone)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (40, 200), (129, 65)])
def test_any_shape_can_be_a_stage(stage: Stage, height: int, width: int):
    small = Stage(height, width, sprite=SPRITE, palette=stage.palette, floors=stage.floors)

    assert small.paint(cast(7), still()).shape == (1, height, width)
