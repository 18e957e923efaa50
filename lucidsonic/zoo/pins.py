"""What a first download found, kept on this machine, so that a later change is an error."""

import os
import tempfile
import tomllib
from pathlib import Path

import tomli_w
from pydantic import NonNegativeInt, ValidationError

from lucidsonic.errors import WeightsError
from lucidsonic.zoo.card import Sha256, Strict
from lucidsonic.zoo.catalog import user_models_dir


class Pin(Strict):
    """The file that the first download brought."""

    address: str
    sha256: Sha256
    size: NonNegativeInt  # bytes
    file: str = ""  # in a repository
    revision: str = ""  # of a repository


def pin_path(key: str) -> Path:
    """Where the pin of that key lies."""
    return user_models_dir() / "pins" / f"{key}.toml"


def read_pin(key: str) -> Pin | None:
    """The pin of that key; None before the first download.

    Raises:
        WeightsError: the pin cannot be read.
    """
    path = pin_path(key)
    try:
        return Pin.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, ValidationError) as error:
        raise WeightsError(
            f"The pin '{path}' cannot be read.", hint="Delete it to trust the next download."
        ) from error


def keep_pin(key: str, pin: Pin) -> Pin:
    """Keep a pin unless there is one, and give the one that counts: the first.

    Raises:
        WeightsError: the folder cannot be written.
    """
    path = pin_path(key)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("wb", dir=path.parent, delete=False) as file:
            text = tomli_w.dumps(pin.model_dump())
            file.write(text.encode(errors="replace"))  # an address may be no text
        try:
            os.link(file.name, path)  # unlike a rename it never replaces
        except FileExistsError:
            return read_pin(key) or pin
        finally:
            Path(file.name).unlink()
    except OSError as error:
        raise WeightsError(
            f"Cannot write '{path}': {(error.strerror or str(error)).lower()}."
        ) from error
    return pin


def forget_pin(key: str) -> None:
    """Let the next download be trusted again."""
    pin_path(key).unlink(missing_ok=True)
