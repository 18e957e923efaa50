"""StyleGAN2: mapping and synthesis with noise, all options of the official checkpoints."""

from lucidsonic.generators.stylegan2.adapter import StyleGAN2, load
from lucidsonic.generators.stylegan2.convert import convert, recognise
from lucidsonic.generators.stylegan2.network import Network
from lucidsonic.generators.stylegan2.options import Options

__all__ = ["Network", "Options", "StyleGAN2", "convert", "load", "recognise"]
