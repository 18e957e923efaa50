from fractions import Fraction

import numpy as np
import pytest

from lucidsonic.evaluation.safety import MOST_FLASHES, FlashWatcher, SafetyScores

HEIGHT, WIDTH = 54, 96
GREY = (90, 90, 90)


def watched(
    *,
    hertz: float,
    fps: Fraction = Fraction(30),
    colours=((0, 0, 0), (255, 255, 255)),
    area: tuple[float, float] = (1.0, 1.0),
    seconds: float = 3.0,
    start_s: float = 0.0,
) -> SafetyScores:
    """A patch from the top left that changes between two colours `hertz` times a second."""
    watcher = FlashWatcher()
    rows, columns = round(HEIGHT * area[0]), round(WIDTH * area[1])
    for number in range(round(seconds * fps)):
        time_s = number / float(fps)
        picture = np.full((HEIGHT, WIDTH, 3), GREY, np.uint8)
        turns = int((time_s - start_s) * 2 * hertz + 1e-6) if time_s >= start_s else 0
        picture[:rows, :columns] = colours[turns % 2]
        watcher.take(time_s, picture)
    return watcher.scores()


@pytest.mark.parametrize(
    "fps", [Fraction(24), Fraction(30), Fraction(30000, 1001), Fraction(60)]
)
def test_four_hertz_black_and_white_is_a_violation(fps: Fraction):
    scores = watched(hertz=4, fps=fps)

    assert scores.general_flashes > MOST_FLASHES
    assert len(scores.violations) == 1


@pytest.mark.parametrize(
    "fps", [Fraction(24), Fraction(30), Fraction(30000, 1001), Fraction(60)]
)
@pytest.mark.parametrize("hertz", [2, 3])
def test_up_to_three_flashes_a_second_pass(hertz: float, fps: Fraction):
    scores = watched(hertz=hertz, fps=fps)

    assert hertz - 0.6 <= scores.general_flashes <= MOST_FLASHES
    assert scores.violations == ()


def test_saturated_red_is_counted_as_red_though_its_luminance_hardly_changes():
    scores = watched(hertz=5, colours=((120, 0, 0), (205, 20, 20)))

    assert scores.red_flashes > MOST_FLASHES
    assert scores.violations != ()


def test_unsaturated_pink_is_no_red_flash():
    assert watched(hertz=5, colours=((150, 110, 110), (165, 112, 112))).red_flashes == 0


def test_a_quarter_of_the_picture_is_enough_and_a_fifth_is_not():
    assert watched(hertz=5, area=(0.5, 0.5)).general_flashes > MOST_FLASHES
    assert watched(hertz=5, area=(0.4, 0.5)).general_flashes <= MOST_FLASHES


def test_changes_below_a_tenth_of_the_luminance_do_not_count():
    assert watched(hertz=6, colours=((60, 60, 60), (80, 80, 80))).general_flashes == 0


def test_changes_among_very_bright_pictures_do_not_count():
    assert watched(hertz=6, colours=((232, 232, 232), (255, 255, 255))).general_flashes == 0


def test_the_times_of_a_violation_are_told():
    (stretch,) = watched(hertz=6, start_s=2.0, seconds=4.0).violations

    assert 2.4 <= stretch.start_s <= 3.0
    assert stretch.end_s == pytest.approx(4.0, abs=0.05)


def test_patches_that_flash_in_turn_are_seen_together():
    watcher = FlashWatcher()
    for number in range(90):
        picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        place = number // 6 % 4
        if number % 6 < 3:
            picture[:, place * 24 : place * 24 + 26] = 255
        watcher.take(number / 30, picture)

    assert watcher.scores().general_flashes > MOST_FLASHES


def test_a_bright_bar_that_wanders_across_is_no_flash():
    watcher = FlashWatcher()
    for number in range(90):
        picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        left = (number * 2) % WIDTH
        picture[:, left : left + 20] = 255
        watcher.take(number / 30, picture)

    assert watcher.scores().violations == ()


def test_a_slow_fade_is_one_change():
    watcher = FlashWatcher()
    for number in range(60):
        watcher.take(number / 30, np.full((HEIGHT, WIDTH, 3), number * 4, np.uint8))

    assert watcher.scores().general_flashes == 0.5
