"""Forms that are built: stained glass, rose window, mandala, city."""

import torch

from lucidsonic.generators.lumen.brushes import cell_numbers, glow, line, smooth, stars
from lucidsonic.generators.lumen.canvas import TAU, Canvas
from lucidsonic.generators.lumen.layers import Layers


def stained(c: Canvas) -> Layers:
    """A leaded window with the sun behind it."""
    f, t = c.fields, c.traits
    scale = 1.9 + 1.3 * t["density"]
    x = (c.x + 0.16 * f["u"]) * scale + 20
    y = (c.y + 0.16 * f["v"]) * scale + 20
    return _glazed(c, x, y, scale)


def rose(c: Canvas) -> Layers:
    """A round window: glass cut in rings of petals."""
    f, t = c.fields, c.traits
    r, angle = _fold(c, c.x - 0.25 * c.focus[0], c.y - 0.25 * c.focus[1])
    scale = 2.1 + 1.2 * t["density"]
    bent = angle * (0.55 + 0.5 * r) * 1.6
    x = r * scale + 0.25 * torch.sin(3 * r + TAU * c.drift) + 20
    y = bent * scale + 0.1 * f["b"] + 20.5
    layers = _glazed(c, x, y, scale)
    bars = 0.15 + 0.85 * smooth((r - 0.27).abs(), 0.012, 0.022)
    bars = bars * (0.15 + 0.85 * smooth((r - 0.93).abs(), 0.015, 0.028))
    beyond = 1 - 0.65 * smooth(r, 0.94, 1.0)
    heart = torch.exp(-(r / 0.14).square())
    return Layers(
        layers.tone * bars + 0.5 * heart,
        layers.light * bars * beyond + heart,
        layers.accent * bars,
    )


def _glazed(c: Canvas, x: torch.Tensor, y: torch.Tensor, scale: torch.Tensor) -> Layers:
    """Voronoi cells of coloured glass between lead."""
    first, second, shade, kind = _cells(c, x, y)
    gap = (second - first) / scale
    lead = smooth(gap, 0.012, 0.035)
    bevel = line(gap - 0.05, 0.025)
    pulse = 0.5 + 0.5 * torch.sin(TAU * (kind * 5 + c.drift + shade))
    ripple = 0.88 + 0.09 * c.fields["d"]
    sun = c.pool**2
    tone = (0.24 + 0.6 * shade + 0.22 * sun - 0.1 * first) * lead * ripple
    light = (0.45 + 0.45 * pulse + 1.1 * sun + 0.35 * bevel) * lead * ripple
    gem = smooth(kind, 0.80, 0.84) * lead * (0.5 + 0.6 * pulse)
    return Layers(tone, light * (1 - 0.85 * gem.clamp(0, 1)), gem * 0.85)


def _cells(c: Canvas, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Distance to the nearest and second point, and the nearest one's numbers."""
    i, j = x.floor(), y.floor()
    first = torch.full_like(x, 9.0)
    second, shade, kind = first.clone(), torch.zeros_like(x), torch.zeros_like(x)
    for di in (-1, 0, 1):
        for dj in (-1, 0, 1):
            a, b, s, k = cell_numbers(c, i + di, j + dj)
            px = i + di + 0.5 + 0.34 * torch.sin(TAU * (a + c.drift)) - x
            py = j + dj + 0.5 + 0.34 * torch.sin(TAU * (b - c.drift)) - y
            far = torch.hypot(px, py)
            nearer = far < first
            second = torch.minimum(second, torch.maximum(first, far))
            first = torch.minimum(first, far)
            shade, kind = torch.where(nearer, s, shade), torch.where(nearer, k, kind)
    return first, second, shade, kind


def _fold(c: Canvas, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Radius, and the angle folded into one sector, radians from its middle."""
    sector = TAU / c.symmetry
    turned = torch.atan2(y, x) + 0.25 * TAU + 0.5 * sector
    return torch.hypot(x, y), (torch.remainder(turned, sector) - sector / 2).abs()


def mandala(c: Canvas) -> Layers:
    """Ornaments of light from a few mirrors, folded again and again."""
    f, t = c.fields, c.traits
    r, angle = _fold(c, c.x - 0.2 * c.focus[0], c.y - 0.2 * c.focus[1])
    x, y = r * torch.cos(angle), r * torch.sin(angle)
    size, trap, beads = 1.0, torch.full_like(x, 9.0), torch.full_like(x, 9.0)
    swing = 0.12 * torch.sin(TAU * c.drift) + 0.05 * (c.gains[0] - 1)
    for k, shift in enumerate((0.42, 0.26, 0.19)):
        lean = 0.5 + 0.9 * (t["bend"] if k % 2 else t["shape"]) + swing + 0.4 * k
        x, y = x.abs() - shift * (0.75 + 0.5 * t["scale"]), y.abs() - 0.6 * shift
        cos, sin = torch.cos(lean), torch.sin(lean)
        x, y = (x * cos - y * sin) * 1.25, (x * sin + y * cos) * 1.25
        size *= 1.25
        trap = torch.minimum(trap, torch.minimum(x.abs(), y.abs()) / size)
        beads = torch.minimum(beads, (torch.hypot(x, y) - 0.16).abs() / size)
    lines = line(trap, 0.004 + 0.005 * t["width"])
    halo = glow(trap, 0.02)
    hoops = line(beads, 0.006)
    fade = torch.exp(-0.8 * r.square()) * (0.25 + 0.75 * smooth(r, 0.0, 0.55))
    petal = smooth(torch.hypot(x, y) / size, 0.45, 0.05)
    heart = torch.exp(-(r / 0.13).square())
    wash = 0.5 + 0.5 * torch.sin(5 * r - TAU * c.drift + f["a"])
    tone = 0.05 + (0.35 * petal * wash + 0.4 * lines + 0.3 * hoops + 0.12 * halo) * fade
    light = 0.3 + (0.9 * lines + 0.9 * hoops + 0.3 * halo + 0.8 * petal) * fade + 1.1 * heart
    return Layers(tone + 0.5 * heart, light, 0.8 * hoops * fade * wash)


HORIZON = 0.42
# buildings a unit, tallest, how far in the haze
STREETS = ((4.6, 1.05, 0.75), (3.4, 1.25, 0.4), (2.3, 0.80, 0.0))


def city(c: Canvas) -> Layers:
    """A skyline at night above wet asphalt, a neon sun behind it."""
    f, t = c.fields, c.traits
    wet = smooth(c.y - HORIZON, 0.0, 0.01)
    depth = (c.y - HORIZON).clamp_min(0)
    x = c.x + wet * (0.05 + 0.12 * depth) * torch.sin(38 * depth.sqrt() + 3 * f["b"]) * 0.6
    y = HORIZON - (c.y - HORIZON).abs()
    sun = torch.hypot(x - c.focus[0] * 0.7, y + 0.12 + 0.3 * (t["focus_y"] - 0.5))
    size = (0.42 + 0.2 * t["scale"]) * (0.85 + 0.15 * c.gains[0])
    bars = smooth(
        torch.sin((y - HORIZON) * 46), -0.75 - 1.2 * (y + 0.4), -0.35 - 1.2 * (y + 0.4)
    )
    disc = smooth(size - sun, 0.0, 0.015) * bars
    sky = glow(sun, 0.6) * (0.75 + 0.12 * f["a"])
    tone = 0.06 + 0.42 * sky + disc * (0.32 - 0.3 * (y - 0.1))
    light = 0.35 + 1.0 * sky + 1.1 * disc
    accent = stars(c, 9.0, share=0.5) * smooth(-c.y, 0.1, 0.8) * (1 - disc)
    for street, (count, tall, haze) in enumerate(STREETS):
        wall, pane, rim = _street(c, x, y, count * (0.8 + 0.5 * t["density"]), tall, street)
        tone = torch.lerp(tone, 0.04 + 0.22 * haze * sky + 0.85 * pane, wall)
        light = torch.lerp(light, 0.3 + 0.6 * haze + 1.3 * pane, wall)
        accent = accent * (1 - wall) + 0.9 * rim
    light = light * (1 - 0.55 * wet) * (1 - 0.35 * depth)
    return Layers(tone, light, accent * (1 - 0.5 * wet) + 0.6 * line(c.y - HORIZON, 0.008))


def _street(
    c: Canvas, x: torch.Tensor, y: torch.Tensor, count: torch.Tensor, tall: float, street: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Where the walls of one row are, their lit windows, their neon edges."""
    place = (x + 0.6 * c.traits["scatter"] * (3 - street)) * count + 7.3 * street + 50
    number = place.floor()
    inside = place - number
    a, b, s, k = cell_numbers(c, number, torch.full_like(number, 3.0 + street))
    sway = 0.5 + 0.5 * torch.sin(TAU * (b + c.drift) + 2.5 * c.traits["shape"])
    middle = 0.35 + 0.65 * glow(((number + 0.5 - 7.3 * street - 50) / count), 0.8)
    top = tall * (0.10 + (0.5 * a + 0.45 * sway * s) * middle) * (0.72 + 0.28 * c.gains[0])
    up = HORIZON - y
    side = torch.minimum(inside, 1 - inside) / count
    wall = smooth(top - up, 0.0, 0.008) * smooth(side, 0.004, 0.010)
    rows, columns = up * 34, inside * (3 + (3 * k).floor())
    lamp = cell_numbers(c, columns.floor() + 9 * number, rows.floor() + 40 * street)
    flicker = 1 + 0.6 * c.sparkle * torch.sin(TAU * (lamp[1] * 9 + c.time_s * (0.5 + lamp[2])))
    frame = smooth((columns - columns.floor() - 0.5).abs(), 0.36, 0.26)
    frame = frame * smooth((rows - rows.floor() - 0.5).abs(), 0.34, 0.24)
    pane = frame * smooth(lamp[0], 0.42, 0.5) * flicker * (0.35 + 0.65 * lamp[3])
    lit = smooth(k, 0.55, 0.7) * (1 - 0.3 * street)
    rim = (line(top - up, 0.008) + line(side - 0.012, 0.006) * 0.5) * wall * lit
    return wall, pane * smooth(side, 0.015, 0.03) * smooth(top - up, 0.03, 0.05), rim
