"""Forms of print and paper: hills, well, ink, contours. Light stays near 1, as on a page."""

import torch

from lucidsonic.generators.lumen.brushes import cloud, line, smooth
from lucidsonic.generators.lumen.canvas import TAU, Canvas
from lucidsonic.generators.lumen.layers import Layers

SHEETS = 6


def hills(c: Canvas) -> Layers:
    """Paper cut into ranges of hills before a sun."""
    f, t = c.fields, c.traits
    sun = torch.hypot(c.x - c.focus[0], c.y + 0.35 - 0.3 * (t["focus_y"] - 0.5))
    disc = smooth((0.26 + 0.14 * t["scale"]) * (0.8 + 0.2 * c.gains[0]) - sun, -0.004, 0.004)
    tone = 0.93 - 0.10 * (c.y + 1).clamp(0, 2)
    shade = 1 - 0.10 * line(sun - 0.30, 0.12)
    accent = disc
    for k in range(SHEETS):
        near = k / (SHEETS - 1)
        swell = f["a"] if k % 2 else f["m"]
        bumps = 0.5 * swell + 0.35 * (f["b"] if k % 3 else f["c"]) + 0.07 * c.gains[2] * f["d"]
        lean = 0.3 * torch.sin(1.4 * c.x + 2.1 * k + TAU * c.drift + 3 * t["shape"])
        edge = c.y - (-0.28 + 1.05 * near) + (0.16 + 0.1 * t["warp"]) * (bumps + lean)
        tone, shade, accent = _lay(edge, 0.77 - 0.74 * near, tone, shade, accent)
    return Layers(tone, shade * (1 - accent), accent * shade)


def well(c: Canvas) -> Layers:
    """A light box: sheets of paper, each with a wider hole than the one behind."""
    f, t = c.fields, c.traits
    angle = torch.atan2(c.y - c.focus[1], c.x - c.focus[0])
    petals = torch.cos(c.symmetry * angle)
    tone, shade = torch.full_like(c.x, 0.97), 1 + 0.25 * c.pool
    accent = torch.zeros_like(c.x)
    for k in range(SHEETS):
        near = k / (SHEETS - 1)
        wave = 0.55 * (f["u"] if k % 2 else f["v"]) + 0.45 * (f["b"] if k % 3 else f["c"])
        turn = torch.cos(c.symmetry * angle + 1.3 * k + TAU * c.drift) if k % 2 else petals
        hole = (
            (0.15 + 0.95 * near**1.2) * (0.85 + 0.3 * t["scale"]) * (0.88 + 0.12 * c.gains[0])
        )
        edge = c.radius - hole + (0.05 + 0.09 * near) * wave
        edge = edge + 0.055 * t["shape"] * turn * (0.4 + near)
        tone, shade, accent = _lay(edge, 0.86 - 0.80 * near, tone, shade, accent)
    spark = smooth(0.07 * c.gains[0] - c.radius, -0.004, 0.004)
    return Layers(tone, shade * (1 - spark), spark)


def _lay(
    edge: torch.Tensor,
    colour: float,
    tone: torch.Tensor,
    shade: torch.Tensor,
    accent: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Put a sheet where `edge` > 0, with its shadow on what lies behind."""
    sheet = smooth(edge, -0.004, 0.004)
    shadow = 0.62 * torch.exp(edge.clamp_max(0) * 13)
    rim = 0.16 * line(edge - 0.006, 0.010)
    tone = torch.lerp(tone, torch.full_like(tone, colour), sheet)
    shade = torch.lerp(shade * (1 - shadow), 0.94 + rim + 0.05 * edge.clamp(0, 1), sheet)
    return tone, shade, accent * (1 - sheet)


def ink(c: Canvas) -> Layers:
    """Ink in water on white paper, and a red sun."""
    f, t = c.fields, c.traits
    warp = 0.3 + 0.25 * t["warp"]
    x, y = c.x + warp * f["u"], c.y + warp * f["v"]
    wash, fibre = cloud(c, x * 0.45 + 0.13 * f["b"], y * 0.45 + 0.13 * f["c"])
    fine, _ = cloud(c, x * 1.3 + 0.25 * wash, y * 1.3 + 0.25 * fibre)
    away = 1 - c.pool
    depth = (
        f["a"] * 0.8 + 0.55 * wash + 0.2 * fine + 0.8 * away - 0.55 + 0.25 * (c.gains[0] - 1)
    )
    body = smooth(depth, -0.15, 1.3)
    rim = line(depth + 0.02, 0.10)
    thread = line(fine + 0.6 * wash, 0.10) * smooth(depth, -0.7, 0.2)
    paper = 0.97 - 0.04 * smooth(fibre, -1.0, 2.0)
    tone = paper - 0.86 * body.sqrt() - 0.35 * rim * (1 - body) - 0.25 * thread
    size = (0.16 + 0.12 * t["scale"]) * (0.75 + 0.25 * c.gains[0])
    sun = smooth(size - c.radius + 0.012 * f["d"], -0.01, 0.01) * (1 - 0.6 * body)
    splash = smooth(f["d"] + 0.5 * fine, 2.2, 2.4) * smooth(depth, -1.0, -0.2)
    return Layers((tone - 0.7 * splash).clamp(0, 1), 1 - sun, sun)


def contours(c: Canvas) -> Layers:
    """A map of a land that does not exist, in thin lines and flat tints."""
    f, t = c.fields, c.traits
    height = 0.55 * f["a"] + 0.35 * f["b"] + 0.09 * c.gains[2] * f["d"] + 1.6 * c.pool
    # Closer lines would flicker where they move, and count as flashes where a kick throws them.
    count = (2.1 + 1.6 * t["density"]) * (0.75 + 0.25 * c.gains[0])
    phase = height * count + c.drift * 2
    step = phase.floor()
    inside = phase - step
    edge = torch.minimum(inside, 1 - inside) / count
    wire = line(edge, 0.018)
    fine = phase * 4
    hair = line((fine - fine.round()).abs() / count / 4, 0.006)
    flat = (step + smooth(inside, 0.92, 1.0) - c.drift * 2) / count
    tone = 0.16 + 0.27 * (flat + 0.9)
    lit = 0.85 + 0.25 * smooth(inside, 1.0, 0.0)
    summit = smooth(height, 1.75, 2.0)
    tone = (tone * (1 - 0.12 * hair)).clamp(0.02, 1)
    return Layers(tone, lit * (1 - 0.75 * wire) * (1 - summit), 0.5 * wire + 0.9 * summit)
