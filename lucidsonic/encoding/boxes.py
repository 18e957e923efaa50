"""MP4 or MOV file -> how many pictures its index lists, read in a millisecond."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from lucidsonic.errors import EncodingError

# ISO/IEC 14496-12: where the sample table lies, and `stsz`, whose last number counts samples.
TO_TABLE = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
HEAD = struct.Struct(">I4s")


def count_pictures(path: Path) -> int:
    """How many pictures a silent MP4 or MOV holds, by its index.

    Raises:
        EncodingError: it has none: it was not finished, or is another kind of file.
    """
    try:
        with path.open("rb") as file:
            end = path.stat().st_size
            for name in TO_TABLE:
                _, end = find_box(file, name, end)
            find_box(file, b"stsz", end)
            file.seek(8, 1)  # version and flags, and the size of samples that share one
            return struct.unpack(">I", file.read(4))[0]
    except (LookupError, struct.error) as error:
        raise EncodingError(f"{path.name} is damaged: it has no index.") from error


def find_box(file: BinaryIO, name: bytes, end: int) -> tuple[int, int]:
    """Where the first box of a name begins and ends; the file is left at its content.

    Args:
        file: read from where it stands.
        name: four letters.
        end: where the boxes around it end.

    Raises:
        LookupError: there is none.
    """
    for kind, start, stop in boxes(file, end):
        if kind == name:
            file.seek(start)
            return start, stop
    raise LookupError(name)


def boxes(file: BinaryIO, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, start of the content, and end of each box from here to `end`."""
    at = file.tell()
    while at + HEAD.size <= end:
        file.seek(at)
        size, kind = HEAD.unpack(file.read(HEAD.size))
        start = at + HEAD.size
        if size == 1:  # the size follows in 64 bits
            size = struct.unpack(">Q", file.read(8))[0]
            start += 8
        if size < start - at:
            return
        yield kind, start, at + size
        at += size
