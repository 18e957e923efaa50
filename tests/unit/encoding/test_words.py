"""Words are broken between words, into lines that fit, and shrink before they are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageFont

from lucidsonic.encoding.sheet import font_path
from lucidsonic.encoding.words import SMALLEST_PX, Style, balanced, broken, fitted, text_clip

FONT = ImageFont.truetype(str(font_path()), 20)
TEXTS = st.text(alphabet="abc WM-é", max_size=60)


@given(text=TEXTS, width=st.integers(25, 400))
def test_no_line_is_wider_than_it_may_be_and_no_letter_is_lost(text: str, width: int):
    lines = balanced(text, FONT, width)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(FONT.getlength(line) <= width for line in lines)
    assert len(lines) == len(list(broken(text, FONT, width)))


@given(text=TEXTS, width=st.integers(200, 400))
def test_only_too_wide_a_word_is_broken(text: str, width: int):
    lines = balanced(text, FONT, width)
    if all(FONT.getlength(word) <= width for word in text.split()):
        assert [word for line in lines for word in line.split()] == text.split()


def test_lines_are_of_about_one_length():
    lines = balanced("one two three four five six seven eight nine", FONT, 300)
    widths = [FONT.getlength(line) for line in lines]
    assert len(lines) == 2
    assert min(widths) > 0.7 * max(widths)


def test_letters_shrink_until_every_word_fits_and_lines_are_few():
    style = Style(size_px=80, width=300, bold=True, fade_s=0.1, lines=2)
    size, lines = fitted("LANTERNS", style)
    assert lines == ["LANTERNS"]
    assert SMALLEST_PX < size < 80
    assert len(fitted("seven words that are a whole title", style)[1]) == 2


def test_short_words_are_as_large_as_they_may_be():
    assert fitted("la", Style(size_px=40, width=300, fade_s=0.1))[0] == 40


def test_lines_that_were_broken_by_the_writer_stay_broken():
    assert fitted("a\nb", Style(size_px=20, width=300, fade_s=0.1))[1] == ["a", "b"]


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_no_words_are_drawn_as_nothing(text: str):
    clip = text_clip(text, style=Style(size_px=20, width=300, fade_s=0.1))
    assert clip.mask.get_frame(0).max() == 0
