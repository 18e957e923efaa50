"""The plan comes back out of the film byte for byte."""

import base64
import json
import zlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lucidsonic.encoding import read_metadata, write_film
from lucidsonic.encoding.metadata import CHUNK, LIMIT, metadata_arguments, pack, unpack
from lucidsonic.errors import EncodingError

NASTY = 'a = "b;c#d"\n\n[song]\r\npath = "C:\\\\x\\n"\n; # = \\ \t"é 漢 🎵"\n'


def write(path: Path, texts: dict[str, str]) -> Path:
    pictures = np.zeros((3, 32, 32, 3), np.uint8)
    return write_film(
        path, [pictures], size=(32, 32), fps=Fraction(30), metadata=texts, overwrite=True
    )


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_texts_come_back_byte_for_byte(suffix, tmp_path):
    texts = {"plan": NASTY, "empty": "", "Größe": "ü"}
    assert read_metadata(write(tmp_path / f"a{suffix}", texts)) == texts


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_plan_of_a_hundred_kilobytes_that_cannot_be_packed_fits(suffix, tmp_path):
    letters = np.random.default_rng(0).integers(32, 0x2FF, 100_000)
    texts = {"plan": "".join(map(chr, letters))}
    assert len(pack(texts)) > CHUNK
    assert read_metadata(write(tmp_path / f"a{suffix}", texts)) == texts


def test_a_film_without_texts_has_none(tmp_path):
    assert read_metadata(write(tmp_path / "a.mp4", {})) == {}
    assert metadata_arguments({}) == []


def test_what_is_no_film_is_an_error(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"no film")
    with pytest.raises(EncodingError, match=r"Reading a\.mp4 failed"):
        read_metadata(tmp_path / "a.mp4")


@given(st.dictionaries(st.text(max_size=9), st.text(max_size=40), max_size=3))
def test_packing_loses_nothing_and_needs_no_escapes(texts):
    packed = pack(texts)
    assert unpack(packed) == texts
    assert packed.replace("-", "").replace("_", "").isalnum()


def test_a_film_whose_texts_would_fill_the_memory_is_refused():
    packed = pack({"plan": "0" * (LIMIT + 1)})

    assert len(packed) < 100_000
    with pytest.raises(ValueError, match="Unterminated"):
        unpack(packed)


@pytest.mark.parametrize("content", [3, ["plan"], {"plan": 3}])
def test_texts_that_are_none_are_refused(content):
    data = zlib.compress(json.dumps(content).encode())
    with pytest.raises(ValueError, match="no table"):
        unpack(base64.urlsafe_b64encode(data).decode())
