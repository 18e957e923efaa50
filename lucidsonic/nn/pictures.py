"""Pictures as other people's files hold them -> RGB."""

from typing import Any

import numpy as np


def as_rgb(picture: Any) -> Any:
    """A Pillow image as RGB with 8 bits a channel.

    Pillow itself cuts 16-bit greys off at 255, which turns photographs white; here their range
    is kept.
    """
    from PIL import Image

    if not picture.mode.startswith("I"):
        return picture.convert("RGB")
    grey = np.asarray(picture).astype(np.float64) / 257  # 65535 is white
    return Image.fromarray(np.clip(np.rint(grey), 0, 255).astype(np.uint8)).convert("RGB")
