"""An .lrc file -> lines with the time at which each is sung."""

import re
from dataclasses import dataclass
from pathlib import Path

from lucidsonic.errors import ConfigError, unread

_STAMP = re.compile(r"\s*\[(\d{1,3}):([0-5]?\d(?:[.:]\d{1,3})?)\]")
_TAG = re.compile(r"\s*\[([a-zA-Z]+)\s*:(.*)\]\s*$")
_WORD_STAMP = re.compile(r"<\d{1,3}:\d{1,2}(?:[.:]\d{1,3})?>")  # enhanced LRC, a stamp a word
MAX_LINE_S = 8.0  # a line does not stay longer than this
MAX_REPORTED = 3  # faulty lines that are named


@dataclass(frozen=True, slots=True)
class LyricLine:
    """A line and when it is shown, in seconds from the song's beginning."""

    start_s: float
    end_s: float
    text: str


def read_lyrics(path: Path) -> tuple[LyricLine, ...]:
    """The lines of an .lrc file in the order in which they are sung.

    A line may have several stamps, the `offset` tag (milliseconds; positive shows lines
    earlier) is applied, other tags are passed over. A line ends where the next begins, an empty
    one included, at the latest after eight seconds.

    Raises:
        ConfigError: not there, not text, without any line, or with lines that have no stamp.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"Could not read the lyrics '{path}': {unread(error)}.") from error
    lines = parse_lyrics(text, name=path.name)
    if not lines:
        raise ConfigError(
            f"'{path}' holds no lyrics.", hint="A line looks like '[01:23.45] words'."
        )
    return lines


def parse_lyrics(text: str, *, name: str = "the lyrics") -> tuple[LyricLine, ...]:
    """The lines in the text of an .lrc file.

    >>> parse_lyrics("[00:01.50][00:04.00] la la")[1].start_s
    4.0

    Raises:
        ConfigError: lines that have no stamp.
    """
    sung: list[tuple[float, str]] = []
    faulty: list[str] = []
    offset_s = 0.0
    for number, line in enumerate(text.splitlines(), start=1):
        stamps, words = split_line(line)
        if stamps:
            sung.extend((stamp, words) for stamp in stamps)
        elif (tag := _TAG.match(line)) is None:
            faulty.extend([f"line {number} ('{line.strip()[:30]}')"] if line.strip() else [])
        elif tag[1].lower() == "offset":
            offset_s = parse_offset(tag[2], number, name)
    if faulty:
        named = ", ".join(faulty[:MAX_REPORTED]) + (", ..." if faulty[MAX_REPORTED:] else "")
        raise ConfigError(
            f"In {name}, {named} has no time.", hint="A line looks like '[01:23.45] words'."
        )
    moved = [(max(0.0, time - offset_s), words) for time, words in sung]
    return with_ends(sung_together(sorted(moved, key=lambda line: line[0])))


def sung_together(sung: list[tuple[float, str]]) -> list[tuple[float, str]]:
    """Lines of one time, for example in two languages, as one of several lines."""
    together: dict[float, list[str]] = {}
    for time, words in sung:
        together.setdefault(time, []).extend([words] if words else [])
    return [(time, "\n".join(words)) for time, words in together.items()]


def split_line(line: str) -> tuple[list[float], str]:
    """The stamps of a line in seconds, and its words."""
    stamps: list[float] = []
    while match := _STAMP.match(line):
        stamps.append(int(match[1]) * 60 + float(match[2].replace(":", ".")))
        line = line[match.end() :]
    return stamps, " ".join(_WORD_STAMP.sub("", line).split())


def parse_offset(text: str, number: int, name: str) -> float:
    """Seconds in an `offset` tag.

    Raises:
        ConfigError: not a number.
    """
    try:
        return float(text) / 1000.0
    except ValueError as error:
        raise ConfigError(
            f"In {name}, line {number}: offset '{text.strip()}' is not a number.",
            hint="Milliseconds, for example [offset:+250].",
        ) from error


def with_ends(sung: list[tuple[float, str]]) -> tuple[LyricLine, ...]:
    """Lines that end where the next begins; empty ones only end the one before."""
    starts = [*(time for time, _ in sung[1:]), float("inf")][: len(sung)]
    return tuple(
        LyricLine(start, min(end, start + MAX_LINE_S), words)
        for (start, words), end in zip(sung, starts, strict=True)
        if words
    )
