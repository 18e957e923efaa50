import csv
import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from known_songs import cadences, hear, silence
from PIL import Image

from lucidsonic.errors import ConfigError, UnknownNameError
from lucidsonic.features import CURVES, read_va_csv
from lucidsonic.features.export import write_features
from lucidsonic.features.names import key_name
from lucidsonic.features.picture import draw_analysis
from lucidsonic.pipeline import summarize
from lucidsonic.types import Features, Key


@cache
def heard() -> Features:
    return hear(cadences(2, "minor", drums=True))


def test_a_csv_has_a_row_a_frame_and_every_curve(tmp_path: Path) -> None:
    path = write_features(heard(), tmp_path / "song.csv")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(heard())
    assert set(CURVES) | {"frame", "time", "chroma_c#", "tonnetz_6", "valence"} <= set(rows[0])
    assert float(rows[45]["time"]) == 1.5
    assert float(rows[45]["loudness"]) == pytest.approx(
        heard().curves["loudness"][45], rel=1e-4
    )


def test_a_csv_can_be_given_back_as_a_path(tmp_path: Path) -> None:
    path = write_features(heard(), tmp_path / "song.csv")
    drawn = read_va_csv(path, frames=len(heard()), fps=heard().fps)
    np.testing.assert_allclose(drawn.valence, heard().valence, atol=1e-4)


def test_an_npz_holds_the_arrays_themselves(tmp_path: Path) -> None:
    with np.load(write_features(heard(), tmp_path / "song.npz")) as stored:
        for name in CURVES:
            np.testing.assert_array_equal(stored[f"curve_{name}"], heard().curves[name])
        np.testing.assert_array_equal(
            stored["onsets_kick_times_s"], heard().onsets["kick"].times_s
        )
        assert json.loads(str(stored["summary"]))["fps"] == "30"


def test_a_json_is_one_object(tmp_path: Path) -> None:
    content = json.loads(write_features(heard(), tmp_path / "song.json").read_text())
    assert len(content["frames"]["onset"]) == content["frame_count"] == len(heard())
    assert content["key"]["mode"] == "minor"
    assert content["sections"][0]["label"] == "A"


def test_another_suffix_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"'\.xls'"):
        write_features(heard(), tmp_path / "song.xls")


@pytest.mark.parametrize("write", [write_features, draw_analysis])
def test_nothing_is_left_where_nothing_can_be_written(tmp_path: Path, write: object) -> None:
    target = tmp_path / ("full.csv" if write is write_features else "full.png")
    target.mkdir()
    (target / "in the way").touch()
    with pytest.raises(ConfigError, match="cannot be written"):
        write(heard(), target)  # pyright: ignore[reportCallIssue]
    assert [p.name for p in tmp_path.iterdir()] == [target.name]


@pytest.mark.parametrize("write", [write_features, draw_analysis])
def test_a_folder_that_is_not_there_is_made(tmp_path: Path, write: object) -> None:
    name = "f.csv" if write is write_features else "f.png"
    target = tmp_path / "not" / "there" / name
    write(heard(), target)  # pyright: ignore[reportCallIssue]
    assert [p.name for p in target.parent.iterdir()] == [name]


@pytest.mark.parametrize("place", [Path("file", "f.csv"), Path("n" * 250 + ".csv")])
def test_a_place_where_no_file_can_be_is_told(tmp_path: Path, place: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be written"):
        write_features(heard(), tmp_path / place)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("name", "start"), [("f.png", b"\x89PNG"), ("f.SVG", b"<?xml"), ("f.pdf", b"%PDF")]
)
def test_a_picture_is_what_its_suffix_says(tmp_path: Path, name: str, start: bytes) -> None:
    assert draw_analysis(heard(), tmp_path / name).read_bytes().startswith(start)


def test_a_picture_of_no_known_kind_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"'\.bmp'"):
        draw_analysis(heard(), tmp_path / "song.bmp")


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
@pytest.mark.parametrize(
    "title", ["A$AP__L$D", "夜", "caf\udce9", "a\x01\nb\t--c", "   "], ids=ascii
)
def test_any_name_of_a_song_can_be_drawn(tmp_path: Path, title: str, suffix: str) -> None:
    path = draw_analysis(heard(), tmp_path / f"f{suffix}", title=title)
    if suffix == ".svg":
        ET.parse(path)


@pytest.mark.parametrize("tonic", [1, 3, 6])
def test_the_picture_names_the_key_as_the_terminal_does(tmp_path: Path, tonic: int) -> None:
    features = hear(cadences(tonic, "major"))
    told = str(summarize(features)["key"]).split(" (")[0]
    assert told == {1: "Db major", 3: "Eb major", 6: "F# major"}[tonic]
    assert told in draw_analysis(features, tmp_path / "song.svg").read_text()


def test_the_picture_shows_something_in_every_panel(tmp_path: Path) -> None:
    path = draw_analysis(heard(), tmp_path / "song.png", title="A song")
    picture = np.asarray(Image.open(path).convert("L"), float)
    assert picture.shape == (1265, 1760)
    for row in np.array_split(picture[120:1200], 5):
        assert row[:, 100:1250].std() > 4


@pytest.mark.parametrize("seconds", [0.05, 3.0])
def test_silence_can_be_drawn(tmp_path: Path, seconds: float) -> None:
    assert draw_analysis(hear(silence(seconds)), tmp_path / "silence.png").stat().st_size > 5000


def test_drawing_leaves_pyplot_alone(tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np; from fractions import Fraction\n"
        "from lucidsonic.features import extract_features\n"
        "from lucidsonic.features.picture import draw_analysis\n"
        "f = extract_features([np.zeros(22050, np.float32)], sample_rate=22050, duration_s=1.0,"
        " fps=Fraction(30))\n"
        f"draw_analysis(f, {str(tmp_path / 'x.png')!r})\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_minor_keys_have_their_usual_names():
    names = [key_name(Key(tonic, "minor", 1.0)) for tonic in range(12)]

    assert names == [
        f"{name} minor"
        for name in ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B"]
    ]
