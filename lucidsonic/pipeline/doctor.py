"""This machine -> what works on it, and what to do about the rest."""

import platform
import shutil
import sys
import tempfile
import time
import wave
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import platformdirs
import torch

from lucidsonic import encoding
from lucidsonic.errors import LucidsonicError, ModelCardError
from lucidsonic.ffmpeg import find_ffmpeg
from lucidsonic.zoo import user_models_dir
from lucidsonic.zoo.shelf import list_models

PACKAGES = ("torch", "librosa", "numpy", "moviepy", "ffmpeg-python", "huggingface-hub")
TRIAL_S = 2.0  # length of the trial film
TIGHT_DISK = 2_000_000_000  # bytes; less than this is worth a warning


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: what.
        ok: whether films can be made with it as it is.
        fact: what was found.
        hint: what to do when it is not ok.
    """

    name: str
    ok: bool
    fact: str
    hint: str = ""


def examine(*, trial: bool = True) -> list[Finding]:
    """Look at everything a render needs; with `trial`, also render two seconds."""
    findings = [
        python(),
        *packages(),
        device(),
        ffmpeg(),
        *encoders(),
        disk(),
        models(),
    ]
    return [*findings, trial_film()] if trial else findings


def python() -> Finding:
    """The interpreter."""
    good = sys.version_info >= (3, 11)
    fact = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return Finding("python", good, fact, "" if good else "Use Python 3.11 or newer.")


def packages() -> list[Finding]:
    """The libraries."""
    findings: list[Finding] = []
    for name in PACKAGES:
        try:
            findings.append(Finding(name, ok=True, fact=version(name)))
        except PackageNotFoundError:
            findings.append(Finding(name, False, "missing", f"pip install {name}"))
    return findings


def device() -> Finding:
    """What the networks compute on."""
    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        name = torch.cuda.get_device_name()
        fact = f"{name}, {free / 2**30:.1f} of {total / 2**30:.1f} GiB free"
    elif torch.backends.mps.is_available():
        fact = "Apple GPU (mps)"
    else:
        fact = f"CPU, {torch.get_num_threads()} threads"
    return Finding("device", ok=True, fact=fact)


def ffmpeg() -> Finding:
    """The encoder program."""
    try:
        return Finding("ffmpeg", ok=True, fact=str(find_ffmpeg()))
    except LucidsonicError as error:
        return Finding("ffmpeg", False, str(error), error.hint)


def encoders() -> list[Finding]:
    """Which codecs really encode here; only H.264 is needed."""
    try:
        facts = encoding.probe_encoders()
    except LucidsonicError as error:
        return [Finding("encoders", False, str(error), error.hint)]
    return [
        Finding(
            f"encoder {fact.name}",
            ok=fact.works or fact.name != "libx264",
            fact="10 frames encoded" if fact.works else "does not encode here",
            hint="" if fact.works else fact.problem,
        )
        for fact in facts
    ]


def disk() -> Finding:
    """Room for films and models."""
    cache = Path(platformdirs.user_cache_dir("lucidsonic", appauthor=False))
    there = next(p for p in (cache, *cache.parents) if p.exists())
    free = shutil.disk_usage(there).free
    fact = f"{free / 1e9:.1f} GB free at {cache}"
    return Finding("disk", free > TIGHT_DISK, fact, "" if free > TIGHT_DISK else "Make room.")


def models() -> Finding:
    """The models that can be found."""
    broken: list[ModelCardError] = []
    cards = list(list_models(on_broken=broken.append))
    fact = f"{len(cards)} cards; your own in {user_models_dir()}"
    trouble = str(broken[0]) if broken else "" if cards else "Reinstall lucidsonic."
    return Finding("models", not trouble, fact, trouble)


def trial_film() -> Finding:
    """Render two seconds for real."""
    from lucidsonic.pipeline.film import make_film
    from lucidsonic.pipeline.settling import settle

    with tempfile.TemporaryDirectory(prefix="lucidsonic-") as folder:
        song = Path(folder) / "trial.wav"
        write_trial_song(song)
        began = time.perf_counter()
        try:
            resolved = settle(song, quality="draft", size="320x180")
            report = make_film(resolved.plan, song.with_suffix(".mp4"))
        except LucidsonicError as error:
            return Finding("trial film", False, str(error), error.hint)
    took = time.perf_counter() - began
    return Finding("trial film", ok=True, fact=f"{report.frames} frames in {took:.1f} s")


def write_trial_song(
    path: Path, *, seconds: float = TRIAL_S, sample_rate: int = 22_050
) -> None:
    """A plain drum, two beats a second."""
    t = np.arange(int(seconds * sample_rate)) / sample_rate
    beat = np.exp(-18 * (t % 0.5)) * np.sin(2 * np.pi * 60 * (t % 0.5))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes((beat * 0.8 * 32767).astype("<i2").tobytes())
