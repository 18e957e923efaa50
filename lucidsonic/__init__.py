"""lucidsonic: turn a song into a film that dances to it.

The names below load on first use, so that `import lucidsonic` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["analyze", "load_generator", "render"]

if TYPE_CHECKING:
    from lucidsonic.pipeline import analyze, load_generator, render


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("lucidsonic.pipeline"), name)
    raise AttributeError(f"module 'lucidsonic' has no attribute '{name}'")
