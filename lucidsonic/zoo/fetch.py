"""A card's `[weights]` -> a file on this disk whose bytes are the right ones."""

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import platformdirs
from filelock import FileLock

from lucidsonic.errors import WeightsError
from lucidsonic.types import OnProgress, Progress, ignore_progress
from lucidsonic.zoo.card import HubWeights, ModelCard, UrlWeights
from lucidsonic.zoo.digests import remembered_digest
from lucidsonic.zoo.download import OnBytes, download, split_address
from lucidsonic.zoo.hub import HubFile, cached_hub_file, fetch_hub_file
from lucidsonic.zoo.pins import Pin, keep_pin, pin_path, read_pin

RemoteWeights = HubWeights | UrlWeights
MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Fetched:
    """Weights that are here and were checked.

    Attributes:
        path: the file.
        sha256: of its bytes.
        size: bytes.
    """

    path: Path
    sha256: str
    size: int


def weights_cache_dir() -> Path:
    """Where files from plain addresses lie; those of the hub lie in the hub's own cache."""
    return Path(platformdirs.user_cache_dir("lucidsonic", appauthor=False)) / "weights"


def converted_dir() -> Path:
    """Where converted networks lie, named by the checksum of what they came from."""
    return Path(platformdirs.user_cache_dir("lucidsonic", appauthor=False)) / "converted"


def label_of(card: ModelCard) -> str:
    """What a person is told before a download."""
    return f"{card.title} (licence: {card.license})"


def address_of(weights: RemoteWeights) -> str:
    """Where the weights come from, in one line."""
    if isinstance(weights, HubWeights):
        return f"hf://{weights.repo}/{weights.file}"
    return weights.url


def exact_address(weights: RemoteWeights) -> str:
    """As `address_of`, with the revision if one is asked for."""
    if isinstance(weights, HubWeights) and weights.revision:
        return f"hf://{weights.repo}@{weights.revision}/{weights.file}"
    return address_of(weights)


def key_of(weights: RemoteWeights) -> str:
    """The name under which weights without a card are pinned: each revision by itself."""
    return "address-" + _digest(exact_address(weights))[:24]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def downloaded(weights: RemoteWeights, *, key: str) -> Path | None:
    """The file if it is on this disk already, whatever its bytes; the network is not asked.

    Args:
        weights: a card's.
        key: the card's id, or `key_of(weights)`.
    """
    here = _find(weights, read_pin(key))
    return here.path if here else None


def fetch(
    weights: RemoteWeights,
    *,
    key: str,
    label: str = "",
    on_progress: OnProgress = ignore_progress,
) -> Fetched:
    """The weights on this disk, downloaded if need be, and checked.

    A checksum in the card is checked; without one the first download is pinned, and said so.

    Args:
        weights: a card's.
        key: the card's id, or `key_of(weights)`.
        label: what to call them to a person.
        on_progress: told before a download where from and how large, then how far it is.

    Raises:
        WeightsError: out of reach, or not the bytes that the card or the pin names; wrong
            bytes are not kept.
    """
    pin = read_pin(key)
    listen = _listener(label or key, exact_address(weights), on_progress)
    here = _find(weights, pin) or _bring(weights, pin, listen)
    sha256, size = remembered_digest(here.path), here.path.stat().st_size
    _check(weights, pin, here.path, sha256, key)
    if pin is None and weights.sha256 is None:
        address = exact_address(weights)
        new = Pin(
            address=address, sha256=sha256, size=size, file=here.file, revision=here.revision
        )
        _check(weights, keep_pin(key, new), here.path, sha256, key)
        note = (
            f"{label or key}: first download, its checksum {sha256[:12]} is pinned from now on."
        )
        on_progress(Progress("fetch", size, size, unit="bytes", note=note))
    return Fetched(here.path, sha256, size)


def discard(weights: RemoteWeights, *, key: str) -> int:
    """Delete the downloaded file; returns the bytes that this freed."""
    path = downloaded(weights, key=key)
    if path is None:
        return 0
    size = path.stat().st_size
    _delete(path)
    return size


def _find(weights: RemoteWeights, pin: Pin | None) -> HubFile | None:
    if isinstance(weights, UrlWeights):
        path = _url_path(weights)
        return HubFile(path, "", "") if path.is_file() else None
    file = pin.file if pin and pin.file else weights.file
    for revision in _revisions(weights, pin):
        # A name that no repository can have is not here; who fetches it is told.
        with suppress(ValueError):
            if here := cached_hub_file(weights.repo, file, revision=revision):
                return here
    return None


def _revisions(weights: HubWeights, pin: Pin | None) -> list[str]:
    """The pinned commit, then what was asked for, which may be a branch that moved on.

    A pin of another revision than the asked one does not count.
    """
    is_ours = not weights.revision or (pin and pin.address == exact_address(weights))
    pinned = pin.revision if pin and is_ours else ""
    return [revision for revision in (pinned, weights.revision) if revision]


def _bring(weights: RemoteWeights, pin: Pin | None, listen: OnBytes) -> HubFile:
    if isinstance(weights, HubWeights):
        return fetch_hub_file(
            weights.repo,
            pin.file if pin and pin.file else weights.file,
            revision=next(iter(_revisions(weights, pin)), None),
            on_bytes=listen,
        )
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        raise WeightsError(
            f"'{weights.url}' is not on this disk, and HF_HUB_OFFLINE forbids to fetch it.",
            hint="Unset HF_HUB_OFFLINE.",
        )
    path = _url_path(weights)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        if not path.is_file():  # another process may have fetched it meanwhile
            download(weights.url, path, on_bytes=listen)
    return HubFile(path, "", "")


def _url_path(weights: UrlWeights) -> Path:
    name = Path(unquote(split_address(weights.url).path)).name or "weights"
    folder = _digest(weights.url)[:16]
    return weights_cache_dir() / folder / name


def _check(weights: RemoteWeights, pin: Pin | None, path: Path, sha256: str, key: str) -> None:
    wanted = weights.sha256 or (pin.sha256 if pin else sha256)
    if sha256 == wanted:
        return
    _delete(path)
    who = "the card names" if weights.sha256 else "were pinned at the first download"
    raise WeightsError(
        f"The bytes from {exact_address(weights)} are not those that {who}; they were deleted.",
        hint="The file was changed or damaged. If its authors say that it is right, "
        + ("correct the card." if weights.sha256 else f"delete '{pin_path(key)}'."),
    )


def _delete(path: Path) -> None:
    path.resolve().unlink(missing_ok=True)  # the hub's cache holds links to blobs
    path.unlink(missing_ok=True)


def _listener(label: str, address: str, on_progress: OnProgress) -> OnBytes:
    told: list[bool] = []

    def listen(here: int, total: int) -> None:
        note = ""
        if not told:
            told.append(True)
            size = f"{total / MB:,.1f} MB" if total else "a file of unknown size"
            note = f"Downloading {label}: {size} from {address}"
        on_progress(Progress("fetch", here, total, unit="bytes", note=note))

    return listen
