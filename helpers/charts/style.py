"""The look of every figure: palette, frame, footnote, alt text.

The colours are those of the course: orange for building, blue for running, grey for what is shared, vermilion for what
is dangerous. They are from Okabe and Ito's palette, which colour-blind readers can tell apart; no figure tells anything
by colour alone.
"""

import base64
import io
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any

import matplotlib
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from matplotlib.textpath import text_to_path
from PIL import Image as Picture
from PIL.PngImagePlugin import PngInfo

from ..image import Image
from ..labels import MADE_OF
from ..text import escape

BUILD, RUN, SHARED, DANGER = "#E69F00", "#0072B2", "#8C8C8C", "#D55E00"
BUILD_OWN = "#5E3F00"   # a darker orange: what a build adds to its tools
INK, PAPER, FAINT = "#1A1A1A", "#FFFFFF", "#6B6B6B"
PALE = {BUILD: "#FBE7BF", RUN: "#CFE4F2", DANGER: "#F6CFB8", SHARED: "#F2F2F2"}   # the same thinned, behind words
HATCH = "//"          # a stand-in, and nothing else
MONOSPACE = "DejaVu Sans Mono"
WIDTH = 6.4           # inches
SMALL = 8.5           # points of the smallest words: 10 pixels where the figure has 546, on a page of 600
_PIXELS = 860         # of the page that a figure takes where there is room
_DPI = 200            # sharp on a projector
_COLOURS = 96         # of a PNG file: a third of the bytes of one with all of them
_ON_COLOUR = "#010101", "#FEFEFE"   # words on a colour of the palette, the same in both themes
BETWEEN = _ON_COLOUR[1]             # hatching and edges beside such words: paper would be black there, as the words are
# What a dark theme has in place of paper, ink and all that is thinned.
_DARK = {"#000000": "#E8E8E8", INK: "#E6E6E6", FAINT: "#A6A6A6", PAPER: "#111111", PALE[BUILD]: "#4A3608",
         PALE[RUN]: "#0B3049", PALE[SHARED]: "#262626", PALE[DANGER]: "#5A2A08", BUILD_OWN: "#9A6A12"}
# JupyterLab drops <style> from outputs it does not trust, but keeps a width with a percentage in it, whatever else that
# computes. Of its own variables this one is a bare number: 0 in a light theme, 32 in a dark one. The site sets it too.
_DARKNESS = "var(--jp-shadow-base-lightness, 0)"
_VS_CODE = "<style>.vscode-dark {--jp-shadow-base-lightness: 32}</style>"
_TITLE_WRAP, _NOTE_WRAP = 56, 100   # characters of a line at their sizes
_LEGEND_COLUMNS = 2
_STAND_INS = 3        # so many are named with what they are made of
_QUIET = "var(--jp-content-font-color2, rgb(107, 107, 107))"    # of words on a page
_WORD = re.compile(r"[a-z][a-z0-9-]*(?=[:,;]? |$)")    # a title's first, unless it is a name as go:single or mode=min

# No line of a title ends there.
_UNIT = re.compile(r"(?<=\d) (?=(?:[kMG]?B|m?s|min)\b|%)|(?<=min) (?=\d)|(?<=[A-Z]) (?=--)")

_SETTINGS: Any = {
    "font.size": 11, "axes.titlesize": 13, "axes.titleweight": "bold", "axes.titlelocation": "left",
    "axes.spines.top": False, "axes.spines.right": False, "hatch.linewidth": 0.6, "text.color": INK,
    "axes.labelcolor": INK, "font.family": "DejaVu Sans"}


class Chart:
    """A figure that shows itself in a notebook, with alt text.

    title   the finding, in a sentence
    alt     the same for someone who cannot see the figure, with the values
    source  where the numbers come from. A file has it as its last line; on a page, where a picture may be small, it is
            text below
    foot    inches of the figure that it takes
    """

    def __init__(self, figure: Figure, title: str, alt: str, source: str = "", foot: float = 0):
        self.figure = figure
        self.title = title
        self.alt = alt
        self.source = source
        self._foot = foot
        self._pngs: dict[bool, bytes] = {}

    def png(self, dark: bool = False) -> bytes:
        """The figure without its source as a PNG file's bytes, drawn once. `dark`: for a dark page."""
        if dark not in self._pngs:
            self._pngs[dark] = self._drawn(dark, self._foot)
        return self._pngs[dark]

    def _drawn(self, dark: bool, foot: float = 0) -> bytes:
        for text in self.figure.findobj(Text):
            text.set_parse_math(False)     # two dollar signs are no formula: RUN echo $A $B
        if dark:
            self.png()     # the first drawing decides where all lies
            repaint(self.figure, _DARK)
        canvas = FigureCanvasAgg(self.figure)
        with matplotlib.rc_context(_SETTINGS):
            self.figure.set(dpi=_DPI, facecolor=_DARK[PAPER] if dark else PAPER)
            canvas.draw()     # `savefig` draws each picture twice
        self.figure.set_layout_engine("none")
        width, height = canvas.get_width_height()
        drawn = Picture.frombuffer("RGBA", (width, height), canvas.buffer_rgba(), "raw", "RGBA", 0, 1)
        if dark:
            repaint(self.figure, {new: old for old, new in _DARK.items()})
        about = PngInfo()
        about.add_itxt("Title", self.title)
        about.add_itxt("Description", self.alt)
        about.add_itxt("Source", self.source)
        small = io.BytesIO()
        drawn = drawn.crop((0, 0, width, height - round(foot * _DPI)))
        drawn.convert("RGB").quantize(_COLOURS).save(small, "png", optimize=True, pnginfo=about)
        return small.getvalue()

    def save(self, path: str) -> None:
        """Write it to `path` as PNG, its source in it."""
        with open(path, "wb") as file:
            file.write(self._drawn(dark=False))

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        """The picture for a light page, the one for a dark page, of which the other has no width, and their source."""
        light, dark = (base64.b64encode(self.png(theme)).decode() for theme in (False, True))
        # Without styles, as on GitHub, the dark one has no width either.
        picture = (f'{_VS_CODE}<img class="chart" alt="{escape(self.alt, quote=True)}" width="{_PIXELS}" '
                   f'style="max-width:min(100%, (1 - {_DARKNESS}) * {_PIXELS}px);height:auto" '
                   f'src="data:image/png;base64,{light}">'
                   f'<img class="chart-dark" alt="" width="0" '
                   f'style="width:min(100%, {_DARKNESS} * {_PIXELS}px, {_PIXELS}px);height:auto" '
                   f'src="data:image/png;base64,{dark}">')
        if self.source:
            picture = (f"<figure style='margin:0'>{picture}<figcaption style='font-size:0.85em;color:{_QUIET}'>"
                       f"{escape(self.source)}</figcaption></figure>")
        return {"text/html": picture, "text/plain": self.alt}

    def __repr__(self) -> str:
        return f"Chart: {self.alt}"


def canvas(height: float, columns: int = 1, ratios: Iterable[float] | None = None, rows: int = 1) -> tuple:
    """An empty figure in the course's look: (figure, axes or array of axes).

    `height` is that of the plot itself, in inches; `finish` adds what the title, the legend and the footnote take.
    """
    with matplotlib.rc_context(_SETTINGS):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        axes = figure.subplots(rows, columns, width_ratios=list(ratios) if ratios else None)
    return figure, axes


def repaint(figure: Figure, colours: Mapping[str, str]) -> None:
    """Give all that is drawn in one of `colours` its counterpart. Words on a colour of the palette keep theirs."""
    within: list[Any] = [part for text in figure.findobj(Text)
                         for part in (text.get_bbox_patch(), getattr(text, "arrow_patch", None)) if part is not None]
    for artist in (*figure.findobj(), *within):
        for what in ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor"):
            try:
                old = to_hex(getattr(artist, f"get_{what}")(), keep_alpha=True).upper()
                getattr(artist, f"set_{what}")(colours[old[:7]] if old[7:] != "00" else "none")
            except (AttributeError, KeyError, ValueError):   # it has no such colour, several, or one that stays
                continue


def words_on(colour: str) -> str:
    """The colour of words on one of the palette."""
    return _ON_COLOUR[colour in (RUN, BUILD_OWN)]


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
           source: str = "", legend: Sequence[Artist] = ()) -> Chart:
    """Put title, legend and footnote around the plot and make it a Chart."""
    hatched = any(patch.get_hatch() for axes in figure.axes for patch in axes.patches)
    title = capitalized(title)
    heading = textwrap.wrap(_UNIT.sub("\u00a0", title), _TITLE_WRAP)
    source = source or footnote(images, hatched=hatched)
    note = textwrap.wrap(source, _NOTE_WRAP)
    above = 0.12 + 0.24 * len(heading)
    rows = -(-len(legend) // _LEGEND_COLUMNS)
    below = 0.1 + 0.15 * len(note)
    height = figure.get_figheight() + above + 0.24 * rows + below
    figure.set_figheight(height)
    bottom = (below + 0.24 * rows) / height
    engine: Any = figure.get_layout_engine()
    engine.set(rect=(0, bottom, 1, 1 - bottom - above / height), wspace=0.05)
    with matplotlib.rc_context(_SETTINGS):
        figure.text(0.01, 1 - 0.08 / height, "\n".join(heading), va="top", fontsize=13, fontweight="bold")
        figure.text(0.01, 0.05 / height, "\n".join(note), va="bottom", fontsize=SMALL, color=FAINT)
        if legend:
            figure.legend(handles=list(legend), loc="lower left", bbox_to_anchor=(0, below / height),
                          ncols=_LEGEND_COLUMNS, frameon=False, fontsize=9, handlelength=1.6,
                          borderaxespad=0.2, borderpad=0.1)
    return Chart(figure, title, f"{title}. {alt}", source, foot=below - 0.05 if source else 0)


def capitalized(title: str) -> str:
    """The title with a capital first letter, as a sentence has it. A name in which case matters stays as it is."""
    return title[:1].upper() + title[1:] if _WORD.match(title) else title


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
        near = ("Its size is near the original's" if len(made) == 1 else "Their sizes are near the originals'")
        parts.append(f"{'Hatched: ' if hatched else ''}{described}. {near}, not equal.")
    return " ".join(parts)
