"""Section words that people use ("bridge", "chorus") -> stretches of this song."""

from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np

from lucidsonic.errors import ConfigError
from lucidsonic.timebase import format_time, seconds_to_frame
from lucidsonic.types import Features, FloatArray, Section

Sections = tuple[Section, ...]


def intro(sections: Sections) -> Sections:
    """The first one."""
    return sections[:1]


def outro(sections: Sections) -> Sections:
    """The last one."""
    return sections[-1:]


def chorus(sections: Sections) -> Sections:
    """The most energetic of those that return, or of all when none does."""
    times = Counter(section.label for section in sections)
    returning = [s for s in sections if times[s.label] > 1] or list(sections)
    label = max(returning, key=lambda section: section.energy).label
    return tuple(section for section in sections if section.label == label)


def verse(sections: Sections) -> Sections:
    """Those that return and are not the chorus."""
    times = Counter(section.label for section in sections)
    known = {section.label for section in chorus(sections)}
    return tuple(s for s in sections if times[s.label] > 1 and s.label not in known)


def bridge(sections: Sections) -> Sections:
    """The one in the middle that never returns; the quietest if there are several."""
    times = Counter(section.label for section in sections)
    known = {section.label for section in chorus(sections)}
    single = [s for s in sections[1:-1] if times[s.label] == 1 and s.label not in known]
    return (min(single, key=lambda section: section.energy),) if single else ()


WORDS: Mapping[str, Callable[[Sections], Sections]] = {
    "intro": intro,
    "verse": verse,
    "chorus": chorus,
    "bridge": bridge,
    "outro": outro,
}


def is_section_word(word: str) -> bool:
    """Whether a key of an effect names sections: a word of `WORDS`, or a label like "B"."""
    return word in WORDS or (len(word) == 1 and word.isupper())


def section_weights(features: Features, words: Mapping[str, float]) -> FloatArray:
    """How much an effect applies to each frame: float32 `(frames,)`, 0 outside the sections.

    Args:
        features: the song.
        words: section word -> weight.

    Raises:
        ConfigError: this song has no such section.
    """
    weights = np.zeros(len(features), np.float32)
    for word, weight in words.items():
        for section in find_sections(features.sections, word):
            start = seconds_to_frame(section.start_s, features.fps)
            weights[start : seconds_to_frame(section.end_s, features.fps) + 1] = weight
    return weights


def find_sections(sections: Sections, word: str) -> Sections:
    """The sections that a word means.

    Raises:
        ConfigError: this song has none.
    """
    named = tuple(section for section in sections if section.label == word)
    found = WORDS[word](sections) if word in WORDS else named
    if not found:
        there = ", ".join(f"{s.label} at {format_time(s.start_s)}" for s in sections)
        raise ConfigError(f"This song has no {word}.", hint=f"Its sections: {there}.")
    return found
