"""Tables made from the lessons: what became of each claim, and the remarks for instructors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from helpers.claims import CLAIMS, Verdict, sentences, standings
from helpers.recorded import RUN
from helpers.views.claims import sentences_view, standings_view

from . import pages

_VERDICT = re.compile(r"Claim (\w+) (holds in part|holds|does not hold): (.*)", re.S)
_FOUND = {"holds": "holds", "holds in part": "partly", "does not hold": "fails"}
_REMARKS = {"before_the_class": "Before the class", "say": "Say", "while_it_runs": "While it runs",
            "usual_wrong_prediction": "Usual wrong prediction"}


def lessons() -> list[Path]:
    """The notebooks of the lessons, in order."""
    return sorted(pages.ROOT.glob("notebooks/*.ipynb"))


def verdicts() -> dict[str, Verdict]:
    """The verdicts that the notebooks were kept with. Of two on one claim, that of the later lesson."""
    return {each.claim: each for path in lessons() for each in _verdicts(path)}


def _verdicts(path: Path) -> Iterator[Verdict]:
    outputs = [output for cell in nbformat.read(path, as_version=4).cells for output in cell.get("outputs", ())]
    run = next((output.metadata[RUN] for output in outputs if RUN in output.get("metadata", {})), {})
    for output in outputs:
        found = _VERDICT.fullmatch(output.get("data", {}).get("text/plain", ""))
        if found and (claim := f"C{found[1]}") in CLAIMS:
            because = found[3].removeprefix(CLAIMS[claim]).strip()
            yield Verdict(claim, _FOUND[found[2]], because, run.get("date", ""), run.get("engine", ""))


class _FromLessons(SphinxDirective):
    """A directive that is run again when a lesson has changed."""

    def run(self) -> list[nodes.Node]:
        for path in lessons():
            self.env.note_dependency(str(path))
        return self.made()

    def made(self) -> list[nodes.Node]:
        raise NotImplementedError


class Claims(_FromLessons):
    """Every claim of the chapter with its verdict, and the sentences that rest on them."""

    def made(self) -> list[nodes.Node]:
        found = verdicts()
        up = "../" * self.env.docname.count("/")
        parts = []
        for view in (standings_view(standings(found)), sentences_view(sentences(found))):
            linked = re.sub(r'href="([^"]+)\.ipynb"', rf'href="{up}notebooks/\1.html"', view)
            parts.append(f'<div class="course-scroll" tabindex="0">{linked}</div>')
        return [nodes.raw("", "".join(parts), format="html")]


class Instructors(_FromLessons):
    """The remarks for instructors that the lessons carry, a section a lesson."""

    def made(self) -> list[nodes.Node]:
        return [section for path in lessons() if (section := _remarks(path))]


def _remarks(path: Path) -> nodes.section | None:
    cells = nbformat.read(path, as_version=4).cells
    remarks = [cell.metadata["instructor"] for cell in cells if "instructor" in cell.metadata]
    if not remarks:
        return None
    minutes = sum(each.get("minutes", 0) for each in remarks)
    heading = f"{path.name[:2]} {pages.title(path)} ({minutes} minutes)"
    section = nodes.section("", nodes.title(heading, heading), ids=[path.stem])
    for each in remarks:
        for key, name in _REMARKS.items():
            if key in each:
                section += nodes.paragraph("", "", nodes.strong(name, f"{name}: "), *_inline(each[key]))
    return section


def _inline(text: str) -> list[nodes.Node]:
    """A remark, what stands between backticks as code."""
    return [nodes.literal(part, part) if at % 2 else nodes.Text(part) for at, part in enumerate(text.split("`"))]
