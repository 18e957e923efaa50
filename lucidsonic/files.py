"""Bytes -> a file that appears whole or not at all."""

from contextlib import suppress
from pathlib import Path

from lucidsonic.errors import ConfigError


def check_new(path: Path, *, overwrite: bool) -> None:
    """Complain about a file that is there and may not be replaced.

    Raises:
        ConfigError: so it is.
    """
    if path.exists() and not overwrite:
        raise ConfigError(f"'{path}' exists already.", hint="Add --overwrite to replace it.")


def write_file(path: Path, content: bytes) -> Path:
    """Write a file at once, and the folders above it; what was there is replaced.

    Args:
        path: where to.
        content: all of it.

    Returns:
        The path.

    Raises:
        ConfigError: the file cannot be written there; nothing is left of it.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        raise ConfigError(
            f"'{path}' cannot be written: {error.strerror or error}.",
            hint="Name a folder you may write to.",
        ) from error
    finally:
        with suppress(OSError):  # a name too long for a file is too long to be removed
            partial.unlink(missing_ok=True)
    return path
