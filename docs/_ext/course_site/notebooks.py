"""A notebook made fit for a page: its code is highlighted as what it is, pictures lie in files of
their own, tables may scroll, and what an experiment brought is folded until the reader has predicted it."""

from __future__ import annotations

import base64
import json
import os
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from pygments.lexers.configs import DockerLexer
from pygments.token import Name
from sphinx.application import Sphinx

from helpers.recorded import COMMANDS, RUN

from . import questions

PICTURES = "_images"
_PICTURE = re.compile(r'<img([^>]*? width=")(\d+)("[^>]*? src=")data:image/png;base64,([A-Za-z0-9+/=\s]+)"')
_LINK = re.compile(r'(href=")([^":]+)\.ipynb(["#])')
_TABLE = re.compile(r"<table>.*?</table>", re.S)
_LEXERS = {"%%dockerfile": "dockerfile-cell", "%%in_step": "bash"}


class DockerfileCell(DockerLexer):
    """A cell of `%%dockerfile`: a line for the notebook, then a Dockerfile."""

    name, aliases, filenames = "Dockerfile cell", ["dockerfile-cell"], []

    def get_tokens_unprocessed(self, text: str, stack: tuple[str, ...] = ("root",)) -> Iterator[tuple]:
        magic, newline, rest = text.partition("\n")
        yield 0, Name.Decorator, magic + newline
        for at, kind, word in super().get_tokens_unprocessed(rest, stack):
            yield at + len(magic + newline), kind, word


def name_lexers(app: Sphinx, doctree: nodes.document) -> None:
    """Say what language a cell is in that its magic makes something other than Python."""
    for block in doctree.findall(nodes.literal_block):
        block["language"] = _LEXERS.get(block.astext().split(maxsplit=1)[0] if block.astext().strip() else "",
                                        block.get("language"))


def adapt(app: Sphinx, page: str, source: list[str]) -> None:
    """Change the notebook of `page`, as Sphinx has read it."""
    if os.fspath(app.env.doc2path(page)).endswith(".ipynb"):
        notebook = json.loads(source[0])
        Page(Path(app.outdir), page).adapt(notebook)
        source[0] = json.dumps(notebook)


class Page:
    """One notebook's page.

    site  folder that the site is written to
    name  the page's name in it: 'notebooks/01-one-stage'
    """

    def __init__(self, site: Path, name: str):
        self.site = site
        self.up = "../" * name.count("/")

    def adapt(self, notebook: dict[str, Any]) -> None:
        """Change `notebook` in place."""
        notebook["metadata"]["language_info"]["pygments_lexer"] = "ipython3"
        questions.adapt(notebook)
        for cell in notebook["cells"]:
            for output in cell.get("outputs", ()):
                if "text/html" in output.get("data", {}):
                    output["data"]["text/html"] = self._html(output)

    def _html(self, output: dict[str, Any]) -> str:
        text = "".join(output["data"]["text/html"])
        text = _PICTURE.sub(self._sized, text)
        text = _LINK.sub(r"\1\2.html\3", text)
        text = _TABLE.sub(r'<div class="course-scroll" tabindex="0">\g<0></div>', text)
        kinds = {RUN: "course-run", COMMANDS: "course-terminal"}
        kind = next((name for key, name in kinds.items() if key in output.get("metadata", {})), "")
        return f'<div class="{kind}">{text}</div>' if kind else text

    def _sized(self, found: re.Match[str]) -> str:
        """A picture with its height, so that the page does not jump when it comes, and loaded when it is near."""
        picture = base64.b64decode(found[4])
        width, height = struct.unpack(">II", picture[16:24])
        shown = int(found[2]) or width     # of one for dark pages its style says the width
        tall = round(shown * height / width)
        return f'<img loading="lazy" height="{tall}"{found[1]}{shown}{found[3]}{self._kept(picture)}"'

    def _kept(self, picture: bytes) -> str:
        """The address of a picture from the page, once it is in a file."""
        name = f"chart-{zlib.crc32(picture):08x}.png"
        path = self.site / PICTURES / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture)
        return f"{self.up}{PICTURES}/{name}"
