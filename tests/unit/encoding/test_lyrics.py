"""An .lrc file says when each line is sung."""

import pytest

from lucidsonic.encoding import LyricLine, read_lyrics
from lucidsonic.encoding.lyrics import parse_lyrics
from lucidsonic.errors import ConfigError


def test_lines_end_where_the_next_begins_and_an_empty_one_ends_the_last():
    lines = parse_lyrics("[00:01.00]a\n[00:02.5]b\n[00:04]\n[01:00:25]c")
    assert lines == (
        LyricLine(1.0, 2.5, "a"),
        LyricLine(2.5, 4.0, "b"),
        LyricLine(60.25, 68.25, "c"),
    )


def test_a_refrain_has_several_stamps():
    lines = parse_lyrics("[00:10][00:01] la\n[00:05]verse")
    assert [(x.start_s, x.text) for x in lines] == [(1.0, "la"), (5.0, "verse"), (10.0, "la")]


@pytest.mark.parametrize(("offset", "start_s"), [("+500", 1.5), ("-500", 2.5), ("9000", 0.0)])
def test_a_positive_offset_shows_lines_earlier(offset, start_s):
    (line,) = parse_lyrics(f"[offset:{offset}]\n[ar: Nobody]\n[00:02]x")
    assert line.start_s == start_s


def test_word_stamps_and_byte_order_marks_are_passed_over(tmp_path):
    path = tmp_path / "a.lrc"
    path.write_bytes("\ufeff[00:01.00]<00:01.00> sing <00:01.50> along\r\n".encode())
    assert read_lyrics(path)[0].text == "sing along"


def test_lines_of_one_time_are_shown_together_in_the_writers_order():
    sung = parse_lyrics("[00:01.00]water\n[00:01.00]agua\n[00:04.00]end")
    assert [line.text for line in sung] == ["water\nagua", "end"]
    assert sung[0].end_s == 4.0


def test_lines_without_a_time_are_reported_by_number():
    with pytest.raises(ConfigError, match=r"line 2 \('no time'\), line 4 \('\[1:2x\] odd'\)"):
        parse_lyrics("[00:01]a\nno time\n\n[1:2x] odd")


@pytest.mark.parametrize("content", [b"", b"[ti:only tags]", b"\xff\xfe\x00bad", b"[offset:x]"])
def test_files_without_lyrics_are_one_error(content, tmp_path):
    path = tmp_path / "a.lrc"
    path.write_bytes(content)
    with pytest.raises(ConfigError):
        read_lyrics(path)


def test_a_missing_file_is_one_error(tmp_path):
    with pytest.raises(ConfigError, match="Could not read the lyrics"):
        read_lyrics(tmp_path / "gone.lrc")
