"""Hostile files, part two: numbers that are not where the file says; and all cases together."""

import os
import pickle  # noqa: TID251
from collections import OrderedDict
from pathlib import Path

import numpy as np
from hostile import (
    P2,
    STOP,
    Runs,
    array,
    bombs,
    call,
    calls_to_programs,
    data,
    glob,
    meta,
    nested,
    network,
    not_pickles,
    number,
    strange_opcodes,
    tensor,
    text,
    tf_network,
    tuple_of,
    zipped,
)


def hostile_files(canary: Path) -> dict[str, bytes]:
    """Case -> the file's bytes. Whatever runs leaves a file called `canary`."""
    touch = f"touch {canary}"
    return {
        **calls_to_programs(canary, touch),
        **strange_opcodes(touch),
        **bombs(),
        **bad_tensors(),
        **bad_arrays(),
        **not_pickles(),
    }


def bad_tensors() -> dict[str, bytes]:
    many = b"".join(text(f"t{i}") + b"h\x01s" for i in range(500))
    shared = (
        P2
        + b"}"
        + text("G_ema")
        + glob("training.networks", "Generator")
        + b")\x81}"
        + text("_parameters")
        + b"}"
        + text("w")
        + tensor(raw=b"\x00" * 40_000, count=10_000, size=(10_000,))
        + b"q\x01s"
        + many
        + b"s"
        + b"bs"
        + STOP
    )
    return {
        "a stride that leaves": network(tensor(size=(4,), stride=(2,))),
        "an offset that leaves": network(tensor(offset=1)),
        "an offset far away": network(tensor(offset=10**12, size=(0,))),
        "a negative offset": network(tensor(offset=-1)),
        "a negative size": network(tensor(size=(-4,))),
        "a negative stride": network(tensor(offset=3, stride=(-1,))),
        "a size of 2**40": network(tensor(size=(2**40,), stride=(0,))),
        "a size that overflows": network(tensor(size=(2**32, 2**32), stride=(0, 0))),
        "more sizes than strides": network(tensor(size=(2, 2), stride=(1,))),
        "a thousand dimensions": network(tensor(size=(1,) * 1000, stride=(1,) * 1000)),
        "an expanded tensor": network(tensor(size=(5,), stride=(0,))),
        "a size that is true": network(tensor()).replace(
            tuple_of(number(4)), tuple_of(b"\x88"), 1
        ),
        "one tensor under 500 names": shared,
        "a storage of 2**40": network(tensor(count=2**40)),
        "a storage of negative length": network(tensor(count=-1)),
        "a storage that says another count": network(tensor(written=3)),
        "a storage cut short": network(tensor(raw=b"\x00" * 12)),
        "a storage with a tail": network(tensor(raw=b"\x00" * 17)),
        "a storage under another key": network(tensor(key="1")),
        "a big-endian storage": network(
            tensor(platform=b"}X\x0d\x00\x00\x00little_endian\x89s")
        ),
        "a storage of another kind": network(tensor(kind=glob("torch", "QInt8Storage"))),
        "a storage that is no stream": network(nested(b"hello")),
        "a storage that is a zip": network(nested(zipped("data.pkl", b"x"))),
        "a storage of a text": network(
            call("torch.storage", "_load_from_bytes", text("hello"))
        ),
        "an empty storage stream": network(nested(b"")),
        "a tensor of a text": network(
            call("torch._utils", "_rebuild_tensor_v2", text("x"), b"K\x00", b")", b")")
        ),
        "a tensor without arguments": network(call("torch._utils", "_rebuild_tensor_v2")),
        "a parameter of a text": network(call("torch._utils", "_rebuild_parameter", text("x"))),
    }


def bad_arrays() -> dict[str, bytes]:
    objects = np.array([Runs(os.system, "true")], dtype=object)
    return {
        "an array of objects": pickle.dumps((objects,) * 3),
        "an object dtype": tf_network(array("O8", (1,), b"\x00" * 8)),
        "a void dtype": tf_network(array("V1000000", (1,), b"")),
        "a date dtype": tf_network(array("M8", (1,), b"\x00" * 8)),
        "a text dtype": tf_network(array("S4", (1,), b"abcd")),
        "an array larger than its bytes": tf_network(array("f4", (2**40,), b"\x00" * 4)),
        "an array whose shape overflows": tf_network(array("f4", (2**32, 2**32), b"")),
        "an array of negative length": tf_network(array("f4", (-1,), b"\x00" * 4)),
        "an array with a tail": tf_network(array("f4", (1,), b"\x00" * 8)),
        "an array of a thousand dimensions": tf_network(array("f4", (1,) * 1000, b"\x00" * 4)),
        "a scalar of 3 bytes": P2
        + call(
            "numpy.core.multiarray",
            "scalar",
            call("numpy", "dtype", text("f8"), b"\x89", b"\x88"),
            data(b"abc"),
        )
        + STOP,
        "an array that is not an array": P2
        + call("numpy.core.multiarray", "_reconstruct", glob("numpy", "dtype"))
        + STOP,
        "a record dtype": pickle.dumps(np.zeros(2, dtype=[("a", "f4"), ("b", "i4")])),
        "a persistent object without state": P2 + meta(state=None) + STOP,
        "a persistent module": P2 + meta(type=text("module")) + STOP,
        "a persistent class with a path for a name": P2
        + meta(class_name=text("../../etc/x"))
        + STOP,
        "a persistent object of a number": P2
        + call("torch_utils.persistence", "_reconstruct_persistent_obj", b"K\x01")
        + STOP,
        "a network without state": P2
        + b"}"
        + text("G_ema")
        + glob("training.networks", "Generator")
        + b")\x81s"
        + STOP,
        "no network at all": pickle.dumps(OrderedDict(a=1), protocol=2),
        "a number": pickle.dumps(7),
    }
