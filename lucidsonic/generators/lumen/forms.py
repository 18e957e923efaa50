"""The forms: what is drawn. Each turns a canvas into tone, light and accent.

Tone in [0, 1] runs through the palette from darkness to highlight, light >= 0 says how much of
it is shone, accent >= 0 adds the palette's accent colour. All are `(batch, height, width)`.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch

from lucidsonic.generators.lumen.brushes import cloud, glow, line, smooth, stars
from lucidsonic.generators.lumen.canvas import TAU, Canvas


class Layers(NamedTuple):
    """What a form gives back."""

    tone: torch.Tensor
    light: torch.Tensor
    accent: torch.Tensor


def curtains(c: Canvas) -> Layers:
    """Northern lights over a lake: three folded curtains with rays, stars, a shore."""
    f, t = c.fields, c.traits
    shore = 0.52 + 0.04 * f["d"] * 0.5
    below = smooth(c.y - 0.55, 0.0, 0.02)
    y = 0.55 - (c.y - 0.55).abs()
    x = c.x + below * 0.03 * torch.sin(c.y * 60 + 3 * f["c"])
    tone = torch.zeros_like(c.x)
    light = torch.zeros_like(c.x)
    for k, (base, tall, rays) in enumerate(
        ((0.30, 0.9, 9.0), (0.05, 0.7, 13.0), (-0.25, 0.6, 17.0))
    ):
        bend = f["u" if k != 1 else "v"] * (0.22 + 0.2 * t["bend"]) + 0.10 * f["b"] * (
            1 if k else -1
        )
        up = base + 0.25 * (t["balance"] - 0.5) + bend - y
        s = x * rays + f["a"] * (3.0 + k) + 2.0 * f["b"]
        streak = 0.55 + 0.3 * torch.sin(s) + 0.25 * torch.sin(2.3 * s + 1.7 + f["c"])
        body = torch.exp(-up.clamp_min(0) / (tall * (0.35 + 0.4 * t["width"]))) * smooth(
            up, -0.06, 0.03
        )
        rim = line(up - 0.02, 0.05)
        veil = smooth(f["m"] * (1 if k % 2 else -1) + 0.3 * f["c"], -1.2, 1.0)
        one = (body * streak.clamp_min(0.05) + 0.5 * rim) * veil * (0.95 - 0.2 * k)
        tone = tone + one * (1.0 - up.clamp(0, 1.2) * 0.75)
        light = light + one
    tone = 0.12 + 0.75 * tone / (light + 0.35)
    night = stars(c, 9.0, share=0.7) * (1 - below) * (1 - light.clamp(0, 1)) * 1.2
    hills = smooth(shore - 0.1 * (f["b"] + 0.4 * f["d"]) * 0.6 - c.y, -0.008, 0.008)
    land = 1 - (1 - hills) * (1 - below)
    light = (0.5 + 1.6 * light) * land * (1 - 0.45 * below)
    return Layers(tone * land, light, night * land)


def silk(c: Canvas) -> Layers:
    """Folds of satin that catch a light."""
    f, t = c.fields, c.traits
    warp = 0.5 + 0.6 * t["warp"]
    x = c.x + warp * 0.55 * f["u"]
    y = c.y + warp * 0.55 * f["v"]
    q = (1.3 + 1.2 * t["density"]) * (x * 0.55 + y) + 0.9 * f["a"]
    s = torch.sin(q * 3.1)
    fine = torch.sin(q * 11.0 + 2.5 * s + 1.5 * f["b"])
    crest = (0.5 + 0.5 * s).square()
    sheen = line(s - 0.72 + 0.2 * f["b"], 0.16)
    thread = (0.5 + 0.5 * fine) ** 6
    lit = smooth(f["m"] + 1.4 * c.pool, -0.9, 1.6)
    tone = 0.08 + 0.62 * crest * lit + 0.22 * sheen * lit + 0.1 * thread * crest
    light = 0.35 + (1.5 * crest + 1.2 * sheen) * lit
    return Layers(tone, light, 0.35 * thread * sheen * lit)


def nebula(c: Canvas) -> Layers:
    """A cloud of gas with dark lanes and a bright heart."""
    f, t = c.fields, c.traits
    warp = 0.35 + 0.4 * t["warp"]
    x = c.x + warp * f["u"] * 0.6
    y = c.y + warp * f["v"] * 0.6
    gas, dust = cloud(c, x * 0.55 + 0.12 * f["b"] + 1.3, y * 0.55 + 0.12 * f["c"] + 0.4)
    fine, wisp = cloud(c, x * 1.3 + 0.18 * gas, y * 1.3 + 0.18 * dust)
    shape = 0.55 * f["m"] + 0.75 * gas + 0.25 * fine + 1.7 * c.pool - 0.75
    body = smooth(shape, -0.8, 2.0)
    lane = smooth(dust + 0.35 * wisp - 0.5 * c.pool, 0.3, 1.5)
    ridge = line(gas + 0.3 * fine, 0.18 + 0.2 * t["width"]) * body
    core = c.pool**4
    tone = 0.06 + 0.72 * body * (1 - 0.7 * lane) + 0.2 * ridge
    light = (0.25 + 1.1 * body + 0.8 * ridge + 1.0 * core) * (1 - 0.75 * lane)
    sky = stars(c, 7.0, share=0.5, size=0.016) + 0.7 * stars(c, 17.0, share=0.4, size=0.008)
    return Layers(tone, light, sky * (1 - 0.7 * body) + 0.25 * core * ridge)


def rings(c: Canvas) -> Layers:
    """Waves that leave the focus and meet those of a second centre."""
    f, t = c.fields, c.traits
    r = c.radius + 0.10 * f["u"] + 0.05 * f["b"]
    other = torch.hypot(c.x + c.focus[0] * 1.2 + 0.1 * f["v"], c.y + c.focus[1] * 1.2)
    rate = 5 + 5 * t["density"]
    p = TAU * (rate * (r + 0.3).clamp_min(0.01).sqrt() * 0.8 - c.drift)
    q = TAU * (rate * 0.45 * other + c.drift)
    wave = torch.sin(p)
    meet = 0.5 + 0.5 * torch.sin(p * 0.5) * torch.sin(q)
    edge = line(wave - 0.85, 0.3)
    arc = smooth(f["m"] + 0.6 * f["b"], -0.8, 1.0)
    fade = glow(r, 0.55 + 0.3 * t["width"])
    tone = (
        0.05
        + (0.55 * meet + 0.3 * edge) * (0.25 + 0.75 * arc) * (0.35 + 0.65 * fade)
        + 0.25 * fade**3
    )
    light = (
        0.25 + 1.8 * (edge * arc + 0.35 * meet.square()) * (0.25 + 1.0 * fade) + 2.0 * fade**5
    )
    return Layers(tone, light, 0.5 * edge * arc * line(meet - 1, 0.25))


Form = Callable[[Canvas], Layers]
FORMS: Mapping[str, Form] = {
    "curtains": curtains,
    "silk": silk,
    "nebula": nebula,
    "rings": rings,
}
