"""Pictures of any depth as RGB."""

import numpy as np
import pytest
from PIL import Image

from lucidsonic.nn.pictures import as_rgb


def test_sixteen_bits_keep_their_range():
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None]
    seen = np.asarray(as_rgb(Image.fromarray(ramp)))
    assert seen.shape == (1, 256, 3)
    assert np.array_equal(seen[0, :, 0], np.arange(256))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1", "CMYK"])
def test_other_pictures_are_as_pillow_has_them(mode: str):
    picture = Image.new("RGB", (4, 4), (200, 30, 90)).convert(mode)
    assert as_rgb(picture).tobytes() == picture.convert("RGB").tobytes()
