"""A network in a pickle -> tensors, arguments and plain attributes, for a family to read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lucidsonic.errors import UnsafeFileError, WeightsError
from lucidsonic.types import NetworkRecord
from lucidsonic.zoo.pickles import PickleTree, read_pickle_records
from lucidsonic.zoo.records import ArrayRecord, Name, Record, TensorRecord, children

if TYPE_CHECKING:
    import torch

TF_TUPLE = ("G", "D", "Gs")
TF_AVERAGE = "Gs"
AVERAGE = "G_ema"
MAX_ATTRIBUTE_NUMBERS = 4096
MODULE_TABLES = frozenset({"_parameters", "_buffers", "_modules"})
ARGUMENTS = frozenset({"_init_args", "_init_kwargs"})


@dataclass(frozen=True, slots=True)
class TensorSummary:
    """A tensor in words: its dotted name, numpy's or torch's type name, its shape."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NetworkSummary:
    """A network in words.

    Attributes:
        key: where it lies in the file: "G_ema", "D", ...
        kind: as in `NetworkRecord`.
        class_path: as in `NetworkRecord`.
        arguments: the constructor's keyword arguments, plain.
        parameters: numbers in all tensors.
        tensors: its tensors, in order.
        source_bytes: length of the Python source that the file carries for it (never run).
        source_sha256: the digest of that source, "" without one.
    """

    key: str
    kind: str
    class_path: str
    arguments: Mapping[str, Any]
    parameters: int
    tensors: tuple[TensorSummary, ...]
    source_bytes: int
    source_sha256: str


@dataclass(frozen=True, slots=True)
class PickleReport:
    """What is in a pickle, found without running it.

    Attributes:
        path: the file.
        size: its bytes.
        globals: every class and function that it names.
        networks: the networks in it.
        others: the other keys at its top level -> what kind of value lies there.
    """

    path: Path
    size: int
    globals: tuple[str, ...]
    networks: tuple[NetworkSummary, ...]
    others: Mapping[str, str]


def networks_in(tree: PickleTree) -> dict[str, Record]:
    """The networks at the top level of a pickle by name: "G", "D", "G_ema" or "Gs".

    Raises:
        WeightsError: there is none.
    """
    found = {
        key: value
        for key, value in _top_level(tree).items()
        if isinstance(value, Record) and value.state is not None
    }
    if not found:
        raise WeightsError(
            f"{tree.source} holds no network.",
            hint="Run 'lucidsonic models inspect' on it to see what it does hold.",
        )
    return found


def network_record(tree: PickleTree, key: str | None = None) -> NetworkRecord:
    """One network, with its tensors copied out of the file.

    Tensors of a TensorFlow network are named `component.Scope.variable`, the variables'
    slashes turned into dots; its arguments of a component lie in
    `attributes["component.static_kwargs"]`.

    Args:
        tree: the pickle.
        key: which network; by default the averaged generator, else the only generator.

    Raises:
        WeightsError: there is no such network.
        UnsafeFileError: its tensors need more bytes than the file has.
    """
    networks = networks_in(tree)
    wanted = [key] if key else [AVERAGE, TF_AVERAGE, "G"]
    chosen = next((name for name in wanted if name in networks), None)
    if chosen is None:
        raise WeightsError(
            f"{tree.source} holds no network called {' or '.join(wanted)}.",
            hint=f"It holds: {', '.join(networks)}.",
        )
    record = networks[chosen]
    tensors, attributes = flatten(record)
    if sum(value.nbytes for value in tensors.values()) > tree.size:
        raise UnsafeFileError(f"{tree.source} claims more numbers than it holds.")
    return NetworkRecord(
        kind=record.kind,  # pyright: ignore[reportArgumentType]
        class_path=_class_path(record),
        args=tuple(plain(value) for value in _argument(record, "_init_args", ())),
        kwargs=_arguments(record),
        tensors={name: to_torch(value) for name, value in tensors.items()},
        attributes=attributes,
    )


def inspect_pickle(path: Path) -> PickleReport:
    """Say what a pickle holds. Runs nothing of it and needs no torch.

    Raises:
        WeightsError: not a pickle, or not one that can be read safely.
    """
    tree = read_pickle_records(path)
    top = _top_level(tree)
    networks = {key: v for key, v in top.items() if isinstance(v, Record) and v.state}
    return PickleReport(
        path,
        tree.size,
        tree.globals,
        tuple(_summary(key, record) for key, record in networks.items()),
        {key: _kind(value) for key, value in top.items() if key not in networks},
    )


def flatten(
    record: Record,
) -> tuple[dict[str, TensorRecord | ArrayRecord], dict[str, Any]]:
    """Tensors and plain attributes of a network and all its parts, by dotted name."""
    walk = _walk_tf if record.kind == "tf" else _walk_module
    tensors: dict[str, TensorRecord | ArrayRecord] = {}
    attributes: dict[str, Any] = {}
    for name, value in walk(record, ""):
        if isinstance(value, TensorRecord | ArrayRecord):
            tensors[name] = value
        else:
            attributes[name] = plain(value)
    return tensors, attributes


def _walk_module(record: Record, prefix: str) -> Iterator[tuple[str, Any]]:
    state = record.state or {}
    for table in ("_parameters", "_buffers"):
        for name, value in _table(state, table).items():
            if isinstance(value, TensorRecord):
                yield f"{prefix}{name}", value
    for name, value in state.items():
        private = str(name).startswith("_") and not (prefix and name in ARGUMENTS)
        if not private and is_plain(value):
            yield f"{prefix}{name}", Plain(value)
    for name, value in _table(state, "_modules").items():
        if isinstance(value, Record):
            yield from _walk_module(value, f"{prefix}{name}.")


def _walk_tf(record: Record, prefix: str) -> Iterator[tuple[str, Any]]:
    state = record.state or {}
    variables = state.get("variables")
    for pair in variables if isinstance(variables, list) else ():
        match pair:
            case (str(name), ArrayRecord() as value) | [str(name), ArrayRecord() as value]:
                yield prefix + name.replace("/", "."), value
    for name in ("name", "version", "static_kwargs", "build_func_name"):
        if name in state and is_plain(state[name]):
            yield f"{prefix}{name}", Plain(state[name])
    for name, value in _table(state, "components").items():
        if isinstance(value, Record):
            yield from _walk_tf(value, f"{prefix}{name}.")


@dataclass(frozen=True, slots=True, eq=False)
class Plain:
    """Marks a value that goes to the attributes even if it is an array."""

    value: Any


def is_plain(value: Any) -> bool:
    """Whether a value can be told in numbers, texts, lists and dicts."""
    if isinstance(value, ArrayRecord):
        return value.data is not None and prod(value.shape) <= MAX_ATTRIBUTE_NUMBERS
    if isinstance(value, str | int | float | Name | None):
        return True
    return isinstance(value, dict | list | tuple) and all(map(is_plain, children(value)))


def plain(value: Any) -> Any:
    """A value in numbers, texts, lists and dicts; what is not plain in words."""
    if isinstance(value, Plain):
        return plain(value.value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, ArrayRecord) and is_plain(value):
        return to_numpy(value).tolist()
    if isinstance(value, Name):
        return value.path
    return value if isinstance(value, str | int | float | None) else f"<{_kind(value)}>"


def to_numpy(record: ArrayRecord) -> Any:
    """An array of the file as numpy sees it, a copy in this machine's byte order."""
    import numpy as np

    flat = np.frombuffer(record.data or b"", dtype=record.dtype)
    array = flat.reshape(record.shape, order="F" if record.fortran else "C")
    return array.astype(array.dtype.newbyteorder("="), order="C")


def to_torch(record: TensorRecord | ArrayRecord) -> "torch.Tensor":
    """A tensor of the file as torch sees it: contiguous, on the CPU, a copy."""
    import numpy as np
    import torch

    if isinstance(record, ArrayRecord):
        return torch.from_numpy(to_numpy(record))
    kind = record.storage.dtype
    if not prod(record.size):
        return torch.empty(record.size, dtype=getattr(torch, kind))
    item = record.storage.item_bytes
    steps = zip(record.size, record.stride, strict=True)
    reach = 1 + sum((length - 1) * step for length, step in steps)
    start = record.offset * item
    flat = torch.from_numpy(
        np.frombuffer(record.storage.data[start : start + reach * item], np.uint8).copy()
    )
    numbers = flat != 0 if kind == "bool" else flat.view(getattr(torch, kind))
    return numbers.as_strided(record.size, record.stride).contiguous()


def _top_level(tree: PickleTree) -> dict[str, Any]:
    root = tree.root
    if isinstance(root, dict):
        return {key: value for key, value in root.items() if isinstance(key, str)}
    if isinstance(root, tuple | list) and len(root) == len(TF_TUPLE):
        return dict(zip(TF_TUPLE, root, strict=True))
    return {AVERAGE: root} if isinstance(root, Record) else {}


def _table(state: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = state.get(name)
    return table if isinstance(table, dict) else {}


def _argument(record: Record, name: str, default: Any) -> Any:
    value = (record.state or {}).get(name, default)
    return value if isinstance(value, dict | list | tuple) else default


def _arguments(record: Record) -> dict[str, Any]:
    name = "static_kwargs" if record.kind == "tf" else "_init_kwargs"
    value = plain(_argument(record, name, {}))
    return value if isinstance(value, dict) else {}


def _class_path(record: Record) -> str:
    built_by = (record.state or {}).get("build_func_name")
    return built_by if isinstance(built_by, str) else record.class_path


def _summary(key: str, record: Record) -> NetworkSummary:
    tensors, _ = flatten(record)
    summaries = tuple(
        TensorSummary(name, value.dtype, value.shape)
        if isinstance(value, ArrayRecord)
        else TensorSummary(name, value.storage.dtype, value.size)
        for name, value in tensors.items()
    )
    return NetworkSummary(
        key=key,
        kind=record.kind,
        class_path=_class_path(record),
        arguments=_arguments(record),
        parameters=sum(prod(summary.shape) for summary in summaries),
        tensors=summaries,
        source_bytes=record.source_bytes,
        source_sha256=record.source_sha256,
    )


def _kind(value: Any) -> str:
    if isinstance(value, dict | list | tuple | set):
        return f"{type(value).__name__} of {len(value)}"
    if isinstance(value, Record):
        return f"{value.class_path} without state"
    return (
        str(value)[:80]
        if isinstance(value, str | int | float | None)
        else (type(value).__name__)
    )
