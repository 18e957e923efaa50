"""The `[generator]` table of a pixel_vae card."""

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveInt,
    model_validator,
)

from lucidsonic.generators.pixel_vae.world import Look

ART_ROWS = 128  # art pixels of the shorter side, where pixel_size is left open


def _as_size(value: Any) -> Any:
    return (value, value) if isinstance(value, int) else value


Side = Annotated[int, Field(ge=8, le=16_384)]
Widths = Annotated[tuple[PositiveInt, ...], Field(min_length=1, max_length=7)]


class Options(BaseModel):
    """`[generator]` in a card of this family.

    Attributes:
        size: height and width of the film, pixels; one number is a square.
        pixel_size: film pixels of one art pixel; unset, such that the shorter side has about
            128 art pixels.
        palette: colours of the whole film.
        dither: how strongly colours are mixed from the palette's by a fixed pattern.
        snap: art pixels that become one by vote, for networks whose sprites are enlarged.
        sampler: where keyframes come from: the sprites that the model knows, the mixture
            around them, or the standard normal that no sprite lies near.
        temperature: scales the distance from a mixture's centre.
        quality: score that the teacher must give to a keyframe; the best of three counts.
        arch: blocks of the decoder.
        sprite: side of a decoded sprite, pixels.
        colours: 3, or 4 with coverage.
        channels: widths of the decoder, finest first.
        latent: width of the latent.
        classes: names of the pseudo-classes.
        teacher: what judges keyframes.
        teacher_channels: widths of its backbone.
        hidden: width inside an expert.
        feature: width of an expert's answer.
        embedding: width of the style embedding.
        experts: how many.
        top_k: experts used for one sprite; 0 for all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: Annotated[tuple[Side, Side], BeforeValidator(_as_size)] = (512, 512)
    pixel_size: Annotated[int, Field(ge=1, le=256)] | None = None
    palette: Annotated[int, Field(ge=2, le=64)] = 24
    dither: Annotated[float, Field(ge=0, le=2)] = 0.4
    snap: Annotated[int, Field(ge=1, le=16)] = 1
    sampler: Literal["gmm", "anchors", "normal"] = "gmm"
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.7
    quality: Annotated[float, Field(ge=0, le=1)] = 0.7

    arch: Literal["listed", "residual"] = "listed"
    sprite: PositiveInt = 32
    colours: Annotated[int, Field(ge=3, le=4)] = 4
    channels: Widths = (8, 16, 32)
    latent: PositiveInt = 32
    classes: tuple[str, ...] = ("a", "b", "c", "d")
    teacher: Literal["none", "quality", "moe"] = "none"
    teacher_channels: Widths = (8, 16, 32, 64)
    hidden: PositiveInt = 64
    feature: PositiveInt = 32
    embedding: PositiveInt = 32
    experts: PositiveInt = 4
    top_k: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def fits(self) -> "Options":
        if self.sprite % self.snap:
            raise ValueError(
                f"snap {self.snap} does not divide a sprite of {self.sprite} pixels"
            )
        return self

    @property
    def art_pixel(self) -> int:
        return self.pixel_size or max(1, round(min(self.size) / ART_ROWS))

    @property
    def look(self) -> Look:
        """What the stage needs to know."""
        rows, columns = (-(-side // self.art_pixel) for side in self.size)
        return Look(
            rows=rows,
            columns=columns,
            sprite=self.sprite,
            colours=self.palette,
            dither=self.dither,
            block=self.snap,
            floors=len(self.classes),
        )
