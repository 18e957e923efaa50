"""The values that cross the borders between stages. Data only; no work happens here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from lucidsonic.timebase import seconds_to_frames

FloatArray = npt.NDArray[np.float32]
Pictures = npt.NDArray[np.uint8]
Condition = Literal["none", "class", "va"]
Space = Literal["z", "w"]


@dataclass(frozen=True, slots=True)
class Song:
    """A part of an audio file, known but not held in memory.

    Attributes:
        path: the file; any format that the decoder reads.
        sample_rate: the file's own rate, Hz.
        channels: the file's own channel count.
        start_s: where the part begins in the file.
        duration_s: how long the part is; exact to the sample, never zero.
    """

    path: Path
    sample_rate: int
    channels: int
    start_s: float
    duration_s: float

    def frame_count(self, fps: Fraction) -> int:
        """Video frames that cover the part."""
        return seconds_to_frames(self.duration_s, fps)


@dataclass(frozen=True, slots=True, eq=False)
class Audio:
    """A recording in memory; only for short things.

    Attributes:
        samples: float32 `(channels, samples)` in [-1, 1], finite, at least one sample.
        sample_rate: Hz.
    """

    samples: FloatArray
    sample_rate: int

    @property
    def duration_s(self) -> float:
        return self.samples.shape[-1] / self.sample_rate


@dataclass(frozen=True, slots=True, eq=False)
class Onsets:
    """The hits of one instrument band.

    Attributes:
        times_s: float32 `(hits,)`, ascending, seconds from the film's start.
        strength: float32 `(hits,)` in (0, 1].
    """

    times_s: FloatArray
    strength: FloatArray


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of the song with one character.

    Attributes:
        start_s: seconds from the film's start.
        end_s: where the next section starts.
        label: "A", "B", ...; sections that sound alike share a label.
        energy: mean loudness in [0, 1].
    """

    start_s: float
    end_s: float
    label: str
    energy: float


@dataclass(frozen=True, slots=True)
class Drop:
    """A build and the drop that it leads to, in seconds from the film's start."""

    build_start_s: float
    time_s: float
    strength: float


@dataclass(frozen=True, slots=True)
class Key:
    """The song's key.

    Attributes:
        tonic: pitch class, 0 is C.
        mode: "major" or "minor".
        confidence: in [0, 1].
    """

    tonic: int
    mode: Literal["major", "minor"]
    confidence: float


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """What the music does.

    Attributes:
        fps: video frames per second.
        curves: name -> float32 `(frames,)` in [0, 1]; all of the film's length.
        chroma: float32 `(frames, 12)` in [0, 1]; C first, tuning-corrected.
        tonnetz: float32 `(frames, 6)` in [-1, 1].
        valence: float32 `(frames,)` in [-1, 1].
        arousal: float32 `(frames,)` in [-1, 1].
        tempo_bpm: 0 when there is no beat.
        beats_s: float32 `(beats,)`, seconds from the film's start.
        downbeats_s: the beats that start a bar.
        onsets: "kick", "snare", "hat" -> their hits.
        sections: in order, without gaps, covering the film.
        drops: in order.
        key: the song's key.
    """

    fps: Fraction
    curves: Mapping[str, FloatArray]
    chroma: FloatArray
    tonnetz: FloatArray
    valence: FloatArray
    arousal: FloatArray
    tempo_bpm: float
    beats_s: FloatArray
    downbeats_s: FloatArray
    onsets: Mapping[str, Onsets]
    sections: tuple[Section, ...]
    drops: tuple[Drop, ...]
    key: Key

    def __len__(self) -> int:
        return len(self.valence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a loaded generator can be driven by; the trajectory stage reads it.

    Attributes:
        z_dim: width of the network's own input.
        c_dim: width of its condition, 0 when it takes none.
        condition: how the condition is meant: one number a class, or (valence, arousal).
        class_names: names of the classes, empty when unknown.
        has_mapping: whether there is a w space.
        num_ws: style inputs of the synthesis, 0 without a mapping.
        has_noise: whether `noise_phase` and `noise_mix` do something.
        has_transform: whether `transform` does something.
        space: the space that keyframes lie in and paths run through.
        dim: width of that space.
        spherical: whether points of that space have norm sqrt(dim) (Gaussian z).
        groups: 3 when coarse, middle and fine layers take separate latents, else 1.
        anchored: whether only the keyframes themselves are sure to look right (VAE anchors).
        size: height and width of its pictures, pixels.
        resolution_free: whether the option `size` makes it paint any size and shape.
        stages: height and width of the feature maps that hooks can bend while it paints,
            coarse to fine; empty where none can.
    """

    z_dim: int
    c_dim: int = 0
    condition: Condition = "none"
    class_names: tuple[str, ...] = ()
    has_mapping: bool = False
    num_ws: int = 0
    has_noise: bool = False
    has_transform: bool = False
    space: Space = "z"
    dim: int
    spherical: bool = True
    groups: int = 1
    anchored: bool = False
    size: tuple[int, int]
    resolution_free: bool = False
    stages: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Controls:
    """What a generator is told for some consecutive frames; what it cannot use it ignores.

    Attributes:
        latent: float32 `(frames, groups, dim)` in the generator's walk space.
        condition: float32 `(frames, c_dim)` or None: class weights that add up to 1, or
            valence and arousal in [-1, 1].
        truncation: float32 `(frames,)`; 1 leaves the latent as it is, 0 is the mean picture.
        noise_phase: float32 `(frames,)`, turns; the slow noise returns after one turn.
        noise_mix: float32 `(frames,)` in [0, 1]; how much the fast noise shows.
        gains: float32 `(frames, 3)` for coarse, middle and fine layers; 1 is neutral.
        transform: float32 `(frames, 4)`: pan x, pan y (pictures), rotation (turns), zoom (1 is
            neutral).
        time_s: float32 `(frames,)`, seconds from the film's start.
    """

    latent: FloatArray
    condition: FloatArray | None
    truncation: FloatArray
    noise_phase: FloatArray
    noise_mix: FloatArray
    gains: FloatArray
    transform: FloatArray
    time_s: FloatArray

    def __len__(self) -> int:
        return len(self.latent)


class Trajectory(Protocol):
    """The path of a film: controls for any frames, each a function of its number alone."""

    def __len__(self) -> int:
        """Frames in the film."""
        ...

    def at(self, start: int, stop: int) -> Controls:
        """Controls for frames start to stop - 1; the same whatever range they are asked in."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NetworkRecord:
    """A network as its pickle describes it: data only, nothing of the file was run.

    Attributes:
        kind: "persistence" (StyleGAN2-ADA, StyleGAN3), "module" (R3GAN) or "tf".
        class_path: the class that the file names, e.g. "training.networks.Generator"; for
            "persistence" the bare class name, for "tf" the build function's name.
        args: the constructor's positional arguments, where the file keeps them.
        kwargs: the constructor's keyword arguments; nested ones are plain dicts and lists.
        tensors: flat dotted name -> torch tensor, parameters and buffers together, on the CPU.
        attributes: plain values (numbers, texts, lists, dicts of them) of the modules, by
            dotted name, e.g. "synthesis.num_ws".
    """

    kind: Literal["persistence", "module", "tf"]
    class_path: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    tensors: Mapping[str, Any]
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long job is.

    Attributes:
        stage: "fetch", "listen", "paint", "compose", ...
        done: units done.
        total: units in all, 0 when unknown.
        unit: what is counted.
        note: one short sentence worth saying once, or "".
        facts: figures to show beside it (fps, memory in MB, ...).
    """

    stage: str
    done: int
    total: int
    unit: str = "frames"
    note: str = ""
    facts: Mapping[str, float] = field(default_factory=dict[str, float])


OnProgress = Callable[[Progress], None]


def ignore_progress(_progress: Progress, /) -> None:
    """The listener of a job that nobody watches."""
