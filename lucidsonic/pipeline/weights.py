"""A network pickle -> safetensors in the cache, once; which family it is lies in the file."""

import importlib
import importlib.util
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from lucidsonic.errors import WeightsError, unwritten
from lucidsonic.generators import FAMILIES
from lucidsonic.types import NetworkRecord, OnProgress, Progress, ignore_progress
from lucidsonic.zoo import network_record, read_pickle_records
from lucidsonic.zoo.digests import remembered_digest
from lucidsonic.zoo.download import check_room
from lucidsonic.zoo.fetch import converted_dir

VERSION = 1  # of the conversion: another one converts again
METADATA_KEY = "lucidsonic"
HEADER_LIMIT = 100 << 20  # bytes, the format's own


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights ready to load.

    Attributes:
        path: a safetensors file.
        sha256: of the file that the person gave, before any conversion.
        family: what paints with them; "" when the file does not say.
        options: of the family, as far as the file tells them.
    """

    path: Path
    sha256: str
    family: str
    options: Mapping[str, Any]


def ready_weights(path: Path, *, on_progress: OnProgress = ignore_progress) -> Weights:
    """Weights that a family can load: the file itself, or its conversion from the cache.

    Args:
        path: a safetensors file or a network pickle.
        on_progress: told when a pickle is converted.

    Raises:
        WeightsError: not there, damaged, or a network of no known family.
    """
    try:
        sha256 = remembered_digest(path)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise WeightsError(f"'{path}' cannot be read: {reason}.") from error
    if is_safetensors(path):
        return _described(path, sha256)
    target = converted_dir() / f"{sha256}-v{VERSION}.safetensors"
    if not target.is_file():
        note = f"Reading {path.name} without running it; later starts find the result."
        on_progress(Progress("convert", 0, 0, unit="bytes", note=note))
        convert_pickle(path, target)
    return _described(target, sha256)


def convert_pickle(path: Path, target: Path) -> None:
    """Convert a network pickle; `target` appears whole or not at all.

    Raises:
        WeightsError: not a network that we know, or no room.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{target}.lock"):
        if target.is_file():  # another process was faster
            return
        check_room(target.parent, path.stat().st_size)
        record = network_record(read_pickle_records(path))
        family, converter = find_converter(record, path.name)
        options, state = converter.convert(record)
        write_safetensors(target, state, family=family, options=options)


def find_converter(record: NetworkRecord, name: str) -> tuple[str, Any]:
    """The family whose converter recognises a network, and that converter.

    Raises:
        WeightsError: none does.
    """
    for family, converter in _converters():
        if converter.recognise(record):
            return family, converter
    raise WeightsError(
        f"'{name}' holds a network of class '{record.class_path}' that no family recognises.",
        hint="StyleGAN2, StyleGAN3 and R3GAN are known; for others see models/README.md.",
    )


def _converters() -> Iterator[tuple[str, Any]]:
    for family, module in FAMILIES.items():
        if importlib.util.find_spec(f"{module}.convert"):
            yield family, importlib.import_module(f"{module}.convert")


def write_safetensors(
    target: Path, state: Mapping[str, Any], *, family: str, options: Mapping[str, Any]
) -> None:
    """Write tensors with the family and its options in the header; whole or not at all.

    Raises:
        WeightsError: the folder cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    described = json.dumps({"family": family, "options": options, "version": VERSION})
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        save_file(dict(state), partial, metadata={METADATA_KEY: described})
        partial.replace(target)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"'{target}' cannot be written: {unwritten(error)}.") from error
    finally:
        partial.unlink(missing_ok=True)


def is_safetensors(path: Path) -> bool:
    """Whether a file begins like safetensors: a header's length, then the header."""
    with path.open("rb") as file:
        head = file.read(9)
    return (
        len(head) == 9
        and head[8:] == b"{"
        and int.from_bytes(head[:8], "little") < HEADER_LIMIT
    )


def _described(path: Path, sha256: str) -> Weights:
    """The family and options in a safetensors header, if lucidsonic wrote it."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get(METADATA_KEY, "{}")
        told = json.loads(text)
        family, options = told.get("family", ""), told.get("options", {})
    except (SafetensorError, OSError, ValueError, AttributeError, RecursionError) as error:
        raise WeightsError(
            f"'{path.name}' is not a whole safetensors file.",
            hint="Download or export it again.",
        ) from error
    if not isinstance(family, str) or not isinstance(options, dict):
        raise WeightsError(f"'{path.name}' describes itself in a way that nobody writes.")
    return Weights(path, sha256, family, options)
