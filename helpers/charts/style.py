"""The look of every figure: palette, frame, footnote, alt text.

The colours are those of the course: orange for building, blue for running, grey
for what is shared, vermilion for what is dangerous. They are from Okabe and
Ito's palette, which colour-blind readers can tell apart; no figure tells
anything by colour alone.
"""

from __future__ import annotations

import base64
import io
import textwrap
from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache
from typing import Any

import matplotlib
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from matplotlib.textpath import text_to_path

from ..image import Image
from ..labels import MADE_OF
from ..text import escape

BUILD, RUN, SHARED, DANGER = "#E69F00", "#0072B2", "#8C8C8C", "#D55E00"
BUILD_OWN = "#5E3F00"   # a darker orange: what a build adds to its tools
INK, PAPER, FAINT = "#1A1A1A", "#FFFFFF", "#6B6B6B"
PALE = {BUILD: "#FBE7BF", RUN: "#CFE4F2", DANGER: "#F6CFB8", SHARED: "#E6E6E6"}   # the same thinned, behind words
HATCH = "//"          # a stand-in
MONOSPACE = "DejaVu Sans Mono"
WIDTH = 7.2           # inches: readable when a notebook has half a screen
_DPI = 144            # sharp on a projector, 50 to 100 kB a figure
_TITLE_WRAP, _NOTE_WRAP = 64, 120   # characters of a line at their sizes
_LEGEND_COLUMNS = 2
_STAND_INS = 3        # so many are named with what they are made of

_SETTINGS: Any = {
    "font.size": 11, "axes.titlesize": 13, "axes.titleweight": "bold",
    "axes.titlelocation": "left", "axes.spines.top": False, "axes.spines.right": False,
    "hatch.linewidth": 0.6, "text.color": INK, "axes.labelcolor": INK,
    "font.family": "DejaVu Sans",
}


class Chart:
    """A figure that shows itself in a notebook, with alt text.

    title  the finding, in a sentence
    alt    the same for someone who cannot see the figure, with the values
    """

    def __init__(self, figure: Figure, title: str, alt: str):
        self.figure = figure
        self.title = title
        self.alt = alt
        self._png = b""

    def png(self) -> bytes:
        """The figure as a PNG file's bytes, drawn once."""
        self._png = self._png or self._drawn()
        return self._png

    def _drawn(self) -> bytes:
        buffer = io.BytesIO()
        for text in self.figure.findobj(Text):
            text.set_parse_math(False)     # two dollar signs are no formula: RUN echo $A $B
        with matplotlib.rc_context(_SETTINGS):
            self.figure.savefig(buffer, format="png", dpi=_DPI, facecolor=PAPER,
                                metadata={"Title": self.title, "Description": self.alt})
        return buffer.getvalue()

    def save(self, path: str) -> None:
        """Write it to `path` as PNG."""
        with open(path, "wb") as file:
            file.write(self.png())

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        data = base64.b64encode(self.png()).decode()
        picture = (f'<img alt="{escape(self.alt, quote=True)}" style="max-width: 100%" '
                   f'width="{self.figure.get_figwidth() * 96:.0f}" '
                   f'src="data:image/png;base64,{data}">')
        return {"text/html": picture, "text/plain": self.alt}

    def __repr__(self) -> str:
        return f"Chart: {self.alt}"


def canvas(height: float, columns: int = 1, ratios: Iterable[float] | None = None,
           rows: int = 1) -> tuple:
    """An empty figure in the course's look: (figure, axes or array of axes).

    `height` is that of the plot itself, in inches; `finish` adds what the title,
    the legend and the footnote take.
    """
    with matplotlib.rc_context(_SETTINGS):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        axes = figure.subplots(rows, columns, width_ratios=list(ratios) if ratios else None)
    return figure, axes


@cache
def wide(text: str, points: float, bold: bool = False) -> float:
    """Inches that a line of text takes at that size."""
    font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal", size=points)
    return text_to_path.get_text_width_height_descent(text, font, ismath=False)[0] / 72


def fitted(text: str, points: float, inches: float, bold: bool = False) -> str:
    """The text, cut and marked where it takes more than so many inches."""
    whole = text
    while text and wide(text if text == whole else f"{text}\u2026", points, bold) > inches:
        text = text[:-1]
    return text if text == whole else f"{text}\u2026"


def finish(figure: Figure, title: str, alt: str, images: Iterable[Image] = (),
           source: str = "", legend: Sequence[Artist] = (), hatched: bool = True) -> Chart:
    """Put title, legend and footnote around the plot and make it a Chart. `hatched`:
    whether what rests on a stand-in is."""
    heading = textwrap.wrap(title, _TITLE_WRAP)
    note = textwrap.wrap(source or footnote(images, hatched=hatched), _NOTE_WRAP)
    above = 0.12 + 0.24 * len(heading)
    rows = -(-len(legend) // _LEGEND_COLUMNS)
    below = 0.1 + 0.15 * len(note)
    height = figure.get_figheight() + above + 0.24 * rows + below
    figure.set_figheight(height)
    bottom = (below + 0.24 * rows) / height
    engine: Any = figure.get_layout_engine()
    engine.set(rect=(0, bottom, 1, 1 - bottom - above / height))
    with matplotlib.rc_context(_SETTINGS):
        figure.text(0.01, 1 - 0.08 / height, "\n".join(heading), va="top", fontsize=13,
                    fontweight="bold")
        figure.text(0.01, 0.05 / height, "\n".join(note), va="bottom", fontsize=8, color=FAINT)
        if legend:
            figure.legend(handles=list(legend), loc="lower left", bbox_to_anchor=(0, below / height),
                          ncols=_LEGEND_COLUMNS, frameon=False, fontsize=9, handlelength=1.6,
                          borderaxespad=0.2, borderpad=0.1)
    return Chart(figure, title, f"{title}. {alt}")


def footnote(images: Iterable[Image], *, hatched: bool = True) -> str:
    """Where the numbers come from: date, engine, stand-ins."""
    images = list(images)
    engines = dict.fromkeys(image.engine for image in images if image.engine)
    parts = [f"Measured {date.today().isoformat()} on {'; '.join(engines)}."] if engines else []
    made = {image.stand_in: image.labels.get(MADE_OF, "packages") for image in images if image.stand_in}
    if made:
        described = "; ".join(f"{name} is a stand-in made of {of}" for name, of in made.items())
        if len(made) > _STAND_INS:
            described = f"{'s' if hatched else 'S'}tand-ins made from packages for {', '.join(made)}"
        near = ("Its size is near the original's" if len(made) == 1 else
                "Their sizes are near the originals'")
        parts.append(f"{'Hatched: ' if hatched else ''}{described}. {near}, not equal.")
    return " ".join(parts)
