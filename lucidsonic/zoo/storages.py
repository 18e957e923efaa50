"""`torch.storage._load_from_bytes`: a stream in torch's old format -> one storage, not copied.

The stream is five small pickles (magic number, version, platform, the storage's description,
its keys) and the raw numbers. They are read here with the same restricted machine rather than
with `torch.load`, so that no size in them is believed before it was compared with the bytes.
"""

import struct
from typing import Any

from lucidsonic.errors import UnsafeFileError
from lucidsonic.zoo.machine import Machine, Rules
from lucidsonic.zoo.opcodes import Cursor
from lucidsonic.zoo.records import Name, Storage

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
MAX_OPS = 500

# the storage's class -> (torch's name of the type, bytes of one number)
STORAGES = {
    "torch.FloatStorage": ("float32", 4),
    "torch.HalfStorage": ("float16", 2),
    "torch.BFloat16Storage": ("bfloat16", 2),
    "torch.DoubleStorage": ("float64", 8),
    "torch.IntStorage": ("int32", 4),
    "torch.LongStorage": ("int64", 8),
    "torch.BoolStorage": ("bool", 1),
    "torch.ByteStorage": ("uint8", 1),
}


def load_storage(stream: Any) -> Storage:
    """Read one nested stream.

    Raises:
        UnsafeFileError: it is not what `torch.save(storage)` writes.
    """
    if not isinstance(stream, bytes | memoryview):
        raise TypeError("not bytes")
    cursor = Cursor(memoryview(stream), "A tensor in the file")
    magic, version, platform = (_value(cursor) for _ in range(3))
    if magic != MAGIC or version != VERSION or not isinstance(platform, dict):
        raise cursor.broken("it is not in torch's storage format")
    if platform.get("little_endian") is not True:
        raise UnsafeFileError("A tensor in the file was written on a big-endian machine.")
    dtype, item_bytes, key, count = _described(cursor, _value(cursor, identified=True))
    if _value(cursor) != [key]:
        raise cursor.broken("it holds other storages than it says")
    (written,) = struct.unpack("<q", cursor.take(8))
    if written != count or cursor.left != count * item_bytes:
        raise cursor.broken(f"{count:,} numbers do not fit {cursor.left:,} bytes")
    return Storage(dtype, item_bytes, cursor.take(cursor.left))


def _value(cursor: Cursor, *, identified: bool = False) -> Any:
    rules = Rules(
        calls={},
        make=lambda path: None,
        known=STORAGES.__contains__,
        persistent=_as_it_is if identified else None,
        max_ops=MAX_OPS,
    )
    return Machine(rules, cursor).run()


def _as_it_is(identity: Any) -> Any:
    return identity


def _described(cursor: Cursor, identity: Any) -> tuple[str, int, str, int]:
    """Type, bytes of a number, key and count from a persistent id; no views of views."""
    match identity:
        case ("storage", Name(path), str(key), str(), int(count), *rest) if (
            path in STORAGES and count >= 0 and rest in ([], [None])
        ):
            dtype, item_bytes = STORAGES[path]
            return dtype, item_bytes, key, count
    raise cursor.broken("it does not describe a storage")
