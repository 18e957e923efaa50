import pytest
import torch

from lucidsonic.training.monitors import ImageMonitors


def reals() -> torch.Tensor:
    chance = torch.Generator().manual_seed(0)
    coarse = torch.rand(64, 3, 8, 8, generator=chance)
    smooth = torch.nn.functional.interpolate(coarse, size=64, mode="bicubic").clamp(0.05, 0.95)
    return (smooth + 0.03 * torch.randn(smooth.shape, generator=chance)).clamp(0.02, 0.98)


def checkerboard(images: torch.Tensor) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    return (images + 0.15 * ((rows + columns) % 2 * 2.0 - 1)).clamp(0, 1)


def blocks(images: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.interpolate(
        torch.nn.functional.avg_pool2d(images, 8), scale_factor=8.0
    )


def bands(images: torch.Tensor) -> torch.Tensor:
    return (images + 0.5 * (torch.rand(64, 1, 64, 1) - 0.5)).clamp(0, 1)


TROUBLE = {
    "gray_collapse": lambda x: x.mean(1, keepdim=True).expand_as(x),
    "flat_collapse": lambda x: 0.5 + 0.1 * (x - 0.5),
    "mode_collapse": lambda x: x[:1].expand_as(x) + 0.01 * torch.rand_like(x),
    "checkerboard": checkerboard,
    "block": blocks,
    "blur": lambda x: torch.nn.functional.avg_pool2d(x, 9, 1, 4),
    "banding": bands,
    "saturation": lambda x: (x > 0.5).float(),
    "nan_inf": lambda x: torch.where(x > 0.97, torch.nan, x),
}


@pytest.mark.parametrize("name", TROUBLE)
def test_each_monitor_sees_its_trouble(name: str):
    monitors = ImageMonitors.of(reals())
    broken = TROUBLE[name](reals())
    monitors.watch(broken)  # some wait for the second time
    assert name in {firing.name for firing in monitors.watch(broken)}


def test_good_pictures_raise_no_alarm():
    monitors = ImageMonitors.of(reals())
    assert monitors.watch(reals().flip(0)) == []
    assert monitors.watch(reals().flip(3)) == []


def test_a_collapse_must_show_twice_in_a_row():
    monitors = ImageMonitors.of(reals())
    grey = TROUBLE["gray_collapse"](reals())
    names = [
        {firing.name for firing in monitors.watch(images)}
        for images in (grey, reals(), grey, grey)
    ]
    assert ["gray_collapse" in found for found in names] == [False, False, False, True]
