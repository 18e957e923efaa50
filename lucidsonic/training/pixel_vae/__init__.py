"""Sprites -> a pixel-art VAE and its teacher."""

from lucidsonic.training.family import Family
from lucidsonic.training.pixel_vae.config import PRESETS, Config
from lucidsonic.training.pixel_vae.dataset import open_data
from lucidsonic.training.pixel_vae.export import export
from lucidsonic.training.pixel_vae.sheets import pictures, sample
from lucidsonic.training.pixel_vae.state import State, build
from lucidsonic.training.pixel_vae.steps import step
from lucidsonic.training.pixel_vae.watch import evaluate, react, watch

__all__ = ["FAMILY", "PRESETS", "Config", "State", "build", "export", "sample", "step"]

FAMILY = Family(
    name="pixel-vae",
    config=Config,
    presets=PRESETS,
    dataset=lambda config: open_data(config).training,
    build=build,
    step=step,
    sample=sample,
    export=export,
    evaluate=evaluate,
    pictures=pictures,
    watch=watch,
    react=react,
    panels={
        "pixel error": ("recon", "val_recon"),
        "KL": ("kl", "val_kl"),
        "PSNR, dB": ("val_psnr", "val_psnr_mean"),
        "teacher": ("teacher_quality", "teacher_order", "teacher_semantic"),
        "quality": ("quality", "val_judged", "teacher_real", "teacher_gap", "triples"),
        "experts": ("expert_min_share", "expert_entropy", "active_units"),
    },
)
