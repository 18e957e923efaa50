"""`[generator]` in a StyleGAN3 card."""

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from lucidsonic.generators.stylegan3.plan import SynthesisPlan
from lucidsonic.nn.mapping import MappingSpec

__all__ = ["Options"]

Width = Annotated[int, Field(ge=1, le=8192)]
Positive = Annotated[float, Field(gt=0)]


class Options(BaseModel):
    """The network's shape, which a conversion fills in, and two wishes.

    Attributes:
        z_dim: width of z.
        c_dim: width of the condition, 0 for none.
        w_dim: width of a style.
        resolution: of its square pictures.
        image_channels: 3 for RGB.
        mapping_layers: fully connected layers from z to w.
        lr_multiplier: those layers' weights are this much smaller in effect.
        channel_base: see `SynthesisPlan`, as all up to `clamp`.
        channel_max: see there.
        num_layers: see there.
        num_critical: see there.
        first_cutoff: see there.
        first_stopband: see there.
        last_stopband_rel: see there.
        margin_size: see there.
        output_scale: see there.
        num_low_precision: see there.
        conv_kernel: see there.
        filter_size: see there.
        lrelu_upsampling: see there.
        use_radial_filters: see there.
        clamp: bound on every layer's output, 0 for none.
        condition: what the condition means, if there is one.
        class_names: what the classes are called.
        aspect: width over height; the nearest that the first grid allows is made.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    z_dim: Width
    c_dim: Annotated[int, Field(ge=0, le=100_000)] = 0
    w_dim: Width
    resolution: Annotated[int, Field(ge=4, le=4096)]
    image_channels: Annotated[int, Field(ge=1, le=16)] = 3
    mapping_layers: Annotated[int, Field(ge=1, le=64)] = 2
    lr_multiplier: Positive = 0.01
    channel_base: Positive = 32768
    channel_max: Positive = 512
    num_layers: Annotated[int, Field(ge=2, le=64)] = 14
    num_critical: Annotated[int, Field(ge=0, le=63)] = 2
    first_cutoff: Positive = 2
    first_stopband: Positive = 2**2.1
    last_stopband_rel: Positive = 2**0.3
    margin_size: Annotated[int, Field(ge=0, le=256)] = 10
    output_scale: float = 0.25
    num_low_precision: Annotated[int, Field(ge=0, le=16)] = 4
    conv_kernel: Literal[1, 3, 5, 7] = 3
    filter_size: Annotated[int, Field(ge=1, le=64)] = 6
    lrelu_upsampling: Annotated[int, Field(ge=1, le=8)] = 2
    use_radial_filters: bool = False
    clamp: Annotated[float, Field(ge=0)] = 256
    condition: Literal["class", "va"] = "class"
    class_names: tuple[str, ...] = ()
    aspect: Annotated[float, Field(ge=0.25, le=4)] = 1.0

    def specs(self) -> tuple[MappingSpec, SynthesisPlan]:
        """The shapes of the two networks."""
        mapping = MappingSpec(
            z_dim=self.z_dim,
            c_dim=self.c_dim,
            w_dim=self.w_dim,
            layers=self.mapping_layers,
            embed_features=self.w_dim,
            hidden_features=self.w_dim,
            lr_multiplier=self.lr_multiplier,
        )
        names = set(SynthesisPlan.__dataclass_fields__) - {"aspect", "clamp"}
        square = SynthesisPlan(
            **{name: getattr(self, name) for name in names}, clamp=self.clamp or None
        )
        rate = square.rates[0]
        height, width = (
            round(rate * side) / rate
            for side in (max(1.0, 1 / self.aspect), max(1.0, self.aspect))
        )
        return mapping, replace(square, aspect=(height, width))
