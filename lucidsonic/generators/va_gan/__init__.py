"""Pictures that feel what the music feels: a decoder bent by valence and arousal."""

from lucidsonic.generators.va_gan.adapter import Options, VaGan, load
from lucidsonic.generators.va_gan.network import Decoder

__all__ = ["Decoder", "Options", "VaGan", "load"]
