"""Commands for a terminal, ready to be copied."""

from __future__ import annotations

from collections.abc import Sequence

from ..text import escape, shown
from ..units import counted
from .markup import code

_LABEL = "In a terminal"


class Script:
    """A shell script, folded away where there is HTML."""

    def __init__(self, text: str):
        self.text = text

    def __repr__(self) -> str:
        return shown(self.text)

    def _repr_html_(self) -> str:
        return _folded("In your terminal", self.text)


def commands_bundle(commands: Sequence[str]) -> dict[str, str]:
    """What stands below a cell: one command in a line, more of them folded away."""
    text = "\n".join(commands)
    if "\n" not in text:
        return {"text/plain": shown(f"{_LABEL}: {text}"), "text/html": f"<p>{_LABEL}: {code(text)}</p>"}
    return {"text/plain": shown(f"{_LABEL}:\n{text}"),
            "text/html": _folded(f"{_LABEL}: {counted(len(commands), 'command')}", text)}


def _folded(summary: str, text: str) -> str:
    return (f"<details><summary>{escape(summary)}</summary>"
            f"<pre style='margin:0;white-space:pre-wrap;overflow-wrap:anywhere'>{escape(text)}</pre></details>")
