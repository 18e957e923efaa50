"""Forms that flow: silk, rings, caustics, strings."""

import torch

from lucidsonic.generators.lumen.brushes import cloud, glow, line, smooth, stars
from lucidsonic.generators.lumen.canvas import TAU, Canvas
from lucidsonic.generators.lumen.layers import Layers


def silk(c: Canvas) -> Layers:
    """Folds of satin that catch a light."""
    f, t = c.fields, c.traits
    warp = 0.28 + 0.33 * t["warp"]
    x, y = c.x + warp * f["u"], c.y + warp * f["v"]
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


def rings(c: Canvas) -> Layers:
    """Waves that leave the focus and meet those of a second centre."""
    f, t = c.fields, c.traits
    r = (c.radius + 0.10 * f["u"] + 0.05 * f["b"]).clamp_min(0)
    other = torch.hypot(c.x + c.focus[0] * 1.2 + 0.1 * f["v"], c.y + c.focus[1] * 1.2)
    rate = 5 + 5 * t["density"]
    p = TAU * (0.8 * rate * (r + 0.3).sqrt() - c.drift)
    q = TAU * (0.45 * rate * other + c.drift)
    wave = torch.sin(p)
    meet = 0.5 + 0.5 * torch.sin(p * 0.5) * torch.sin(q)
    edge = line(wave - 0.85, 0.3)
    arc = smooth(f["m"] + 0.6 * f["b"], -0.8, 1.0)
    fade = glow(r, 0.55 + 0.3 * t["width"])
    tone = (0.55 * meet + 0.3 * edge) * (0.25 + 0.75 * arc) * (0.35 + 0.65 * fade)
    light = 0.25 + 1.8 * (edge * arc + 0.35 * meet.square()) * (0.25 + fade) + 2.0 * fade**5
    return Layers(0.05 + tone + 0.25 * fade**3, light, 0.5 * edge * arc * line(meet - 1, 0.25))


def caustics(c: Canvas) -> Layers:
    """Under water: a net of light, shafts from above, plankton."""
    f, t = c.fields, c.traits
    rate = 4.6 + 2.4 * t["density"]
    turn = TAU * c.drift
    x = rate * (c.x + 0.2 * f["u"]) + 0.9 * f["b"]
    y = rate * (c.y * 1.25 + 0.2 * f["v"]) + 0.9 * f["c"]
    for k in (1.0, 1.7):
        x, y = x + 0.75 * torch.sin(k * y + turn), y + 0.75 * torch.cos(k * x - turn + k)
    net = (torch.sin(x) * torch.sin(y)).abs().add_(0.06).reciprocal_().mul_(0.075)
    net = (net * (0.5 + 0.5 * torch.sin(0.7 * x - 0.4 * y))).clamp(0, 1.2)
    deep = smooth(c.y + 0.12 * f["a"], -1.1, 1.0)
    lamp = c.focus[0] * 0.8
    lean = (c.x - lamp) / (c.y + 2.2)
    ray = torch.sin(lean * 19 + 1.2 * f["m"]) + torch.sin(lean * 31 - turn + 2 * f["m"])
    shaft = smooth(ray, -0.3, 2.0) * (1 - deep) * glow(lean, 0.45)
    surface = glow(c.y + 1.15, 0.45) * glow(c.x - lamp, 1.2)
    tone = (
        0.42 * (1 - deep) ** 1.5 + 0.4 * net * (1 - 0.75 * deep) + 0.3 * surface + 0.22 * shaft
    )
    light = 0.45 + 1.3 * net * (1 - 0.7 * deep) + 0.8 * shaft + 1.1 * surface
    life = stars(c, 3.6, share=0.4, size=0.02, rise=1) + 0.5 * stars(c, 9.0, share=0.4)
    return Layers(0.05 + tone, light, life * (0.25 + 0.75 * deep) * 1.3)


def strings(c: Canvas) -> Layers:
    """Many taut lines of light that a sound has bent."""
    f, t = c.fields, c.traits
    lean = (t["angle"] - 0.5) * 1.2
    across = c.x * torch.cos(lean) + c.y * torch.sin(lean)
    along = c.y * torch.cos(lean) - c.x * torch.sin(lean)
    hump = glow(across - c.focus[0], 0.4 + 0.3 * t["width"])
    swell = 0.30 * f["a"] + 0.16 * f["b"] + 0.08 * c.gains[2] * f["d"]
    height = swell * (0.25 + 1.1 * hump) * c.gains[0]
    count = 5 + 6 * t["density"]
    phase = (along + height) * count
    near = (phase - phase.round()).abs() / count
    thin = 0.004 + 0.009 * hump
    core = line(near, thin)
    halo = glow(near, 0.022)
    lit = smooth(height.abs(), 0.0, 0.45)
    fade = glow(along, 0.9) * (0.12 + 0.88 * hump)
    tone = 0.04 + (0.3 + 0.55 * lit) * core * (0.25 + 0.75 * fade) + 0.2 * halo * fade
    light = 0.3 + (1.7 * core + 0.4 * halo) * fade
    _, mist = cloud(c, c.x * 0.5 + 0.2 * f["u"], c.y * 0.5 + 0.2 * f["v"])
    tone = tone + 0.10 * smooth(mist, -0.5, 2.0) * hump
    return Layers(tone, light, 0.9 * core * fade * smooth(lit, 0.55, 1.0))
