"""What a batch looks at before it makes its first film, and what it takes for done."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from lucidsonic.errors import LucidsonicError
from lucidsonic.pipeline import make_film, settle
from lucidsonic.pipeline.batch import (
    Archive,
    Order,
    album_is_done,
    check_album,
    check_songs,
    is_done,
    make_album,
    place_films,
)

SMALL: dict[str, Any] = {"size": "64x48", "fps": 10, "batch_size": 4}


@pytest.fixture
def songs(tmp_path: Path, beat: Path) -> list[Path]:
    return [Path(shutil.copy(beat, tmp_path / f"{name}.wav")) for name in "ab"]


def orders_of(songs: list[Path], **settings: Any) -> list[Order]:
    plans = [settle(song, **SMALL, **settings).plan for song in songs]
    return place_films(plans, songs[0].parent / "films")


def test_a_song_that_is_not_there_is_told(songs: list[Path], tmp_path: Path):
    check_songs(orders_of(songs))
    with pytest.raises(LucidsonicError, match=r"missing\.wav"):
        check_songs(orders_of([*songs, tmp_path / "missing.wav"]))


def test_an_album_that_cannot_be_is_told(songs: list[Path], tmp_path: Path):
    orders, target = orders_of(songs), tmp_path / "all.mp4"

    check_album(orders, target, crossfade_s=1, overwrite=False)
    with pytest.raises(LucidsonicError, match="shorter than its crossfades"):
        check_album(orders, target, crossfade_s=4, overwrite=False)
    target.touch()
    with pytest.raises(LucidsonicError, match="is there already"):
        check_album(orders, target, crossfade_s=1, overwrite=False)


def test_an_album_knows_what_it_was_made_of(songs: list[Path], tmp_path: Path):
    orders, target = orders_of(songs), tmp_path / "all.mp4"
    for order in orders:
        make_film(order.plan, order.film)

    assert not album_is_done(orders, target, crossfade_s=0.5)
    make_album(orders, target, crossfade_s=0.5)

    assert album_is_done(orders, target, crossfade_s=0.5)
    assert not album_is_done(orders, target, crossfade_s=1.0)
    assert not album_is_done(orders[::-1], target, crossfade_s=0.5)
    assert not album_is_done(orders_of(songs, seed=4), target, crossfade_s=0.5)


def test_a_film_is_there_only_with_all_its_formats(songs: list[Path]):
    (order,) = orders_of(songs[:1], formats="1:1,cover")
    report = make_film(order.plan, order.film)

    assert is_done(order, Archive(None), films_needed=False)
    report.others[0].unlink()
    assert not is_done(order, Archive(None), films_needed=False)
