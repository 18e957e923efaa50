"""Bytes -> pickle opcodes and their arguments, every length checked. Nothing is built."""

import re
import struct
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from pickletools import opcodes
from typing import Any, NamedTuple

from lucidsonic.errors import UnsafeFileError

MAX_TEXT_BYTES = 4 << 20  # the longest honest text is a module's source, some 40 kB
MAX_LINE_BYTES = 1 << 16
MAX_INTEGER_BYTES = 16  # torch's own magic number has 10
MAX_DIGITS = 40
SMALL_BYTES = 1 << 12

_NAMES = {ord(op.code): op.name for op in opcodes}
_ARGUMENTS = {ord(op.code): op.arg.name for op in opcodes if op.arg}


class Op(NamedTuple):
    """One opcode: its name as in `pickletools`, its argument, where it lies."""

    name: str
    argument: Any
    position: int


@dataclass(slots=True)
class Cursor:
    """A place in a buffer that never leaves it.

    Attributes:
        data: the whole stream.
        position: the next byte to read.
        source: what to call the stream in an error.
    """

    data: memoryview
    source: str
    position: int = 0

    @property
    def left(self) -> int:
        return len(self.data) - self.position

    def take(self, count: int) -> memoryview:
        """The next `count` bytes, without copying them.

        Raises:
            UnsafeFileError: fewer bytes are left.
        """
        if not 0 <= count <= self.left:
            raise self.broken(f"it ends where {count:,} more bytes should follow")
        start, self.position = self.position, self.position + count
        return self.data[start : self.position]

    def line(self) -> bytes:
        """The bytes up to the next newline, without it.

        Raises:
            UnsafeFileError: no newline within reach.
        """
        reach = bytes(self.data[self.position : self.position + MAX_LINE_BYTES])
        end = reach.find(b"\n")
        if end < 0:
            raise self.broken("a line in it does not end")
        self.position += end + 1
        return reach[:end]

    def broken(self, why: str) -> UnsafeFileError:
        """The error for damage at this place."""
        return UnsafeFileError(
            f"{self.source} is damaged near byte {self.position:,}: {why}.",
            hint="Download it again, and compare its checksum with the author's.",
        )


def read_ops(cursor: Cursor, *, allowed: Container[str], limit: int) -> Iterator[Op]:
    """The opcodes of one pickle, up to and including STOP.

    Args:
        cursor: where the pickle starts; stands behind it afterwards.
        allowed: the opcodes that may occur.
        limit: how many opcodes an honest pickle has at most.

    Raises:
        UnsafeFileError: the stream is damaged, cut short, longer than `limit`, or holds
            another opcode.
    """
    for _ in range(limit):
        position = cursor.position
        code = cursor.take(1)[0]
        name = _NAMES.get(code)
        if name is None:
            raise cursor.broken(f"{code:#04x} is not a pickle opcode")
        if name not in allowed:
            raise UnsafeFileError(
                f"{cursor.source} uses the pickle opcode {name}, which no network needs.",
                hint="Nothing in it was run.",
            )
        kind = _ARGUMENTS.get(code)
        yield Op(name, _READERS[kind](cursor) if kind else None, position)
        if name == "STOP":
            return
    raise UnsafeFileError(
        f"{cursor.source} has more than {limit:,} pickle opcodes; a network needs far fewer."
    )


def _number(layout: str) -> Callable[[Cursor], Any]:
    packed = struct.Struct(layout)
    return lambda cursor: packed.unpack(cursor.take(packed.size))[0]


def _counted(length: Callable[[Cursor], int], limit: int | None = None) -> Callable[..., Any]:
    def read(cursor: Cursor) -> bytes | memoryview:
        count = length(cursor)
        if limit is not None and count > limit:
            raise cursor.broken(f"a value of {count:,} bytes where {limit:,} are the most")
        taken = cursor.take(count)
        return bytes(taken) if count <= SMALL_BYTES else taken

    return read


def _text(length: Callable[[Cursor], int], encoding: str) -> Callable[[Cursor], str]:
    counted = _counted(length, MAX_TEXT_BYTES if encoding == "utf-8" else None)

    def read(cursor: Cursor) -> str:
        try:
            return str(counted(cursor), encoding)
        except UnicodeDecodeError as error:
            raise cursor.broken("a text in it is not valid UTF-8") from error

    return read


def _integer(length: Callable[[Cursor], int]) -> Callable[[Cursor], int]:
    counted = _counted(length, MAX_INTEGER_BYTES)
    return lambda cursor: int.from_bytes(counted(cursor), "little", signed=True)


def _decimal(cursor: Cursor) -> int | bool:
    line = cursor.line()
    if line in {b"00", b"01"}:  # how protocol 0 writes False and True
        return line == b"01"
    if not re.fullmatch(rb"[+-]?[0-9]{1,%d}L?" % MAX_DIGITS, line):
        raise cursor.broken("a whole number in it cannot be read")
    return int(line.rstrip(b"L"))


def _name_pair(cursor: Cursor) -> tuple[str, str]:
    return cursor.line().decode("latin-1"), cursor.line().decode("latin-1")


_UINT1, _UINT4, _UINT8 = _number("<B"), _number("<I"), _number("<Q")
_READERS: dict[str, Callable[[Cursor], Any]] = {
    "uint1": _UINT1,
    "uint2": _number("<H"),
    "int4": _number("<i"),
    "uint4": _UINT4,
    "uint8": _UINT8,
    "float8": _number(">d"),
    "decimalnl_short": _decimal,
    "long1": _integer(_UINT1),
    "long4": _integer(_UINT4),
    "bytes1": _counted(_UINT1),
    "bytes4": _counted(_UINT4),
    "bytes8": _counted(_UINT8),
    "bytearray8": _counted(_UINT8),
    "string1": _text(_UINT1, "latin-1"),
    "string4": _text(_UINT4, "latin-1"),
    "unicodestring1": _text(_UINT1, "utf-8"),
    "unicodestring4": _text(_UINT4, "utf-8"),
    "unicodestring8": _text(_UINT8, "utf-8"),
    "stringnl_noescape_pair": _name_pair,
}
