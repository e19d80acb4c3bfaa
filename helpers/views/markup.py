"""HTML that every view is made of: pure functions from values to text.

Colours repeat what words say, never more.
"""

import re
from collections.abc import Iterable, Sequence

from ..text import escape

_MARKS = {"stopped": "■", "waiting": "·", "running": "▶", "cached": "●", "done": "✔", "failed": "✘",
          "built": "✔", "skipped": "–"}
# Of marks: the palette's blue, orange, vermilion and grey, each to be seen on a white page and on a dark one.
GOOD, FAIR, BAD, QUIET = "#1F83C4", "#B57A00", "#D55E00", "#7A7A7A"
_COLOURS = {"running": FAIR, "stopped": BAD, "done": GOOD, "built": GOOD, "failed": BAD}     # the rest are quiet
_HALF = re.compile(r"[0-9a-f]{32}(?=[0-9a-f]{32})")   # of a digest, which is one long word
_DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")
_INDENT = re.compile(r"\n( *)")
_BACKTICKS = re.compile(r"`([^`]+)`")
_PLACES = re.compile(r"\s|<wbr>")    # where a line of code may end
_PART = 20    # characters between them that a column of a narrow table has room for
_LONG = re.compile(r"\S{16,}")
_WORD = re.compile(r"\S*[^\s\w]\S*")    # that a browser may break
_PARTS = re.compile("(?<=,)(?=.)")
_SHORT = 28    # characters that a line has room for, on a phone too
_ADDRESS = re.compile(rf"\S{{{_SHORT + 1},}}")
# A word of several lines. The background of the code around it does not reach it, so it has the same. JupyterLab drops
# a bare `inherit` from what it does not trust, but not where a colour is named.
_BLOCK = "display:inline-block;max-width:100%;text-indent:0;background-color:var(--transparent, inherit)"
# JupyterLab drops `anywhere` from what it does not trust.
_JOINT = re.compile(r"(?<=[^/,=@:])([/,=@]|\.(?=[A-Za-z]{4,}[./]|[A-Za-z]{12}))(?=.)")
# Options, and names of files and images: a browser breaks them at a hyphen.
_NAME = re.compile(r"<[^>]*>|((?<![\w.-])(?=[\w.]*-+\w)[\w.-]{2,28}(?![\w.-]))")    # or a tag, which stays


def table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "", right: Sequence[int] = ()) -> str:
    """An HTML table; cells are given as HTML. `right` names right-aligned columns, of numbers with their units."""
    def cell(tag: str, column: int, text: str) -> str:
        side = "left" if column not in right else "right" if tag == "th" else "right;white-space:nowrap"
        scope = ' scope="col"' if tag == "th" else ""
        return f'<{tag}{scope} style="text-align:{side}">{text}</{tag}>'

    top = "".join(cell("th", i, escape(text)) for i, text in enumerate(head))
    body = "".join(f"<tr>{''.join(cell('td', i, text) for i, text in enumerate(row))}</tr>" for row in rows)
    title = f'<caption style="text-align:left">{escape(caption)}</caption>' if caption else ""
    return f"<table>{title}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def code(text: str) -> str:
    """Text as code. A long path may go on in the next line, an option, a name or a short word not."""
    marked_up = jointed(escape(text))
    # With `anywhere` a narrow table may cut any word, be it short; without it the longest part keeps its room.
    wrap = "anywhere" if max(map(len, _PLACES.split(marked_up))) > _PART else "break-word"
    return f'<code style="overflow-wrap:{wrap}">{whole_names(marked_up)}</code>'


def short(text: str) -> str:
    """A digest is one long word: of its 64 figures, so many as `docker images` shows."""
    return _DIGEST.sub("\\1\u2026", text)


def jointed(escaped: str) -> str:
    """HTML in which a long word may go on in the next line where its parts are joined."""
    return _HALF.sub(r"\g<0><wbr>", _LONG.sub(lambda word: _JOINT.sub("\\1<wbr>", word[0]), escaped))


def whole_words(escaped: str) -> str:
    """HTML in which a word goes to the next line whole; where it is longer than one, its parts between commas do, and
    only what is itself longer than a line is broken."""
    return _WORD.sub(lambda found: _whole(found[0]), escaped)


def _whole(word: str) -> str:
    if len(word) <= _SHORT:
        return f'<span style="white-space:nowrap">{word}</span>'
    parts = _PARTS.split(word)
    inside = "".join(map(_whole, parts)) if len(parts) > 1 else whole_names(jointed(word))
    return f'<span style="{_BLOCK}">{inside}</span>'


def whole_names(marked_up: str) -> str:
    """HTML in which no line ends within an option such as --no-cache, nor at a hyphen in a name."""
    return _NAME.sub(lambda found: f'<span style="white-space:nowrap">{found[1]}</span>' if found[1] else found[0],
                     marked_up)


def hanging(lines: Iterable[str], text: str, beside: int = 2) -> str:
    """The lines of `text`, given as HTML, in an element each. What a narrow page takes to the next line is indented
    `beside` columns more than the line."""
    columns = [len(line) - len(line.lstrip(" ")) + beside for line in text.split("\n")]
    # On a phone it is less, so that the longest name has room beside it. JupyterLab keeps the first of each where it
    # does not trust the output: a character of its font is 0.6em wide.
    hung = ('<span style="display:block;'
            f'padding-left:{indent * 0.6:.4g}em;padding-left:min({indent}ch,100vw - 36ch);'
            f'text-indent:-{indent * 0.6:.4g}em;text-indent:max(-{indent}ch,36ch - 100vw)">{line}'
            for line, indent in zip(lines, columns, strict=True))
    return "\n</span>".join(hung) + "</span>"


def prose(text: str) -> str:
    """Sentences as HTML: code is between backticks, two dollar signs are no formula, lines and indents stay."""
    marked_up = _ADDRESS.sub(lambda word: jointed(word[0]), escape(text))
    marked_up = marked_up.replace("$", "<span>$</span>" if text.count("$") > 1 else "$")
    marked_up = _BACKTICKS.sub(r"<code>\1</code>", whole_names(marked_up))
    return _INDENT.sub(lambda found: f"<br>{'&nbsp;' * len(found[1])}", marked_up)


def marked(mark: str, words: str, colour: str) -> str:
    """Words after a mark. The mark alone is coloured: no colour is easy to read on a white page and on a dark one."""
    return (f'<span style="white-space:nowrap"><span style="color:{colour}" aria-hidden="true">{mark}</span>'
            f" {escape(words)}</span>")


def status(word: str) -> str:
    """The status of a stage or step."""
    return marked(_MARKS.get(word, ""), word, _COLOURS.get(word, QUIET))


def paragraph(text: str) -> str:
    """Plain text as a paragraph; its line breaks stay."""
    return f"<p>{prose(text)}</p>"
