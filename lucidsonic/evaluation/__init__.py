"""Film or model -> figures: does it dance, does it hold, does it hurt."""

from lucidsonic.evaluation.film import Evaluated, FilmScores, evaluate, evaluate_film
from lucidsonic.evaluation.metrics import METRICS, Metric, Row, judge, misses

__all__ = [
    "METRICS",
    "Evaluated",
    "FilmScores",
    "Metric",
    "Row",
    "evaluate",
    "evaluate_film",
    "judge",
    "misses",
]
