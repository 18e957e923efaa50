"""What every folder in models/ promises."""

from pathlib import Path

import pytest

from lucidsonic.effects.wishes import check_options, find_effect
from lucidsonic.generators import FAMILIES, build_generator
from lucidsonic.zoo.card import ModelCard

MODELS = Path(__file__).parents[2] / "models"
CARDS = {path.parent.name: path for path in sorted(MODELS.glob("*/model.toml"))}
STYLES = {n: p for n, p in CARDS.items() if ModelCard.read(p).family == "lumen"}
SAMPLE_BYTES = 60_000


@pytest.mark.parametrize("name", CARDS)
def test_a_card_can_be_read_and_names_a_family_and_a_licence(name: str) -> None:
    card = ModelCard.read(CARDS[name])
    assert card.family in FAMILIES
    assert card.title
    assert card.license


@pytest.mark.parametrize("name", CARDS)
def test_a_card_has_a_page_for_people(name: str) -> None:
    page = (CARDS[name].parent / "README.md").read_text(encoding="utf-8")
    assert len(page) > 80


@pytest.mark.parametrize("name", CARDS)
def test_a_cards_effects_exist_and_take_what_they_are_told(name: str) -> None:
    for spec in ModelCard.read(CARDS[name]).effects:
        check_options(find_effect(str(spec["name"])), spec)


def test_there_are_at_least_eight_styles() -> None:
    assert len(STYLES) >= 8
    assert "aurora" in STYLES


@pytest.mark.parametrize("name", STYLES)
def test_a_style_builds_with_the_classes_of_its_card(name: str) -> None:
    card = ModelCard.read(STYLES[name])
    generator = build_generator(card.family, None, {**card.generator, "size": 16})
    assert generator.capabilities.class_names == card.classes
    assert len(set(card.classes)) >= 12


@pytest.mark.parametrize("name", STYLES)
def test_a_style_shows_what_it_looks_like(name: str) -> None:
    sample = STYLES[name].parent / "sample.webp"
    assert 1_000 < sample.stat().st_size <= SAMPLE_BYTES
