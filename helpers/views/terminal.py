"""Commands for a terminal, ready to be copied."""

from collections.abc import Sequence

from ..text import escape, shown
from .markup import hanging, paragraph, whole_words

_LABEL = "In a terminal"
_LINES = 3    # that are not folded


class Script:
    """A shell script, folded away where there is HTML."""

    def __init__(self, text: str):
        self.text = text

    def __repr__(self) -> str:
        return shown(self.text)

    def _repr_html_(self) -> str:
        return _folded("In your terminal", self.text)


def commands_bundle(commands: Sequence[str], remark: str = "") -> dict[str, str]:
    """What stands below a cell: a remark, a few lines as they are, more of them folded away."""
    below = _commands(commands)
    return {"text/plain": f"{shown(remark)}\n{below['text/plain']}",
            "text/html": f"{paragraph(remark)}{below['text/html']}"} if remark else below


def _commands(commands: Sequence[str]) -> dict[str, str]:
    text = "\n".join(commands)
    if text.count("\n") < _LINES:
        lines = "".join(f"<br>{_code(line)}" for line in text.split("\n"))
        page = f"<p>{_LABEL}:{lines}</p>" if "\n" in text else f"<p>{_LABEL}: {_code(text)}</p>"
        return {"text/plain": shown(f"{_LABEL}: {text}"), "text/html": page}
    return {"text/plain": shown(f"{_LABEL}:\n{text}"), "text/html": _folded(_LABEL, text)}


def _code(line: str) -> str:
    return f'<code style="overflow-wrap:anywhere">{whole_words(escape(line))}</code>'


def _folded(summary: str, text: str) -> str:
    style = "margin:0;white-space:pre-wrap;word-break:normal;overflow-wrap:anywhere"
    lines = hanging(whole_words(escape(text)).split("\n"), text)
    return f"<details><summary>{escape(summary)}</summary><pre style='{style}'>{lines}</pre></details>"
