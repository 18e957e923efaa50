"""How fast the networks paint, beside plain convolutions and the formulas written plainly.

Run from the repository: `python -m tests.bench.bench_networks [name ...] [--threads 2]`. Before
anything is timed, both arrangements must have painted the same pictures.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lucidsonic.generators import r3gan, stylegan2, stylegan3
from lucidsonic.generators.stylegan2.network import Bend
from tests.bench.plain_networks import plain_r3gan, plain_stylegan2, plain_stylegan3

TOLERANCE = 1e-4  # of the pictures' standard deviation


@dataclass(frozen=True, slots=True)
class Case:
    """One network, painted in two ways.

    Attributes:
        width: how many numbers one picture's input has, and its shape.
        ours: pictures from `(batch, *width)`.
        plainly: the same by the formulas.
    """

    width: tuple[int, ...]
    ours: Callable[[Tensor], Tensor]
    plainly: Callable[[Tensor], Tensor]

    def inputs(self, batch: int) -> Tensor:
        source = torch.Generator().manual_seed(0)
        return torch.randn(batch, *self.width, generator=source)


@dataclass(frozen=True, slots=True)
class Shape:
    """One convolution that the network called."""

    x: tuple[int, ...]
    weight: tuple[int, ...]
    groups: int
    stride: int
    transposed: bool

    @property
    def gmac(self) -> float:
        """Multiply-adds, in thousand millions."""
        batch, _, height, width = self.x
        per_pixel = self.weight[0] * self.weight[1] * self.weight[2] * self.weight[3]
        pixels = height * width / (1 if self.transposed else self.stride**2)
        return batch * pixels * per_pixel / 1e9


def stylegan2_at(resolution: int, base: int, most: int) -> Case:
    widths = tuple(
        min(base // side, most) for side in (4 << i for i in range(10)) if side <= resolution
    )
    options = stylegan2.Options(
        z_dim=512, w_dim=512, widths=widths, hidden_features=512, clamp=256
    )
    network = stylegan2.Network(*options.specs()).eval()
    noise = [n[None, None] for n in network.synthesis.noise_layers()]
    return Case(
        (2 * len(widths), 512),
        lambda ws: network.synthesis(ws, Bend(noise)),
        lambda ws: plain_stylegan2(network, ws, noise),
    )


def stylegan3_at(resolution: int, base: int, most: int, *, radial: bool) -> Case:
    options = stylegan3.Options(
        z_dim=512, w_dim=512, resolution=resolution, channel_base=base, channel_max=most,
        conv_kernel=1 if radial else 3, use_radial_filters=radial,
    )  # fmt: skip
    network = stylegan3.Network(*options.specs()).eval()
    return Case((16, 512), network.synthesis, lambda ws: plain_stylegan3(network, ws))


def r3gan_at(widths: tuple[int, ...]) -> Case:
    options = r3gan.Options(
        widths=widths, groups=tuple(w // 8 for w in widths), blocks=(2,) * len(widths)
    )
    network = r3gan.Network(options.spec()).eval()
    for name, weight in network.named_parameters():
        if name.endswith("project.weight"):  # they start as zeros, which hide their blocks
            weight.data.normal_(std=0.2 / weight.shape[1] ** 0.5)
    return Case((64,), network, lambda z: plain_r3gan(network, z))


NETWORKS: dict[str, Callable[[], Case]] = {
    "stylegan2-256": lambda: stylegan2_at(256, 16384, 512),
    "stylegan2-64-wide": lambda: stylegan2_at(64, 16384, 512),
    "stylegan3-t-64": lambda: stylegan3_at(64, 4096, 96, radial=False),
    "stylegan3-r-64": lambda: stylegan3_at(64, 8192, 128, radial=True),
    "r3gan-cifar10": lambda: r3gan_at((768,) * 4),
    "r3gan-ffhq-64": lambda: r3gan_at((768,) * 4 + (384,)),
    "r3gan-ffhq-256": lambda: r3gan_at((768,) * 4 + (384, 192, 96)),
}


@contextmanager
def recorded(shapes: list[Shape]) -> Iterator[None]:
    """Note every convolution that is called in the block."""
    plain, turned = F.conv2d, F.conv_transpose2d

    def conv2d(x: Tensor, weight: Tensor, *args: object, **named: object) -> Tensor:
        note(x, weight, named, transposed=False)
        return plain(x, weight, *args, **named)  # pyright: ignore

    def conv_transpose2d(x: Tensor, weight: Tensor, *args: object, **named: object) -> Tensor:
        note(x, weight, named, transposed=True)
        return turned(x, weight, *args, **named)  # pyright: ignore[reportArgumentType]

    def note(x: Tensor, weight: Tensor, named: dict[str, object], *, transposed: bool) -> None:
        groups, stride = named.get("groups", 1), named.get("stride", 1)
        if groups != x.shape[1] and isinstance(groups, int):
            step = stride if isinstance(stride, int) else 1
            shapes.append(Shape(tuple(x.shape), tuple(weight.shape), groups, step, transposed))

    F.conv2d, F.conv_transpose2d = conv2d, conv_transpose2d
    try:
        yield
    finally:
        F.conv2d, F.conv_transpose2d = plain, turned


def fastest(work: Callable[[], object], *, seconds: float = 4.0, least: int = 4) -> float:
    """The shortest of several runs, seconds; others may share the machine."""
    # On one thread the processor's time is counted, which others cannot lengthen much.
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    work()
    best, spent, runs = float("inf"), 0.0, 0
    while spent < seconds or runs < least:
        start = clock()
        work()
        took = clock() - start
        best, spent, runs = min(best, took), spent + took, runs + 1
    return best


def plain_convolution(shape: Shape) -> Callable[[], Tensor]:
    """The same convolution alone, on data that lie as it likes them best."""
    last = torch.channels_last
    x = torch.randn(shape.x).to(memory_format=last)
    weight = torch.randn(shape.weight).to(memory_format=last)
    if shape.transposed:
        return lambda: F.conv_transpose2d(x, weight, stride=shape.stride, groups=shape.groups)
    pad = shape.weight[-1] // 2
    return lambda: F.conv2d(x, weight, padding=pad, groups=shape.groups)


def measure(name: str, batch: int) -> str:
    case = NETWORKS[name]()
    given = case.inputs(batch)
    shapes: list[Shape] = []
    with recorded(shapes):
        painted = case.ours(given)
    wanted = case.plainly(given)
    off = float((painted - wanted).abs().max() / wanted.std())
    if not off < TOLERANCE:
        raise SystemExit(f"{name}: the two arrangements differ by {off:.1e} deviations")
    gmac = sum(shape.gmac for shape in shapes)
    ours = fastest(lambda: case.ours(given))
    plainly = fastest(lambda: case.plainly(given))
    each: dict[Shape, float] = {}
    for shape in set(shapes):
        each[shape] = fastest(plain_convolution(shape), seconds=0.2)
    alone = sum(each[shape] for shape in shapes)
    return (
        f"{name:18} batch {batch}: {ours / batch:7.4f} s/frame {gmac / batch:6.2f} GMAC/frame"
        f" {gmac / ours:6.1f} GMAC/s; its convolutions alone {gmac / alone:6.1f} GMAC/s,"
        f" share {alone / ours:.0%}; written plainly {plainly / batch:7.4f} s/frame,"
        f" {plainly / ours:.2f} x ours"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NETWORKS, []])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batches", type=int, nargs="*", default=[1, 8])
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    with torch.inference_mode():
        for name in chosen.names or NETWORKS:
            for batch in chosen.batches:
                print(measure(name, batch), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
