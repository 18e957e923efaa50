"""What a batch looks at before it makes its first film, and what it takes for done."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lucidsonic import encoding
from lucidsonic.errors import ConfigError, LucidsonicError
from lucidsonic.pipeline import make_film, settle
from lucidsonic.pipeline.batch import (
    Archive,
    Order,
    album_is_done,
    check_album,
    check_songs,
    is_done,
    make_album,
    make_films,
    place_films,
)
from lucidsonic.pipeline.settling import plan_of_film
from lucidsonic.pipeline.store import SegmentCache
from lucidsonic.plan import RenderPlan

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


def test_a_song_that_was_mixed_anew_is_not_done(songs: list[Path], tmp_path: Path):
    (order,) = orders_of(songs[:1])
    make_film(order.plan, order.film)
    assert is_done(order, Archive(None), films_needed=False)

    songs[0].write_bytes(songs[0].read_bytes()[:-400])

    assert not is_done(order, Archive(None), films_needed=False)


def test_a_film_that_may_be_replaced_is_made_again(songs: list[Path]):
    (order,) = orders_of(songs[:1])
    report = make_film(order.plan, order.film)

    (outcome,) = make_films([order], lambda _order: report, overwrite=True)

    assert outcome.state == "made"


def test_an_archive_that_people_edited_is_read_with_care(songs: list[Path], tmp_path: Path):
    text = tmp_path / "done.txt"
    archive = Archive(text)
    archive.add(songs[0])
    text.write_text("\n" + text.read_text().rstrip("\n"))
    songs[1].write_bytes(b"another")

    archive.add(songs[1])

    assert songs[0] in archive
    assert songs[1] in archive
    assert tmp_path / "missing.wav" not in archive


@pytest.mark.parametrize("name", ["clip.mp4", "link.mp4"])
def test_what_a_film_is_made_of_is_never_its_target(name: str, songs: list[Path]):
    clip = songs[0].with_name("clip.mp4")
    songs[0].rename(clip)
    clip.with_name("link.mp4").symlink_to(clip)
    content = clip.read_bytes()

    with pytest.raises(ConfigError, match="which would be lost"):
        make_film(settle(clip, **SMALL).plan, clip.with_name(name), overwrite=True)

    assert clip.read_bytes() == content


def test_a_search_begins_only_when_the_film_can_be_written(songs: list[Path]):
    def search(_plan: RenderPlan) -> RenderPlan:
        raise AssertionError("it began")

    songs[0].with_suffix(".mp4").touch()

    with pytest.raises(LucidsonicError, match="is there already"):
        make_film(settle(songs[0], **SMALL).plan, songs[0].with_suffix(".mp4"), tune=search)


def test_what_was_found_is_painted_and_what_was_asked_is_known(songs: list[Path]):
    (order,) = place_films([settle(songs[0], **SMALL).plan], None, is_tuned=True)

    def search(plan: RenderPlan) -> RenderPlan:
        reactions = plan.trajectory.model_copy(update={"pulse_react": 1.7})
        return plan.model_copy(update={"trajectory": reactions})

    make_film(order.plan, order.film, tune=search)

    assert plan_of_film(order.film).plan.trajectory.pulse_react == 1.7
    assert is_done(order, Archive(None), films_needed=False)
    assert not is_done(replace(order, is_tuned=False), Archive(None), films_needed=False)


def test_no_tidying_takes_segments_away_before_they_are_joined(
    songs: list[Path], monkeypatch: pytest.MonkeyPatch
):
    (order,) = orders_of(songs[:1])
    join = encoding.concat_segments

    def tidy_and_join(paths: Sequence[Path], *args: Any, **how: Any) -> Any:
        SegmentCache().clear()
        return join(paths, *args, **how)

    monkeypatch.setattr(encoding, "concat_segments", tidy_and_join)

    assert make_film(order.plan, order.film).frames > 0
