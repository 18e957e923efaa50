"""What a pickle is read into: inert values, and the laws that a tree of them must keep."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lucidsonic.errors import UnsafeFileError

MAX_DEPTH = 150  # an honest network is some 40 deep
MAX_NODES = 4_000_000  # counted as if nothing were shared


@dataclass(frozen=True, slots=True)
class Name:
    """A global that the file names and that is known; never the thing itself."""

    path: str


@dataclass(slots=True, eq=False)
class Record:
    """An object of a class that the file names, as data.

    Attributes:
        kind: "persistence", "module" or "tf".
        class_path: the class, as the file calls it.
        state: attribute -> value; None until the file has told it.
        source_bytes: length of the embedded source text, 0 without one.
        source_sha256: its digest; the text itself is not kept.
    """

    kind: str
    class_path: str
    state: dict[str, Any] | None = None
    source_bytes: int = 0
    source_sha256: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Storage:
    """Raw numbers, still lying in the file.

    Attributes:
        dtype: torch's name, e.g. "float32".
        item_bytes: bytes of one number.
        data: the numbers, little-endian.
    """

    dtype: str
    item_bytes: int
    data: memoryview

    def __len__(self) -> int:
        return len(self.data) // self.item_bytes


@dataclass(frozen=True, slots=True, eq=False)
class TensorRecord:
    """A view into a storage that was checked to stay inside it; all counts in numbers."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        count = self.storage.item_bytes
        for length in self.size:
            count *= length
        return count


@dataclass(slots=True, eq=False)
class NumberType:
    """A numpy dtype of plain numbers, e.g. "<f4"."""

    code: str
    order: str = "<"

    @property
    def item_bytes(self) -> int:
        return int(self.code[1:])


@dataclass(slots=True, eq=False)
class ArrayRecord:
    """A numpy array of plain numbers; `data` is None until the file has told it."""

    dtype: str = ""
    shape: tuple[int, ...] = ()
    fortran: bool = False
    data: memoryview | bytes | None = field(default=None, repr=False)

    @property
    def nbytes(self) -> int:
        return len(self.data or b"")


def check_tree(root: Any, *, source: str) -> None:
    """Make sure that a tree can be walked by simple recursion.

    Raises:
        UnsafeFileError: something contains itself, lies too deep, or would unfold to more
            values than memory holds.
    """
    measured: dict[int, tuple[int, int]] = {}  # id -> (depth, nodes when unfolded)
    open_ids: set[int] = set()
    stack: list[tuple[Any, bool]] = [(root, False)]
    while stack:
        value, children_done = stack.pop()
        key = id(value)
        if children_done:
            open_ids.discard(key)
            measured[key] = _measure(value, measured, source)
        elif key in open_ids:
            raise UnsafeFileError(f"{source} holds a value that contains itself.")
        elif key not in measured:
            open_ids.add(key)
            stack.append((value, True))
            stack.extend((child, False) for child in children(value))


def _measure(value: Any, measured: dict[int, tuple[int, int]], source: str) -> tuple[int, int]:
    depth, nodes = 1, 1
    for child in children(value):
        child_depth, child_nodes = measured[id(child)]
        depth = max(depth, child_depth + 1)
        nodes += child_nodes
    if depth > MAX_DEPTH:
        raise UnsafeFileError(f"{source} nests values more than {MAX_DEPTH} deep.")
    if nodes > MAX_NODES:
        raise UnsafeFileError(f"{source} unfolds to more than {MAX_NODES:,} values.")
    return depth, nodes


def children(value: Any) -> Iterable[Any]:
    """The values directly inside a value; keys are plain and need no look."""
    if isinstance(value, Record):
        return () if value.state is None else (value.state,)
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple) else ()
