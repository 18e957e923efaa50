"""The same networks as the papers' formulas are usually written: what our arrangement is up to.

Every picture has convolution weights of its own (one grouped convolution for the batch),
filters run over zeros that were stuffed in, and every step makes a new array in torch's default
layout.
"""

import torch.nn.functional as F
from torch import Tensor

from lucidsonic.generators.r3gan.network import Network as R3GANNetwork
from lucidsonic.generators.r3gan.network import ResidualBlock
from lucidsonic.generators.stylegan2.layers import ImageLayer, StyledLayer
from lucidsonic.generators.stylegan2.network import Network as StyleGAN2Network
from lucidsonic.generators.stylegan3.network import Layer
from lucidsonic.generators.stylegan3.network import Network as StyleGAN3Network

__all__ = ["plain_r3gan", "plain_stylegan2", "plain_stylegan3"]

Margins = tuple[int, int, int, int]  # left, right, top, bottom


def filtered(
    x: Tensor,
    taps: Tensor | None,
    *,
    up: int = 1,
    down: int = 1,
    margins: Margins = (0, 0, 0, 0),
) -> Tensor:
    """Stuff with zeros, pad, filter, decimate; `taps` of one axis, of both, or None."""
    batch, channels, height, width = x.shape
    x = F.pad(x.view(batch, channels, height, 1, width, 1), [0, up - 1, 0, 0, 0, up - 1])
    x = F.pad(x.reshape(batch, channels, height * up, width * up), list(margins))
    if taps is None:
        return x[:, :, ::down, ::down]
    kernels = [taps] if taps.ndim == 2 else [taps[None, :], taps[:, None]]
    for kernel in kernels:
        weight = (kernel * up ** (2 / len(kernels))).flip([0, 1])
        x = F.conv2d(x, weight.repeat(channels, 1, 1, 1), groups=channels)
    return x[:, :, ::down, ::down]


def modulated(weight: Tensor, styles: Tensor, *, demodulate: bool) -> Tensor:
    """Weights of each picture's own, `(batch, out, in, k, k)`: equations 1 and 3."""
    own = weight.contiguous() * styles[:, None, :, None, None]
    if not demodulate:
        return own
    return own * (own.square().sum(dim=(2, 3, 4), keepdim=True) + 1e-8).rsqrt()


def convolved(x: Tensor, own: Tensor, *, padding: int = 0, up: bool = False) -> Tensor:
    """Each picture with its own weights, as one grouped convolution."""
    batch, outputs, inputs, size, _ = own.shape
    x = x.reshape(1, batch * inputs, *x.shape[2:])
    if up:
        own = own.transpose(1, 2).reshape(batch * inputs, outputs, size, size)
        y = F.conv_transpose2d(x, own, stride=2, groups=batch)
    else:
        own = own.reshape(batch * outputs, inputs, size, size)
        y = F.conv2d(x, own, padding=padding, groups=batch)
    return y.view(batch, outputs, *y.shape[2:])


def activated(x: Tensor, bias: Tensor, clamp: float | None) -> Tensor:
    x = F.leaky_relu(x + bias.view(1, -1, 1, 1), 0.2) * 2**0.5
    return x if clamp is None else x.clamp(-clamp, clamp)


def plain_stylegan2(network: StyleGAN2Network, ws: Tensor, noise: list[Tensor]) -> Tensor:
    """Pictures of the skip architecture with 3x3 filters."""
    kernel = network.synthesis.resample_filter
    x = network.synthesis.blocks[0].const.repeat(len(ws), 1, 1, 1)
    picture, used = None, 0
    for block in network.synthesis.blocks:
        for layer in (layer for layer in block.children() if isinstance(layer, StyledLayer)):
            x = styled(layer, x, ws[:, used], kernel, noise[used])
            used += 1
        if picture is not None:
            picture = filtered(picture, kernel, up=2, margins=(2, 1, 2, 1))
        if block.torgb is None:
            raise ValueError("only the skip architecture is written down here")
        drawn = drawn_picture(block.torgb, x, ws[:, used])
        picture = drawn if picture is None else picture + drawn
    if picture is None:
        raise ValueError("a network without blocks")
    return picture


def styled(layer: StyledLayer, x: Tensor, w: Tensor, kernel: Tensor, noise: Tensor) -> Tensor:
    own = modulated(layer.weight, layer.affine(w), demodulate=True)
    y = convolved(x, own, padding=1, up=layer.up)
    if layer.up:
        y = filtered(y, kernel * 4, margins=(1, 1, 1, 1))
    strength = layer.noise_strength
    y = y if strength is None else y + noise * strength
    return activated(y, layer.bias, layer.clamp)


def drawn_picture(layer: ImageLayer, x: Tensor, w: Tensor) -> Tensor:
    own = modulated(layer.weight, layer.affine(w) * layer.weight_gain, demodulate=False)
    y = convolved(x, own) + layer.bias.view(1, -1, 1, 1)
    return y if layer.clamp is None else y.clamp(-layer.clamp, layer.clamp)


def plain_stylegan3(network: StyleGAN3Network, ws: Tensor) -> Tensor:
    """Pictures of either configuration."""
    synthesis = network.synthesis
    x = synthesis.input(ws[:, 0], None).contiguous()
    for index, name in enumerate(synthesis.names):
        layer = synthesis.get_submodule(name)
        if isinstance(layer, Layer):
            x = alias_free(layer, x, ws[:, index + 1])
    return x * synthesis.plan.output_scale


def alias_free(layer: Layer, x: Tensor, w: Tensor) -> Tensor:
    plan, weight, styles = layer.plan, layer.weight, layer.affine(w)
    if plan.is_picture:
        styles = styles / plan.channels[0] ** 0.5
    else:
        weight = weight * weight.square().mean(dim=(1, 2, 3), keepdim=True).rsqrt()
        styles = styles * styles.square().mean(dim=1, keepdim=True).rsqrt()
    own = modulated(weight, styles, demodulate=not plan.is_picture)
    y = convolved(x * layer.magnitude_ema.rsqrt(), own, padding=plan.kernel - 1)
    if plan.is_picture:
        y = y + layer.bias.view(1, -1, 1, 1)
        return y if layer.clamp is None else y.clamp(-layer.clamp, layer.clamp)
    y = y + layer.bias.view(1, -1, 1, 1)
    (top, bottom), (left, right) = plan.padding(0), plan.padding(1)
    y = filtered(y, layer.up_filter, up=plan.up, margins=(left, right, top, bottom))
    y = F.leaky_relu(y, 0.2) * 2**0.5
    y = y if layer.clamp is None else y.clamp(-layer.clamp, layer.clamp)
    return filtered(y, layer.down_filter, down=plan.down)


def plain_r3gan(network: R3GANNetwork, z: Tensor) -> Tensor:
    """Pictures of a network without condition."""
    x = network.stages[0].get_submodule("head")(z)
    for index, stage in enumerate(network.stages):
        if index:
            if stage.widen is not None:
                x = F.conv2d(x, stage.widen.weight)  # pyright: ignore
            x = filtered(x, network.kernel, up=2, margins=(2, 1, 2, 1))
        for block in stage.blocks:  # pyright: ignore
            if isinstance(block, ResidualBlock):
                x = x + bottleneck(block, x)
    return F.conv2d(x, network.to_image.weight)


def bottleneck(block: ResidualBlock, x: Tensor) -> Tensor:
    mix = block.mix
    y = F.conv2d(x, block.expand.weight) + block.bias1.view(1, -1, 1, 1)
    y = F.conv2d(F.leaky_relu(y, 0.2), mix.weight, padding=1, groups=mix.groups)
    y = F.leaky_relu(y + block.bias2.view(1, -1, 1, 1), 0.2)
    return F.conv2d(y, block.project.weight)
