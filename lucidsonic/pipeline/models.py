"""A style's name, file or address -> a loaded generator."""

import hashlib
import importlib
import inspect
import json
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lucidsonic.effects.wishes import hash_of_module
from lucidsonic.errors import ConfigError, WeightsError
from lucidsonic.generators import FAMILIES, Generator, build_generator, find_family
from lucidsonic.generators.callable import wrap_callable
from lucidsonic.pipeline.styles import Style, read_style
from lucidsonic.pipeline.weights import Weights, ready_weights
from lucidsonic.types import Controls, OnProgress, ignore_progress
from lucidsonic.zoo import ModelCard
from lucidsonic.zoo.fetch import downloaded, fetch, label_of

PRECISIONS = {"auto": "float32", "fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
SQUARE = (256, 256)  # the shape of a network whose size nobody told yet


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A generator and what it was made of.

    Attributes:
        generator: ready to paint.
        title: its name for people.
        fingerprint: hash of the family, the options and the weights.
        card: what is known of it, if it has a card.
        weights_sha256: of the weights file before any conversion; "" without weights.
    """

    generator: Generator
    title: str
    fingerprint: str
    card: ModelCard | None = None
    weights_sha256: str = ""


@dataclass(frozen=True, slots=True)
class StyleFacts:
    """What is known of a style before anything is fetched or loaded.

    Attributes:
        title: its name for people.
        native_size: height and width of its pictures; None when it paints any size. Without a
            card only the shape is meant.
        bytes_to_fetch: what is not on this disk yet; -1 when nobody knows how large it is.
    """

    title: str
    native_size: tuple[int, int] | None
    bytes_to_fetch: int


def open_generator(
    style: str | Path,
    *,
    device: str = "cpu",
    options: Mapping[str, Any] | None = None,
    paint_size: tuple[int, int] | None = None,
    models_dir: Path | None = None,
    on_progress: OnProgress = ignore_progress,
) -> LoadedModel:
    """Load the generator of a style, fetching its weights first if need be.

    Args:
        style: a card's id, a file, a folder, an address or Python; see `styles.read_style`.
        device: a torch device name.
        options: laid over what the weights and the card's `[generator]` table say.
        paint_size: height and width for a generator that paints any size.
        models_dir: look for cards here first.
        on_progress: told how a download goes.

    Raises:
        UnknownNameError: no card of that id.
        WeightsError: the weights cannot be had.
        ConfigError: the options do not fit the family.
    """
    known = read_style(style, models_dir=models_dir)
    if known.kind == "python":
        return _open_python(known, dict(options or {}), device)
    weights = fetch_weights(known, on_progress=on_progress)
    family = _family(known, weights)
    chosen = _options(known, weights, options or {}, family)
    path = weights.path if weights else None
    generator = build_generator(family, path, chosen, device=device)
    if generator.capabilities.resolution_free and paint_size is not None:
        chosen = {**chosen, "size": paint_size}
        generator = build_generator(family, path, chosen, device=device)
    sha256 = weights.sha256 if weights else ""
    plugin = None if family in FAMILIES else getattr(find_family(family), "__name__", family)
    code = hash_of_module(plugin) if plugin else ""
    key = hashlib.sha256(json.dumps([family, chosen, sha256, code], sort_keys=True).encode())
    return LoadedModel(generator, known.title, key.hexdigest(), known.card, sha256)


class LoadedGenerator:
    """A generator for scripts: its facts as attributes, and a precision of its own.

    With a mapping: `w = g.mapping(z, c, truncation_psi=1.0, truncation_cutoff=None)` gives
    `(batch, num_ws, w_dim)`, and `g.synthesis(w, noise_mode="const")` pictures. Always:
    `g(z, c)` and `g.render(controls)`. Whatever else the family offers is there as well.

    Attributes:
        z_dim: width of z.
        c_dim: width of the condition, 0 for none.
        size: height and width of its pictures, pixels.
        has_mapping: whether `mapping` and `synthesis` are there.
        num_ws: styles of a picture, 0 without a mapping.
    """

    def __init__(self, generator: Generator, dtype: torch.dtype = torch.float32) -> None:
        self.generator, self._dtype = generator, dtype
        has = generator.capabilities
        self.z_dim, self.c_dim, self.size = has.z_dim, has.c_dim, has.size
        self.has_mapping, self.num_ws = has.has_mapping, has.num_ws

    def __getattr__(self, name: str) -> Any:
        if name == "generator":  # not there yet, for example while it is being copied
            raise AttributeError(name)
        return getattr(self.generator, name)

    def __call__(self, z: torch.Tensor, c: torch.Tensor | None = None, **named: Any) -> Any:
        """Float32 `(batch, channels, height, width)` in the network's own range."""
        return self.generator(z, c, **named)

    def render(
        self, controls: Controls, *, dtype: torch.dtype | None = None, **named: Any
    ) -> torch.Tensor:
        """Paint consecutive frames in [0, 1]; see `generators.base.Generator`."""
        return self.generator.render(controls, dtype=dtype or self._dtype, **named)


def load_generator(
    path_or_id: str | Path, device: str = "cpu", precision: str = "fp32"
) -> LoadedGenerator:
    """A generator by its card's id, file, folder or address.

    Args:
        path_or_id: as `styles.read_style` takes it.
        device: a torch device name.
        precision: what `render` computes in unless it is told otherwise: fp32, bf16 or fp16;
            the other calls compute in float32.

    Raises:
        UnknownNameError: no card of that id.
        WeightsError: the weights cannot be had.
        ConfigError: no such precision.
    """
    if precision not in PRECISIONS:
        raise ConfigError(
            f"There is no precision '{precision}'.", hint=f"Known: {', '.join(PRECISIONS)}."
        )
    generator = open_generator(path_or_id, device=device).generator
    return LoadedGenerator(generator, getattr(torch, PRECISIONS[precision]))


def fetch_weights(style: Style, *, on_progress: OnProgress = ignore_progress) -> Weights | None:
    """A style's weights, fetched, checked and converted; None for a family without weights.

    Raises:
        WeightsError: out of reach, damaged, or not the ones that the card names.
    """
    path = style.file
    if style.remote is not None:
        label = label_of(style.card) if style.card else style.title
        fetched = fetch(style.remote, key=style.key, label=label, on_progress=on_progress)
        path = fetched.path
    if path is None:
        return None
    weights = ready_weights(path, on_progress=on_progress)
    wanted = (
        style.card.weights.sha256
        if style.card and style.card.weights.source == "bundled"
        else None
    )
    if wanted is not None and wanted != weights.sha256:
        raise WeightsError(
            f"The bytes of '{path}' are not those that its card names.",
            hint="Export or download it again, or correct sha256 in its model.toml.",
        )
    return weights


def describe_style(style: str | Path, *, models_dir: Path | None = None) -> StyleFacts:
    """What is known of a style without loading or fetching anything.

    Raises:
        UnknownNameError: no card of that id.
    """
    known = read_style(style, models_dir=models_dir)
    missing = 0
    if known.remote is not None and downloaded(known.remote, key=known.key) is None:
        missing = -1 if known.remote.size is None else known.remote.size
    if known.card is None:
        return StyleFacts(known.title, SQUARE, missing)
    free = known.card.weights.source == "none"
    size = (known.card.resolution, known.card.resolution)
    return StyleFacts(known.title, None if free else size, missing)


def _family(style: Style, weights: Weights | None) -> str:
    told = weights.family if weights else ""
    named = style.card.family if style.card else ""
    if not (told or named):
        raise WeightsError(
            f"'{style.title}' does not say what kind of network it is.",
            hint="A safetensors file needs a model.toml beside it; see models/README.md.",
        )
    if told and named and told != named:
        raise WeightsError(
            f"The card of '{style.title}' says {named}, but its weights are {told}.",
            hint="Correct 'family' in its model.toml.",
        )
    return named or told


def _options(
    style: Style, weights: Weights | None, asked: Mapping[str, Any], family: str
) -> dict[str, Any]:
    told: dict[str, Any] = {}
    takes_names = "class_names" in find_family(family).Options.model_fields
    if takes_names and style.card and style.card.classes:
        told["class_names"] = list(style.card.classes)
    carried = dict(weights.options) if weights else {}
    return {**carried, **told, **(style.card.generator if style.card else {}), **asked}


def _open_python(style: Style, options: dict[str, Any], device: str) -> LoadedModel:
    """A person's own generator: a factory, or a function that paints."""
    made = _import_name(style.key)
    if not _wants_arguments(made):
        made = made()
    code = hash_of_module(style.key.partition(":")[0])
    key = hashlib.sha256(
        json.dumps(["python", style.key, options, code], sort_keys=True).encode()
    )
    return LoadedModel(_as_generator(made, options, device), style.title, key.hexdigest())


def adopt_generator(made: Any, *, options: Mapping[str, Any], device: str) -> LoadedModel:
    """A generator that a Python program hands over: a Generator, or a function that paints.

    Nobody can tell from outside when such a thing paints differently, so its frames are never
    taken from an earlier film.

    Raises:
        ConfigError: it cannot paint, or the options are wrong.
    """
    title = getattr(made, "__name__", type(made).__name__)
    return LoadedModel(_as_generator(made, dict(options), device), title, uuid.uuid4().hex)


def _as_generator(made: Any, options: dict[str, Any], device: str) -> Generator:
    if not (hasattr(made, "capabilities") and hasattr(made, "render")):
        if not callable(made):
            raise ConfigError(
                f"A {type(made).__name__} cannot paint.",
                hint="It must give a Generator, or a function (z, classes) -> pictures.",
            )
        made = wrap_callable(made, options, device=device)
    return made


def _import_name(name: str) -> Any:
    module, _, attribute = name.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:  # the console script, unlike `python -m`, does not look here
        sys.path.insert(0, here)
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"Cannot import '{attribute}' from '{module}': {error}.",
            hint="Run it in the folder where that module lies, or install it.",
        ) from error


def _wants_arguments(function: Any) -> bool:
    if not callable(function) or hasattr(function, "render"):
        return True
    parameters = inspect.signature(function).parameters.values()
    return any(
        p.default is p.empty and p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}
        for p in parameters
    )
