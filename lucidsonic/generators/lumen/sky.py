"""Forms of the sky and of fire: curtains, nebula, galaxy, flame."""

import torch

from lucidsonic.generators.lumen.brushes import cloud, glow, line, smooth, stars
from lucidsonic.generators.lumen.canvas import TAU, Canvas
from lucidsonic.generators.lumen.layers import Layers

# base height, reach upwards and rays a unit of the three curtains
CURTAINS = ((0.30, 0.9, 9.0), (0.05, 0.7, 13.0), (-0.25, 0.6, 17.0))
WATERLINE = 0.55


def curtains(c: Canvas) -> Layers:
    """Northern lights over a lake: three folded curtains with rays, stars, a shore."""
    f = c.fields
    below = smooth(c.y - WATERLINE, 0.0, 0.02)
    x = c.x + below * 0.02 * torch.sin(c.y * 70 + 3 * f["c"])
    y = WATERLINE - (c.y - WATERLINE).abs() * (1 + 0.35 * below)
    tone, light = torch.zeros_like(c.x), torch.zeros_like(c.x)
    for k in range(3):
        high, one = _curtain(c, k, x, y)
        tone = tone + one * high
        light = light + one
    tone = 0.12 + 0.78 * tone / (light + 0.3)
    night = stars(c, 9.0, share=0.7) * (1 - below) * (1 - light.clamp(0, 1)) * 1.2
    shore = WATERLINE - 0.03 - 0.07 * (f["b"] + 0.5 * f["d"]).clamp_min(-0.6)
    land = 1 - smooth(c.y - shore, -0.008, 0.008) * (1 - below)
    light = (0.45 + 1.7 * light) * land * (1 - 0.5 * below)
    return Layers(tone * land, light, night * land)


def _curtain(
    c: Canvas, k: int, x: torch.Tensor, y: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    f, t = c.fields, c.traits
    base, tall, rays = CURTAINS[k]
    side = 1 if k % 2 else -1
    bend = f["v" if k == 1 else "u"] * (0.2 + 0.2 * t["bend"]) - 0.1 * side * f["b"]
    up = base + 0.25 * (t["balance"] - 0.5) + bend - y
    s = x * rays + f["a"] * (3.0 + k) + 2.0 * f["b"]
    streak = 0.55 + 0.3 * torch.sin(s) + 0.25 * torch.sin(2.3 * s + 1.7 + f["c"])
    height = tall * (0.35 + 0.4 * t["width"]) * (0.6 + 0.4 * c.gains[0])
    body = torch.exp(-up.clamp_min(0) / height) * smooth(up, -0.06, 0.03)
    rim = line(up - 0.02, 0.05)
    veil = smooth(0.3 * f["c"] + side * f["m"], -1.2, 1.0)
    one = (body * streak.clamp_min(0.05) + 0.5 * rim) * veil * (0.95 - 0.2 * k)
    return 1 - 0.75 * up.clamp(0, 1.2), one


def nebula(c: Canvas) -> Layers:
    """A cloud of gas with dark lanes and a bright heart."""
    f, t = c.fields, c.traits
    warp = 0.2 + 0.25 * t["warp"]
    x, y = c.x + warp * f["u"], c.y + warp * f["v"]
    gas, dust = cloud(c, x * 0.5 + 0.1 * f["b"] + 1.3, y * 0.5 + 0.1 * f["c"] + 0.4)
    fine, wisp = cloud(c, x * 1.1 + 0.16 * gas, y * 1.1 + 0.16 * dust)
    shape = 0.4 * f["m"] + 0.6 * gas + 0.3 * fine + 2.2 * c.pool - 0.72
    body = smooth(shape, -0.7, 2.1)
    lane = smooth(dust + 0.5 * wisp - 0.6 * c.pool, 0.1, 1.5)
    relief = (0.5 + 0.32 * fine + 0.2 * wisp).clamp(0.05, 1.3)
    ridge = line(gas + 0.35 * fine, 0.12 + 0.15 * t["width"]) * body
    core = c.pool**5
    tone = 0.05 + (0.25 + 0.55 * relief) * body * (1 - 0.75 * lane) + 0.25 * ridge + 0.3 * core
    light = (0.2 + 1.0 * body * relief + 0.9 * ridge + 1.3 * core) * (1 - 0.7 * lane)
    sky = stars(c, 6.0, share=0.45, size=0.016) + 0.7 * stars(c, 15.0, share=0.4, size=0.009)
    return Layers(tone, light, sky * (1 - 0.8 * body) + 0.3 * core * ridge)


def galaxy(c: Canvas) -> Layers:
    """A spiral of stars, seen at a slant."""
    f, t = c.fields, c.traits
    lean = TAU * (t["angle"] - 0.5) * 0.5
    cos, sin = torch.cos(lean), torch.sin(lean)
    dx, dy = c.x - 0.6 * c.focus[0], c.y - 0.6 * c.focus[1]
    x, y = dx * cos - dy * sin, (dx * sin + dy * cos) * (1.5 + 1.0 * t["scale"])
    r = torch.hypot(x, y) + 0.04 * f["b"] + 1e-3
    turn = torch.atan2(y, x) + (1.7 + 1.1 * t["bend"]) * torch.log(r + 0.25) - TAU * c.drift
    ox, oy = r * torch.cos(2 * turn), r * torch.sin(2 * turn)
    gas, dust = cloud(c, ox * 0.9 + 0.7, oy * 0.9 + 2.1)
    arms = 0.5 + 0.5 * torch.cos(2 * turn + 0.5 * f["c"] + 0.5 * gas)
    disc = torch.exp(-1.35 * r)
    body = disc * (0.25 + 0.2 * gas + arms * (0.75 + 0.4 * gas)).clamp_min(0.02)
    lane = 1 - 0.8 * smooth(dust - 0.6 * arms + 0.3 * disc, 0.0, 1.1)
    core = torch.exp(-(r / 0.13).square()) + 0.35 * torch.exp(-5.0 * r)
    tone = 0.06 + 0.85 * body * lane + 0.5 * core
    light = 0.3 + 1.5 * body * lane + 1.2 * core
    sky = stars(c, 7.0, share=0.5, size=0.013)
    knots = stars(c, 19.0, share=0.5, size=0.012) * smooth(body, 0.08, 0.5) * 2.2
    return Layers(tone, light, 0.8 * sky + knots)


def flame(c: Canvas) -> Layers:
    """Fire from below, with sparks that rise."""
    f, t = c.fields, c.traits
    warp = 0.12 + 0.16 * t["warp"]
    climb = 4.0 * c.drift
    x = (c.x + warp * f["u"]) * (0.8 + 0.4 * t["density"])
    y = c.y * 0.42 + climb + 0.1 * f["v"]
    lick, curl = cloud(c, x * 0.75 + 0.08 * f["b"], y)
    fine, _ = cloud(c, x * 1.4 + 0.12 * curl, y * 1.0 + 0.12 * lick + climb)
    hearth = (c.x - c.focus[0]) * (0.9 - 0.3 * t["width"])
    rise = 1.0 - c.y - 0.75 * hearth.square() - 0.35 * (1 - c.gains[0])
    heat = 1.15 - 0.85 * rise + 0.42 * lick + 0.3 * fine * rise.clamp(0, 1)
    tongue = line(lick + 0.4 * fine + 0.3 * f["b"], 0.3) * smooth(heat, -0.5, 0.7)
    body = smooth(heat, -0.35, 1.9)
    relief = (0.72 + 0.22 * lick + 0.28 * fine).clamp(0.25, 1.3)
    tone = 0.04 + 0.78 * body * relief + 0.24 * tongue * (1 - 0.5 * body)
    light = 0.2 + 1.1 * body * relief + 0.8 * tongue
    sparks = stars(c, 6.0, share=0.5, size=0.014, rise=1) + stars(c, 11.0, share=0.4, rise=1)
    return Layers(tone, light, sparks * (0.4 + glow(c.y - 0.6, 1.2)) * 1.6)
