"""Which files become pages, and in what order: found in the repository, never listed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[3]
FILES = ("*.md", "docs/*.*", "notebooks/*.ipynb", "notebooks/images/*", "exercises/*/*.ipynb", "exercises/README.md")
OWN = "Your own Dockerfile"       # a section of README.md that is a page of its own
_PART = re.compile(r"^\|\s*\*\*(.+?)\*\*\s*\|", re.M)
_ROW = re.compile(r"\]\((notebooks/[^)]+)\.ipynb\)")
_BADGES = re.compile(r"^\[!\[.*\n", re.M)


def lay_out(folder: Path) -> None:
    """Copy what becomes a page, or is shown by one, into `folder`; README.md becomes the first page,
    with the table of contents."""
    for pattern in FILES:
        for path in ROOT.glob(pattern):
            copy = Path(folder) / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    readme = Path(folder) / "README.md"
    text = _BADGES.sub("", readme.read_text(encoding="utf-8"))
    readme.unlink()
    rest, own = split(text, OWN)
    (Path(folder) / "index.md").write_text(f"{rest}\n{contents(text)}", encoding="utf-8")
    (Path(folder) / "your-own-dockerfile.md").write_text(f"# {OWN}\n\n{own}", encoding="utf-8")


def split(text: str, title: str) -> tuple[str, str]:
    """The text without its section of that title, and the section. Raises ValueError if it has none."""
    before, heading, rest = text.partition(f"\n## {title}\n")
    if not heading:
        raise ValueError(f"README.md has no section {title!r}, which is a page of the site.")
    own, following, after = rest.partition("\n## ")
    return before + following + after, own.strip() + "\n"


def contents(readme: str) -> str:
    """The table of contents: lessons under the headings of README.md, exercises, and docs."""
    trees = [_tree(name, lessons) for name, lessons in parts(readme)]
    trees.append(_tree("Exercises", [*map(entry, sorted(ROOT.glob("exercises/*/*.ipynb")))]))
    trees.append(_tree("At work", ["your-own-dockerfile", "docs/ci", "docs/buildkit", "docs/reference"]))
    trees.append(_tree("About the course", ["docs/claims", "docs/instructors", *_others(trees), "exercises/README",
                                            "CONTRIBUTING", "CHANGELOG", "CODE_OF_CONDUCT", "SECURITY"]))
    return "\n".join(trees)


def parts(readme: str) -> Iterator[tuple[str, list[str]]]:
    """(heading, entries) of the lessons. A bold row in README.md's table begins a part."""
    starts = [("Lessons", "")]
    for row in re.finditer(r"^\|.*$", readme, re.M):
        if heading := _PART.match(row[0]):
            starts.append((heading[1], ""))
        elif (lesson := _ROW.search(row[0])) and not starts[-1][1]:
            starts[-1] = (starts[-1][0], lesson[1])
    files = sorted(ROOT.glob("notebooks/*.ipynb"))
    for at, (name, first) in enumerate(starts):
        end = starts[at + 1][1] if at + 1 < len(starts) else "~"
        yield name, [entry(path) for path in files if first <= _name(path) < end]


def entry(notebook: Path) -> str:
    """A lesson or exercise in the table of contents, with the number that its file begins with."""
    return f"{notebook.name[:2]} {title(notebook)} <{_name(notebook)}>"


def title(notebook: Path) -> str:
    """The heading that a notebook begins with."""
    first = nbformat.read(notebook, as_version=4).cells[0].source
    return first.partition("\n")[0].lstrip("# ").strip()


def _name(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").as_posix()


def _others(trees: list[str]) -> list[str]:
    """The pages of docs/ that have no place yet."""
    named = {"docs/claims", "docs/instructors"}
    pages = [_name(path) for path in sorted(ROOT.glob("docs/*.md"))]
    return [page for page in pages if page not in named and not any(page in tree for tree in trees)]


def _tree(caption: str, entries: list[str]) -> str:
    return "\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *entries, "```", ""])


def link_repository(app: Sphinx, doctree: nodes.document) -> None:
    """Let a link to a file that is no page lead to the repository."""
    for link in list(doctree.findall(pending_xref)):
        path = (ROOT / link.get("refdoc", "")).parent / link["reftarget"]
        if link["reftype"] == "myst" and link["refdomain"] != "doc" and path.exists():
            address = f"{app.config.html_theme_options['repository_url']}/blob/main/{path.resolve().relative_to(ROOT)}"
            link.replace_self(nodes.reference("", "", *link.children, refuri=address))


def add_codespaces(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Codespaces beside Binder, behind the button that opens a notebook."""
    repository = app.config.html_theme_options["repository_url"]
    for group in context.get("header_buttons", ()):
        if group.get("label") == "launch-buttons":
            group["buttons"].append({
                "type": "link", "text": "Codespaces", "tooltip": "Open in GitHub Codespaces",
                "icon": "fas fa-code", "url": repository.replace("https://github.com/", "https://codespaces.new/")})
