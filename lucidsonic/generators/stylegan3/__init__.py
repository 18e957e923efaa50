"""StyleGAN3, configurations T and R: alias-free, without noise, with a movable picture."""

from lucidsonic.generators.stylegan3.adapter import StyleGAN3, load
from lucidsonic.generators.stylegan3.convert import convert, recognise
from lucidsonic.generators.stylegan3.network import Network
from lucidsonic.generators.stylegan3.options import Options

__all__ = ["Network", "Options", "StyleGAN3", "convert", "load", "recognise"]
