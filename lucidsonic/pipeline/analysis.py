"""A song -> its features, as values, as files and as a picture."""

from fractions import Fraction
from pathlib import Path
from typing import Any

from lucidsonic.audio import open_song
from lucidsonic.encoding import check_free
from lucidsonic.errors import ConfigError
from lucidsonic.features.names import key_name
from lucidsonic.pipeline.listen import hear
from lucidsonic.timebase import format_time, parse_fps
from lucidsonic.types import Features, OnProgress, ignore_progress

PICTURES = (".png", ".svg", ".pdf")
TABLES = (".csv", ".npz", ".json")


def analyze(
    song: Path | str,
    *,
    fps: str | float | Fraction = 30,
    on_progress: OnProgress = ignore_progress,
) -> Features:
    """Hear a song.

    Args:
        song: any file that ffmpeg can decode.
        fps: values a second.
        on_progress: told how far it is.

    Raises:
        AudioError: the file cannot be read or holds no sound.
    """
    opened = open_song(Path(song))
    return hear(
        opened, duration_s=opened.duration_s, fps=parse_fps(fps), on_progress=on_progress
    )


def check_analysis(path: Path, *, overwrite: bool) -> None:
    """Complain about a file that cannot be written before the song is heard.

    Raises:
        ConfigError: neither a table nor a picture, or a file that may not be replaced.
    """
    if path.suffix.lower() not in TABLES + PICTURES:
        raise ConfigError(
            f"'{path.name}' is neither a table nor a picture.",
            hint=f"End it in one of {', '.join(TABLES + PICTURES)}.",
        )
    check_free(path, overwrite=overwrite)


def write_analysis(features: Features, path: Path, *, title: str = "") -> Path:
    """Write features as a table (.csv, .npz, .json) or draw them (.png, .svg, .pdf).

    Its folder is made, and a file of that name is replaced; see `check_analysis`.
    """
    from lucidsonic.features.export import write_features
    from lucidsonic.features.picture import draw_analysis  # matplotlib: 0.5 s

    if path.suffix.lower() in PICTURES:
        return draw_analysis(features, path, title=title)
    return write_features(features, path)


def summarize(features: Features) -> dict[str, Any]:
    """The song in a few facts that a person can check by ear."""
    key = features.key
    return {
        "length": format_time(len(features) / float(features.fps)),
        "frames": len(features),
        "tempo": f"{features.tempo_bpm:.1f} BPM" if features.tempo_bpm else "none",
        "beats": len(features.beats_s),
        "bars": len(features.downbeats_s),
        "key": f"{key_name(key)} (confidence {key.confidence:.2f})",
        "sections": " ".join(f"{s.label}@{format_time(s.start_s)}" for s in features.sections),
        "drops": " ".join(format_time(drop.time_s) for drop in features.drops) or "none",
        "hits": {name: len(onsets.times_s) for name, onsets in features.onsets.items()},
        "valence": round(float(features.valence.mean()), 2),
        "arousal": round(float(features.arousal.mean()), 2),
    }
