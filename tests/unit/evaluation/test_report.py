import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from lucidsonic.errors import ConfigError
from lucidsonic.evaluation import METRICS, Evaluated, evaluate
from lucidsonic.evaluation.charts import draw_charts
from lucidsonic.evaluation.report import check_report, number, report_html, write_report

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next((found for name in BROWSERS if (found := shutil.which(name))), None)


@pytest.fixture(scope="module")
def judged(truth_film: Callable[..., Path]) -> Evaluated:
    return evaluate(truth_film())


def test_the_report_holds_every_figure_and_five_pictures(judged: Evaluated):
    text = report_html(judged)

    for name in METRICS:
        assert f">{name}<" in text
    assert text.count("data:image/png;base64,") == 5
    assert "It certifies nothing." in text or "it certifies nothing." in text


def test_the_report_answers_at_a_glance(judged: Evaluated):
    hurt = replace(judged.scores.safety, general_flashes=5.0)
    bad = replace(judged, scores=replace(judged.scores, safety=hurt))

    assert "Does it hurt? <b>nothing found</b>" in report_html(judged)
    assert "Does it hurt? <b>it may: 1 of 2 bars missed</b>" in report_html(bad)
    assert "flashes a second: 5, red: 0" in report_html(bad)


@pytest.mark.parametrize(
    ("value", "said"),
    [(float("nan"), ""), (-2.4e-17, "0"), (0.4567, "0.457"), (12345.6, "12,346")],
)
def test_figures_are_written_as_people_write_them(value: float, said: str):
    assert number(value) == said


def test_the_report_needs_nothing_from_elsewhere(judged: Evaluated):
    text = report_html(judged)

    assert re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?(.{4})""", text) == ["data"] * 5
    assert "<script" not in text
    assert "@import" not in text


def test_a_film_without_sound_gets_the_charts_that_it_can(truth_film: Callable[..., Path]):
    silent = evaluate(truth_film("silent.mp4", silent=True))

    assert len(draw_charts(silent)) == 1
    assert "Does it dance?" not in report_html(silent)


def test_a_name_cannot_break_out_of_the_page(judged: Evaluated):
    named = replace(judged, scores=replace(judged.scores, film="<script>x</script>.mp4"))

    assert "<script>" not in report_html(named)


def test_a_report_that_cannot_be_written_says_so(judged: Evaluated, tmp_path: Path):
    taken = tmp_path / "report.html"
    taken.mkdir()

    with pytest.raises(ConfigError, match="cannot be written"):
        write_report(judged, taken)
    assert list(tmp_path.iterdir()) == [taken]


def test_a_report_makes_its_folder_and_tells_a_name_of_any_bytes(
    judged: Evaluated, tmp_path: Path
):
    named = replace(judged, scores=replace(judged.scores, film="caf\udce9.mp4"))
    page = tmp_path / "not" / "there" / "report.html"

    check_report(page)
    assert "<h1>caf?.mp4</h1>" in write_report(named, page).read_text("utf-8")


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine's PATH")
def test_a_browser_shows_the_report(judged: Evaluated, tmp_path: Path):
    page = write_report(judged, tmp_path / "report.html")
    shot = tmp_path / "shot.png"
    subprocess.run(
        [
            str(BROWSER),
            *("--headless", "--no-sandbox", "--disable-gpu", f"--screenshot={shot}"),
            *("--window-size=1280,2000", "--hide-scrollbars", page.as_uri()),
        ],
        check=True,
        timeout=60,
        capture_output=True,
    )

    with Image.open(shot) as picture:
        colours = picture.convert("RGB").resize((128, 200)).getcolors(25_600)
    assert colours is not None
    assert len(colours) > 200


@pytest.mark.parametrize("name", ["film.mp4", "song.wav", "report", "file/report.html"])
def test_a_report_never_takes_the_place_of_a_film(name: str, tmp_path: Path):
    (tmp_path / "file").touch()

    with pytest.raises(ConfigError):
        check_report(tmp_path / name)
    check_report(tmp_path / "report.HTML")
