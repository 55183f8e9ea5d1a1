"""A figure as a PNG image, and the settings under which any figure is drawn."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import matplotlib
from matplotlib.figure import Figure
from PIL import Image

__all__ = ["INCH", "png", "rendering"]

INCH = 72  # pixels; one pixel is then one point, the unit of font sizes
_drawing = Lock()  # matplotlib reads two SVG settings from state that all threads share


def png(figure: Figure) -> bytes:
    """The figure as a PNG image of at most 256 colours, two image points to a pixel."""
    drawn, packed = io.BytesIO(), io.BytesIO()
    with rendering():
        figure.savefig(drawn, format="png", dpi=2 * INCH, pil_kwargs={"compress_level": 1})
    # Fewer colours take a third of the room, which counts in a notebook that is kept with its pictures.
    Image.open(drawn).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(packed, format="png")
    return packed.getvalue()


@contextmanager
def rendering() -> Iterator[None]:
    """Text stays text, ids repeat, and a letter that the PNG's font lacks is no reason for a warning."""
    with (
        _drawing,
        matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "retinue"}),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
        yield
