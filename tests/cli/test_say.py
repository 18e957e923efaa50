"""What a stranger's file says is shown; it never commands the terminal."""

import doctest
import pickle  # noqa: TID251 - makes what is inspected
from pathlib import Path

import pytest

from lucidsonic.cli import say as module
from lucidsonic.cli.say import plain
from lucidsonic.cli.telling import Telling, telling
from lucidsonic.types import Progress
from tests.cli.conftest import Run

EVIL = "\x1b[31mred\x1b]0;title\x07 \r\x9b2J \u202eback"


def test_the_examples_in_the_docstrings_are_true():
    assert doctest.testmod(module).failed == 0


def test_commands_become_words_and_words_stay():
    assert plain(EVIL).isprintable()
    assert plain("Grüße,\t漢字\n") == "Grüße,\t漢字\n"


def test_a_pickle_is_inspected_without_obeying_it(run: Run, tmp_path: Path):
    file = tmp_path / "evil.pkl"
    file.write_bytes(pickle.dumps({f"G_ema{EVIL}": 1}))

    said = run("models", "inspect", file).stdout

    assert r"\x1b[31mred" in said
    assert not set("\x1b\x07\r\x9b\u202e") & set(said)


@pytest.mark.parametrize("how", [Telling.LINES, Telling.BAR])
def test_a_note_may_hold_anything(how: Telling, capsys: pytest.CaptureFixture[str]):
    with telling(how) as listen:
        listen(Progress("paint", 0, 1, note=f"'so[red]ng [/]{EVIL}.wav' is long."))

    said = capsys.readouterr().err
    assert "so[red]ng [/]" in said.replace("\n", "")
    assert "\x07" not in said
