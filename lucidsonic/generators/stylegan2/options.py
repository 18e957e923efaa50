"""`[generator]` in a StyleGAN2 card."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from lucidsonic.generators.stylegan2.spec import SynthesisSpec
from lucidsonic.nn.mapping import MappingSpec

__all__ = ["Options"]

Width = Annotated[int, Field(ge=1, le=8192)]
ActivationName = Literal[
    "linear", "relu", "lrelu", "tanh", "sigmoid", "elu", "selu", "softplus", "swish"
]


class Options(BaseModel):
    """The network's shape, which a conversion fills in, and two wishes.

    Attributes:
        z_dim: width of z.
        c_dim: width of the condition, 0 for none.
        w_dim: width of a style.
        widths: feature channels at 4, 8, 16, ... pixels.
        kernel_size: of the styled convolutions.
        image_channels: 3 for RGB, 1 for grey.
        architecture: how the picture leaves the blocks.
        use_noise: whether layers take noise.
        filter_taps: size of the smoothing filter.
        activation: of the styled layers.
        clamp: bound on every layer's output, 0 for none.
        mapping_layers: fully connected layers from z to w.
        embed_features: width of the embedded condition.
        hidden_features: width between those layers.
        mapping_activation: of those layers.
        lr_multiplier: those layers' weights are this much smaller in effect.
        has_average: whether the mean of w is stored.
        condition: what the condition means, if there is one.
        class_names: what the classes are called.
        aspect: width over height; the nearest that the inner feature map allows is made.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    z_dim: Annotated[int, Field(ge=0, le=8192)]
    c_dim: Annotated[int, Field(ge=0, le=100_000)] = 0
    w_dim: Width
    widths: Annotated[tuple[Width, ...], Field(min_length=1, max_length=10)]
    kernel_size: Literal[1, 3, 5, 7] = 3
    image_channels: Annotated[int, Field(ge=1, le=16)] = 3
    architecture: Literal["skip", "orig", "resnet"] = "skip"
    use_noise: bool = True
    filter_taps: Annotated[int, Field(ge=1, le=32)] = 4
    activation: ActivationName = "lrelu"
    clamp: Annotated[float, Field(ge=0)] = 0
    mapping_layers: Annotated[int, Field(ge=1, le=64)] = 8
    embed_features: Annotated[int, Field(ge=0, le=8192)] = 0
    hidden_features: Width
    mapping_activation: ActivationName = "lrelu"
    lr_multiplier: Annotated[float, Field(gt=0)] = 0.01
    has_average: bool = True
    condition: Literal["class", "va"] = "class"
    class_names: tuple[str, ...] = ()
    aspect: Annotated[float, Field(ge=0.25, le=4)] = 1.0

    def specs(self) -> tuple[MappingSpec, SynthesisSpec]:
        """The shapes of the two networks."""
        mapping = MappingSpec(
            z_dim=self.z_dim,
            c_dim=self.c_dim,
            w_dim=self.w_dim,
            layers=self.mapping_layers,
            embed_features=self.embed_features,
            hidden_features=self.hidden_features,
            activation=self.mapping_activation,
            lr_multiplier=self.lr_multiplier,
            has_average=self.has_average,
        )
        synthesis = SynthesisSpec(
            w_dim=self.w_dim,
            widths=self.widths,
            image_channels=self.image_channels,
            architecture=self.architecture,
            use_noise=self.use_noise,
            activation=self.activation,
            clamp=self.clamp or None,
            kernel_size=self.kernel_size,
            filter_taps=self.filter_taps,
            stretch=(max(1.0, 1 / self.aspect), max(1.0, self.aspect)),
        )
        return mapping, synthesis
