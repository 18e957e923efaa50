"""A file in a Hugging Face repository -> a file in the hub's own cache, by its own client."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lucidsonic.errors import WeightsError
from lucidsonic.zoo.download import AGAIN, OnBytes, check_room, refused

SUFFIXES = (".pkl", ".safetensors")


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a repository, here.

    Attributes:
        path: in the hub's cache.
        file: its name in the repository.
        revision: the commit that it belongs to.
    """

    path: Path
    file: str
    revision: str


def cached_hub_file(repo: str, file: str, *, revision: str) -> HubFile | None:
    """The file if it is on this disk; the network is not asked."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(repo, file, revision=revision)
    return HubFile(Path(found), file, revision) if isinstance(found, str) else None


def fetch_hub_file(repo: str, file: str, *, revision: str | None, on_bytes: OnBytes) -> HubFile:
    """Fetch a file, or the only network of its repository if there is no file of that name.

    Args:
        repo: "owner/name".
        file: its name there.
        revision: a commit, or None for the newest.
        on_bytes: told how much is here.

    Raises:
        WeightsError: no such repository, revision or file, no permission, no network.
    """
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.constants import HF_HUB_CACHE
    from huggingface_hub.errors import (  # the transport's own, httpx or httpx2
        HTTPError,  # pyright: ignore[reportPrivateImportUsage]
    )

    endpoint = os.environ.get("HF_ENDPOINT") or None
    try:
        info = HfApi(endpoint=endpoint).model_info(
            repo, revision=revision, files_metadata=True, timeout=30
        )
        sizes = {sibling.rfilename: sibling.size or 0 for sibling in info.siblings or ()}
        name, commit = choose_file(repo, file, tuple(sizes)), info.sha or revision
        check_room(Path(HF_HUB_CACHE), sizes[name])
        path = hf_hub_download(
            repo, name, revision=commit, endpoint=endpoint, tqdm_class=_teller(on_bytes)
        )
    except (HTTPError, OSError, ValueError) as error:
        raise _explained(repo, error) from error
    return HubFile(Path(path), name, commit or "")


def choose_file(repo: str, file: str, names: Sequence[str]) -> str:
    """The file of that name, else the only .pkl, else the only .safetensors.

    Raises:
        WeightsError: no such file, and more or less than one to choose from.
    """
    if file in names:
        return file
    for suffix in SUFFIXES:
        fitting = [name for name in names if name.endswith(suffix)]
        if len(fitting) == 1:
            return fitting[0]
    listed = ", ".join(name for name in names if name.endswith(SUFFIXES)) or "no network at all"
    raise WeightsError(f"'{repo}' has no file '{file}'.", hint=f"It has: {listed}.")


def _teller(on_bytes: OnBytes) -> Any:
    """A progress bar, as the hub's client wants it, that draws nothing and tells us."""
    from tqdm import tqdm

    class Teller(tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs.pop("name", None)
            super().__init__(*args, **{**kwargs, "disable": True})
            self.here = int(kwargs.get("initial") or 0)
            self.in_all = int(kwargs.get("total") or 0)

        def update(self, n: float | None = 1) -> None:
            self.here += int(n or 0)
            on_bytes(self.here, self.in_all)

    return Teller


def _explained(repo: str, error: Exception) -> WeightsError:
    from huggingface_hub import errors

    if isinstance(error, WeightsError):
        return error
    kinds: tuple[tuple[type[Exception], str, str], ...] = (
        (
            errors.GatedRepoError,
            f"'{repo}' is only given to people who accepted its terms",
            f"Accept them at https://huggingface.co/{repo}, and set HF_TOKEN.",
        ),
        (
            errors.RevisionNotFoundError,
            f"'{repo}' has no such revision any more",
            "Its history was changed; 'lucidsonic models remove' forgets the pinned one.",
        ),
        (
            errors.RepositoryNotFoundError,
            f"'{repo}' is not there, or only for its members",
            "Check the name; for a private one set HF_TOKEN.",
        ),
        (
            errors.OfflineModeIsEnabled,
            f"'{repo}' is not on this disk, and HF_HUB_OFFLINE forbids to fetch it",
            "Unset HF_HUB_OFFLINE.",
        ),
        (
            errors.HFValidationError,
            f"'{repo}' is not the name of a repository",
            "It should read owner/name.",
        ),
    )
    for kind, problem, hint in kinds:
        if isinstance(error, kind):
            return WeightsError(f"{problem}.", hint=hint)
    status = _status(error)
    if status is not None:
        return refused(f"The server of '{repo}'", status)
    if isinstance(error, OSError) and error.errno is not None and error.filename:
        return WeightsError(f"Cannot write '{error.filename}': {error.strerror}.")
    return WeightsError(f"The connection for '{repo}' failed or broke off.", hint=AGAIN)


def _status(error: BaseException | None) -> int | None:
    """The HTTP status at the bottom of a chain of errors."""
    while error is not None:
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status is not None:
            return int(status)
        error = error.__cause__
    return None
