"""Cards -> the table in models/README.md."""

from collections.abc import Iterable

from lucidsonic.zoo.card import ModelCard
from lucidsonic.zoo.fetch import address_of

BEGIN = "<!-- the table is written by 'lucidsonic models list --markdown' -->"
END = "<!-- end of the table -->"


def markdown_table(cards: Iterable[ModelCard]) -> str:
    """The table of models between its two marks."""
    rows = [
        f"| `{card.id}` | {card.title} | {card.resolution} | {card.license} | {_where(card)} |"
        for card in cards
    ]
    head = [
        "| id | what it paints | pixels | licence of the weights | weights |",
        "|" + "---|" * 5,
    ]
    return "\n".join([BEGIN, "", *head, *rows, "", END])


def _where(card: ModelCard) -> str:
    weights = card.weights
    if weights.source == "none":
        return "none: drawn by code"
    if weights.source == "bundled":
        return "beside the card"
    address = address_of(weights)
    return (
        f"[{address.split('/')[2] if weights.source == 'url' else 'the hub'}]({_link(address)})"
    )


def _link(address: str) -> str:
    if not address.startswith("hf://"):
        return address
    owner, name, *_ = address.removeprefix("hf://").split("/")
    return f"https://huggingface.co/{owner}/{name}"
