"""Files that somebody might hand us to make us do something, or to bring us down."""

import gzip
import io
import os
import pickle  # noqa: TID251
import struct
import zipfile
from pathlib import Path
from typing import Any

P2, P4, STOP = b"\x80\x02", b"\x80\x04", b"."


def text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def glob(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def call(module: str, name: str, *arguments: bytes) -> bytes:
    return glob(module, name) + b"(" + b"".join(arguments) + b"tR"


def data(raw: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(raw)) + raw


def number(value: int) -> bytes:
    raw = value.to_bytes(16, "little", signed=True)
    return b"\x8a\x10" + raw


def tuple_of(*values: bytes) -> bytes:
    return b"(" + b"".join(values) + b"t"


class Runs:
    """An object that runs something when it is unpickled."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.reduced = (function, arguments)

    def __reduce__(self) -> Any:
        return self.reduced


def storage(
    count: int = 4,
    *,
    written: int | None = None,
    raw: bytes | None = None,
    kind: bytes | None = None,
    platform: bytes = b"}X\x0d\x00\x00\x00little_endian\x88s",
    key: str = "0",
) -> bytes:
    """torch's old format for a storage of float32, any part of it wrong on request."""
    raw = struct.pack("<4f", 1, 2, 3, 4) if raw is None else raw
    identity = tuple_of(
        text("storage"),
        kind or glob("torch", "FloatStorage"),
        text("0"),
        text("cpu"),
        number(count),
        b"N",
    )
    parts = [number(0x1950A86A20F9469CFC6C), number(1001), platform, identity + b"Q"]
    pickles = b"".join(P2 + part + STOP for part in parts)
    keys = P2 + b"]" + text(key) + b"a" + STOP
    return pickles + keys + struct.pack("<q", count if written is None else written) + raw


def nested(stream: bytes) -> bytes:
    return call("torch.storage", "_load_from_bytes", data(stream))


def tensor(
    offset: int = 0, size: tuple[int, ...] = (4,), stride: tuple[int, ...] = (1,), **parts: Any
) -> bytes:
    return call(
        "torch._utils",
        "_rebuild_tensor_v2",
        nested(storage(**parts)),
        number(offset),
        tuple_of(*map(number, size)),
        tuple_of(*map(number, stride)),
        b"\x89",
        b"}",
    )


def network(weight: bytes, *, extra: bytes = b"") -> bytes:
    """A file with one module that has one parameter."""
    state = b"}" + text("_parameters") + b"}" + text("w") + weight + b"ss" + extra
    made = glob("training.networks", "Generator") + b")\x81" + state + b"b"
    return P2 + b"}" + text("G_ema") + made + b"s" + STOP


def array(code: str, shape: tuple[int, ...], raw: bytes) -> bytes:
    dtype = call("numpy", "dtype", text(code), b"\x89", b"\x88")
    made = call(
        "numpy.core.multiarray",
        "_reconstruct",
        glob("numpy", "ndarray"),
        tuple_of(b"K\x00"),
        data(b"b"),
    )
    return (
        made
        + tuple_of(b"K\x01", tuple_of(*map(number, shape)), dtype, b"\x89", data(raw))
        + b"b"
    )


def tf_network(variable: bytes) -> bytes:
    pair = tuple_of(text("x"), variable)
    state = b"}" + text("variables") + b"]" + pair + b"as"
    made = glob("dnnlib.tflib.network", "Network") + b")\x81" + state + b"b"
    return P2 + made + b"q\x00h\x00h\x00\x87" + STOP


def meta(**changes: bytes | None) -> bytes:
    """A persistent object's description."""
    parts: dict[str, bytes | None] = {
        "type": text("class"),
        "version": b"K\x06",
        "module_src": text("import os"),
        "class_name": text("Generator"),
        "state": b"}",
        **changes,
    }
    body = b"".join(text(key) + value for key, value in parts.items() if value is not None)
    return call("torch_utils.persistence", "_reconstruct_persistent_obj", b"}(" + body + b"u")


def laughs(levels: int) -> bytes:
    """Lists of ten references to the list before: ten to the power of `levels`."""
    out = b"]q\x00"
    for level in range(levels):
        out += b"](" + b"h" + bytes([level]) + (b"h" + bytes([level])) * 9
        out += b"eq" + bytes([level + 1])
    return P2 + out + STOP


def zipped(name: str, raw: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, raw)
    return file.getvalue()


def running(function: Any, *arguments: Any, protocol: int = 4) -> bytes:
    return pickle.dumps({"G_ema": Runs(function, *arguments)}, protocol=protocol)


def calls_to_programs(canary: Path, touch: str) -> dict[str, bytes]:
    source = f"open({str(canary)!r}, 'w')"
    inner = pickle.dumps(Runs(os.system, touch))
    return {
        "os.system": running(os.system, touch),
        "os.system by its C name": P2 + call("posix", "system", text(touch)) + STOP,
        "os.system in protocol 5": running(os.system, touch, protocol=5),
        "eval": running(eval, source),
        "exec": running(exec, source),
        "open for writing": running(open, str(canary), "w"),
        "import by name": running(__import__, "this"),
        "subprocess": P2 + call("subprocess", "getoutput", text(touch)) + STOP,
        "getattr chain": P2
        + call("builtins", "getattr", glob("os", "path"), text("os"))
        + STOP,
        "getattr by a dotted name": P4 + text("torch") + text("os.system") + b"\x93" + STOP,
        "a dotted name in a known module": P4
        + text("training.networks")
        + text("torch.load")
        + b"\x93"
        + STOP,
        "operator.attrgetter": P2 + call("operator", "attrgetter", text("system")) + STOP,
        "pickle.loads": running(pickle.loads, inner),
        "torch.load": P2 + call("torch", "load", text(str(canary))) + STOP,
        "a nested pickle in a storage": P2 + nested(inner) + STOP,
        "a nested call in a storage": P2
        + nested(storage(kind=call("posix", "system", text(touch))))
        + STOP,
        "a class in a nested storage": P2 + nested(storage(kind=glob("os", "system"))) + STOP,
        "a program as OrderedDict's argument": P2
        + call("collections", "OrderedDict", call("posix", "system", text(touch)))
        + STOP,
        "the embedded source asks": P2
        + b"}"
        + text("G_ema")
        + meta(module_src=text(source), state=call("posix", "system", text(touch)))
        + b"s"
        + STOP,
        "another torch function": P2 + call("torch._utils", "_rebuild_tensor_v3") + STOP,
        "numpy's object loader": P2 + call("numpy", "load", text(str(canary))) + STOP,
        "runpy": P2 + call("runpy", "run_path", text(str(canary))) + STOP,
        "another codec": P2 + call("_codecs", "encode", text("x"), text("zlib")) + STOP,
        "a class of nobody": P2 + glob("training.evil", "Generator") + b")\x81" + STOP,
    }


def strange_opcodes(touch: str) -> dict[str, bytes]:
    generator = glob("training.networks", "Generator")
    return {
        "INST": P2 + b"(" + text(touch) + b"iposix\nsystem\n" + STOP,
        "OBJ": P2 + b"(" + glob("posix", "system") + text(touch) + b"o" + STOP,
        "NEWOBJ_EX": P4 + generator + b")}\x92" + STOP,
        "NEWOBJ with arguments": P2 + generator + text("x") + b"\x85\x81" + STOP,
        "NEWOBJ of a function": P2 + glob("numpy", "dtype") + b")\x81" + STOP,
        "calling a mere name": P2 + glob("torch", "float32") + b")R" + STOP,
        "calling a text": P2 + text("os.system") + text(touch) + b"\x85R" + STOP,
        "calling with a list": P2 + glob("numpy", "dtype") + b"]R" + STOP,
        "BUILD on a callable": P2 + glob("numpy", "dtype") + b"}b" + STOP,
        "BUILD on a text": P2 + text("x") + b"}b" + STOP,
        "BUILD with __setstate__": P2
        + generator
        + b")\x81}"
        + text("__setstate__")
        + glob("posix", "system")
        + b"sb"
        + text(touch)
        + b"b"
        + STOP,
        "BUILD twice": P2 + generator + b")\x81}b}b" + STOP,
        "BUILD with a list": P2 + generator + b")\x81]b" + STOP,
        "BUILD with slots": P2 + generator + b")\x81N}\x86b" + STOP,
        "a persistent id": P2 + text("x") + b"Q" + STOP,
        "a persistent id in a line": P2 + b"Px\n" + STOP,
        "the extension registry": P2 + b"\x82\x01" + STOP,
        "the extension registry, 2 bytes": P2 + b"\x83\x01\x00" + STOP,
        "the extension registry, 4 bytes": P2 + b"\x84\x01\x00\x00\x00" + STOP,
        "an out-of-band buffer": b"\x80\x05\x97" + STOP,
        "an unknown opcode": P2 + b"\xff" + STOP,
        "an empty stack": P2 + STOP,
        "a mark as the value": P2 + b"(" + STOP,
        "pop from nothing": P2 + b"0" + STOP,
        "a group that never began": P2 + b"t" + STOP,
        "append to nothing": P2 + b"Ka" + STOP,
        "append to a text": P2 + text("x") + b"Na" + STOP,
        "items for a list": P2 + b"]" + text("x") + b"Ns" + STOP,
        "a key without a value": P2 + b"}(" + text("x") + b"u" + STOP,
        "an unknown memo": P2 + b"h\x07" + STOP,
        "a list as a key": P2 + b"}]Ns" + STOP,
        "a huge tuple as a key": P2 + b"}" + b")" + b"\x85" * 50_000 + b"Ns" + STOP,
        "a name that is a number": P4 + b"K\x01K\x02\x93" + STOP,
        "a newer protocol": b"\x80\x09N.",
    }


def bombs() -> dict[str, bytes]:
    loop_list = P2 + b"]q\x00h\x00a" + STOP
    loop_dict = P2 + b"}q\x00" + text("x") + b"h\x00s" + STOP
    return {
        "billion laughs": laughs(30),
        "a list in itself": loop_list,
        "a dict in itself": loop_dict,
        "deep tuples": P2 + b")" + b"\x85" * 100_000 + STOP,
        "deep lists": P2 + b"]" * 100_000 + b"a" * 99_999 + STOP,
        "deep networks": P2
        + b"}"
        + (glob("training.networks", "G") + b")\x81}" + text("_modules") + b"}" + text("a"))
        * 2000
        + b"N"
        + b"ssb" * 2000
        + STOP,
        "too many opcodes": P2 + b"N0" * 600_000 + b"N" + STOP,
        "memo bomb": P2 + b"N" + b"\x94" * 1_100_000 + STOP,
        "a million empty sets": P4 + b"\x8f" * 1_100_000 + STOP,
        "a text longer than the file": P2 + b"X\xff\xff\xff\x7f" + STOP,
        "bytes longer than the file": P4 + b"\x8e" + b"\xff" * 7 + b"\x7f" + STOP,
        "a bytearray of 8 EiB": b"\x80\x05\x96" + b"\xff" * 7 + b"\x7f" + STOP,
        "a text of 2**64": P4 + b"\x8d" + b"\xff" * 8 + STOP,
        "a very long text": P4 + text("a" * (5 << 20)) + STOP,
        "a very long integer": P2 + b"\x8b\x00\x00\x10\x00" + b"\x01" * (1 << 20) + STOP,
        "a negative length": P2 + b"\x8b\xff\xff\xff\xff" + STOP,
        "a long decimal": P2 + b"I" + b"9" * 100_000 + b"\n" + STOP,
        "a line without end": P2 + b"c" + b"a" * 200_000,
        "a wide table": P2
        + b"}("
        + b"".join(b"J" + struct.pack("<i", i) + b"N" for i in range(30_000))
        + b"u"
        + STOP,
        "keys that collide": P2 + b"}(" + (number((2**61 - 1) << 60) + b"N") * 2 + b"u" + STOP,
        "bytes of 10**15": P2 + call("__builtin__", "bytes", number(10**15)) + STOP,
        "a set of a long list": P2
        + call("__builtin__", "set", b"](" + b"K\x01" * 2000 + b"e")
        + STOP,
        "a text that is not UTF-8": P2 + b"X\x02\x00\x00\x00\xff\xfe" + STOP,
    }


def not_pickles() -> dict[str, bytes]:
    whole = network(tensor())
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n"
    cuts = {
        f"cut at {share} %": whole[: len(whole) * share // 100] for share in range(2, 100, 7)
    }
    return {
        **cuts,
        "an empty file": b"",
        "one byte": b"\x80",
        "a web page": b"<!DOCTYPE html><html><body>Sign in</body></html>",
        "a web page without doctype": b"\n <html><head></head></html>",
        "a server's XML": b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
        "a server's JSON": b'{"error":"Repository not found"}',
        "a Git LFS pointer": pointer,
        "a zip": zipped("network.pkl", whole),
        "a zip bomb": zipped("network.pkl", b"\x00" * (50 << 20)),
        "gzip": gzip.compress(whole),
        "a safetensors file": struct.pack("<Q", 4) + b'{"a"' + b"\x00" * 16,
        "an old text pickle": pickle.dumps({"a": 1}, protocol=0),
        "random bytes": bytes(range(1, 256)) * 4,
        "zeros": b"\x00" * 4096,
        "a picture": b"\x89PNG\r\n\x1a\n" + b"\x00" * 64,
    }
