"""A person's own function as a generator: whatever pictures it gives, and what is refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from lucidsonic.errors import ConfigError
from lucidsonic.generators.callable import wrap_callable
from tests.unit.generators.golden_networks import controls

SIZE = (4, 6)  # height, width
GREY = {"black": 0.0, "middle": 0.5, "white": 1.0}


def grey(z: Tensor) -> Tensor:
    """One grey a latent, `(batch, 3, height, width)` in [0, 1]."""
    share = torch.tensor(list(GREY.values())).repeat(len(z))[: len(z)]
    return share.view(-1, 1, 1, 1).expand(-1, 3, *SIZE)


def as_pil(z: Tensor) -> list[Image.Image]:
    pictures = grey(z).mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    return [Image.fromarray(picture) for picture in pictures]


KINDS: dict[str, Callable[[Tensor], Any]] = {
    "floats from 0 to 1": grey,
    "floats from -1 to 1": lambda z: grey(z) * 2 - 1,
    "bytes": lambda z: grey(z).mul(255).round().to(torch.uint8),
    "arrays with colour last": lambda z: grey(z).permute(0, 2, 3, 1).numpy().astype(np.float64),
    "one channel": lambda z: grey(z)[:, :1],
    "transparency": lambda z: torch.cat([grey(z), torch.ones(len(z), 1, *SIZE)], dim=1),
    "a list of PIL pictures": as_pil,
}


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_pictures_a_function_gives_are_painted_alike(kind: str) -> None:
    generator = wrap_callable(lambda z, _: KINDS[kind](z), {"z_dim": 8})
    assert generator.capabilities.size == SIZE
    painted = generator.render(controls(generator, 3))
    assert painted.shape == (3, 3, *SIZE)
    wanted = torch.tensor(list(GREY.values())).view(-1, 1, 1, 1).expand_as(painted)
    assert torch.allclose(painted, wanted, atol=0.003)


def test_a_called_generator_gives_the_range_of_networks() -> None:
    generator = wrap_callable(lambda z, _: grey(z), {"z_dim": 8})
    pictures = generator(torch.zeros(3, 8))
    assert pictures[:, 0, 0, 0].tolist() == pytest.approx([-1, 0, 1])


def test_a_stated_range_goes_before_a_guessed_one() -> None:
    generator = wrap_callable(lambda z, _: grey(z), {"z_dim": 8, "value_range": (0, 2)})
    assert float(generator.render(controls(generator, 3)).max()) == pytest.approx(0.5)


def test_classes_come_as_weights_and_the_first_by_default() -> None:
    seen: list[Tensor] = []

    def paint(z: Tensor, classes: Tensor) -> Tensor:
        seen.append(classes)
        return grey(z)

    paint.z_dim, paint.classes = 8, 3  # pyright: ignore[reportFunctionMemberAccess]
    generator = wrap_callable(paint, {})
    generator(torch.zeros(2, 8))
    assert generator.capabilities.condition == "class"
    assert seen[-1].tolist() == [[1, 0, 0]] * 2


@pytest.mark.parametrize(
    "paint",
    [
        lambda z, _: grey(z)[:1],
        lambda z, _: grey(z)[:, :, 0],
        lambda _z, _c: None,
        lambda _z, _c: "pictures",
        lambda _z, _c: [],
        lambda z, _: grey(z)[:, :2],
    ],
)
def test_what_are_not_pictures_is_refused(paint: Callable[..., Any]) -> None:
    with pytest.raises(ConfigError, match="The function gave") as caught:
        wrap_callable(paint, {"z_dim": 8})
    assert caught.value.hint


def test_an_option_that_a_function_has_not_is_named() -> None:
    with pytest.raises(ConfigError, match=r"no setting 'z_dims'\.$"):
        wrap_callable(lambda z, _: grey(z), {"z_dims": 8})
