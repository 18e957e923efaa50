"""There is one ffmpeg, and it is the one that was asked for."""

import os
import subprocess
from pathlib import Path

import pytest

from lucidsonic.errors import MissingDependencyError
from lucidsonic.ffmpeg import find_ffmpeg


def program(path: Path) -> Path:
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_one_that_came_along_runs(monkeypatch):
    monkeypatch.setenv("PATH", "")
    done = subprocess.run([find_ffmpeg(), "-version"], capture_output=True, check=True)
    assert done.stdout.startswith(b"ffmpeg version")


def test_the_variable_goes_before_the_path_and_the_path_before_ours(monkeypatch, tmp_path):
    (tmp_path / "bin").mkdir()
    on_path = program(tmp_path / "bin" / "ffmpeg")
    monkeypatch.setenv("PATH", str(tmp_path / "bin") + os.pathsep + os.environ["PATH"])
    assert find_ffmpeg() == on_path
    chosen = program(tmp_path / "mine")
    monkeypatch.setenv("LUCIDSONIC_FFMPEG", str(chosen))
    assert find_ffmpeg() == chosen


def test_a_wrong_variable_is_an_error_that_says_how_to_undo_it(monkeypatch, tmp_path):
    monkeypatch.setenv("LUCIDSONIC_FFMPEG", str(tmp_path / "gone"))
    with pytest.raises(MissingDependencyError, match="which is not a program") as error:
        find_ffmpeg()
    assert "Unset" in error.value.hint
