"""Texts that travel inside a film, and how to get them back."""

import base64
import json
import zlib
from collections.abc import Mapping
from pathlib import Path

from lucidsonic.encoding.process import run_ffmpeg
from lucidsonic.errors import EncodingError

KEY = "lucidsonic"
CHUNK = 60_000  # characters; Linux takes at most 128 KiB in one argument
LIMIT = 16 << 20  # bytes that a film's texts may unpack to; ours have some thousand


def metadata_arguments(texts: Mapping[str, str]) -> list[str]:
    """The output options of ffmpeg that put these texts into a film.

    They go in as one packed value: containers disagree on letter case, line ends, signs like
    `=`, and on which keys there may be.
    """
    if not texts:
        return []
    packed = pack(texts)
    chunks = [packed[at : at + CHUNK] for at in range(0, len(packed), CHUNK)]
    return [
        part
        for number, chunk in enumerate(chunks)
        for part in ("-metadata", f"{KEY}{number}={chunk}")
    ]


def read_metadata(path: Path) -> dict[str, str]:
    """The texts that a film was written with, byte for byte; none for somebody else's film.

    Raises:
        EncodingError: the file is no film, or its texts are damaged.
    """
    listing = run_ffmpeg(
        [
            *("-i", f"file:{path}", "-map", "0:v:0", "-c", "copy", "-frames:v", "0"),
            *("-f", "ffmetadata", "-"),
        ],
        doing=f"Reading {path.name}",
    )
    chunks = {}
    for line in listing.replace("\\\n", "\n").splitlines():
        name, _, value = line.partition("=")
        name = name.lower()
        if name.startswith(KEY) and name.removeprefix(KEY).isdigit():
            chunks[int(name.removeprefix(KEY))] = value.replace("\\", "")
    try:
        return unpack("".join(chunks[number] for number in range(len(chunks))))
    except (KeyError, ValueError, RecursionError, zlib.error) as error:
        raise EncodingError(f"The plan inside {path.name} is damaged.") from error


def pack(texts: Mapping[str, str]) -> str:
    """Texts as one word of letters and digits."""
    data = json.dumps(dict(texts), ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(zlib.compress(data, 9)).decode().rstrip("=")


def unpack(packed: str) -> dict[str, str]:
    """The texts in a word that `pack` made.

    Raises:
        ValueError: it was made by nobody, or unpacks to more than `LIMIT`.
        zlib.error: it is damaged.
    """
    if not packed:
        return {}
    data = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
    unpacker = zlib.decompressobj()
    texts = json.loads(unpacker.decompress(data, LIMIT))
    if not isinstance(texts, dict) or not all(isinstance(x, str) for x in texts.values()):
        raise ValueError("no table of texts")
    return texts
