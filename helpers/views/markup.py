"""HTML that every view is made of: pure functions from values to text.

Colours repeat what words say, never more.
"""

import re
from collections.abc import Iterable, Sequence

from ..text import escape

_MARKS = {"stopped": "■", "waiting": "·", "running": "▶", "cached": "●", "done": "✔", "failed": "✘",
          "built": "✔", "skipped": "–"}
_COLOURS = {"running": "#9A6A00", "stopped": "#D55E00",   # the orange of figures is too pale here
            "done": "#0072B2", "built": "#0072B2", "cached": "#6B6B6B",
            "failed": "#D55E00", "waiting": "#6B6B6B", "skipped": "#6B6B6B"}
_HALF = re.compile(r"[0-9a-f]{32}(?=[0-9a-f]{32})")   # of a digest, which is one long word
_BACKTICKS = re.compile(r"`([^`]+)`")
_LONG = re.compile(r"\S{16,}")
# JupyterLab drops `anywhere` from what it does not trust.
_JOINT = re.compile(r"(?<=[^/,=@:])([/,=@]|\.(?=[A-Za-z]{4}))(?=.)")
_OPTION = re.compile(r"(?<!\S)(?:-[A-Za-z]+|--[A-Za-z][a-z-]{0,23})(?![\w-])")   # a browser breaks it at a hyphen


def table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "", right: Sequence[int] = ()) -> str:
    """An HTML table; cells are given as HTML. `right` names right-aligned columns."""
    def cell(tag: str, column: int, text: str) -> str:
        side = "right" if column in right else "left"
        scope = ' scope="col"' if tag == "th" else ""
        return f'<{tag}{scope} style="text-align:{side}">{text}</{tag}>'

    top = "".join(cell("th", i, escape(text)) for i, text in enumerate(head))
    body = "".join(f"<tr>{''.join(cell('td', i, text) for i, text in enumerate(row))}</tr>" for row in rows)
    title = f'<caption style="text-align:left">{escape(caption)}</caption>' if caption else ""
    return f"<table>{title}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def code(text: str) -> str:
    """Text as code. A long word, a path or an option's value, may go on in the next line, an option's name not."""
    return f'<code style="overflow-wrap:anywhere">{whole_options(jointed(text))}</code>'


def jointed(text: str) -> str:
    """Text as HTML, in which a long word may go on in the next line where its parts are joined."""
    return _HALF.sub(r"\g<0><wbr>", _LONG.sub(lambda word: _JOINT.sub("\\1<wbr>", word[0]), escape(text)))


def whole_options(marked_up: str) -> str:
    """HTML in which no line ends within the name of an option, such as --no-cache."""
    return _OPTION.sub(r'<span style="white-space:nowrap">\g<0></span>', marked_up)


def prose(text: str) -> str:
    """Sentences as HTML: what stands between backticks is code, two dollar signs are no formula, line breaks stay."""
    marked_up = escape(text).replace("$", "<span>$</span>" if text.count("$") > 1 else "$")
    marked_up = _BACKTICKS.sub(r"<code>\1</code>", whole_options(marked_up))
    return _HALF.sub(r"\g<0><wbr>", marked_up).replace("\n", "<br>")


def marked(mark: str, words: str, colour: str) -> str:
    """Words after a mark. The mark alone is coloured: no colour is easy to read on a white page and on a dark one."""
    return (f'<span style="white-space:nowrap"><span style="color:{colour}" aria-hidden="true">{mark}</span>'
            f" {escape(words)}</span>")


def status(word: str) -> str:
    """The status of a stage or step."""
    return marked(_MARKS.get(word, ""), word, _COLOURS.get(word, "inherit"))


def whole(text: str) -> str:
    """Text that is not broken at its blanks."""
    return text.replace(" ", "\u00a0")


def paragraph(text: str) -> str:
    """Plain text as a paragraph; its line breaks stay."""
    return f"<p>{prose(text)}</p>"
