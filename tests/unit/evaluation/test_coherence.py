import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from lucidsonic.evaluation.coherence import coherence_scores
from lucidsonic.evaluation.flow import optical_flow, warp
from lucidsonic.evaluation.pictures import STRIP, PictureRows, Watcher, spread

SIZE = (54, 96)


def texture(seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal((94, 136))
    smooth = gaussian_filter(noise, 3)
    return (128 + 100 * smooth / np.abs(smooth).max()).astype(np.float32)


def cropped(picture: np.ndarray, down: float = 0, right: float = 0) -> np.ndarray:
    moved = shift(picture, (down, right), order=1, mode="nearest")
    return moved[20 : 20 + SIZE[0], 20 : 20 + SIZE[1]].astype(np.float32)


def watched(pictures, *, fps: float = 30.0) -> PictureRows:
    watcher = Watcher()
    for number, picture in enumerate(pictures):
        rgb = np.repeat(np.clip(picture, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
        watcher.take(number / fps, rgb)
    return watcher.rows()


def gliding(frames: int = 40, step: float = 0.7):
    whole = texture()
    return [cropped(whole, right=step * (k - frames / 2) * 0.5) for k in range(frames)]


@pytest.mark.parametrize("move", [(1.5, -0.7), (0, 4), (-6, 3), (0, 0)])
def test_optical_flow_finds_how_a_texture_moved(move: tuple[float, float]):
    whole = texture()
    flow = optical_flow(cropped(whole), cropped(whole, *move))

    assert np.abs(np.median(flow, axis=(1, 2)) - move).max() < 0.25


def test_a_moved_picture_is_warped_back():
    whole = texture()
    old, new = cropped(whole), cropped(whole, 2, -3)
    back = warp(new, optical_flow(old, new))

    assert np.abs(back - old)[8:-8, 8:-8].mean() < 0.15 * np.abs(new - old).mean()


def test_gliding_neither_flickers_nor_jerks_and_motion_explains_it():
    scores = coherence_scores(watched(gliding()))

    assert scores.flicker_index < 0.4
    assert scores.jerk < 0.5
    assert scores.coherence > 0.98
    assert scores.warp_error < 0.5


def test_noise_flickers_jerks_and_is_not_coherent():
    chance = np.random.default_rng(0)
    scores = coherence_scores(watched(chance.uniform(0, 255, (30, *SIZE))))

    assert scores.flicker_index == pytest.approx(3**0.5, rel=0.05)
    assert scores.jerk == pytest.approx(1, abs=0.1)
    assert scores.coherence < 0.1


def test_every_second_picture_darker_is_flicker():
    pictures = [p * (0.9 if k % 2 else 1.0) for k, p in enumerate(gliding())]

    assert coherence_scores(watched(pictures)).flicker_index > 2


def test_a_film_that_stands_still_is_frozen_for_that_long():
    moving = gliding(30)
    scores = coherence_scores(watched([*moving, *[moving[-1]] * 45, *moving]))

    assert scores.frozen_s == pytest.approx(1.5, abs=0.05)


def test_standing_still_in_silence_is_no_fault():
    moving = gliding(30)
    rows = watched([*moving, *[moving[-1]] * 45, *moving])
    audible = np.ones(len(rows), dtype=bool)
    audible[28:80] = False

    assert coherence_scores(rows, audible).frozen_s == 0


def test_black_is_counted_in_seconds():
    dark = [np.full(SIZE, 3.0) + k % 2 for k in range(15)]

    assert coherence_scores(watched([*gliding(30), *dark])).black_s == pytest.approx(0.5)


def test_a_loop_has_no_seam_and_a_film_that_ends_elsewhere_has_one():
    there = gliding(20)

    assert coherence_scores(watched([*there, *there[::-1]])).loop_seam < 0.1
    assert coherence_scores(watched(there)).loop_seam > 2


def test_the_order_of_the_change_percentiles():
    scores = coherence_scores(watched(gliding()))

    steps = [scores.change_p05, scores.change_p50, scores.change_p95, scores.change_max]
    assert steps == sorted(steps)
    assert steps[0] > 0


def test_a_film_of_one_picture_is_judged_without_complaint():
    scores = coherence_scores(watched(gliding(1)))

    assert np.isnan(scores.flicker_index)
    assert scores.frozen_s == 0


def test_sixteen_pictures_are_kept_to_show_however_long_the_film():
    assert len(spread(100_000)) == STRIP
    assert max(spread(100_000)) < 100_000
    assert spread(1) == {0}
