"""Heard -> valence and arousal: what the music feels like, frame by frame.

Indicative, by about half a unit in level: fitted to ratings of 1744 excerpts (DEAM), with the
cue order of Eerola, Friberg & Bresin (2013) and the relative mode of Eerola & Schutz (2025).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lucidsonic.features.arrays import Numbers
from lucidsonic.features.curves import smooth, smoothstep
from lucidsonic.features.frames import at_frames
from lucidsonic.features.harmony import ALBRECHT_MAJOR, ALBRECHT_MINOR, Harmony, correlate_keys
from lucidsonic.features.heard import Heard
from lucidsonic.features.onsets import overall, peak_hops
from lucidsonic.features.pitch import PITCH_RATE
from lucidsonic.types import Section

HOPS = 8  # hops in a row here: PITCH_RATE
WINDOW_S = 1.2  # standard deviation of the "3 s" window
MODE_WINDOW_S = 2.4  # of the "6 s" window
USUAL_LN_RMS, USUAL_LN_HZ, USUAL_LN_ONSETS = -2.30, 7.41, 1.12  # means over DEAM
HANN_LN = 0.5 * np.log(0.375)  # the fit saw Hann-windowed levels
EXCURSION = 0.25  # standard deviation that a song's path is widened to
FASTEST = 0.15  # units a second
TURN_S = 4.0  # seconds that a change of section takes where there are no bars


@dataclass(frozen=True, slots=True)
class EmotionSettings:
    """How loudness, arousal and valence hang together.

    Attributes:
        loudness: "absolute" takes the file's level as it is; "relative" measures against the
            song's own mean, for unmastered files; "half" lies between.
        coupling: how much of the arousal valence takes along.
        contrast: widen the song's excursions to what the eye needs.
    """

    loudness: Literal["absolute", "half", "relative"] = "absolute"
    coupling: float = 0.35
    contrast: bool = True


DEFAULT_EMOTION = EmotionSettings()


@dataclass(frozen=True, slots=True, eq=False)
class Emotion:
    """A path on the plane of feelings.

    Attributes:
        valence: float32 `(frames,)` in [-1, 1]; dark to bright.
        arousal: float32 `(frames,)` in [-1, 1]; calm to tense.
    """

    valence: Numbers
    arousal: Numbers


_OWN_LEVEL = {"absolute": 0.0, "half": 0.5, "relative": 1.0}


def moments(
    heard: Heard,
    *,
    harmony: Harmony,
    strengths: Mapping[str, Numbers],
    settings: EmotionSettings = DEFAULT_EMOTION,
) -> Emotion:
    """The feeling of each moment, at PITCH_RATE, before any contrast or anchoring.

    Args:
        heard: the song.
        harmony: its notes.
        strengths: from `band_strengths`.
        settings: see there.
    """
    power = _rows(heard.hops["power"])
    if power.max(initial=0.0) < 1e-8:
        return Emotion(np.zeros(len(power), np.float32), np.zeros(len(power), np.float32))
    active = _activity(power)
    z_r = np.clip((_ln_rms(power, active, settings) - USUAL_LN_RMS) / 0.50, -4, 3)
    z_c = np.clip((_ln_centroid(heard, active) - USUAL_LN_HZ) / 0.42, -3, 3)
    z_e = np.clip((np.log(0.3 + _onset_rate(heard, strengths)) - USUAL_LN_ONSETS) / 0.46, -3, 2)
    arousal = np.tanh(-0.05 + 0.53 * (0.40 * z_r + 0.41 * z_c + 0.25 * z_e))
    mode = _relative_mode(harmony, active)
    valence = np.tanh(settings.coupling * arousal + 0.80 * mode + 0.15 * np.clip(z_e, -2, 2))
    return Emotion(valence.astype(np.float32), arousal.astype(np.float32))


def emotion_path(
    felt: Emotion,
    heard: Heard,
    *,
    sections: tuple[Section, ...],
    bar_s: float = TURN_S / 2,
    settings: EmotionSettings = DEFAULT_EMOTION,
) -> Emotion:
    """The path that a film follows: a place a section, half of each moment's excursion.

    Args:
        felt: from `moments`.
        heard: the song.
        sections: the anchors.
        bar_s: a change of section takes two bars.
        settings: see there.

    Returns:
        Moves at most `FASTEST` a second, without lag.
    """
    return Emotion(
        *(
            _path(
                _contrasted(curve) if settings.contrast else curve, heard, sections, 2 * bar_s
            )
            for curve in (felt.valence, felt.arousal)
        )
    )


def _rows(hops: Numbers) -> Numbers:
    whole = np.pad(hops, (0, -len(hops) % HOPS), mode="edge")
    return whole.reshape(-1, HOPS).mean(axis=1)


def _activity(power: Numbers) -> Numbers:
    """0 in pauses, 1 within 15 dB of the loudest moment."""
    below_db = 10 * np.log10(power + 1e-12) - 10 * np.log10(power.max() + 1e-12)
    return np.maximum(np.clip((below_db + 45) / 30, 0, 1), 0.02)


def _gauss(rows: Numbers, seconds: float) -> Numbers:
    return smooth(rows, fps=PITCH_RATE, seconds=seconds).astype(np.float64)


def _ln_rms(power: Numbers, active: Numbers, settings: EmotionSettings) -> Numbers:
    level = 0.5 * np.log(_gauss(power, WINDOW_S) + 1e-10) + HANN_LN
    own = float((level * active).sum() / active.sum()) - USUAL_LN_RMS
    return level - _OWN_LEVEL[settings.loudness] * own


def _ln_centroid(heard: Heard, active: Numbers) -> Numbers:
    hertz = np.log(_rows(heard.hops["centroid"]) + 20)
    return _gauss(hertz * active, WINDOW_S) / _gauss(active, WINDOW_S)


def _onset_rate(heard: Heard, strengths: Mapping[str, Numbers]) -> Numbers:
    """Onsets a second."""
    counts = np.zeros(len(heard.hops["power"]), np.float32)
    counts[peak_hops(overall(strengths), least=0.15)] = 1
    return _gauss(_rows(counts) * HOPS * PITCH_RATE, 1.5 * WINDOW_S)


def _relative_mode(harmony: Harmony, active: Numbers) -> Numbers:
    """Major against minor, by how clear the key is, in [-1.2, 1.2]."""
    weights = np.resize(active, len(harmony.chroma))[:, None]
    notes = _gauss(harmony.chroma * weights, MODE_WINDOW_S)
    fit = correlate_keys(notes, major=ALBRECHT_MAJOR, minor=ALBRECHT_MINOR)
    major, minor = fit.major.max(axis=1), fit.minor.max(axis=1)
    clarity = np.clip((np.maximum(major, minor) - 0.45) / 0.3, 0, 1)
    mode = np.clip(3 * (major - minor), -1.2, 1.2) * clarity * (notes.sum(axis=1) > 1e-3)
    return np.resize(mode, len(active))


def _contrasted(curve: Numbers) -> Numbers:
    """The song's place as it is, its excursions widened: ratings move little within a song."""
    middle = np.median(curve)
    gain = np.clip(EXCURSION / max(float(curve.std()), 0.04), 1, 6)
    return np.clip(middle + (curve - middle) * gain, -1, 1)


def _path(
    curve: Numbers, heard: Heard, sections: tuple[Section, ...], turn_s: float
) -> Numbers:
    times = np.arange(len(curve)) / PITCH_RATE
    anchor = _anchors(curve, times, sections, turn_s)
    limited = _slew(anchor + 0.5 * (curve - anchor))
    return np.clip(at_frames(limited, heard, rate=PITCH_RATE), -1, 1)


def _anchors(
    curve: Numbers, times: Numbers, sections: tuple[Section, ...], turn_s: float
) -> Numbers:
    """Each section's mean, eased from one to the next across the boundary."""
    means = []
    for section in sections:
        inside = curve[(times >= section.start_s) & (times < section.end_s)]
        means.append(float(inside.mean()) if len(inside) else (means[-1] if means else 0.0))
    anchor = np.full(len(curve), means[0])
    for section, before, after in zip(sections[1:], means[:-1], means[1:], strict=True):
        anchor += (after - before) * smoothstep((times - section.start_s) / turn_s + 0.5)
    return anchor


def _slew(curve: Numbers) -> Numbers:
    """At most `FASTEST` a second; the mean of a limit forwards and one backwards has no lag."""
    step = FASTEST / PITCH_RATE
    there = _limited(curve, step)
    back = _limited(curve[::-1], step)[::-1]
    return (there + back) / 2


def _limited(curve: Numbers, step: float) -> Numbers:
    limited = np.empty(len(curve))
    value = float(curve[0])
    for i, wanted in enumerate(curve.tolist()):
        value += min(max(wanted - value, -step), step)
        limited[i] = value
    return limited
