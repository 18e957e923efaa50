"""Pixel-art autoencoder: sprites that dance on a tile map."""

from lucidsonic.generators.pixel_vae.adapter import PixelVae, load
from lucidsonic.generators.pixel_vae.network import (
    Decoder,
    Encoder,
    Vae,
    VaeShape,
    count_parameters,
)
from lucidsonic.generators.pixel_vae.options import Options
from lucidsonic.generators.pixel_vae.posterior import (
    Mixture,
    Posterior,
    cluster,
    fit_mixture,
    principal_axes,
)
from lucidsonic.generators.pixel_vae.teacher import (
    Judgement,
    MoeTeacher,
    QualityTeacher,
    TeacherShape,
    build_teacher,
)

__all__ = [
    "Decoder",
    "Encoder",
    "Judgement",
    "Mixture",
    "MoeTeacher",
    "Options",
    "PixelVae",
    "Posterior",
    "QualityTeacher",
    "TeacherShape",
    "Vae",
    "VaeShape",
    "build_teacher",
    "cluster",
    "count_parameters",
    "fit_mixture",
    "load",
    "principal_axes",
]
