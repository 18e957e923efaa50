"""Every global that a network pickle may name, and the inert value that stands for it."""

import hashlib
from collections.abc import Mapping
from typing import Any

from lucidsonic.zoo import arrays
from lucidsonic.zoo.machine import Call, Rules
from lucidsonic.zoo.records import Record
from lucidsonic.zoo.storages import load_storage

# R3GAN's modules under the names of the paper's code and of the published files.
R3GAN_MODULES = (
    "training.networks",
    "training.networks_baseline",
    *(
        f"{package}.{module}"
        for package in ("R3GAN", "BaselineGAN")
        for module in ("Networks", "Resamplers", "FusedOperators")
    ),
)
TORCH_MODULES = (
    "torch.nn.modules.container.ModuleList",
    "torch.nn.modules.conv.Conv2d",
    "torch.nn.modules.linear.Linear",
)
TF_NETWORK = "dnnlib.tflib.network.Network"
DICTIONARIES = ("collections.OrderedDict", "dnnlib.util.EasyDict")
NAMES = (
    "numpy.ndarray",
    *(f"torch.{dtype}" for dtype in ("float32", "float16", "bfloat16", "float64")),
)


def ordered_dict(*arguments: Any) -> dict[str, Any]:
    """`OrderedDict()`, or with a list of pairs, as old pickles have it."""
    if not arguments:
        return {}
    (pairs,) = arguments
    made = dict(pairs) if isinstance(pairs, list) and all(map(_is_pair, pairs)) else None
    if made is None:
        raise TypeError("not pairs")
    return made


def _is_pair(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and isinstance(value[0], str)


def plain_set(values: Any) -> set[str | int]:
    """`set([...])` of texts and numbers, as protocol 2 has it."""
    if not isinstance(values, list) or len(values) > 1000:
        raise TypeError("not a short list")
    if not all(isinstance(value, str | int) for value in values):
        raise TypeError("not plain")
    return set(values)


def no_bytes() -> bytes:
    """`bytes()`: how protocol 2 writes empty bytes."""
    return b""


def latin_bytes(text: Any, encoding: Any) -> bytes:
    """`_codecs.encode(text, "latin1")`: how protocol 2 writes bytes.

    Raises:
        ValueError: another encoding, or characters outside it.
    """
    if not isinstance(text, str) or encoding not in {"latin1", "latin-1"}:
        raise ValueError("not latin1")
    return text.encode("latin-1")


def persistent_object(meta: Any) -> Record:
    """`torch_utils.persistence._reconstruct_persistent_obj(meta)` without its source text.

    Raises:
        ValueError: `meta` is not what the original writes.
    """
    match meta:
        case {
            "type": "class",
            "module_src": str(source),
            "class_name": str(name),
            "state": dict(state),
        } if name.isidentifier():
            text = source.encode("utf-8", "surrogatepass")
            digest = hashlib.sha256(text).hexdigest()
            return Record("persistence", name, state, len(text), digest)
    raise ValueError("not a persistent object")


def new_object(path: str) -> Any:
    """What stands for `path.__new__(path)`: a dict or an inert record; None when unknown."""
    if path in DICTIONARIES:
        return {}
    if path == TF_NETWORK:
        return Record("tf", path)
    return Record("module", path) if is_module(path) else None


def is_module(path: str) -> bool:
    """Whether a class path is one of R3GAN's, or of the three torch modules that it uses."""
    module, _, name = path.rpartition(".")
    return path in TORCH_MODULES or (module in R3GAN_MODULES and name.isidentifier())


CALLS: Mapping[str, Call] = {
    "collections.OrderedDict": ordered_dict,
    "torch_utils.persistence._reconstruct_persistent_obj": persistent_object,
    "torch._utils._rebuild_parameter": arrays.parameter,
    "torch._utils._rebuild_tensor_v2": arrays.tensor,
    "torch.storage._load_from_bytes": load_storage,
    "numpy.dtype": arrays.number_type,
    **{
        f"numpy.{core}.{name}": call
        for core in ("core", "_core")
        for name, call in {
            "multiarray.scalar": arrays.number,
            "multiarray._reconstruct": arrays.empty_array,
            "numeric._frombuffer": arrays.array_from_buffer,
        }.items()
    },
    "builtins.set": plain_set,
    "__builtin__.set": plain_set,
    "__builtin__.bytes": no_bytes,
    "_codecs.encode": latin_bytes,
}


def is_known(path: str) -> bool:
    """Whether a pickle may name this global at all."""
    return path in CALLS or path in NAMES or new_object(path) is not None


NETWORK_RULES = Rules(calls=CALLS, make=new_object, known=is_known)
