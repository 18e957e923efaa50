"""The `[trajectory]` table of a plan: every control of the steering, with its range."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Reaction = Annotated[float, Field(ge=0, le=3)]
Seconds = Annotated[float, Field(ge=0, le=60)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Every = Annotated[float, Field(ge=0.1, le=36_000)]
Moment = Annotated[float, Field(ge=0, le=36_000)]
LayerGain = Annotated[float, Field(ge=0, le=3)]

MotionStyle = Literal["auto", "drift", "hop"]
KeyframesOn = Literal["auto", "seconds", "beats", "bars", "sections"]


class Options(BaseModel):
    """How the music moves the picture.

    The names that the classic tool made common keep their meaning. A `react` is 0 for no
    reaction, 1 for a strong one, at most 3; `intensity` scales them all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    intensity: Literal["subtle", "normal", "club"] = "normal"
    """Scales speed and reactions: a calm film, the usual one, or one for the dance floor."""

    motion: MotionStyle = "auto"
    """`drift` glides; `hop` stands still and leaps on the beat; `auto` hops where only the
    keyframes themselves are sure to look right."""
    keyframes_on: KeyframesOn = "auto"
    """What brings the next keyframe. `sections`: each label of the song has a place of its own
    to which it returns. `auto`: beats for a hop, sections where the song has several and no
    `latents` are given, else seconds."""
    keyframe_every: Annotated[int, Field(ge=1, le=64)] = 1
    """Beats or bars from one keyframe to the next, with `keyframes_on` beats or bars."""
    speed_fpm: Annotated[float, Field(ge=0, le=600)] = 12.0
    """Keyframes a minute that the drift passes at middle loudness; 0 stays at one place."""
    latents: Annotated[tuple[Seed, ...], Field(max_length=512)] = ()
    """Seeds of the keyframes, in order; empty: drawn from the film's seed."""
    latents_file: Path | None = None
    """Keyframes from an .npz file with an array `w` or `z`, instead of `latents`."""
    hop_ms: Annotated[float, Field(ge=0, le=400)] = 80.0
    """How long a hop takes, milliseconds; 0 cuts."""
    loop: bool = False
    """The last frame leads into the first."""

    pulse_react: Reaction = 0.5
    """How far a hit throws the picture; it falls back by itself."""
    pulse_percussive: bool = True
    """Kick, snare and hat drive the pulse."""
    pulse_harmonic: bool = False
    """Notes and chords drive the pulse. Both: both do. Neither: nothing pulses."""
    attack_ms: Annotated[float, Field(ge=0, le=200)] = 15.0
    """Rise of a hit, milliseconds."""
    offset_ms: Annotated[float, Field(ge=-250, le=250)] = 0.0
    """Moves every reaction in time, milliseconds: above 0 later, below 0 earlier."""
    decay_ms: Annotated[float, Field(ge=20, le=2000)] | None = None
    """Time constant of its fall, milliseconds; unset: 200, and 80 with hops."""

    motion_react: Reaction = 0.5
    """How much faster the picture moves along while the music plays."""
    motion_percussive: bool = False
    """The drums drive the motion."""
    motion_harmonic: bool = True
    """Notes and chords drive the motion. Both: both do. Neither: only the drift is left."""
    motion_randomness: Share = 0.5
    """0: motion follows the path and every kick throws the same way; 1: it wanders freely."""
    harmony_react: Reaction = 0.5
    """How far chords bend the picture's middle layers; the same chord bends it the same way."""
    drop_react: Reaction = 1.0
    """How much the film holds its breath in a build and lets go in the drop."""

    truncation: Annotated[float, Field(ge=0, le=1.5)] = 1.0
    """Scales psi, the distance from the mean picture: lower is tamer, 0 is the mean picture."""
    truncation_react: Annotated[float, Field(ge=0, le=3)] = 1.0
    """How much psi follows the loudness; 0 keeps it at .7 x `truncation`."""
    noise_react: Reaction = 1.0
    """How much hats and snares stir the fine noise."""
    gain_react: Reaction = 1.0
    """How much sections, harmony and hats lift the coarse, middle and fine layers."""
    layer_gains: tuple[LayerGain, LayerGain, LayerGain] = (1.0, 1.0, 1.0)
    """How much coarse, middle and fine layers take part, in hits as in gains."""
    transform_react: Reaction = 0.5
    """How much the view pans, turns and zooms, where the generator can."""

    classes: Annotated[tuple[int | str, ...], Field(min_length=1)] | None = None
    """Classes by number or name; unset: up to twelve, drawn from the film's seed."""
    dominant_classes_first: bool = False
    """The first class goes to the commonest pitch, not to C."""
    class_pitch_react: Annotated[float, Field(ge=0, le=2)] = 0.5
    """0: the song's mean mixture; 1: the pitches as heard; 2: exaggerated."""
    class_smooth_seconds: Seconds = 1.0
    """How slowly classes change, seconds; never late, as it looks both ways."""
    class_complexity: Share = 1.0
    """1 mixes all classes that sound, lower sharpens the mixture, 0 shows one at a time."""
    class_shuffle_seconds: Every | tuple[Moment, ...] | None = None
    """Give classes other pitches: every so many seconds, or at these times."""
    class_shuffle_strength: Share = 0.5
    """Share of the classes that a shuffle touches."""

    va_gain: Annotated[float, Field(ge=0, le=4)] = 1.0
    """Exaggerates valence and arousal about neutral."""
    va_smooth: Seconds = 1.0
    """How slowly the emotion changes, seconds; never late, as it looks both ways."""


@dataclass(frozen=True, slots=True)
class Intensity:
    """Factors on the reactions of `Options`."""

    speed: float
    pulse: float
    motion: float
    view: float  # noise, gains, transform, drops


INTENSITIES: Mapping[str, Intensity] = {
    "subtle": Intensity(speed=0.7, pulse=0.5, motion=0.6, view=0.5),
    "normal": Intensity(speed=1.0, pulse=1.0, motion=1.0, view=1.0),
    "club": Intensity(speed=1.4, pulse=1.6, motion=1.5, view=1.5),
}
