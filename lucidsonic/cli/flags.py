"""Words after `train FAMILY` -> settings of that family, and the help about them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, get_args, get_origin

from lucidsonic.errors import ConfigError, UnknownNameError

if TYPE_CHECKING:  # pydantic would slow --help down
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

TRUTHS = {"true": True, "false": False}
ALONE = {"resume": "auto"}  # what a flag means that may stand without a value


def read_flags(words: Sequence[str], config: "type[BaseModel]") -> dict[str, Any]:
    """Settings as typed: `--lr 3e-4`, `--lr=3e-4`, `--ada`, `--no-ada`, `--ada false`.

    Args:
        words: what stands after the command.
        config: the family's settings; dashes and underscores are the same.

    Raises:
        UnknownNameError: there is no such setting.
        ConfigError: a value is missing, or a word is no flag.
    """
    flags: dict[str, Any] = {}
    other = _other_names(config)
    left = list(words)
    while left:
        word = left.pop(0)
        if not word.startswith("--"):
            raise ConfigError(
                f"'{word}' is not a flag.", hint="Settings are given as --name value."
            )
        name, given, value = word[2:].partition("=")
        name = name.replace("-", "_")
        name = other.get(name, name)
        if name.startswith("no_") and _is_switch(config, name[3:]) and not given:
            flags[name[3:]] = False
            continue
        field = _find(config, name)
        if not given:
            value = _take_value(left, name, is_switch=field.annotation is bool)
        flags[name] = _as_list(field, value)
    return flags


def _take_value(left: list[str], name: str, *, is_switch: bool) -> Any:
    if is_switch:
        return left.pop(0) if left and left[0].lower() in TRUTHS else True
    if not left or left[0].startswith("--"):
        if name in ALONE:
            return ALONE[name]
        raise ConfigError(f"--{name.replace('_', '-')} needs a value.")
    return left.pop(0)


def _as_list(field: "FieldInfo", value: Any) -> Any:
    if isinstance(value, str) and get_origin(field.annotation) in {tuple, list}:
        return value.split(",")
    return value


def _find(config: "type[BaseModel]", name: str) -> "FieldInfo":
    if name not in config.model_fields:
        known = [known.replace("_", "-") for known in config.model_fields]
        raise UnknownNameError("setting", name.replace("_", "-"), known)
    return config.model_fields[name]


def _other_names(config: "type[BaseModel]") -> dict[str, str]:
    """More spellings of settings, as their fields' `validation_alias` lists them."""
    return {
        str(other): name
        for name, field in config.model_fields.items()
        for other in getattr(field.validation_alias, "choices", ())
    }


def _is_switch(config: "type[BaseModel]", name: str) -> bool:
    return name in config.model_fields and config.model_fields[name].annotation is bool


def describe_flags(config: "type[BaseModel]") -> list[tuple[str, str, str]]:
    """For each setting: its flag, its default, and one line about it with its choices."""
    rows = []
    for name, field in config.model_fields.items():
        words = [
            str(choice)
            for choice in get_args(field.annotation)
            if isinstance(choice, str | int)
        ]
        about = field.description or ""
        about += f" ({', '.join(words)})" if words else ""
        default = "" if field.default is None else str(field.default)
        rows.append((f"--{name.replace('_', '-')}", default, about))
    return rows
