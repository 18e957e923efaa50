"""A network pickle -> a tree of inert records. Nothing of the file is run or imported."""

import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lucidsonic.errors import WeightsError
from lucidsonic.zoo.allowed import NETWORK_RULES
from lucidsonic.zoo.machine import Machine
from lucidsonic.zoo.opcodes import Cursor
from lucidsonic.zoo.records import check_tree

HEAD_BYTES = 512
PROTOCOLS = range(2, 6)

# how a file begins that is something else (in lower case) -> what it is, what to do about it
FOREIGN = {
    b"version https://git-lfs": (
        "a Git LFS pointer, not the weights themselves",
        "Run 'git lfs pull' in that repository, or download the file from its web page.",
    ),
    b"<!doctype html": (
        "a web page saved under the name of a model",
        "Download the file itself; the page may ask to sign in or to confirm first.",
    ),
    b"<html": (
        "a web page saved under the name of a model",
        "Download the file itself; the page may ask to sign in or to confirm first.",
    ),
    b"<?xml": (
        "an XML answer of a server, not a model",
        "Open the address in a browser to see what the server says.",
    ),
    b'{"': ("a JSON answer of a server, not a model", "Look at it with a text editor."),
    b"pk\x03\x04": (
        "a zip archive, not a network pickle",
        "Unpack it if it wraps a .pkl; files of torch.save are better handed over as "
        "safetensors, see models/README.md.",
    ),
    b"\x1f\x8b": ("compressed with gzip", "Unpack it first, with 'gunzip'."),
    b"bzh": ("compressed with bzip2", "Unpack it first, with 'bunzip2'."),
    b"\xfd7zxz": ("compressed with xz", "Unpack it first, with 'unxz'."),
    b"\x28\xb5\x2f\xfd": ("compressed with zstd", "Unpack it first, with 'unzstd'."),
    b"\x89hdf": ("an HDF5 file, not a network pickle", "Export safetensors from it."),
}


@dataclass(frozen=True, slots=True, eq=False)
class PickleTree:
    """What a pickle holds.

    Attributes:
        root: dicts, lists, tuples, plain values and the records of `zoo.records`.
        globals: every global that the file names, in order, once.
        size: bytes of the file; all tensors of a network may not need more.
        source: the file, as an error should call it.
    """

    root: Any
    globals: tuple[str, ...]
    size: int
    source: str


def read_pickle_records(path: Path) -> PickleTree:
    """Read a pickle without running it.

    The numbers stay in the file: the tree holds views of it, and keeps it open.

    Raises:
        WeightsError: the file is missing, empty, or plainly something else.
        UnsafeFileError: it is damaged, or asks for anything that is not on the allow-list.
    """
    source = f"'{path.name}'"
    data = memoryview(_map_file(path, source))
    _refuse_foreign(bytes(data[:HEAD_BYTES]), source)
    machine = Machine(NETWORK_RULES, Cursor(data, source))
    root = machine.run()
    check_tree(root, source=source)
    return PickleTree(root, tuple(machine.globals), len(data), source)


def _map_file(path: Path, source: str) -> mmap.mmap:
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except ValueError as error:  # mmap's word for an empty file
        raise WeightsError(f"{source} is empty.", hint="Download it again.") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise WeightsError(f"'{path}' cannot be read: {reason}.") from error


def _refuse_foreign(head: bytes, source: str) -> None:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for start, (what, hint) in FOREIGN.items():
        if text.startswith(start):
            raise WeightsError(f"{source} is {what}.", hint=hint)
    if head[8:10] == b'{"':
        raise WeightsError(f"{source} is a safetensors file; name it .safetensors.")
    if len(head) < 2 or head[0] != 0x80 or head[1] not in PROTOCOLS:
        raise WeightsError(
            f"{source} is not a network pickle.",
            hint="A .pkl of StyleGAN2, StyleGAN3 or R3GAN, or a .safetensors, can be read.",
        )
