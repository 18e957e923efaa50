"""Our R3GAN weights -> a file of the kind that the authors' tools write and load.

Their files hold whole module objects, so this one names their classes and keeps their layout.
The classes exist here only while the file is written, as empty names.
"""

import pickle  # noqa: TID251  # writing for foreign tools; nothing is ever read with it
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn

from lucidsonic.generators.r3gan.convert import official_name
from lucidsonic.generators.r3gan.network import LOW_PRECISION_STAGES, NetworkSpec
from lucidsonic.nn.fir import fir_kernel

__all__ = ["write_official"]

OUTER = "training.networks"
NETWORKS, RESAMPLERS, OPERATORS = (
    f"R3GAN.{part}" for part in ("Networks", "Resamplers", "FusedOperators")
)
CLASSES = {
    OUTER: ("Generator",),
    NETWORKS: (
        "Generator", "GeneratorStage", "GenerativeBasis", "UpsampleLayer", "ResidualBlock",
        "Convolution",
    ),
    RESAMPLERS: ("InterpolativeUpsamplerCUDA",),
    OPERATORS: ("BiasedActivationCUDA",),
}  # fmt: skip
PROTOCOL = 4

Make = Mapping[str, type[nn.Module]]


def write_official(path: Path, spec: NetworkSpec, state: Mapping[str, Tensor]) -> None:
    """Write the averaged generator, whole or not at all.

    Args:
        path: a .pkl.
        spec: the generator's shape.
        state: its tensors under our names.
    """
    partial = path.with_name(path.name + ".partial")
    with borrowed_names() as make, partial.open("wb") as file:
        generator = official_generator(make, spec, state)
        content = {
            "G": generator,
            "D": nn.ModuleList(),
            "G_ema": generator,
            "training_set_kwargs": {
                "resolution": spec.resolution,
                "use_labels": spec.c_dim > 0,
            },
            "cur_nimg": 0,
            "G_opt_state": {},
            "D_opt_state": {},
        }
        pickle.dump(content, file, protocol=PROTOCOL)
    partial.replace(path)


@contextmanager
def borrowed_names() -> Iterator[Make]:
    """The authors' class names, "package.module.Class" -> an empty class, for a while."""
    modules: dict[str, ModuleType] = {}
    made: dict[str, type[nn.Module]] = {}
    for module_name, names in CLASSES.items():
        package = module_name.split(".")[0]
        modules.setdefault(package, ModuleType(package))
        modules[module_name] = ModuleType(module_name)
        for name in names:
            made[f"{module_name}.{name}"] = type(
                name, (nn.Module,), {"__module__": module_name}
            )
            setattr(modules[module_name], name, made[f"{module_name}.{name}"])
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield made
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def official_generator(make: Make, spec: NetworkSpec, state: Mapping[str, Tensor]) -> nn.Module:
    """The authors' module tree, filled."""
    outer = make[f"{OUTER}.Generator"]()
    outer.z_dim, outer.c_dim, outer.img_resolution = spec.z_dim, spec.c_dim, spec.resolution  # pyright: ignore
    model = make[f"{NETWORKS}.Generator"]()
    model.MainLayers = nn.ModuleList(
        official_stage(make, spec, index) for index in range(len(spec.widths))
    )
    model.AggregationLayer = convolution(make, spec.widths[-1], spec.image_channels)
    if spec.c_dim:
        model.EmbeddingLayer = nn.Linear(spec.c_dim, spec.embed_dim, bias=False)
    outer.Model = model
    kernels = {name for name, _ in outer.named_buffers()}
    filled = {official_name(name): tensor.float() for name, tensor in state.items()}
    filled |= {name: fir_kernel([1.0, 3.0, 3.0, 1.0]) for name in kernels}
    outer.load_state_dict(filled)
    return outer.eval().requires_grad_(False)


def official_stage(make: Make, spec: NetworkSpec, index: int) -> nn.Module:
    stage = make[f"{NETWORKS}.GeneratorStage"]()
    blocks = [residual_block(make, spec, index) for _ in range(spec.blocks[index])]
    stage.Layers = nn.ModuleList([transition(make, spec, index), *blocks])
    is_low = index >= max(len(spec.widths) - LOW_PRECISION_STAGES, 1)
    stage.DataType = torch.bfloat16 if is_low else torch.float32  # pyright: ignore
    return stage


def transition(make: Make, spec: NetworkSpec, index: int) -> nn.Module:
    """What brings the map to a stage: the basis, or upsampling."""
    if index == 0:
        basis = make[f"{NETWORKS}.GenerativeBasis"]()
        basis.Basis = nn.Parameter(torch.empty(spec.widths[0], 4, 4))
        inputs = spec.z_dim + (spec.embed_dim if spec.c_dim else 0)
        basis.LinearLayer = nn.Linear(inputs, spec.widths[0], bias=False)
        return basis
    layer = make[f"{NETWORKS}.UpsampleLayer"]()
    before, width = spec.widths[index - 1 : index + 1]
    layer.Resampler = make[f"{RESAMPLERS}.InterpolativeUpsamplerCUDA"]()
    layer.Resampler.register_buffer("Kernel", torch.empty(4, 4))
    if before != width:
        layer.LinearLayer = convolution(make, before, width)
    return layer


def residual_block(make: Make, spec: NetworkSpec, index: int) -> nn.Module:
    width = spec.widths[index]
    inner = width * spec.expansion
    block = make[f"{NETWORKS}.ResidualBlock"]()
    block.LinearLayer1 = convolution(make, width, inner)
    block.LinearLayer2 = convolution(make, inner, inner, size=3, groups=spec.groups[index])
    block.LinearLayer3 = convolution(make, inner, width)
    for name in ("NonLinearity1", "NonLinearity2"):
        activation = make[f"{OPERATORS}.BiasedActivationCUDA"]()
        activation.Bias = nn.Parameter(torch.empty(inner))
        setattr(block, name, activation)
    return block


def convolution(
    make: Make, inputs: int, outputs: int, *, size: int = 1, groups: int = 1
) -> nn.Module:
    layer = make[f"{NETWORKS}.Convolution"]()
    layer.Layer = nn.Conv2d(inputs, outputs, size, padding=size // 2, groups=groups, bias=False)
    return layer
