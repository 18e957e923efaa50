"""The README cannot lie: each of its commands is run."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import REPO, Run

README = (REPO / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("lucidsonic ")
]
# Flags of other commands than render.
ELSEWHERE = {"--id", "--no-trial", "--at", "--count", "--check", "--report", "--seconds"}
# What a test adds so that a command takes seconds; nothing else is changed.
QUICK = {
    "render": ("--size", "96x64"),
    "still": ("--size", "96x64"),
    "sheet": ("--size", "96x64"),
}


@pytest.fixture
def folder(tmp_path: Path, drum_loop: Path) -> Path:
    """A folder with song.mp3, in which the commands run one after another."""
    from lucidsonic.ffmpeg import find_ffmpeg

    words = [find_ffmpeg(), "-v", "error", "-t", "2", "-i", drum_loop, tmp_path / "song.mp3"]
    subprocess.run([str(word) for word in words], check=True)
    return tmp_path


def test_there_are_commands_to_run():
    assert len(COMMANDS) > 8


def test_every_command_does_what_it_says(folder: Path, run: Run):
    for command in COMMANDS:
        words = shlex.split(command)[1:]
        done = run(*words, *QUICK.get(words[0], ()), cwd=folder)

        assert done.returncode == 0, f"{command}\n{done.stderr}"
    assert {p.name for p in folder.iterdir()} >= {
        "song.mp4", "film.mp4", "part.mp4", "club.mp4", "still.png",
        "sheet.png", "analysis.png", "features.csv", "again.mp4",
    }  # fmt: skip


def test_the_python_in_it_runs(folder: Path, segment_cache: Path):
    code = "\n".join(re.findall(r"```python\n(.*?)```", README, re.DOTALL))
    quick = code.replace("fps=30", 'fps=30, size="96x64"')

    done = subprocess.run(
        [sys.executable, "-c", quick],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPO), "LUCIDSONIC_CACHE": str(segment_cache)},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr


def test_every_make_target_it_names_is_there():
    targets = set(re.findall(r"`make (\w+)`", README))
    rules = set(re.findall(r"^(\w+):", (REPO / "Makefile").read_text(), re.MULTILINE))

    assert targets
    assert targets <= rules


def test_every_flag_and_file_it_names_is_there(run: Run):
    flags = set(re.findall(r"(--[a-z][a-z-]+)", README)) - ELSEWHERE
    told = run("render", "--help", COLUMNS="200").stdout
    files = re.findall(r"\]\(([^)]+)\)", README)

    assert {flag for flag in flags if flag not in told} == set()
    assert [name for name in files if not (REPO / name).exists()] == []
