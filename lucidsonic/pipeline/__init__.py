"""The main path: song in, film out. Start reading at `film.make_film`.

The names below load on first use: a listing of models needs no torch, a generator no encoder.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lucidsonic.pipeline.analysis import analyze, check_analysis, summarize, write_analysis
    from lucidsonic.pipeline.api import film_path, render
    from lucidsonic.pipeline.film import FilmReport, make_film
    from lucidsonic.pipeline.models import load_generator
    from lucidsonic.pipeline.preview import foresee, paint_sheet, paint_still
    from lucidsonic.pipeline.settling import plan_of_film, settle

__all__ = [
    "FilmReport",
    "analyze",
    "check_analysis",
    "film_path",
    "foresee",
    "load_generator",
    "make_film",
    "paint_sheet",
    "paint_still",
    "plan_of_film",
    "render",
    "settle",
    "summarize",
    "write_analysis",
]
_PLACES = {
    "analysis": ("analyze", "check_analysis", "summarize", "write_analysis"),
    "film": ("FilmReport", "make_film"),
    "models": ("load_generator",),
    "preview": ("foresee", "paint_sheet", "paint_still"),
    "api": ("film_path", "render"),
    "settling": ("plan_of_film", "settle"),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'lucidsonic.pipeline' has no attribute '{name}'")
    found = getattr(import_module(f"lucidsonic.pipeline.{_MODULES[name]}"), name)
    globals()[name] = found
    return found
