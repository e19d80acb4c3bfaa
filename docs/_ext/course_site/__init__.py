"""What the web site adds to Sphinx and myst-nb: pages found, notebooks fit for a page, tables, docstrings.

    pages      README.md, lessons, exercises, docs -> the sources of the site, in order
    notebooks  a notebook -> the same, its pictures in files, its questions as forms (questions)
    tables     claims with their verdicts, remarks for instructors: directives
    listings   what a narrow page takes to the next line is indented
    docstrings the course's docstrings -> reStructuredText
    icons      those that a page shows
"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

from . import docstrings, icons, listings, notebooks, pages, tables


def setup(app: Sphinx) -> dict[str, Any]:
    """Lay out the sources, and hook into the build."""
    pages.lay_out(app.srcdir)
    app.add_lexer("dockerfile-cell", notebooks.DockerfileCell)
    app.add_directive("claims", tables.Claims)
    app.add_directive("instructors", tables.Instructors)
    app.connect("source-read", notebooks.adapt)
    app.connect("doctree-read", notebooks.name_lexers)
    app.connect("autodoc-process-docstring", docstrings.adapt)
    app.connect("doctree-read", pages.link_repository)
    app.connect("html-page-context", listings.hang)
    app.connect("build-finished", icons.trim)
    app.connect("html-page-context", pages.add_codespaces, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
