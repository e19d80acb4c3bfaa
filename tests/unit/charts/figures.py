"""A build to be drawn, and what is to be read on a drawn chart. Each reader takes a chart, or the only axes of one."""

from itertools import combinations
from types import SimpleNamespace

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex

from helpers.builder import BuildResult

PNG = b"\x89PNG\r\n\x1a\n"


def texts(drawn) -> list[str]:
    """The words within the axes."""
    return [text.get_text() for axes in drawn.figure.axes for text in axes.texts]


def rows(drawn) -> list[str]:
    """The names at the left of the first axes."""
    return [label.get_text() for label in drawn.figure.axes[0].get_yticklabels()]


def columns(drawn) -> list[str]:
    return [label.get_text() for label in drawn.figure.axes[0].get_xticklabels()]


def legend(drawn) -> list[str]:
    return [text.get_text() for each in drawn.figure.legends for text in each.get_texts()]


def notes(drawn) -> str:
    """Title and footnote, in one line."""
    return " ".join(" ".join(text.get_text().split()) for text in drawn.figure.texts)


def colours(axes) -> list[str]:
    return [to_hex(patch.get_facecolor()).upper() for patch in axes.patches]


def assert_apart(figure, words, slack=0) -> None:
    """No two of these words lie upon each other, by more pixels than `slack`, and all lie within the figure."""
    FigureCanvasAgg(figure).draw()
    boxes, edge = [(text.get_text(), text.get_window_extent()) for text in words if text.get_text().strip()], figure.bbox
    over = [(one, two) for (one, a), (two, b) in combinations(boxes, 2)
            if min(a.x1, b.x1) - max(a.x0, b.x0) > slack and min(a.y1, b.y1) - max(a.y0, b.y0) > slack]
    outside = [text for text, box in boxes if box.x0 < edge.x0 - slack or box.x1 > edge.x1 + slack
               or box.y0 < edge.y0 - slack or box.y1 > edge.y1 + slack]
    assert over == outside == []


def build_of(read, stages=(), steps=(), target=None, builder="buildkit") -> BuildResult:
    """A build of which a test says what it did."""
    return BuildResult("sha256:x", "t", builder, 3.25, tuple(stages), tuple(steps), (), target, read,
                       SimpleNamespace(describe=lambda: "An engine"))
