"""Rules of this code base that no linter knows."""

import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import lucidsonic
from lucidsonic.generators import FAMILIES

PACKAGE = Path(lucidsonic.__file__).parent
MODULES = [m.name for m in pkgutil.walk_packages([str(PACKAGE)], "lucidsonic.")]
HEAVY = ("torch", "librosa", "moviepy", "numpy", "pydantic", "huggingface_hub", "matplotlib")


@pytest.mark.parametrize("name", [n for n in MODULES if not n.endswith("__main__")])
def test_what_a_package_exports_is_documented(name: str):
    module = importlib.import_module(name)
    exported = (getattr(module, n) for n in getattr(module, "__all__", []))
    made = (t for t in exported if inspect.isclass(t) or inspect.isroutine(t))
    bare = [thing for thing in made if not thing.__doc__]

    assert bare == []


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_a_file_fits_in_a_head(path: Path):
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_every_family_has_the_same_shape(family: str):
    module = importlib.import_module(FAMILIES[family])

    assert {"Options", "load"} <= set(module.__all__)
    assert (Path(module.__file__ or "").parent / "adapter.py").exists()


def test_the_cli_answers_without_the_heavy_libraries():
    probe = f"import sys, lucidsonic.cli; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", probe],
        capture_output=True,
        text=True,
        check=True,
        cwd=PACKAGE.parent,
    )

    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "stage", ["audio", "features", "trajectory", "encoding", "zoo", "plan"]
)
def test_hearing_steering_and_writing_run_without_torch(stage: str):
    probe = f"import sys, lucidsonic.{stage}; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", probe],
        capture_output=True,
        text=True,
        check=True,
        cwd=PACKAGE.parent,
    )

    assert done.stdout.strip() == "False"
