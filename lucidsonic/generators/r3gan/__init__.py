"""R3GAN: one call from z to a picture; the modern baseline."""

from lucidsonic.generators.r3gan.adapter import R3GAN, Options, load
from lucidsonic.generators.r3gan.convert import convert, recognise
from lucidsonic.generators.r3gan.network import Discriminator, Network, NetworkSpec

__all__ = [
    "R3GAN",
    "Discriminator",
    "Network",
    "NetworkSpec",
    "Options",
    "convert",
    "load",
    "recognise",
]
