"""The numbers in a pickle, as numpy and torch say them -> checked views of the file."""

import math
import struct
from typing import Any

from lucidsonic.zoo.records import ArrayRecord, Name, NumberType, Storage, TensorRecord

MAX_DIMENSIONS = 16

# numpy's code -> struct's
NUMBERS = {
    "b1": "?",
    "i1": "b",
    "i2": "h",
    "i4": "i",
    "i8": "q",
    "u1": "B",
    "u2": "H",
    "u4": "I",
    "u8": "Q",
    "f2": "e",
    "f4": "f",
    "f8": "d",
}


def number_type(code: Any, *_flags: Any) -> NumberType:
    """`numpy.dtype(code, align, copy)` for plain numbers.

    Raises:
        ValueError: Python objects, texts, records, dates.
    """
    if not isinstance(code, str) or code not in NUMBERS:
        raise ValueError(f"not a number type: {code!r:.40}")
    return NumberType(code)


def number(dtype: Any, data: Any) -> int | float | bool:
    """`numpy.core.multiarray.scalar(dtype, data)` as a Python number.

    Raises:
        ValueError: not one number.
    """
    if not isinstance(dtype, NumberType):
        raise TypeError("not a number type")
    try:
        (value,) = struct.unpack(dtype.order + NUMBERS[dtype.code], _raw(data))
    except struct.error as error:
        raise ValueError("not one number") from error
    return value


def empty_array(kind: Any, *_shape_and_code: Any) -> ArrayRecord:
    """`numpy.core.multiarray._reconstruct(ndarray, (0,), b"b")`; `fill_array` follows."""
    if kind != Name("numpy.ndarray"):
        raise TypeError("not an array")
    return ArrayRecord()


def array_from_buffer(data: Any, dtype: Any, shape: Any, order: Any) -> ArrayRecord:
    """`numpy._core.numeric._frombuffer(data, dtype, shape, order)`."""
    array = ArrayRecord()
    fill_array(array, shape=shape, dtype=dtype, fortran=order == "F", data=data)
    return array


def fill_array(array: ArrayRecord, *, shape: Any, dtype: Any, fortran: bool, data: Any) -> None:
    """Give an array its numbers.

    Raises:
        ValueError: the array has some already, or shape and bytes do not match.
    """
    if array.data is not None or not isinstance(dtype, NumberType):
        raise TypeError("not an array of numbers")
    raw = _raw(data)
    lengths = _counts(shape)
    if math.prod(lengths) * dtype.item_bytes != len(raw):
        raise ValueError("the shape does not match the bytes")
    array.dtype = ("|" if dtype.item_bytes == 1 else dtype.order) + dtype.code
    array.shape, array.fortran, array.data = lengths, fortran, raw


def tensor(storage: Any, offset: Any, size: Any, stride: Any, *_rest: Any) -> TensorRecord:
    """`torch._utils._rebuild_tensor_v2`, refused where it would leave its storage.

    Raises:
        ValueError: negative, too far, or more numbers than the storage has.
    """
    if not isinstance(storage, Storage):
        raise TypeError("not a storage")
    (start,), lengths, steps = _counts((offset,)), _counts(size), _counts(stride)
    if len(lengths) != len(steps):
        raise ValueError("size and stride differ in length")
    reach = sum((n - 1) * step for n, step in zip(lengths, steps, strict=True))
    count = math.prod(lengths)
    if count > len(storage) or start > len(storage):
        raise ValueError("more numbers than the storage has")
    if count and start + reach >= len(storage):
        raise ValueError("reaches outside its storage")
    return TensorRecord(storage, start, lengths, steps)


def parameter(data: Any, *_flags: Any) -> TensorRecord:
    """`torch._utils._rebuild_parameter`: the tensor itself."""
    if not isinstance(data, TensorRecord):
        raise TypeError("not a tensor")
    return data


def _counts(values: Any) -> tuple[int, ...]:
    if not isinstance(values, tuple) or len(values) > MAX_DIMENSIONS:
        raise TypeError("not a shape")
    if any(type(value) is not int or not 0 <= value < 1 << 48 for value in values):
        raise ValueError("not a shape")
    return values


def _raw(data: Any) -> bytes | memoryview:
    """The bytes of an array; Python 2 wrote them as a text."""
    if isinstance(data, str):
        return data.encode("latin-1")
    if not isinstance(data, bytes | memoryview):
        raise TypeError("not bytes")
    return data
