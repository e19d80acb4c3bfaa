"""What is to be read on a drawn chart. Each takes a chart, or the only axes of one."""

from matplotlib.colors import to_hex

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
