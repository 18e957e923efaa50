"""Composes lanterns.ogg and writes down, in lanterns.json, what is really in it.

Run: python samples/compose.py [folder]      about 10 s; the same samples every time.
"""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

import instruments as play
import numpy as np
import soundfile
from instruments import SR
from mixing import Bus, highpass, loudness_lufs, master, ping_pong, pump, reverb, sweep_lowpass

TEMPO_BPM = 124.0
BEAT_S = 60.0 / TEMPO_BPM
BAR = 4  # beats
BARS = 18  # and a last chord that rings
DURATION_S = BARS * BAR * BEAT_S + 3.2
SWING_S = 0.011  # every second sixteenth comes this much late
LUFS = -12.0
CEILING = 10 ** (-1.0 / 20)  # -1 dB, so that lossy coding does not clip


@dataclass(frozen=True)
class Part:
    """A stretch of bars with one character."""

    name: str
    label: str
    first: int
    last: int  # one past the end
    key: str
    energy: float


PARTS = (
    Part("intro", "A", 0, 2, "D major", 0.25),
    Part("build", "B", 2, 6, "D major", 0.55),
    Part("drop", "C", 6, 10, "D major", 1.0),
    Part("bridge", "D", 10, 14, "D minor", 0.2),
    Part("return", "C", 14, 18, "D major", 1.0),
    Part("ending", "E", 18, 19, "D major", 0.4),
)

# One chord a bar: the bass note, then the voicing, as MIDI notes.
D_ADD9, B_MIN7 = (38, (57, 62, 66, 76)), (35, (57, 62, 66, 71))
G_MAJ7, A_MAJ = (31, (59, 62, 66, 71)), (33, (57, 61, 64, 69))
D_MIN9, BB_MAJ7 = (38, (57, 60, 65, 76)), (34, (58, 62, 65, 69))
G_MIN7, A_SEVEN = (31, (58, 62, 65, 70)), (33, (57, 61, 64, 67))
CHORUS = (G_MAJ7, A_MAJ, B_MIN7, D_ADD9)
CHORDS = (
    *(D_ADD9, G_MAJ7),
    *(B_MIN7, G_MAJ7, D_ADD9, A_MAJ),
    *CHORUS,
    *(D_MIN9, BB_MAJ7, G_MIN7, A_SEVEN),
    *CHORUS,
)

# The tune of the chorus and of the bridge: (beat, note, beats).
HOOK = (
    *(
        (0, 74, 0.75),
        (0.75, 76, 0.75),
        (1.5, 78, 1),
        (2.5, 76, 0.5),
        (3, 74, 0.5),
        (3.5, 71, 0.5),
    ),
    *((4, 73, 0.75), (4.75, 76, 0.75), (5.5, 81, 1.5), (7, 79, 0.5), (7.5, 78, 0.5)),
    *((8, 78, 0.75), (8.75, 74, 0.75), (9.5, 83, 1), (10.5, 81, 0.5), (11, 78, 0.5)),
    *((11.5, 76, 0.5), (12, 78, 1.5), (13.5, 76, 0.5), (14, 74, 1.5), (15.5, 69, 0.5)),
)
LAMENT = (
    *((0, 81, 1.5), (2, 77, 1), (3, 76, 1), (4, 77, 1.5), (5.5, 76, 0.5), (6, 74, 2)),
    *((8, 74, 1.5), (9.5, 70, 0.5), (10, 72, 1), (11, 74, 1), (12, 73, 2), (14, 76, 1.5)),
)
HAT_ACCENTS = (1.0, 0.35, 0.62, 0.42) * 4


@dataclass
class Score:
    """The tracks, and what was put on them when."""

    drums: Bus
    low: Bus
    chords: Bus
    arp: Bus
    tune: Bus
    air: Bus
    hits: dict[str, list[float]] = field(
        default_factory=lambda: {"kick": [], "snare": [], "hat": []}
    )

    def hit(self, name: str, beat: float, gain: float, pan: float = 0.0) -> None:
        """Play a drum and write the moment down."""
        swung = SWING_S if round(beat * 4) % 2 and beat * 4 % 1 == 0 else 0.0
        at = beat * BEAT_S + swung
        self.drums.add(DRUMS[name](), at, gain * GAINS[name], pan)
        self.hits[TRUTH_NAMES[name]].append(round(at, 6))


DRUMS = {
    "kick": play.kick,
    "clap": play.clap,
    "hat": lambda: play.hat(0.028, 3),
    "open": lambda: play.hat(0.12, 4),
}
GAINS = {"kick": 1.1, "clap": 1.0, "hat": 0.85, "open": 0.7}
TRUTH_NAMES = {"kick": "kick", "clap": "snare", "hat": "hat", "open": "hat"}


def drum_intro(score: Score) -> None:
    for eighth in range(8, 16):
        score.hit("hat", eighth / 2, 0.3 + 0.04 * (eighth - 8), 0.2)


def drum_build(score: Score) -> None:
    start = 2 * BAR
    for beat in range(12):
        score.hit("kick", start + beat, 0.72)
    for beat in (5, 7, 9, 11):
        score.hit("clap", start + beat, 0.6)
    for eighth in range(24):
        score.hit("hat", start + eighth / 2, 0.55 if eighth % 2 else 0.35, 0.2)
    roll = [*np.arange(12, 14, 0.5), *np.arange(14, 15, 0.25), *np.arange(15, 15.5, 0.125)]
    for number, beat in enumerate(roll):
        score.hit("clap", start + beat, 0.3 + 0.45 * number / len(roll))


def drum_chorus(score: Score, first_bar: int) -> None:
    start = first_bar * BAR
    for beat in range(16):
        score.hit("kick", start + beat, 1.0)
    for beat in (3.75 + BAR, 3.75 + 3 * BAR):
        score.hit("kick", start + beat, 0.7)
    for beat in range(1, 16, 2):
        score.hit("clap", start + beat, 1.0)
    for sixteenth in range(64):
        name = "open" if sixteenth % 4 == 2 else "hat"
        accent = 0.95 if name == "open" else HAT_ACCENTS[sixteenth % 16]
        score.hit(name, start + sixteenth / 4, accent, 0.25 if sixteenth % 2 else -0.15)


def drum_bridge(score: Score) -> None:
    start = 10 * BAR
    for beat in (0, 4, 8, 12):
        score.hit("kick", start + beat, 0.3)
    for beat, gain in ((14, 0.35), (14.5, 0.45), (15, 0.6), (15.25, 0.5), (15.5, 0.8)):
        score.hit("clap", start + beat, gain)


def bass_line(score: Score) -> None:
    for bar, (root, _) in enumerate(CHORDS):
        start = bar * BAR
        if bar in (4, 5):
            for eighth in range(7 if bar == 5 else 8):
                score.low.add(
                    play.bass(root, 0.4 * BEAT_S), (start + eighth / 2) * BEAT_S, 0.42
                )
        elif bar in range(6, 10) or bar >= 14:
            steps = (
                (0.5, 0, 0.45),
                (1.5, 0, 0.45),
                (1.75, 12, 0.2),
                (2.5, 0, 0.45),
                (3.25, 0, 0.2),
            )
            for beat, octave, length in (*steps, (3.5, 12, 0.4)):
                note = play.bass(root + octave, length * BEAT_S)
                score.low.add(note, (start + beat) * BEAT_S, 0.78)
        elif bar >= 10:
            score.low.add(play.bass(root, 3.6 * BEAT_S), start * BEAT_S, 0.13)


def chord_layers(score: Score) -> None:
    rng = np.random.default_rng(11)
    for bar, (_, voicing) in enumerate(CHORDS):
        full = bar in range(6, 10) or bar >= 14
        voice = play.chord_voice if full else play.pad_voice
        hits = ((0, 1.4), (1.5, 0.9), (2.5, 1.4)) if full else ((0, 4.0),)
        gain = 0.115 if full else 0.055 if bar >= 10 else 0.07 + 0.006 * max(0, min(bar, 5) - 2)
        for beat, length in hits:
            for note in voicing:
                for detune in (-0.006, -0.0022, 0.0019, 0.0064):
                    sound = voice(note, length * BEAT_S, detune, rng.random())
                    score.chords.add(sound, (bar * BAR + beat) * BEAT_S, gain, detune * 155)


def arpeggio(score: Score) -> None:
    pattern = (0, 2, 1, 3, 2, 1, 3, 2)
    for bar, (_, voicing) in enumerate(CHORDS):
        if bar in range(10, 14):
            continue
        last = 14 if bar == 5 else 16
        for sixteenth in range(last):
            note = voicing[pattern[sixteenth % 8]] + 12
            gain = 0.24 * (1.0 if sixteenth % 4 == 0 else 0.72)
            swung = SWING_S if sixteenth % 2 else 0.0
            at = (bar * BAR + sixteenth / 4) * BEAT_S + swung
            score.arp.add(play.pluck(note, 0.1), at, gain, 0.55 if sixteenth % 2 else -0.55)


def tunes(score: Score) -> None:
    for beat, note, length in HOOK:
        at = (6 * BAR + beat) * BEAT_S
        score.tune.add(play.lead(note, length * BEAT_S), at, 0.34)
        at = (14 * BAR + beat) * BEAT_S
        score.tune.add(play.lead(note, length * BEAT_S), at, 0.27, -0.1)
        score.tune.add(play.lead(note + 12, length * BEAT_S), at, 0.12, 0.35)
        score.tune.add(play.bell(note + 12, length * BEAT_S), at, 0.09, -0.4)
    for beat, note, length in LAMENT:
        score.tune.add(play.bell(note, length * BEAT_S), (10 * BAR + beat) * BEAT_S, 0.24, 0.1)
    for beat, note in ((4.0, 78), (5.5, 76), (6.5, 74)):
        score.tune.add(play.bell(note, BEAT_S), beat * BEAT_S, 0.16, -0.2)


def moments(score: Score) -> None:
    """What announces and marks the borders: risers, crashes, the last chord."""
    score.air.add(play.riser(7.5 * BEAT_S), 16 * BEAT_S, 0.75)
    score.air.add(play.riser(3.5 * BEAT_S), 52 * BEAT_S, 0.4)
    for bar, gain in ((6, 1.0), (10, 0.4), (14, 1.0), (18, 0.9)):
        score.air.add(play.crash(), bar * BAR * BEAT_S, gain, -0.15)
        score.air.add(play.crash(8), bar * BAR * BEAT_S, gain, 0.15)
    backwards = play.crash()[::-1]
    for bar in (6, 14):
        score.air.add(backwards * 0.5, bar * BAR * BEAT_S - len(backwards) / SR)
    end = BARS * BAR * BEAT_S
    score.hit("kick", BARS * BAR, 1.0)
    score.low.add(play.bass(38, 1.6), end, 0.55)
    for note in (50, 57, 62, 66, 69, 74, 78):
        for detune in (-0.004, 0.0035):
            score.chords.add(
                play.chord_voice(note, 1.5, detune, note * 0.37), end, 0.1, detune * 180
            )
    for note, pan in ((50, -0.7), (57, 0.7), (62, -0.4), (66, 0.4), (76, 0.0)):
        score.chords.add(play.pad_voice(note, 2.2, pan * 0.004, note * 0.37), end, 0.2, pan)
    score.tune.add(play.bell(86, 2.0), end, 0.3)
    score.tune.add(play.lead(74, 1.4), end, 0.22)


def mix(score: Score) -> np.ndarray:
    """Levels, pump, echo, hall and master: float64 `(2, samples)`."""
    kicks = score.hits["kick"]
    bars = np.arange(score.arp.samples.shape[1]) / SR / (BAR * BEAT_S)
    cutoff = np.interp(bars, (0, 2, 5.9, 6, 18), (1200, 2200, 12000, 6500, 7500))
    arp = sweep_lowpass(score.arp.samples, cutoff)
    swell = np.interp(bars, (0, 2, 5.8, 5.9, 18), (0.9, 0.9, 1.25, 1.0, 1.0))
    chords = pump(highpass(score.chords.samples, 150), kicks, 0.78)
    tune = score.tune.samples
    echo = ping_pong(tune + 0.5 * arp, delay_s=0.75 * BEAT_S, feedback=0.45)
    send = (
        0.5 * tune
        + 0.5 * arp
        + 0.35 * chords
        + 0.16 * score.drums.samples
        + 0.3 * score.air.samples
    )
    hall = reverb(send, decay_s=2.1, seed=21)
    dry = score.drums.samples * 0.95 + pump(score.low.samples, kicks, 0.65) * 0.58
    dry += (
        chords
        + pump(arp * swell, kicks, 0.4)
        + pump(tune, kicks, 0.18)
        + score.air.samples * 0.55
    )
    wet = pump(0.34 * hall + 0.5 * echo, kicks, 0.35)
    return master(silence_before_drop(dry + wet), lufs=LUFS, ceiling=CEILING)


def silence_before_drop(samples: np.ndarray) -> np.ndarray:
    """Hold the breath for a third of a beat before the drop, and fade the last second."""
    t = np.arange(samples.shape[1]) / SR
    drop = 6 * BAR * BEAT_S
    gap = (t > drop - 0.32 * BEAT_S) & (t < drop)
    gain = np.where(gap, np.exp(-(t - drop + 0.32 * BEAT_S) / 0.02), 1.0)
    gain *= np.clip((DURATION_S - t) / 1.0, 0, 1)
    return samples * gain


def write_down(score: Score) -> dict[str, object]:
    """The truth about the song, times in seconds."""
    beats = [round(beat * BEAT_S, 6) for beat in range(BARS * BAR + 1)]
    end = [p.last * BAR * BEAT_S for p in PARTS[:-1]] + [DURATION_S]
    return {
        "title": "Lanterns",
        "licence": "CC0-1.0",
        "duration_s": round(DURATION_S, 6),
        "tempo_bpm": TEMPO_BPM,
        "key": "D major",
        "beats_s": beats,
        "downbeats_s": beats[::BAR],
        "sections": [
            {
                "name": part.name,
                "label": part.label,
                "start_s": round(part.first * BAR * BEAT_S, 6),
                "end_s": round(stop, 6),
                "key": part.key,
                "energy": part.energy,
            }
            for part, stop in zip(PARTS, end, strict=True)
        ],
        "drops": [
            {"build_start_s": beats[2 * BAR], "time_s": beats[6 * BAR]},
            {"build_start_s": beats[13 * BAR], "time_s": beats[14 * BAR]},
        ],
        "hits": {name: sorted(set(times)) for name, times in score.hits.items()},
    }


def perform() -> Score:
    length = round(DURATION_S * SR)
    score = Score(*(Bus(length) for _ in range(6)))
    drum_intro(score)
    drum_build(score)
    drum_chorus(score, 6)
    drum_bridge(score)
    drum_chorus(score, 14)
    for layer in (bass_line, chord_layers, arpeggio, tunes, moments):
        layer(score)
    return score


def write_ogg(path: Path, samples: np.ndarray) -> None:
    """Vorbis at about 190 kbit/s, in blocks: libsndfile overflows its stack on long writes."""
    with soundfile.SoundFile(
        path, "w", SR, 2, format="OGG", subtype="VORBIS", compression_level=0.4
    ) as file:
        for start in range(0, samples.shape[1], SR):
            file.write(samples[:, start : start + SR].T.astype(np.float32))


def main(folder: Path) -> None:
    score = perform()
    samples = mix(score)
    write_ogg(folder / "lanterns.ogg", samples)
    truth = json.dumps(write_down(score), indent=1)
    (folder / "lanterns.json").write_text(truth + "\n", encoding="utf-8")
    size = (folder / "lanterns.ogg").stat().st_size
    peak = np.abs(samples).max()
    print(f"lanterns.ogg: {DURATION_S:.1f} s, {size / 1e6:.2f} MB,", end=" ")
    print(f"{loudness_lufs(samples):.1f} LUFS, peak {20 * np.log10(peak):.1f} dB")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
