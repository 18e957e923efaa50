"""Evaluated -> one HTML file that needs nothing else: figures, bars, pictures."""

import base64
import math
import os
from dataclasses import fields
from html import escape
from pathlib import Path

from lucidsonic.errors import ConfigError
from lucidsonic.evaluation.film import Evaluated, FilmScores
from lucidsonic.evaluation.metrics import Row, judge
from lucidsonic.files import write_file
from lucidsonic.timebase import format_time

GROUPS = {
    "sync": "Does it dance?",
    "coherence": "Does it hold?",
    "safety": "Does it hurt?",
    "facts": "Is the file sound?",
}
TELLING = {  # group -> figure, what it is called at a glance, unit
    "sync": (
        ("corr_zero", "correlation", ""),
        ("lag_ms", "lag", " ms"),
        ("beat_f", "beats", ""),
    ),
    "coherence": (("flicker_index", "flicker", ""), ("coherence", "likeness", "")),
    "safety": (("general_flashes", "flashes a second:", ""), ("red_flashes", "red:", "")),
    "facts": (("duration_gap_ms", "picture ends", " ms after the sound"),),
}
STYLE = """
:root { color-scheme: dark; }
body { background: #0f0d18; color: #e8e6f0; font: 15px/1.5 system-ui, sans-serif;
  max-width: 1240px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-weight: 600; margin-bottom: 0; } h2 { font-weight: 500; margin-top: 2.2rem; }
p { color: #8d88a6; max-width: 75ch; }
.charts { display: flex; flex-wrap: wrap; gap: 1rem; } figure { margin: 0; }
figcaption { color: #8d88a6; } img { max-width: 100%; border-radius: 6px; display: block; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #2c2840;
  vertical-align: top; }
th { color: #8d88a6; font-weight: 400; } td.n { white-space: nowrap; }
td.f { color: #8d88a6; font-size: 13px; }
.answers { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr));
  gap: 1rem; margin: 1.4rem 0 2rem; }
.answer { background: #151221; border-left: 4px solid #9ece6a; border-radius: 6px;
  padding: .7rem 1rem; } .answer.no { border-color: #ff5c6c; } .answer b { font-weight: 600; }
.answer span { color: #8d88a6; display: block; font-size: 13px; }
.good { color: #9ece6a; } .bad { color: #ff5c6c; font-weight: 600; }
"""


def check_report(path: Path) -> None:
    """Complain about a report that cannot be written before any work is done.

    Raises:
        ConfigError: nothing may be written where it would lie, it is a folder, or does not end
            like a web page: it may be somebody's film.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise ConfigError(f"'{path}' does not end like a web page.", hint="Use report.html.")
    above = next(parent for parent in path.absolute().parents if parent.exists())
    if path.is_dir() or not (above.is_dir() and os.access(above, os.W_OK)):
        raise ConfigError(
            f"'{path}' cannot be written.", hint="Name a file in a folder you may write to."
        )


def write_report(evaluated: Evaluated, path: Path) -> Path:
    """Write the report; it appears whole or not at all, and replaces what was there.

    Args:
        evaluated: from `evaluate`.
        path: the .html file.

    Raises:
        ConfigError: the file cannot be written there.
    """
    return write_file(path, report_html(evaluated).encode("utf-8", "replace"))


def report_html(evaluated: Evaluated) -> str:
    """The report as text; pictures travel inside it."""
    from lucidsonic.evaluation.charts import draw_charts  # matplotlib: a second to import

    scores = evaluated.scores
    rows = judge(scores)
    name = escape(scores.film)
    charts = "".join(
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<img alt="{escape(title)}" src="data:image/png;base64,{as_base64(picture)}"></figure>'
        for title, picture in draw_charts(evaluated).items()
    )
    tables = "".join(table(group, title, rows) for group, title in GROUPS.items())
    return (
        "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width">'
        f"<title>{name}</title><style>{STYLE}</style></head><body>"
        f"<h1>{name}</h1><p>{escape(headline(scores, rows))}</p>"
        f"<div class=answers>{answers(scores, rows)}</div>"
        f"<div class=charts>{charts}</div>{tables}{flashes(scores)}{facts(scores)}"
        "<p>Controls are the same figures for films that ignore the music, made of this film's "
        "own changes in random order. Flash counting reduces risk; it certifies nothing.</p>"
        "</body></html>\n"
    )


def headline(scores: FilmScores, rows: tuple[Row, ...]) -> str:
    """The film in one sentence."""
    missed = [row.name for row in rows if row.passed is False]
    verdict = "passes every bar" if not missed else f"misses {', '.join(missed)}"
    length = format_time(scores.facts.video_s)
    return (
        f"{length} at {scores.facts.fps} pictures a second, "
        f"{scores.facts.width} x {scores.facts.height}. It {verdict}."
    )


def answers(scores: FilmScores, rows: tuple[Row, ...]) -> str:
    """Each group's question answered at a glance: its bars, and the figures that say most."""
    found = {row.name: row for row in rows}
    told = []
    for group, title in GROUPS.items():
        mine = [row for row in rows if row.metric.group == group and row.passed is not None]
        missed = [row for row in mine if row.passed is False]
        if not mine:
            continue
        good, bad = ("nothing found", "it may") if group == "safety" else ("yes", "no")
        verdict = f"{bad}: {len(missed)} of {len(mine)} bars missed" if missed else good
        shown = ", ".join(
            f"{words} {number(found[name].value)}{unit}"
            for name, words, unit in TELLING.get(group, ())
            if name in found and math.isfinite(found[name].value)
        )
        kind = "answer no" if missed else "answer"
        told.append(f"<div class='{kind}'>{title} <b>{verdict}</b><span>{shown}</span></div>")
    return "".join(told)


def table(group: str, title: str, rows: tuple[Row, ...]) -> str:
    """One group of figures."""
    lines = "".join(
        f"<tr><td class=n>{row.name}</td><td class=n>{number(row.value)} {row.metric.unit}</td>"
        f"<td class=n>{number(row.control)}</td><td class=n>{escape(row.bar)}</td>"
        f"<td>{mark(row)}</td><td class=f>{escape(row.metric.formula)}. "
        f"{escape(row.metric.source)}; {escape(row.metric.span)}.{tells(row)}</td></tr>"
        for row in rows
        if row.metric.group == group
    )
    if not lines:
        return ""
    head = "".join(
        f"<th>{word}</th>" for word in ("", "film", "control", "bar", "", "what it is")
    )
    return f"<h2>{title}</h2><table><tr>{head}</tr>{lines}</table>"


def tells(row: Row) -> str:
    """Which films the figure can tell apart."""
    if row.metric.group != "sync":
        return ""
    return escape(f" Tells {', '.join(row.metric.tells) or 'nothing'}.")


def mark(row: Row) -> str:
    """Passed or missed."""
    if row.passed is None:
        return ""
    return "<span class=good>ok</span>" if row.passed else "<span class=bad>missed</span>"


def flashes(scores: FilmScores) -> str:
    """When it flashes too often."""
    if not scores.safety.violations:
        return ""
    times = ", ".join(
        f"{stretch.start_s:.2f} to {stretch.end_s:.2f} s"
        for stretch in scores.safety.violations
    )
    return f"<p class=bad>More than three flashes within a second: {times}.</p>"


def facts(scores: FilmScores) -> str:
    """The stream facts as a table."""
    lines = "".join(
        f"<tr><td class=n>{name}</td><td>{shown(getattr(scores.facts, name))}</td></tr>"
        for name in (field.name for field in fields(scores.facts))
    )
    return f"<h2>In the file</h2><table>{lines}</table>"


def shown(value: object) -> str:
    """A fact as people write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number(value) if isinstance(value, float) else escape(str(value))


def number(value: float) -> str:
    """A figure as people write it; nothing where there is none."""
    if not math.isfinite(value):
        return ""
    if abs(value) < 5e-5:  # what is left of sums that should be 0
        return "0"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def as_base64(content: bytes) -> str:
    """Bytes as text."""
    return base64.b64encode(content).decode("ascii")
