"""The teacher: how good a sprite looks, and what it is about.

`quality` is one scoring network; `moe` routes a shared backbone through soft-gated experts and
adds a semantic embedding.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import nn

TeacherKind = Literal["quality", "moe"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherShape:
    """Everything that fixes the teacher's tensors.

    Attributes:
        kind: "quality" scores; "moe" scores and embeds through experts.
        colours: channels of a sprite.
        channels: widths of the backbone; every block halves the side.
        hidden: width inside an expert.
        feature: width of an expert's answer and of the heads.
        embedding: width of the semantic embedding.
        experts: how many.
        top_k: experts used for one sprite, 0 for all (soft routing).
    """

    kind: TeacherKind = "moe"
    colours: int = 3
    channels: tuple[int, ...] = (64, 128, 256, 512)
    hidden: int = 512
    feature: int = 256
    embedding: int = 64
    experts: int = 4
    top_k: int = 0


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a teacher says about a batch.

    Attributes:
        logit: `(batch,)`; its sigmoid is the quality.
        embedding: `(batch, embedding)` of unit norm, or None.
        routing: `(batch, experts)` adding up to 1, or None.
    """

    logit: torch.Tensor
    embedding: torch.Tensor | None = None
    routing: torch.Tensor | None = None

    @property
    def quality(self) -> torch.Tensor:
        return self.logit.sigmoid()


class Downscale(nn.Module):
    """Residual block that halves the side."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(inside, outside, 3, stride=2, padding=1),
            nn.BatchNorm2d(outside),
            nn.ReLU(),
            nn.Conv2d(outside, outside, 3, padding=1),
            nn.BatchNorm2d(outside),
        )
        self.shortcut = nn.Sequential(
            nn.Conv2d(inside, outside, 1, stride=2), nn.BatchNorm2d(outside)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (self.path(x) + self.shortcut(x)).relu()


class Backbone(nn.Sequential):
    """`(batch, colours, size, size)` -> features at a sixteenth of the side."""

    def __init__(self, shape: TeacherShape) -> None:
        widths = (shape.colours, *shape.channels)
        super().__init__(*(Downscale(i, o) for i, o in pairwise(widths)))


class QualityTeacher(nn.Module):
    """Scores a sprite from its pooled features."""

    def __init__(self, shape: TeacherShape) -> None:
        super().__init__()
        self.backbone = Backbone(shape)
        self.head = score_head(shape.channels[-1], shape.feature)

    def forward(self, images: torch.Tensor) -> Judgement:
        return Judgement(self.head(self.backbone(images).mean((2, 3))).squeeze(1))


class MoeTeacher(nn.Module):
    """Mixture of experts over a shared backbone: quality and semantic heads."""

    def __init__(self, shape: TeacherShape) -> None:
        super().__init__()
        width = shape.channels[-1]
        self.top_k = shape.top_k
        self.backbone = Backbone(shape)
        self.gate = nn.Sequential(
            nn.Linear(width, shape.feature), nn.ReLU(), nn.Linear(shape.feature, shape.experts)
        )
        self.experts = nn.ModuleList(
            make_expert(width, shape.hidden, shape.feature) for _ in range(shape.experts)
        )
        self.quality = score_head(shape.feature, shape.feature // 2)
        self.semantic = nn.Sequential(
            nn.Linear(shape.feature, shape.feature),
            nn.ReLU(),
            nn.Linear(shape.feature, shape.embedding),
        )

    def forward(self, images: torch.Tensor) -> Judgement:
        features = self.backbone(images)
        routing = route(self.gate(features.mean((2, 3))), self.top_k)
        answers = torch.stack([e(features).mean((2, 3)) for e in self.experts], dim=1)
        mixed = (routing[..., None] * answers).sum(1)
        embedding = nn.functional.normalize(self.semantic(mixed), dim=1)
        return Judgement(self.quality(mixed).squeeze(1), embedding, routing)


def make_expert(width: int, hidden: int, feature: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inside, outside, kernel in (
        (width, hidden, 3),
        (hidden, hidden, 1),
        (hidden, feature, 1),
    ):
        conv = nn.Conv2d(inside, outside, kernel, padding=kernel // 2)
        layers += [conv, nn.BatchNorm2d(outside), nn.ReLU()]
    return nn.Sequential(*layers)


def score_head(inside: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inside, hidden), nn.ReLU(), nn.Linear(hidden, 1))


def route(logits: torch.Tensor, top_k: int) -> torch.Tensor:
    """Weights of the experts; with `top_k` > 0 all but the k largest are zero."""
    if 0 < top_k < logits.shape[1]:
        floor = logits.topk(top_k, dim=1).values[:, -1:]
        logits = logits.masked_fill(logits < floor, float("-inf"))
    return logits.softmax(1)


TEACHERS: dict[str, type[QualityTeacher] | type[MoeTeacher]] = {
    "quality": QualityTeacher,
    "moe": MoeTeacher,
}


def build_teacher(shape: TeacherShape) -> QualityTeacher | MoeTeacher:
    """A teacher of that kind with random weights."""
    return TEACHERS[shape.kind](shape)
