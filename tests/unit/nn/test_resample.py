import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lucidsonic.nn.resample import fit, resize, to_rgb24, to_yuv420p

FILTERS = ("lanczos", "bicubic", "area", "nearest")
MODES = ("cover", "contain", "stretch", "tile")


def pictures(height: int, width: int, batch: int = 2) -> torch.Tensor:
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(1))


@given(
    st.integers(2, 40), st.integers(2, 40), st.integers(1, 40), st.integers(1, 40),
    st.sampled_from(MODES), st.sampled_from(FILTERS),
)  # fmt: skip
def test_any_picture_fits_any_size(h, w, rows, columns, mode, kind) -> None:
    fitted = fit(pictures(h, w), (rows, columns), mode=mode, filter=kind)
    assert fitted.shape == (2, 3, rows, columns)
    assert fitted.min() >= 0
    assert fitted.max() <= 1


@pytest.mark.parametrize("kind", FILTERS)
@pytest.mark.parametrize("size", [(7, 9), (64, 96), (33, 20)])
def test_an_even_surface_stays_even(kind, size) -> None:
    flat = torch.full((1, 3, 24, 30), 0.37)
    assert torch.allclose(resize(flat, size, filter=kind), torch.tensor(0.37), atol=1e-5)


@pytest.mark.parametrize("kind", ["lanczos", "bicubic", "area"])
def test_fine_stripes_become_grey_when_shrunk(kind) -> None:
    stripes = (torch.arange(64) % 2).float().expand(1, 3, 64, 64)
    assert (resize(stripes, (16, 16), filter=kind)[..., 2:-2] - 0.5).abs().max() < 0.03


def test_the_mean_of_four_is_the_area_filter() -> None:
    frames = pictures(8, 12)
    expected = torch.nn.functional.avg_pool2d(frames, 2)
    assert torch.allclose(resize(frames, (4, 6), filter="area"), expected, atol=1e-6)


@pytest.mark.parametrize("kind", ["lanczos", "bicubic"])
def test_a_ramp_stays_a_ramp_and_does_not_shift(kind) -> None:
    ramp = torch.linspace(0.1, 0.9, 32).expand(1, 3, 8, 32)
    grown = resize(ramp, (8, 64), filter=kind)[0, 0, 0, 8:-8]
    step = 0.8 / 31
    expected = 0.1 + step * ((torch.arange(64) + 0.5) / 2 - 0.5)
    assert torch.allclose(grown, expected[8:-8], atol=2e-3)


def test_cover_crops_evenly_and_contain_shows_all() -> None:
    wide = torch.zeros(1, 3, 20, 40)
    wide[..., 15:25] = 1.0
    assert fit(wide, (20, 10), mode="cover", filter="area").min() == pytest.approx(1, abs=1e-5)
    bars = fit(wide, (40, 40), mode="contain", filter="area")
    assert bars[:, :, :10].max() == 0
    assert bars[:, :, 30:].max() == 0
    assert torch.allclose(bars[:, :, 10:30], wide, atol=1e-5)


def test_tile_mirrors_at_its_own_size() -> None:
    frames = pictures(6, 6)
    tiled = fit(frames, (6, 18), mode="tile")
    assert torch.equal(tiled[..., 6:12], frames)
    assert torch.equal(tiled[..., :6], frames.flip(-1))
    assert torch.equal(tiled[..., 12:], frames.flip(-1))


def test_nothing_to_do_does_nothing() -> None:
    frames = pictures(6, 8)
    assert fit(frames, (6, 8)) is frames


def test_every_byte_survives_the_way_to_float_and_back() -> None:
    levels = torch.arange(256, dtype=torch.float32).reshape(1, 1, 16, 16).expand(1, 3, 16, 16)
    assert torch.equal(to_rgb24(levels / 255)[0, :, :, 0].float(), levels[0, 0])


def reference(frames: torch.Tensor) -> np.ndarray:
    """BT.709 limited range with left-sited chroma, written plainly in float64."""
    red, green, blue = frames.double().numpy().transpose(1, 0, 2, 3)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    planes = [np.floor(16 + 219 * luma + 0.5).reshape(len(luma), -1)]
    for part, scale in ((blue, 1.8556), (red, 1.5748)):
        chroma = (part - luma) / scale
        rows = (chroma[:, 0::2] + chroma[:, 1::2]) / 2
        padded = np.pad(rows, ((0, 0), (0, 0), (1, 1)), mode="edge")
        half = (padded[..., :-2] + 2 * padded[..., 1:-1] + padded[..., 2:]) / 4
        planes.append(np.floor(128 + 224 * half[..., 0::2] + 0.5).reshape(len(luma), -1))
    return np.concatenate(planes, axis=1)


def test_planes_are_those_of_the_reference_formula() -> None:
    frames = pictures(16, 24)
    found = to_yuv420p(frames)
    assert found.shape == (2, 24, 24)
    off = np.abs(found.reshape(2, -1).numpy().astype(float) - reference(frames))
    assert off.max() <= 1  # float32 against float64, exactly on a half
    assert (off > 0).mean() < 1e-3


@pytest.mark.parametrize(
    ("colour", "yuv"),
    [
        ((0, 0, 0), (16, 128, 128)),
        ((1, 1, 1), (235, 128, 128)),
        ((1, 0, 0), (63, 102, 240)),
        ((0, 1, 0), (173, 42, 26)),
        ((0, 0, 1), (32, 240, 118)),
    ],
)
def test_known_colours_have_their_known_codes(colour, yuv) -> None:
    frames = torch.tensor(colour, dtype=torch.float32)[None, :, None, None].expand(1, 3, 4, 4)
    planes = to_yuv420p(frames.clone())[0]
    assert (planes[:4] == yuv[0]).all()
    assert (planes[4] == yuv[1]).all()
    assert (planes[5] == yuv[2]).all()
