"""Features -> a file: CSV for spreadsheets, NPZ for numpy, JSON for everything else."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from lucidsonic.errors import UnknownNameError
from lucidsonic.files import write_file
from lucidsonic.timebase import frames_to_seconds
from lucidsonic.types import Features, FloatArray

NOTES = ("c", "c#", "d", "d#", "e", "f", "f#", "g", "g#", "a", "a#", "b")
DIGITS = 5  # of a number in CSV and JSON


def write_features(features: Features, path: Path | str) -> Path:
    """Write everything that was heard, whole or not at all; the suffix says how.

    - `.csv`: a row a frame, columns `frame,time`, the curves, `chroma_c` to `chroma_b`,
      `tonnetz_1` to `tonnetz_6`, `valence`, `arousal`. It can be given back as a path of
      valence and arousal.
    - `.npz`: the same as arrays, with beats, downbeats, onsets, sections and drops.
    - `.json`: the same as one object.

    Args:
        features: from `extract_features`.
        path: where to; an existing file is replaced.

    Returns:
        The path.

    Raises:
        UnknownNameError: a suffix that is none of the three.
        ConfigError: the file cannot be written there.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in _FORMATS:
        raise UnknownNameError("table format", suffix or path.name, _FORMATS)
    return write_file(path, _FORMATS[suffix](features))


def frame_columns(features: Features) -> Mapping[str, FloatArray]:
    """Every number of a frame, by column name, float32 `(frames,)` each."""
    return {
        **features.curves,
        **{f"chroma_{note}": features.chroma[:, i] for i, note in enumerate(NOTES)},
        **{f"tonnetz_{i + 1}": features.tonnetz[:, i] for i in range(6)},
        "valence": features.valence,
        "arousal": features.arousal,
    }


def _csv(features: Features) -> bytes:
    columns = frame_columns(features)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["frame", "time", *columns])
    writer.writerows(_csv_rows(features, np.stack(list(columns.values()), axis=1)))
    return text.getvalue().encode()


def _csv_rows(features: Features, table: FloatArray) -> Iterator[list[str]]:
    for frame, numbers in enumerate(table):
        time = f"{frames_to_seconds(frame, features.fps):.6f}"
        yield [str(frame), time, *(f"{n:.{DIGITS}g}" for n in numbers)]


def _npz(features: Features) -> bytes:
    onsets = {
        f"onsets_{name}_{part}": getattr(hits, part)
        for name, hits in features.onsets.items()
        for part in ("times_s", "strength")
    }
    arrays: dict[str, Any] = {
        **{f"curve_{name}": curve for name, curve in features.curves.items()},
        "chroma": features.chroma,
        "tonnetz": features.tonnetz,
        "valence": features.valence,
        "arousal": features.arousal,
        "beats_s": features.beats_s,
        "downbeats_s": features.downbeats_s,
        **onsets,
        "summary": np.array(json.dumps(_summary(features))),
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _json(features: Features) -> bytes:
    content = {
        **_summary(features),
        "beats_s": _numbers(features.beats_s),
        "downbeats_s": _numbers(features.downbeats_s),
        "onsets": {
            name: {"times_s": _numbers(h.times_s), "strength": _numbers(h.strength)}
            for name, h in features.onsets.items()
        },
        "frames": {name: _numbers(column) for name, column in frame_columns(features).items()},
    }
    return (json.dumps(content, allow_nan=False) + "\n").encode()


def _summary(features: Features) -> dict[str, Any]:
    return {
        "fps": str(features.fps),
        "frame_count": len(features),
        "tempo_bpm": features.tempo_bpm,
        "key": asdict(features.key),
        "sections": [asdict(section) for section in features.sections],
        "drops": [asdict(drop) for drop in features.drops],
    }


def _numbers(array: FloatArray) -> list[float]:
    return [round(float(n), DIGITS) for n in array]


_FORMATS: Mapping[str, Callable[[Features], bytes]] = {
    ".csv": _csv,
    ".npz": _npz,
    ".json": _json,
}
