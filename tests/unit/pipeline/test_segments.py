"""Cutting, keys, the store and the size of batches, with generators made for the purpose."""

import os
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lucidsonic.effects import build_chain
from lucidsonic.encoding import Film, Options, write_segment
from lucidsonic.encoding.boxes import count_pictures
from lucidsonic.errors import EncodingError
from lucidsonic.pipeline.frames import Painter, Scene
from lucidsonic.pipeline.guard import Guard
from lucidsonic.pipeline.models import open_generator
from lucidsonic.pipeline.press import SegmentPress
from lucidsonic.pipeline.segments import Segment, cut, fingerprint
from lucidsonic.pipeline.store import (
    HOST,
    ROOM,
    SegmentCache,
    cache_folder,
    remembered,
    told_room,
)
from lucidsonic.types import Controls
from tests.steered import drum_loop
from tests.unit.pipeline.test_painting import SIZE, Grey, Ramp

FPS = Fraction(5)  # 40 frames a segment
FILM = Film(size=SIZE, fps=FPS, layout="yuv420p", overwrite=True)


class Batchy(Grey):
    """Paints what batch a frame came in: its first frame and its size."""

    def render(self, controls: Controls, *, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        first = round(float(controls.truncation[0]) * 100)
        level = (first * 7 + len(controls) * 3) % 97 / 97
        return torch.full((len(controls), 3, *SIZE), level)


def make_scene(generator: Grey | None = None, *, frames: int = 200, **changes: object) -> Scene:
    chain = build_chain([], drum_loop(frames))
    plain = Scene(
        generator=generator or Grey(),  # pyright: ignore[reportArgumentType]
        trajectory=Ramp(frames),
        chain=chain,
        size=SIZE,
        fps=FPS,
    )
    return replace(plain, **changes)


def common(scene: Scene, *, model_key: str = "m") -> str:
    return fingerprint(scene, options=Options(), model_key=model_key)


def planes(painter: Painter, start: int, stop: int) -> np.ndarray:
    return np.concatenate(list(painter.planes(start, stop)))


def silent(_sentence: str) -> None:
    pass


def keys_of(segments: list[Segment]) -> list[str]:
    return [segment.key for segment in segments]


@given(first=st.integers(0, 199), length=st.integers(1, 200))
def test_segments_cover_every_frame_once_with_borders_of_the_whole_song(
    first: int, length: int
):
    last = min(first + length, 200)

    segments = cut(make_scene(), first, last, common="c")

    assert [f for s in segments for f in range(s.start, s.stop)] == list(range(first, last))
    assert all(segment.start % 40 == 0 for segment in segments[1:])


def test_an_excerpt_shares_its_inner_segments_with_the_whole_film():
    scene = make_scene()

    whole = keys_of(cut(scene, 0, 200, common="c"))
    part = keys_of(cut(scene, 30, 190, common="c"))

    assert part[1:-1] == whole[1:-1]
    assert part[0] != whole[0]


def test_another_model_precision_or_encoder_makes_every_segment_a_new_one():
    scene = make_scene()
    plain = keys_of(cut(scene, 0, 80, common=common(scene)))
    half = replace(scene, dtype=torch.bfloat16)
    crf = fingerprint(scene, options=Options(crf=30), model_key="m")

    others = [common(scene, model_key="n"), common(half), crf]

    for told in others:
        assert not set(plain) & set(keys_of(cut(scene, 0, 80, common=told)))


def test_an_effect_in_a_part_changes_the_keys_of_that_part_alone():
    features = drum_loop(200)
    chain = build_chain([{"name": "hue"}], features)
    amounts = np.zeros(200, np.float32)
    amounts[90:100] = 0.5
    chain = replace(chain, links=(replace(chain.links[0], amounts=amounts),))
    plain = make_scene()
    painted = make_scene(chain=chain)

    before, after = (keys_of(cut(s, 0, 200, common="c")) for s in (plain, painted))

    assert [old == new for old, new in zip(before, after, strict=True)] == [
        True, True, False, True, True,
    ]  # fmt: skip


@pytest.mark.parametrize(("guard", "reach"), [("off", 0), ("damp", Guard(5).memory)])
def test_a_key_covers_all_that_the_flash_guard_looks_back_at(guard: str, reach: int):
    features = drum_loop(200)
    chain = build_chain([{"name": "hue"}], features)

    def key(touched: int) -> str:
        amounts = np.zeros(200, np.float32)
        amounts[touched] = 0.5
        links = (replace(chain.links[0], amounts=amounts),)
        scene = make_scene(chain=replace(chain, links=links), guard=guard)
        return cut(scene, 120, 160, common="c")[0].key

    far = key(0)
    assert all(key(120 - before) != far for before in range(reach + 1))
    assert key(120 - reach - 1) == far


def test_what_the_guard_shifts_depends_on_what_the_key_covers():
    """Frame 150 is still shifted for three flashes from frame 107 on, and for nothing older."""
    flashes = torch.zeros(160, 3, 16, 16)
    flashes[[107, 110, 113]] = 1.0
    flashes[137:] = 0.5
    other_start = flashes.clone()
    other_start[: 150 - Guard(30).memory] = 1.0

    shifted, same = (Guard(30).damp(frames)[150] for frames in (flashes, other_start))

    assert (shifted - flashes[150]).abs().min() > 0.1
    assert torch.equal(shifted, same)


@given(start=st.integers(0, 199), batch=st.integers(1, 50))
def test_a_frame_is_painted_in_the_same_batch_wherever_the_painting_starts(
    start: int, batch: int
):
    """Except for the first batch, which may have lost its beginning."""
    scene = make_scene(Batchy())
    painter = Painter(scene, batch, silent)
    whole = planes(painter, 0, 200)

    part = planes(Painter(scene, batch, silent), start, 200)

    border = start - start % 40
    aligned = min(border + -(-(start - border) // batch) * batch, border + 40)
    assert np.array_equal(part[aligned - start :], whole[aligned:])


@pytest.mark.parametrize("batch", [1, 3, 8, 40])
def test_the_flash_guard_sees_the_same_pictures_after_a_resume(batch: int):
    scene = make_scene(Batchy(), guard="damp")
    whole = planes(Painter(scene, batch, silent), 0, 200)

    for border in (40, 120, 160):
        resumed = planes(Painter(scene, batch, silent), border, border + 40)
        assert np.array_equal(resumed, whole[border : border + 40])


def test_a_batch_size_is_found_once():
    first = remembered("film", lambda: 8)
    second = remembered("film", lambda: 16)

    assert (first, second) == (8, 8)
    assert remembered("another", lambda: 16) == 16


def test_a_number_that_a_crash_did_not_write_is_found_once_more():
    remembered("film", lambda: 8)
    (cache_folder() / "batches" / "film.txt").write_text("")

    assert remembered("film", lambda: 4) == 4
    assert remembered("film", lambda: 2) == 4


# the store


@pytest.fixture
def store(tmp_path: Path) -> SegmentCache:
    return SegmentCache(tmp_path / "store")


@pytest.fixture
def pressed(store: SegmentCache) -> list[Segment]:
    """Three segments, painted into the store."""
    scene = make_scene()
    segments = cut(scene, 0, 120, common="c")
    with SegmentPress(Painter(scene, 8, silent), FILM, store) as press:
        for segment in segments:
            press.press(segment, lambda *_told: None)
    return segments


def test_what_was_painted_is_found_with_all_its_pictures(
    store: SegmentCache, pressed: list[Segment]
):
    for segment in pressed:
        found = store.find(segment)
        assert found is not None
        assert count_pictures(found) == len(segment) == 40
    assert not list(store.folder.glob("new-*"))


@pytest.mark.parametrize("harm", ["cut", "flip", "empty"])
def test_a_damaged_segment_is_thrown_away(
    harm: str, store: SegmentCache, pressed: list[Segment]
):
    path = store.path(pressed[1])
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes({"cut": bytes(data[:-9]), "flip": bytes(data), "empty": b""}[harm])

    assert store.find(pressed[1]) is None
    assert not path.exists()
    assert store.find(pressed[0])
    assert store.find(pressed[2])


def test_a_segment_without_all_its_pictures_is_not_kept(store: SegmentCache, tmp_path: Path):
    segment = Segment(0, 40, "a" * 32)
    short = store.working_name(segment)
    write_segment(short, [np.zeros((5, 16, 32, 3), np.uint8)], size=SIZE, fps=FPS)

    with pytest.raises(EncodingError, match="5 pictures instead of 40"):
        store.keep(segment, short)
    with pytest.raises(EncodingError, match="damaged"):
        store.keep_bytes(segment, b"no film at all")
    assert store.find(segment) is None
    assert not list(store.folder.glob("new-*"))


def test_tidying_takes_the_longest_unused_and_spares_what_a_render_needs(
    store: SegmentCache, pressed: list[Segment]
):
    for age, segment in zip((300, 200, 100), pressed, strict=True):
        path = store.path(segment)
        then = path.stat().st_mtime - age
        os.utime(path, (then, then))

    with store.holding(pressed[:1]):
        store.prune(limit=store.path(pressed[2]).stat().st_size)

    assert [store.find(segment) is not None for segment in pressed] == [True, False, True]


def test_what_a_dead_render_left_is_swept_and_what_a_living_one_writes_is_not(
    store: SegmentCache, pressed: list[Segment]
):
    dead = subprocess.Popen(["true"])
    dead.wait()
    left = store.folder / f"new-{'b' * 32}-{HOST}-{dead.pid}-0.{HOST}-{dead.pid}-0.partial.mp4"
    held = store.held / f"held-{HOST}-{dead.pid}-0.txt"
    mine = store.working_name(pressed[0])
    held.parent.mkdir()
    for path in (left, held, mine):
        path.touch()

    store.sweep()

    assert [path.exists() for path in (left, held, mine)] == [False, False, True]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path):
    (tmp_path / "file").write_text("")
    store = SegmentCache(tmp_path / "file" / "store")

    with pytest.raises(EncodingError, match="failed: Not a directory"):
        store.working_name(Segment(0, 1, "a" * 32))


def test_a_failing_encoder_names_the_frames_and_what_is_finished_stays(
    store: SegmentCache, pressed: list[Segment], monkeypatch: pytest.MonkeyPatch
):
    scene = make_scene()
    later = cut(scene, 120, 160, common="c")[0]
    monkeypatch.setattr(
        "lucidsonic.encoding.film.film_command",
        lambda *_a: ["-i", "pipe:0", "/no/such/dir.mp4"],
    )

    with (
        pytest.raises(EncodingError, match="Writing frames 120 to 159 failed") as caught,
        SegmentPress(Painter(scene, 8, silent), FILM, store) as press,
    ):
        press.press(later, lambda *_told: None)

    assert "kept" in caught.value.hint
    assert all(store.find(segment) for segment in pressed)


def test_a_changed_python_style_is_another_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.syspath_prepend(tmp_path)
    keys = set()
    for level in (0.25, 0.75):
        code = f"def paint(z, c):\n    return z.new_full((len(z), 3, 8, 8), {level})\n"
        (tmp_path / "painter_of_mine.py").write_text(code)
        keys.add(open_generator("painter_of_mine:paint").fingerprint)
        sys.modules.pop("painter_of_mine")

    assert len(keys) == 2


@pytest.mark.parametrize(
    ("words", "told"), [("f.mp4: No space left on device.", ROOM), ("f.mp4: damaged.", "")]
)
def test_a_full_disk_says_what_to_do_wherever_it_is_met(words: str, told: str):
    with pytest.raises(EncodingError, match=words) as raised, told_room():
        raise EncodingError(words)

    assert (raised.value.hint or "") == told
