"""The forms by name: what a character may be drawn with."""

from collections.abc import Mapping

from lucidsonic.generators.lumen.flow import caustics, rings, silk, strings
from lucidsonic.generators.lumen.glass import city, mandala, rose, stained
from lucidsonic.generators.lumen.layers import Form
from lucidsonic.generators.lumen.paper import contours, hills, ink, well
from lucidsonic.generators.lumen.sky import curtains, flame, galaxy, nebula

FORMS: Mapping[str, Form] = {
    form.__name__: form
    for form in (
        curtains, nebula, galaxy, flame, silk, rings, caustics, strings,
        stained, rose, mandala, city, hills, well, ink, contours,
    )
}  # fmt: skip
