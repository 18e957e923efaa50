import numpy as np
import pytest
import torch

from lucidsonic.pipeline.guard import Guard, beyond, luminance, opposing_changes

FPS = 30
SIZE = (36, 64)


def blinking(
    hertz: float, *, seconds: float = 3, low: float = 0, high: float = 1
) -> torch.Tensor:
    """Frames `(frames, 3, height, width)` that are light for half of each period."""
    phase = np.arange(int(seconds * FPS)) * hertz / FPS % 1
    level = np.where(phase < 0.5, high, low).astype(np.float32)
    return torch.from_numpy(level)[:, None, None, None].expand(-1, 3, *SIZE).clone()


def most_flashes(frames: torch.Tensor) -> float:
    """Flashes of the whole picture in the worst second."""
    light = luminance(frames.mean(dim=(2, 3)).numpy())
    seconds = [light[i : i + FPS] for i in range(len(light) - FPS + 1)]
    return max(float(opposing_changes(second, 0.1)) for second in seconds) / 2


def guarded(frames: torch.Tensor, *, batch: int) -> torch.Tensor:
    guard = Guard(FPS)
    return torch.cat([guard.damp(part) for part in frames.split(batch)])


@pytest.mark.parametrize("hertz", [4, 5, 7.5, 10, 15])
def test_fast_blinking_is_damped_below_three_flashes_a_second(hertz: float):
    frames = blinking(hertz)

    assert most_flashes(frames) > 3
    assert most_flashes(guarded(frames, batch=8)) <= 3


@pytest.mark.parametrize("hertz", [2.3, 2.6, 3.5, 5])
def test_a_wave_at_the_edge_of_the_rule_is_not_made_to_flash_more(hertz: float):
    """A guard that came and went with each wave made eleven changes of six."""
    wave = 0.5 + 0.5 * torch.sin(2 * torch.pi * hertz * torch.arange(5 * FPS) / FPS)
    frames = (0.05 + 0.9 * wave)[:, None, None, None].expand(-1, 3, *SIZE).clone()

    assert most_flashes(guarded(frames, batch=8)) <= min(3, most_flashes(frames))


def test_saturated_red_blinking_is_damped():
    frames = blinking(6)
    frames[:, 1:] = 0

    change = guarded(frames, batch=8)[FPS:].diff(dim=0).abs().max()

    assert change < 0.05


@pytest.mark.parametrize("hertz", [0.5, 1, 2, 2.5])
def test_a_flash_on_every_beat_of_dance_music_passes_untouched(hertz: float):
    frames = blinking(hertz)

    assert torch.equal(guarded(frames, batch=8), frames)


def test_small_changes_pass_untouched():
    frames = blinking(10, low=0.4, high=0.45)

    assert torch.equal(guarded(frames, batch=8), frames)


def test_a_guarded_frame_does_not_depend_on_the_batch():
    frames = blinking(6)

    torch.testing.assert_close(guarded(frames, batch=1), guarded(frames, batch=17))


def test_a_guard_that_starts_later_agrees_after_it_has_looked_back():
    frames = blinking(6)
    whole = guarded(frames, batch=8)
    guard = Guard(FPS)
    before = guard.restart(60)

    guard.remember(guard.watch(frames[before.start : before.stop]))

    torch.testing.assert_close(guard.damp(frames[60:]), whole[60:])


def test_opposing_changes_counts_turns():
    light = np.array([0, 0.5, 0, 0.5, 0.45, 0.5, 0.3], dtype=np.float32)

    assert opposing_changes(light, 0.1) == 4


@pytest.mark.parametrize("seed", range(20))
def test_who_is_passed_over_has_not_turned_too_often(seed: int):
    chance = np.random.default_rng(seed)
    steps = chance.uniform(-1, 1, (30, 50)) * chance.choice([0.08, 0.081, 0.2, 0.02], 50)
    past = np.clip(0.5 + np.cumsum(steps, axis=0), 0, 1).astype(np.float32)

    wanted = (opposing_changes(past, 0.08, ceiling=0.8) - 5).clip(0, 1)

    assert np.array_equal(beyond(5, past, 0.08, ceiling=0.8), wanted)


def test_the_smallest_swings_that_count_are_not_passed_over():
    steps = np.tile(np.array([0.3, 0.3 + 0.08], np.float32), 4)[:7]

    assert opposing_changes(steps, 0.0799) == 6
    assert beyond(5, steps[:, None], 0.0799) == 1
