"""Errors a person can cause or fix. Each says what is wrong and what to do next.

Exit codes are frozen: 0 ok, 1 runtime, 2 usage or config, 3 missing model or dependency,
4 out of memory after every fallback, 5 encoding, 6 a check failed, 130 interrupted.
"""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, ClassVar


class LucidsonicError(Exception):
    """Root of the errors shown without a traceback."""

    exit_code: ClassVar[int] = 1

    def __init__(self, problem: str, *, hint: str = "") -> None:
        super().__init__(problem)
        self.hint = hint


class AudioError(LucidsonicError):
    """The song cannot be read or holds nothing to listen to."""


class ConfigError(LucidsonicError):
    """A flag, a plan or a combination of them asks for something impossible."""

    exit_code: ClassVar[int] = 2


class ModelCardError(LucidsonicError):
    """A model.toml does not say what a card must say."""

    exit_code: ClassVar[int] = 2


class WeightsError(LucidsonicError):
    """Weights are missing, out of reach, or not the ones that the card names."""

    exit_code: ClassVar[int] = 3


class UnsafeFileError(WeightsError):
    """A model file asks for something that a reader of weights must never do."""


class MissingDependencyError(LucidsonicError):
    """An optional package or a program that this command needs is not installed."""

    exit_code: ClassVar[int] = 3


class MemoryExhaustedError(LucidsonicError):
    """Even a batch of one does not fit."""

    exit_code: ClassVar[int] = 4


class EncodingError(LucidsonicError):
    """The film could not be written: the encoder failed or the disk is full."""

    exit_code: ClassVar[int] = 5


class CheckFailedError(LucidsonicError):
    """A film or a model missed a bar that the person asked to be checked."""

    exit_code: ClassVar[int] = 6


class InterruptedRenderError(LucidsonicError):
    """The person stopped the work; what is done is kept where it can be."""

    exit_code: ClassVar[int] = 130


class DataError(LucidsonicError):
    """A training set is missing, empty or contradicts itself."""


class TrainingError(LucidsonicError):
    """A training run cannot go on: numbers not finite any more, or a foreign folder."""


class UnknownNameError(LucidsonicError):
    """A model, family, feature or effect was asked for by a name nobody registered."""

    exit_code: ClassVar[int] = 2

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        close = get_close_matches(name, names, n=1)
        hint = (
            f"Did you mean '{close[0]}'?" if close else f"Known: {', '.join(names) or 'none'}."
        )
        super().__init__(f"There is no {kind} called '{name}'.", hint=hint)
        self.name = name


def unread(error: OSError | UnicodeDecodeError) -> str:
    """Why a text could not be read, for the end of a sentence."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not a text"
    return (error.strerror or str(error)).lower()


def unwritten(error: Exception) -> str:
    """Why a file could not be written, for the end of a sentence.

    safetensors hides the system's word in a sentence of its own.
    """
    said = getattr(error, "strerror", None) or str(error)
    return said.rpartition("I/O error: ")[2].partition(" (os error")[0].lower()


def first_fault(faults: Sequence[Mapping[str, Any]]) -> str:
    """The first thing wrong with a table of settings, for the end of a sentence.

    A name that nobody knows comes before one that is missing: it may be that one, misspelt.

    Args:
        faults: as pydantic's `ValidationError.errors()` lists them.
    """
    first = min(faults, key=lambda fault: fault["type"] != "extra_forbidden")
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"there is no setting '{name}'"
    if first["type"] == "missing":
        return f"'{name}' is missing"
    message = str(first["msg"]).removeprefix("Value error, ").removesuffix(".")
    return f"{name} = {first['input']!r}: {message}" if name else message
