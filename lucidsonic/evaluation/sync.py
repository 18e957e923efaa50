"""Sound and picture change -> does it dance: lag, correlation, beat hits, with controls.

A lag above 0 is a late picture. Every figure has a control beside it: the same figure for films
that ignore the music, made of the film's own changes. A circular shift alone would not do: on a
steady beat it is a film that follows, only late. So the changes are cut into pieces of random
length, and the pieces put in random order.
"""

from dataclasses import dataclass, fields, replace

import bottleneck
import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d, uniform_filter1d
from scipy.signal import find_peaks

from lucidsonic.evaluation.coherence import median
from lucidsonic.evaluation.pictures import PictureRows
from lucidsonic.evaluation.sound import GRID_HZ, Sound

Numbers = npt.NDArray[np.floating]

REACH_S = 0.4  # lags that are looked at
SMOOTH_S = 0.025  # deviation; both curves are as wide as the eye is slow
TREND_S = 1.0  # what changes more slowly is no reaction
SURROUNDINGS_S = 2.0  # deviation of what a hit is measured against
RIVAL = 0.65  # of the greatest peak, from which a peak nearer to 0 is taken
TOLERANCE_S = 0.05  # of a hit, or one frame if that is longer
SIGMA_S = 0.05  # of the beat alignment score
APART_S = 0.06  # closest motion peaks
CONTROLS = 12  # films that ignore the music
PIECES_S = (0.35, 1.3)  # shortest and longest piece of such a film
LONELY_S = 0.3  # an onset without a stronger one this near is judged on its own
HALF_LIFE_S = 0.1  # deviation by which a lag costs `dance`
FEW = 3  # pictures from which a median says something
BOTTOM = 1e-9


@dataclass(frozen=True, slots=True)
class SyncScores:
    """How a film follows its music; formulas stand in `metrics.METRICS`. NaN: cannot be told.

    Attributes:
        lag_ms: how late the picture is.
        sparse_lag_ms: the same, judged on onsets that stand alone.
        peak_corr: correlation at that lag.
        corr_zero: correlation without any shift.
        flow_lag_ms: as lag_ms, of the optical flow.
        flow_peak_corr: as peak_corr, of the optical flow.
        flow_corr_zero: as corr_zero, of the optical flow.
        beat_f: beats that are seen, and peaks that are heard.
        beat_f_excess: how much of the way from chance to all.
        beat_hit_f: as beat_f, to one frame.
        onset_f: as beat_f, of all onsets.
        onset_f_excess: as beat_f_excess.
        bas: beat alignment score.
        av_align: share of matched onset and motion peaks.
        reactive_range_db: change at events against elsewhere.
        dance: one number that orders films: reacting, late, ignoring.
    """

    lag_ms: float
    sparse_lag_ms: float
    peak_corr: float
    corr_zero: float
    flow_lag_ms: float
    flow_peak_corr: float
    flow_corr_zero: float
    beat_f: float
    beat_f_excess: float
    beat_hit_f: float
    onset_f: float
    onset_f_excess: float
    bas: float
    av_align: float
    reactive_range_db: float
    dance: float


@dataclass(frozen=True, slots=True)
class Judged:
    """A film's figures, and those of films that ignore the music.

    Attributes:
        scores: of the film.
        control: means over films that ignore the music.
    """

    scores: SyncScores
    control: SyncScores


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """One visual quantity over time.

    Attributes:
        times_s: when each picture is shown.
        amount: how much it changed from the one before; the first is 0.
        frame_s: the usual time between pictures.
    """

    times_s: Numbers
    amount: Numbers
    frame_s: float

    def reordered(self, order: npt.NDArray[np.int64]) -> "Motion":
        """The same changes at other times."""
        return Motion(self.times_s, self.amount[order], self.frame_s)


def judge_sync(rows: PictureRows, sound: Sound, *, seed: int = 0) -> Judged:
    """How a film follows its music, and what ignoring it would score.

    Args:
        rows: from a `Watcher`.
        sound: from `hear`.
        seed: of the control's pieces.
    """
    change, flow = motion_of(rows, "change"), motion_of(rows, "motion")
    sound = heard_during(change, sound)
    chance = np.random.default_rng(seed)
    orders = [random_order(len(rows), change.frame_s, chance) for _ in range(CONTROLS)]
    controls = [
        raw_scores(change.reordered(order), flow.reordered(order), sound) for order in orders
    ]
    control = mean_scores(controls)
    return Judged(
        compared(raw_scores(change, flow, sound), control),
        mean_scores([compared(c, control) for c in controls]),
    )


def heard_during(motion: Motion, sound: Sound) -> Sound:
    """The sound without those beats and onsets that come when the film is over."""
    end_s = motion.times_s[-1] + motion.frame_s
    beats_s, onsets_s = (times[times < end_s] for times in (sound.beats_s, sound.onsets_s))
    return replace(sound, beats_s=beats_s, onsets_s=onsets_s)


def random_order(
    count: int, frame_s: float, chance: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Numbers of pictures, cut into pieces of random length in random order."""
    shortest, longest = PIECES_S
    most = int(count * frame_s / shortest) + 1
    lengths = np.maximum(1, np.rint(chance.uniform(shortest, longest, most) / frame_s))
    cuts = np.cumsum(lengths).astype(int)
    pieces = np.split(np.arange(count), cuts[cuts < count])
    return np.concatenate([pieces[n] for n in chance.permutation(len(pieces))])


def motion_of(rows: PictureRows, name: str) -> Motion:
    """A column of the rows as motion."""
    times = rows["time_s"]
    frame_s = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    return Motion(times, np.nan_to_num(rows[name]), frame_s)


def raw_scores(change: Motion, flow: Motion, sound: Sound) -> SyncScores:
    """All figures but those that need a control, which are 0."""
    curve, moved = xcorr(sound.onset, change), xcorr(sound.onset, flow)
    alone = lonely(sound)
    peaks, frame_s = motion_peaks(change), change.frame_s
    events = np.union1d(sound.beats_s, sound.onsets_s)
    wide, narrow = max(frame_s, TOLERANCE_S), frame_s + 0.002
    beats = sound.beats_s if len(sound.beats_s) > 1 else None
    return SyncScores(
        lag_ms=curve.lag_ms,
        sparse_lag_ms=xcorr(alone, change).lag_ms if alone.any() else np.nan,
        peak_corr=curve.peak,
        corr_zero=curve.zero,
        flow_lag_ms=moved.lag_ms,
        flow_peak_corr=moved.peak,
        flow_corr_zero=moved.zero,
        beat_f=f_measure(beats, events, peaks, wide),
        beat_f_excess=0.0,
        beat_hit_f=f_measure(beats, events, peaks, narrow),
        onset_f=f_measure(sound.onsets_s, events, peaks, wide),
        onset_f_excess=0.0,
        bas=beat_alignment(beats, peaks),
        av_align=overlap(sound.onsets_s, peaks, narrow),
        reactive_range_db=reactive_range_db(change, sound, wide),
        dance=0.0,
    )


def compared(raw: SyncScores, control: SyncScores) -> SyncScores:
    """The figures with those that say how far from chance they are."""
    values = {f.name: getattr(raw, f.name) for f in fields(SyncScores)}
    for name in ("beat_f", "onset_f"):
        values[f"{name}_excess"] = beyond(values[name], getattr(control, name))
    follow = max(0.0, beyond(raw.peak_corr, control.peak_corr))
    late = np.exp(-0.5 * (raw.lag_ms / 1000 / HALF_LIFE_S) ** 2)
    values["dance"] = float(follow * late) if np.isfinite(raw.lag_ms) else 0.0
    return SyncScores(**values)


def beyond(value: float, chance: float) -> float:
    """How much of the way from chance to 1: (value - chance) / (1 - chance)."""
    return (value - chance) / max(1.0 - chance, BOTTOM)


def mean_scores(many: list[SyncScores]) -> SyncScores:
    """Each figure's mean; of lags the median size, as they have either sign."""
    means: dict[str, float] = {}
    for field in fields(SyncScores):
        values = np.array([getattr(scores, field.name) for scores in many])
        finite = values[np.isfinite(values)]
        if field.name.endswith("lag_ms"):
            means[field.name] = median(np.abs(finite))
        else:
            means[field.name] = float(finite.mean()) if len(finite) else float("nan")
    return SyncScores(**means)


@dataclass(frozen=True, slots=True, eq=False)
class Correlogram:
    """Correlation of sound and picture by lag.

    Attributes:
        lags_s: float64 `(lags,)`, ascending; above 0 the picture is late.
        values: Pearson at each.
    """

    lags_s: Numbers
    values: Numbers

    @property
    def zero(self) -> float:
        """At lag 0."""
        return float(self.values[len(self.values) // 2])

    @property
    def peak(self) -> float:
        """At the chosen peak; 0 without one."""
        index = self.chosen()
        return float(self.values[index]) if index is not None else 0.0

    @property
    def lag_ms(self) -> float:
        """Where the chosen peak is, between the grid's steps; NaN without one."""
        index = self.chosen()
        if index is None:
            return float("nan")
        left, middle, right = self.values[index - 1 : index + 2]
        bend = left - 2 * middle + right
        shift = 0.5 * (left - right) / bend if bend < 0 else 0.0
        return 1000 * (float(self.lags_s[index]) + float(shift) / GRID_HZ)

    def chosen(self) -> int | None:
        """Of the peaks of at least `RIVAL` of the greatest, the one nearest to 0."""
        found, _ = find_peaks(self.values, height=max(BOTTOM, RIVAL * self.values.max()))
        if not len(found):
            return None
        return int(found[np.argmin(np.abs(self.lags_s[found]))])


def xcorr(onset: Numbers, motion: Motion) -> Correlogram:
    """Pearson correlation of onset strength and the root of picture change, by lag.

    Both are smoothed alike (Gaussian, 25 ms) and freed of what changes within a second, so
    that neither moves the peak; a picture's change stands around the time it is shown.
    """
    steps = min(len(onset), round((motion.times_s[-1] + motion.frame_s) * GRID_HZ))
    reach = round(REACH_S * GRID_HZ)
    lags = np.arange(-reach, reach + 1)
    if steps <= 4 * reach:
        return Correlogram(lags / GRID_HZ, np.zeros(len(lags)))
    heard = detrended(np.asarray(onset[:steps], np.float64))
    seen = detrended(on_grid(motion, steps))
    values = np.array([pearson_at(heard, seen, int(lag)) for lag in lags])
    return Correlogram(lags / GRID_HZ, values)


def on_grid(motion: Motion, steps: int) -> Numbers:
    """The root of each picture's change, held for a frame around its time."""
    at = np.arange(steps) / GRID_HZ
    middles = 0.5 * (motion.times_s[1:] + motion.times_s[:-1])
    return np.sqrt(motion.amount)[np.searchsorted(middles, at, side="right")]


def detrended(curve: Numbers) -> Numbers:
    """A curve without what is faster than the eye and slower than a beat, evened out.

    The trend is a median: a peak leaves no trough on either side. The rest is divided by its
    deviation over some seconds, at least a third of that of the whole: ears and eyes measure
    a hit against its surroundings.
    """
    smooth = gaussian_filter1d(curve, SMOOTH_S * GRID_HZ, mode="nearest")
    width = 2 * round(TREND_S * GRID_HZ / 2) + 1
    padded = np.pad(smooth, width // 2, mode="reflect")
    rest = smooth - bottleneck.move_median(padded, width)[width - 1 :]
    usual = np.sqrt((rest**2).mean()) + BOTTOM
    around = gaussian_filter1d(rest**2, SURROUNDINGS_S * GRID_HZ, mode="nearest", truncate=2)
    return rest / np.sqrt(around + (usual / 3) ** 2)


def pearson_at(heard: Numbers, seen: Numbers, lag: int) -> float:
    """Pearson of what is heard and what is seen `lag` steps later."""
    a = heard[max(0, -lag) : len(heard) - max(0, lag)]
    b = seen[max(0, lag) : len(seen) - max(0, -lag)]
    a, b = a - a.mean(), b - b.mean()
    scale = np.sqrt(np.dot(a, a) * np.dot(b, b))
    return float(np.dot(a, b) / scale) if scale > BOTTOM else 0.0


def lonely(sound: Sound) -> Numbers:
    """The onset curve around those onsets that have no stronger neighbour, 0 elsewhere."""
    kept = np.zeros_like(sound.onset)
    index = np.clip(np.rint(sound.onsets_s * GRID_HZ).astype(int), 0, len(kept) - 1)
    reach = round(LONELY_S * GRID_HZ)
    for at in index:
        if sound.onset[at] >= sound.onset[max(0, at - reach) : at + reach + 1].max():
            around = slice(max(0, at - 4), at + 5)
            kept[around] = sound.onset[around]
    return kept


def motion_peaks(motion: Motion) -> Numbers:
    """When the picture moves most: changes well above those around them, seconds."""
    root = np.sqrt(motion.amount)
    if len(root) < 3 or root.max() <= 0:
        return np.zeros(0)
    width = max(3, round(TREND_S / motion.frame_s))
    ground = uniform_filter1d(root, width)
    spread = np.sqrt(np.maximum(uniform_filter1d((root - ground) ** 2, width), BOTTOM))
    found, _ = find_peaks(
        np.pad(root, 1),
        height=np.pad(ground + 0.5 * spread + 0.1 * np.median(root), 1, mode="edge"),
        distance=max(1, round(APART_S / motion.frame_s)),
    )
    return motion.times_s[found - 1]


def distances(these: Numbers, those: Numbers) -> Numbers:
    """How far each of these is from the nearest of those; both ascending."""
    if not len(those):
        return np.full(len(these), np.inf)
    after = np.clip(np.searchsorted(those, these), 0, len(those) - 1)
    before = np.maximum(after - 1, 0)
    return np.minimum(np.abs(those[after] - these), np.abs(these - those[before]))


def f_measure(
    wanted: Numbers | None, allowed: Numbers, peaks: Numbers, tolerance_s: float
) -> float:
    """Harmonic mean of how many wanted times are hit and how many peaks hit allowed ones."""
    if wanted is None or not len(wanted):
        return float("nan")
    if not len(peaks):
        return 0.0
    recall = float((distances(wanted, peaks) <= tolerance_s).mean())
    precision = float((distances(peaks, allowed) <= tolerance_s).mean())
    return 2 * recall * precision / max(recall + precision, BOTTOM)


def beat_alignment(beats: Numbers | None, peaks: Numbers) -> float:
    """Harmonic mean of mean exp(-d^2 / 2 sigma^2), from beats to peaks and back."""
    if beats is None:
        return float("nan")
    if not len(peaks):
        return 0.0
    there, back = (
        float(np.exp(-0.5 * (distances(a, b) / SIGMA_S) ** 2).mean())
        for a, b in ((beats, peaks), (peaks, beats))
    )
    return 2 * there * back / max(there + back, BOTTOM)


def overlap(onsets: Numbers, peaks: Numbers, tolerance_s: float) -> float:
    """Matched peaks over all peaks: intersection over union (AV-Align, TempoTokens 2023)."""
    if not len(onsets) or not len(peaks):
        return 0.0
    matched = int((distances(onsets, peaks) <= tolerance_s).sum())
    matched = min(matched, len(peaks))
    return matched / (len(onsets) + len(peaks) - matched)


def reactive_range_db(motion: Motion, sound: Sound, tolerance_s: float) -> float:
    """20 log of the median change on beats over that far from all; NaN without an elsewhere.

    Without beats, on onsets. The greatest change within the tolerance counts, on beats as
    elsewhere, so that looking for the greatest gains nothing.
    """
    reach = max(1, round(tolerance_s / motion.frame_s))
    padded = np.pad(motion.amount, reach)
    greatest = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(axis=1)
    events = sound.beats_s if len(sound.beats_s) else sound.onsets_s
    near, far = (
        distances(motion.times_s, e) for e in (events, np.union1d(events, sound.onsets_s))
    )
    at, elsewhere = greatest[near <= 0.5 * motion.frame_s], greatest[far > tolerance_s]
    if len(at) < FEW or len(elsewhere) < FEW:
        return float("nan")
    return float(20 * np.log10((np.median(at) + 1e-3) / (np.median(elsewhere) + 1e-3)))
