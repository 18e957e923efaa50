from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lucidsonic.pipeline.production import prepare
from lucidsonic.pipeline.settling import settle
from lucidsonic.pipeline.tell import Teller
from lucidsonic.pipeline.tune import (
    Studio,
    Trial,
    Verdict,
    better,
    candidates,
    changed,
    climb,
    confirm,
    may_replace,
    small_plan,
    tries,
)
from lucidsonic.plan import FilmTable, RenderPlan, SongTable
from lucidsonic.types import ignore_progress

BEFORE = Verdict(sync=0.4, flicker=0.6, flashes=1.0)
PLAN = RenderPlan(song=SongTable(path=Path("song.wav")))


@dataclass
class Imagined:
    """Judges settings without painting them."""

    verdict: Any
    asked: list[dict] = field(default_factory=list)

    def judge(self, settings: dict, frames: range) -> Verdict:
        self.asked.append(settings)
        return self.verdict(settings)


def searched(verdict: Any) -> Trial:
    best, trials = climb(PLAN, Imagined(verdict), range(8), Trial({}, BEFORE))  # pyright: ignore[reportArgumentType]
    assert len(trials) == 1 + tries()
    return best


def test_the_best_of_each_setting_is_kept_for_the_next():
    best = searched(
        lambda s: Verdict(
            0.4 + 0.1 * (s.get("decay_ms") == 90) + 0.1 * (s.get("noise_react") == 2.0),
            0.6,
            1.0,
        )
    )

    assert best.verdict.sync == pytest.approx(0.6)
    assert best.settings["decay_ms"] == 90
    assert best.settings["noise_react"] == 2.0


def test_a_film_that_gains_by_flashing_is_not_taken():
    best = searched(lambda s: Verdict(0.9, 0.6, 1.5))

    assert best.settings == {}
    assert best.verdict == BEFORE


def test_a_film_that_gains_by_flickering_is_not_taken():
    assert searched(lambda s: Verdict(0.9, 0.95, 1.0)).settings == {}


def test_a_gain_within_the_noise_is_not_taken():
    assert searched(lambda s: Verdict(0.402, 0.6, 1.0)).settings == {}


SEEN, UNSEEN = range(8), range(20, 28)


def confirmed(found: dict, elsewhere: Any, here: Any = lambda _s: Verdict(0.6, 0.6, 1.0)):
    class Apart(Imagined):
        def judge(self, settings: dict, frames: range) -> Verdict:
            self.asked.append(settings)
            return (here if frames == SEEN else elsewhere)(settings)

    studio = Apart(None)
    best = Trial(found, Verdict(0.7, 0.6, 1.0))
    trial, checked = confirm(studio, (Trial({}, BEFORE), BEFORE), best, (SEEN, UNSEEN))  # pyright: ignore[reportArgumentType]
    return trial.settings, checked, studio.asked


def test_what_holds_elsewhere_is_taken():
    settings, checked, asked = confirmed({"decay_ms": 90}, lambda _s: Verdict(0.41, 0.6, 1.0))

    assert settings == {"decay_ms": 90}
    assert checked.sync == 0.41
    assert len(asked) == 1


def test_of_what_flashes_elsewhere_the_rest_is_taken():
    """Without its motion the film flashes more in the other excerpt."""
    found = {"motion_react": 0.0, "decay_ms": 300}

    settings, _, _ = confirmed(
        found, lambda s: Verdict(0.5, 0.6, 1.5 if "motion_react" in s else 1.0)
    )

    assert settings == {"decay_ms": 300}


def test_a_rest_that_gains_nothing_where_it_was_found_is_not_taken():
    settings, checked, _ = confirmed(
        {"motion_react": 0.0, "decay_ms": 300},
        lambda s: Verdict(0.5, 0.6, 1.5 if "motion_react" in s else 1.0),
        here=lambda _s: Verdict(0.4, 0.6, 1.0),
    )

    assert settings == {}
    assert checked == BEFORE


def test_what_follows_worse_elsewhere_leaves_the_plan_as_it_was():
    settings, checked, _ = confirmed({"decay_ms": 90}, lambda _s: Verdict(0.39, 0.6, 1.0))

    assert settings == {}
    assert checked == BEFORE


def test_a_film_that_flickered_already_may_go_on_doing_so_but_not_more():
    old = Verdict(0.4, 1.2, 1.0)

    assert may_replace(Verdict(0.5, 1.1, 1.0), old)
    assert not may_replace(Verdict(0.5, 1.3, 1.0), old)


def test_better_means_following_at_least_that_much_more():
    assert better(Verdict(0.44, 0.6, 1.0), BEFORE, least=1.05)
    assert not better(Verdict(0.41, 0.6, 1.0), BEFORE, least=1.05)


def test_gains_are_tried_around_the_plans_own_and_within_their_range():
    strong = changed(PLAN, {"pulse_react": 2.0})

    assert max(candidates(strong, "pulse_react")) == 3.0
    assert candidates(changed(PLAN, {"pulse_react": 0.0}), "pulse_react") == ()


@pytest.mark.parametrize(
    ("size", "small"), [(None, (96, 54)), ((1920, 1080), (96, 54)), ((1080, 1920), (54, 96))]
)
def test_small_films_keep_their_shape(size: Any, small: tuple[int, int]):
    film = FilmTable(size=size, formats=("cover",))
    plan = small_plan(PLAN.model_copy(update={"film": film}), 96)

    assert plan.film.size == small
    assert plan.film.formats == ()


def test_small_films_are_made_where_a_card_would_encode_larger_ones(
    beat: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("lucidsonic.encoding.video.really_encodes", lambda *_asked: True)
    production = prepare(small_plan(settle(beat).plan, 32), Teller(ignore_progress))
    sizes: list[int] = []

    def score(film: Path) -> Verdict:
        sizes.append(film.stat().st_size)
        return BEFORE

    verdict = Studio(production, score, tmp_path, ignore_progress).judge({}, range(4))

    assert verdict == BEFORE
    assert sizes[0] > 0
