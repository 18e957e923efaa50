"""The shape of a StyleGAN2 synthesis network."""

from dataclasses import dataclass

__all__ = ["SynthesisSpec"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthesisSpec:
    """The shape of a synthesis network.

    Attributes:
        w_dim: width of a style.
        widths: feature channels at 4, 8, 16, ... pixels.
        image_channels: 3 for RGB.
        architecture: "skip", "orig" or "resnet".
        use_noise: whether layers take noise.
        activation: a name in `ACTIVATIONS`.
        clamp: bound on every layer's output, None for none.
        kernel_size: of the styled convolutions.
        filter_taps: size of the smoothing filter.
        stretch: height and width in multiples of the square picture, for other formats.
        stretch_at: the resolution whose feature map is stretched.
    """

    w_dim: int
    widths: tuple[int, ...]
    image_channels: int = 3
    architecture: str = "skip"
    use_noise: bool = True
    activation: str = "lrelu"
    clamp: float | None = None
    kernel_size: int = 3
    filter_taps: int = 4
    stretch: tuple[float, float] = (1.0, 1.0)
    stretch_at: int = 8

    @property
    def resolution(self) -> int:
        return 2 << len(self.widths)

    @property
    def num_ws(self) -> int:
        return 2 * len(self.widths)

    def size_at(self, resolution: int) -> tuple[int, int]:
        """Height and width of what the layers at `resolution` make."""
        inner = min(self.stretch_at, self.resolution)
        if resolution < inner:
            return resolution, resolution
        height, width = (round(inner * side) * resolution // inner for side in self.stretch)
        return height, width
