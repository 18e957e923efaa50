"""Pickles as the original tools write them, made here from classes of the same names."""

import pickle  # noqa: TID251
import sys
import types
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

SOURCE = "import os; os._exit(3)  # the source of the module\n" * 20


def rebuild(meta: Any) -> Any:
    raise AssertionError("the original function must never be called")


class Persistent:
    """Pickles itself as `torch_utils.persistence` does."""

    def __init__(self, name: str, **state: Any) -> None:
        self.name, self.state = name, state

    def __reduce__(self) -> Any:
        meta = {
            "type": "class",
            "version": 6,
            "module_src": SOURCE,
            "class_name": self.name,
            "state": self.state,
        }
        return rebuild, (meta,)


class EasyDict(dict[str, Any]):
    """As in `dnnlib.util`."""


class Network:
    """As in `dnnlib.tflib.network`."""


class Generator(torch.nn.Module):
    """As in `training.networks`."""


PLACES: Mapping[Any, str] = {
    rebuild: "torch_utils.persistence._reconstruct_persistent_obj",
    EasyDict: "dnnlib.util.EasyDict",
    Network: "dnnlib.tflib.network.Network",
    Generator: "training.networks.Generator",
}


@contextmanager
def original_names() -> Iterator[None]:
    """Let the classes here bear the names of the originals while they are pickled."""
    made: dict[str, types.ModuleType] = {}
    for thing, path in PLACES.items():
        module, _, name = path.rpartition(".")
        for depth, _ in enumerate(module.split("."), start=1):
            package = ".".join(module.split(".")[:depth])
            made.setdefault(package, types.ModuleType(package))
        setattr(made[module], name, thing)
        thing.__module__, thing.__qualname__ = module, name
        thing.__name__ = name
    sys.modules.update(made)
    try:
        yield
    finally:
        for module in made:
            del sys.modules[module]


def written(value: Any, protocol: int = 4) -> bytes:
    with original_names():
        return pickle.dumps(value, protocol=protocol)


def module_of(**tensors: torch.Tensor) -> Generator:
    network = Generator()
    for name, tensor in tensors.items():
        if tensor.is_floating_point():
            network.register_parameter(name, torch.nn.Parameter(tensor))
        else:
            network.register_buffer(name, tensor)
    return network


def persistent_of(**tensors: torch.Tensor) -> Persistent:
    """A generator with one part, `synthesis`, that holds the tensors."""
    part = Persistent(
        "SynthesisNetwork",
        _parameters=OrderedDict(
            (name, torch.nn.Parameter(tensor)) for name, tensor in tensors.items()
        ),
        _buffers=OrderedDict(),
        _modules=OrderedDict(),
        num_ws=7,
    )
    return Persistent(
        "Generator",
        _init_args=(),
        _init_kwargs=EasyDict(z_dim=4, mapping_kwargs=EasyDict(num_layers=2)),
        _parameters=OrderedDict(),
        _buffers=OrderedDict(),
        _modules=OrderedDict(synthesis=part),
        z_dim=4,
    )


def tensorflow_of(**variables: Any) -> tuple[Network, Network, Network]:
    """The three networks of the TensorFlow era."""
    part = Network()
    part.__dict__.update(
        name="G_synthesis",
        static_kwargs=EasyDict(fmap_base=8),
        components=EasyDict(),
        build_module_src=SOURCE,
        build_func_name="G_synthesis_stylegan2",
        variables=[*variables.items()],
    )
    whole = Network()
    whole.__dict__.update(
        version=4,
        name="Gs",
        static_kwargs=EasyDict(resolution=32, num_channels=3),
        components=EasyDict(synthesis=part),
        build_module_src=SOURCE,
        build_func_name="G_main",
        variables=[("dlatent_avg", next(iter(variables.values())))],
    )
    return whole, whole, whole
