"""What a lesson's words return: sentences, listings and small tables that show themselves."""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping, Sequence
from textwrap import shorten

from pygments.lexers.configs import DockerLexer
from pygments.token import Token

from ..image import Image, Layer, Trace
from ..inventory import Inventory
from ..text import escape, shown
from .markup import code, hanging, paragraph, short, table, whole_words

__all__ = ["say"]

_HERE, _NOWHERE = "this Dockerfile", "not there"   # plain words, not code
# JupyterLab drops a variable from what it does not trust, unless its fallback is said as rgb().
_NUMBER = "var(--jp-content-font-color2, rgb(107, 107, 107))"
_MONOSPACE = "var(--jp-code-font-family, monospace)"
_SYNTAX = {Token.Keyword: "color:var(--jp-mirror-editor-keyword-color, rgb(0, 103, 160));font-weight:bold",
           Token.Comment: "color:var(--jp-mirror-editor-comment-color, rgb(94, 107, 107));font-style:italic",
           Token.Literal: "color:var(--jp-mirror-editor-string-color, rgb(163, 50, 11))"}
_BESIDE = 7   # columns of a listing's line numbers, and two
_LINE = 80    # characters of an instruction that a table shows
_CAPABLE = "file capabilities"


class say(str):
    """A sentence made from what was measured, shown without quotation marks and with digests shortened."""

    __slots__ = ()

    def __repr__(self) -> str:
        return short(str(self))

    def _repr_html_(self) -> str:
        return paragraph(short(str(self)))


class Bases(tuple):
    """Base images and where each came from, as a table."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join(f"{each.ref:<34} {each.origin}" for each in self)

    def _repr_html_(self) -> str:
        renamed = any(each.substituted for each in self)   # else that column only repeats the first
        rows = [(code(each.ref), each.origin or "not here", *[code(each.name)] * renamed, escape(each.made_of))
                for each in self]
        return table(("base image", "where from", *["name in this engine"] * renamed, "made of"), rows)


class Finds:
    """Which of the wanted files are in an image, and what brought each."""

    def __init__(self, seen: Image, wanted: dict[str, str], everything: Mapping[str, Layer]):
        self.image = seen
        self.wanted = wanted
        self.found = {what: everything.get(path) for what, path in wanted.items()}

    @property
    def present(self) -> list[str]:
        """What was found."""
        return [what for what, layer in self.found.items() if layer]

    def _rows(self) -> list[tuple[str, str, str, str]]:
        below = self.image.layers[: self.image.base_layers]
        return [(what, self.wanted[what], shorten(layer.instruction, _LINE, placeholder=" \u2026"),
                 f"FROM {self.image.base}" if layer in below else _HERE)
                if layer else (what, _NOWHERE, "", "") for what, layer in self.found.items()]

    def __repr__(self) -> str:
        return shown("\n".join(f"{what:<14} {path:<24} {source:<20} {made}".rstrip()
                               for what, path, made, source in self._rows()))

    def _repr_html_(self) -> str:
        rows = [(escape(what), *map(_coded, (path, source, made))) for what, path, made, source in self._rows()]
        return table(("what", "where", "came with", "in the layer of"), rows, caption=self.image.reference)


def _coded(text: str) -> str:
    return text if text in ("", _HERE, _NOWHERE) else code(text)


class Attributes(tuple):
    """(path, mode, owner, where a link leads) of some paths, None for one that is not there."""

    image: Image

    def __new__(cls, seen: Inventory, paths: Sequence[str]) -> Attributes:
        made = super().__new__(cls, [cls._row(seen, path) for path in paths])
        made.image = seen.image
        return made

    @property
    def capable(self) -> bool:
        """Whether one of them has file capabilities."""
        return any(_CAPABLE in row for row in filter(None, self))

    @staticmethod
    def _row(seen: Inventory, path: str) -> tuple[str, str, str, str] | None:
        if path not in seen.tree:
            return None
        node = seen.tree[path]
        kind = {"d": stat.S_IFDIR, "l": stat.S_IFLNK}.get(node.kind, stat.S_IFREG)
        uid, gid = node.entries.uids[node.row], node.entries.gids[node.row]
        second = f"second name of {seen.tree.origin(node).path}" if node.kind == "h" else ""
        capable = _CAPABLE if node.row in node.entries.capabilities else ""
        leads = f"leads to {node.link}" if node.kind == "l" else second or capable
        return path, stat.filemode(kind | node.mode), f"{uid}:{gid}", leads

    def __repr__(self) -> str:
        return shown("\n".join("  ".join((f"{mode} {owner:>9}", path, leads)).rstrip()
                               for path, mode, owner, leads in filter(None, self)))

    def _repr_html_(self) -> str:
        found = list(filter(None, self))
        noted = any(leads for *_, leads in found)
        rows = [(code(path), code(mode), code(owner), *[escape(leads)] * noted) for path, mode, owner, leads in found]
        return table(("path", "mode", "owner", *["note"] * noted), rows, caption=self.image.reference)


class Traces(tuple):
    """Where a text stands in an image, a row a place."""

    image: Image

    def __new__(cls, seen: Image, found: tuple[Trace, ...]) -> Traces:
        made = super().__new__(cls, found)
        made.image = seen
        return made

    def _rows(self) -> list[tuple[str, str, str]]:
        return [(each.where, each.what,
                 "" if each.layer is None else self.image.layers[each.layer].instruction) for each in self]

    def __repr__(self) -> str:
        rows = [f"{where:<9} {what}{f'  ({layer})' if layer else ''}" for where, what, layer in self._rows()]
        return shown("\n".join(rows)) or f"nowhere in {self.image.reference}"

    def _repr_html_(self) -> str:
        if not self:
            return f"<p>Nowhere in {code(self.image.reference)}.</p>"
        rows = [(escape(where), code(what), code(layer) if layer else "") for where, what, layer in self._rows()]
        return table(("found in", "which", "layer of"), rows, caption=self.image.reference)


class Listing:
    """A file with line numbers, as text and as HTML."""

    def __init__(self, name: str, text: str):
        self.name = name
        self.lines = text.splitlines()

    @property
    def text(self) -> str:
        """The file itself."""
        return "\n".join([*self.lines, ""])

    def __repr__(self) -> str:
        return shown("\n".join(f"{number:>3}  {line}" for number, line in enumerate(self.lines, 1)))

    def _repr_html_(self) -> str:
        text = shown("\n".join(self.lines))
        numbered = [f'<span style="color:{_NUMBER};user-select:none">{number:>3}  </span>{line}'
                    for number, line in enumerate(_highlighted(text), 1)]
        # JupyterLab itself breaks code wherever in a word.
        style = "white-space:pre-wrap;word-break:normal;overflow-wrap:anywhere"
        return (f"<figure style='margin:0'><figcaption>{escape(self.name)}</figcaption>"
                f"<pre style='margin:0;font-family:{_MONOSPACE}'><code style='{style}'>"
                f"{hanging(numbered, text, _BESIDE)}</code></pre></figure>")


def _highlighted(text: str) -> list[str]:
    """The lines of a Dockerfile as HTML. Colours follow JupyterLab's theme where there is one."""
    parts = []
    for kind, words in DockerLexer(stripnl=False, ensurenl=False).get_tokens(text):
        style = next((style for token, style in _SYNTAX.items() if kind in token), "")
        lines = re.split("(\n)", whole_words(escape(words)))
        parts += [f'<span style="{style}">{line}</span>' if style and line.strip() else line for line in lines]
    return "".join(parts).split("\n")
